"""Keys are read from where processes cannot see them, and never repeated."""

import io
import os
import stat
import sys

import pytest
from cryptography.hazmat.primitives import serialization as forms
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.signer import SSlibKey

from gate.approval import keys
from gate.approval.keys import is_signature, key_id, public_bytes, public_text, read_signing_key
from gate.errors import MissingExtraError, UsageError


class _Stdin:
    def __init__(self, data):
        self.buffer = io.BytesIO(data)


def test_a_key_is_read_from_a_file_from_standard_input_and_from_the_environment(world, monkeypatch):
    path = world.key("ci")
    monkeypatch.setattr(sys, "stdin", _Stdin(path.read_bytes()))
    monkeypatch.setenv("SIGNING_KEY", path.read_text())

    found = [read_signing_key(source) for source in (str(path), "-", "env:SIGNING_KEY")]

    assert {each.public for each in found} == {world.public_of("ci")}


@pytest.mark.parametrize("line_break", ["\n", "\\n", " "])
def test_the_value_of_a_flag_is_never_a_key_and_never_repeated(line_break, world):
    pem = world.key("ci").read_text()

    with pytest.raises(UsageError) as refused:
        read_signing_key(pem.replace("\n", line_break))

    assert "every process" in refused.value.fact
    assert pem.splitlines()[1] not in str(refused.value)


def test_what_may_be_the_inside_of_a_key_is_not_repeated(world):
    inside = world.key("ci").read_text().splitlines()[1]

    with pytest.raises(UsageError, match="cannot be read") as refused:
        read_signing_key(inside)

    assert inside not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "secret-that-is-no-pem",
        "-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----\n",
    ],
)
def test_what_is_no_key_is_refused_without_repeating_it(text, world):
    path = world.write("no.key", text)

    with pytest.raises(UsageError, match="no private key in PEM") as refused:
        read_signing_key(str(path))

    assert "secret" not in str(refused.value)


def test_an_encrypted_key_is_refused_with_a_way_out(world):
    pem = world.private_key("ci").private_bytes(
        forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.BestAvailableEncryption(b"word")
    )

    with pytest.raises(UsageError, match="the key is encrypted"):
        read_signing_key(str(world.write("locked.key", pem.decode())))


def test_a_key_that_is_not_there_is_a_usage_error(world, monkeypatch):
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)

    with pytest.raises(UsageError, match="cannot be read"):
        read_signing_key(str(world.folder / "nowhere.key"))
    with pytest.raises(UsageError, match="no such variable"):
        read_signing_key("env:NO_SUCH_KEY")


def test_a_new_pair_is_private_and_overwrites_nothing(tmp_path):
    path = tmp_path / "a.key"
    old = os.umask(0)
    try:
        public = keys.write_key_pair(path)
    finally:
        os.umask(old)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_signing_key(str(path)).public == public
    before = path.read_bytes()
    with pytest.raises(UsageError, match="never overwritten"):
        keys.write_key_pair(path)
    assert path.read_bytes() == before


def test_a_private_key_is_not_overwritten_though_its_public_half_is_gone(tmp_path):
    path = tmp_path / "a.key"
    path.write_text("precious")

    with pytest.raises(UsageError, match="never overwritten"):
        keys.write_key_pair(path)

    assert path.read_text() == "precious"
    assert not path.with_name("a.key.pub").exists()


def test_a_link_is_not_followed_to_write_a_key(tmp_path):
    (tmp_path / "a.key").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(UsageError, match="never overwritten"):
        keys.write_key_pair(tmp_path / "a.key")


def test_the_public_half_is_what_a_trust_file_has(tmp_path):
    public = keys.write_key_pair(tmp_path / "a.key")

    lines = (tmp_path / "a.key.pub").read_text().splitlines()

    assert lines[1] == public_text(public)


@pytest.mark.parametrize("who", ["ci", "ann"])
def test_the_id_of_a_key_is_the_one_that_in_totos_tools_compute(who, world):
    theirs = SSlibKey.from_crypto(world.private_key(who).public_key())

    assert key_id(world.public_of(who)) == theirs.keyid


@given(st.binary(min_size=32, max_size=32))
def test_a_public_key_is_read_back_from_its_text(public):
    assert public_bytes(public_text(public)) == public


@given(st.binary(max_size=80))
def test_any_bytes_are_no_signature(signature):
    public = bytes.fromhex("3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29")

    assert not is_signature(public, signature, b"data")


def test_without_the_extra_the_command_to_install_it_is_said(world, monkeypatch):
    monkeypatch.setattr(keys, "find_spec", lambda name: None)

    with pytest.raises(MissingExtraError, match=r"pip install '\.\[sign\]'"):
        world.verify()
