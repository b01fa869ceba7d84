"""Unpacking gzip as gzip does, and never further than asked."""

import gzip
import io
import zlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gate.subject.datasets import gzipped
from gate.subject.datasets.gzipped import GzipStream


def unpacked(packed, *sizes):
    stream = GzipStream(io.BytesIO(packed))
    return b"".join(stream.read(size) for size in sizes)


@example(members=[b"\0\0"], padding=4, sizes=[1], piece=26)
@given(
    members=st.lists(st.binary(max_size=300), min_size=1, max_size=4),
    padding=st.integers(0, 40),
    sizes=st.lists(st.integers(0, 100), max_size=10),
    piece=st.integers(1, 64),
)
def test_it_unpacks_what_python_does_however_it_is_read(members, padding, sizes, piece):
    packed = b"".join(gzip.compress(each) + bytes(padding) for each in members)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(gzipped, "_PACKED", piece)
        patched.setattr(gzipped, "_SMALL", max(1, piece // 2))
        found = unpacked(packed, *sizes, 2000)

    assert found == gzip.decompress(packed)


@given(content=st.binary(min_size=1, max_size=300), data=st.data())
def test_a_file_that_is_cut_off_anywhere_is_told(content, data):
    packed = gzip.compress(content)
    cut = data.draw(st.integers(1, len(packed) - 1))

    with pytest.raises(EOFError):
        unpacked(packed[:cut], len(content) + 1)


@pytest.mark.parametrize("place", [0, 2, -8, -1], ids=["magic", "method", "checksum", "length"])
def test_a_damaged_file_is_told(place):
    packed = bytearray(gzip.compress(b"some content"))
    packed[place] ^= 1

    with pytest.raises(zlib.error):
        unpacked(bytes(packed), 100)


def test_what_follows_a_member_and_is_none_is_told():
    with pytest.raises(zlib.error):
        unpacked(gzip.compress(b"some content") + b"and more", 100)


def test_nothing_is_unpacked_beyond_what_was_asked(monkeypatch):
    produced = []

    class Counting:
        def __init__(self, *args):
            self.inner = zlib_decompressobj(*args)

        def __getattr__(self, name):
            return getattr(self.inner, name)

        def decompress(self, packed, most):
            produced.append(len(piece := self.inner.decompress(packed, most)))
            return piece

    zlib_decompressobj = zlib.decompressobj
    monkeypatch.setattr(zlib, "decompressobj", Counting)
    bomb = gzip.compress(bytes(50_000_000))

    assert unpacked(bomb, 4, 100) == bytes(104)
    assert sum(produced) == 104
