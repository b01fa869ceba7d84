"""Which files user code is made of and reads."""

import contextlib
import importlib.util
import json
import os
import sys
import tempfile
import threading
from hashlib import sha256
from pathlib import Path

import pytest

from gate.subject import touched
from gate.subject.touched import code_digest, is_unchanged, track_opened_files, used_files
from gate.subject.usercode import call, load_callable


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder of a gate file with a package of user code."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    for name, text in {
        "mine/__init__.py": "",
        "mine/nets.py": "from .parts import part\n\n\ndef build():\n    return part\n",
        "mine/parts.py": "part = 1\n",
        "data.json": "{}",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    yield tmp_path
    for name in [each for each in sys.modules if each.split(".")[0] == "mine"]:
        del sys.modules[name]
    touched._used.clear()


def digest(path):
    return sha256(path.read_bytes()).hexdigest()


def test_modules_are_known_by_their_names_below_the_folder(folder):
    load_callable("mine.nets:build", base=folder, purpose="model.factory")

    names = ["mine/__init__.py", "mine/nets.py", "mine/parts.py"]
    assert used_files(folder) == {name: digest(folder / name) for name in names}


@pytest.mark.parametrize(
    "read",
    [
        lambda path: path.read_text(),
        lambda path: path.read_bytes(),
        lambda path: path.open("rb").close(),
        lambda path: os.close(os.open(path, os.O_RDONLY)),
        lambda path: os.close(os.open(os.fsencode(path), os.O_RDONLY)),
    ],
    ids=["text", "bytes", "open", "os.open", "a path of bytes"],
)
def test_files_that_are_read_count(read, folder):
    call(lambda: read(folder / "data.json"), {}, base=folder, where="here")

    assert used_files(folder) == {"data.json": digest(folder / "data.json")}


def test_what_a_thread_of_user_code_reads_counts(folder):
    def threaded():
        thread = threading.Thread(target=(folder / "data.json").read_text)
        thread.start()
        thread.join()

    call(threaded, {}, base=folder, where="here")

    assert "data.json" in used_files(folder)


def test_a_file_that_is_written_does_not_count(folder):
    call(lambda: (folder / "log").write_text("x"), {}, base=folder, where="here")

    assert used_files(folder) == {}


def test_a_file_that_was_sought_and_not_found_counts(folder):
    def seek():
        with contextlib.suppress(FileNotFoundError):
            (folder / "more.json").read_text()

    call(seek, {}, base=folder, where="here")

    assert used_files(folder) == {"more.json": None}
    assert is_unchanged(used_files(folder), folder)
    (folder / "more.json").touch()
    assert not is_unchanged(used_files(folder), folder)


def test_a_temporary_file_that_is_gone_does_not_count(folder, monkeypatch, tmp_path_factory):
    temporary = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))

    def roundabout():
        path = temporary / "x7f3k"
        path.write_text("1")
        path.read_text()
        path.unlink()

    call(roundabout, {}, base=folder, where="here")

    assert used_files(folder) == {}


def test_files_of_python_of_the_gate_and_of_devices_do_not_count(folder):
    def read():
        Path(json.__file__).read_text()
        Path(touched.__file__).read_text()
        Path(importlib.util.find_spec("numpy").origin).read_text()
        Path("/dev/null").read_text()
        Path("/proc/self/stat").read_text()

    call(read, {}, base=folder, where="here")

    assert used_files(folder) == {}


def test_files_elsewhere_are_known_by_their_path(folder, tmp_path_factory):
    weights = tmp_path_factory.mktemp("shared") / "weights.bin"
    weights.write_bytes(b"1")

    call(weights.read_bytes, {}, base=folder, where="here")

    assert used_files(folder) == {str(weights): digest(weights)}


def test_a_file_counts_as_it_was_when_it_was_used_first(folder):
    read = (folder / "data.json").read_text
    call(read, {}, base=folder, where="here")
    before = used_files(folder)
    (folder / "data.json").write_text("[]")
    call(read, {}, base=folder, where="here")

    assert used_files(folder) == before
    assert not is_unchanged(before, folder)


def test_what_a_call_within_a_call_reads_counts_for_both(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")

    def outer():
        with track_opened_files(other):
            (folder / "data.json").read_text()

    call(outer, {}, base=folder, where="here")

    assert "data.json" in used_files(folder)
    assert str(folder / "data.json") in used_files(other)


def test_outside_of_user_code_nothing_is_noted(folder):
    with track_opened_files(folder):
        pass
    (folder / "data.json").read_text()

    assert used_files(folder) == {}


def test_among_our_own_code_only_what_user_code_asks_for_counts(folder):
    user = {"__name__": "user"}
    source = "def read(path):\n    return path.read_text()\n"
    exec(compile(source, str(folder / "mine" / "transform.py"), "exec"), user)
    (folder / "image.json").write_text("{}")

    with track_opened_files(folder, among_ours=True):
        ours(folder / "image.json")
        user["read"](folder / "data.json")

    assert used_files(folder) == {"data.json": digest(folder / "data.json")}


def ours(path):
    """Read a file as the gate does: with nothing but its own code on the stack."""
    thread = threading.Thread(target=path.read_text)
    thread.start()
    thread.join()


@pytest.mark.parametrize("change", ["other", ""])
def test_a_changed_file_is_told(change, folder):
    call((folder / "data.json").read_text, {}, base=folder, where="here")
    assert is_unchanged(used_files(folder), folder)

    (folder / "data.json").write_text(change)

    assert not is_unchanged(used_files(folder), folder)


def test_a_folder_that_moved_holds_the_same_code(folder):
    load_callable("mine.nets:build", base=folder, purpose="model.factory")
    files = used_files(folder)
    moved = folder.rename(folder.with_name("moved"))

    assert is_unchanged(files, moved)
    moved.rename(folder)


FILES = {
    "nets.py": "aa",
    "/usr/lib/python3/site-packages/timm/vit.py": "bb",
    "/home/me/weights.bin": "cc",
}


def test_the_digest_of_code_does_not_know_where_things_are_installed():
    elsewhere = {
        "nets.py": "aa",
        "/srv/other/dist-packages/timm/vit.py": "bb",
        "/scratch/job-17/weights.bin": "dd",
        "gone.json": None,
    }

    assert code_digest(FILES) == code_digest(elsewhere)


@pytest.mark.parametrize("name", ["nets.py", "/usr/lib/python3/site-packages/timm/vit.py"])
def test_the_digest_of_code_covers_the_folder_and_packages(name):
    assert code_digest({**FILES, name: "zz"}) != code_digest(FILES)
    assert code_digest({key: FILES[key] for key in FILES if key != name}) != code_digest(FILES)
