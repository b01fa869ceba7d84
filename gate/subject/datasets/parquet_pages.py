"""The pages of a Parquet file are listed by their own headers, before anything is unpacked.

What a file says of itself at its end may be anything; a page says how long it is unpacked right
before its bytes, and a reader that unpacks it holds it to that. The structs are those of
parquet-format. Arrow reads them, too, but ends the process where some of their parts do not fit.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from gate.subject.datasets.thrift_compact import (
    I32,
    I64,
    Compact,
    Struct,
    ThriftError,
    number,
    struct,
    structs,
)

DELTA_BYTE_ARRAY = 7  # an encoding: each text begins as the one before it
DICTIONARY_CODED = frozenset({2, 8})  # encodings: each cell is the place of its value

_DATA, _DICTIONARY, _DATA_V2 = 0, 2, 3  # types of pages
_HEADS = {_DATA: 5, _DICTIONARY: 7, _DATA_V2: 8}  # their own part of the header
_ENCODING = {_DATA: 2, _DICTIONARY: 2, _DATA_V2: 4}

_WINDOW = 4096  # bytes that hold nearly every header; statistics may make one longer
_LONGEST = 1 << 22


@dataclass(frozen=True, slots=True)
class Page:
    """What a page says of itself; sizes in bytes."""

    is_dictionary: bool
    unpacked: int
    values: int  # cells; of a dictionary: different ones
    encoding: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """Where the pages of one column in one row group lie, and how many cells they should have."""

    start: int
    length: int
    values: int


def row_groups(footer: bytes) -> Sequence[Sequence[Struct]]:
    """Return what a footer says of each column of each row group; raises ThriftError."""
    try:
        fields, _ = Compact(footer).struct()
    except IndexError as error:
        raise ThriftError("it has no end") from error
    return [structs(group, 1) for group in structs(fields, 4)]


def chunk_of(column: Struct) -> Chunk:
    """Return where the pages lie of which a footer says this; raises ThriftError."""
    said = struct(column, 3)
    start = number(said, 9, I64)
    dictionary = number(said, 11, I64) if 11 in said else 0
    if 0 < dictionary < start:
        start = dictionary
    return Chunk(start, number(said, 7, I64), number(said, 5, I64))


def pages_of(stream: BinaryIO, chunk: Chunk) -> Iterator[Page]:
    """Yield the pages of a chunk, until its cells are all there.

    Raises ThriftError where they are no pages, or not all there, and OSError.
    """
    at, end, left = chunk.start, chunk.start + chunk.length, chunk.values
    while left > 0:
        if at >= end:
            raise ThriftError("its column ends before it should")
        fields, size = _header(stream, at, end)
        kind = number(fields, 1, I32)
        at += size + number(fields, 3, I32)
        if at > end:
            raise ThriftError("it is longer than its column")
        if kind not in _HEADS:
            continue  # a page of an index, which readers pass over
        own = struct(fields, _HEADS[kind])
        page = Page(
            kind == _DICTIONARY,
            number(fields, 2, I32),
            number(own, 1, I32),
            number(own, _ENCODING[kind], I32),
        )
        left -= 0 if page.is_dictionary else page.values
        yield page


def _header(stream: BinaryIO, at: int, end: int) -> tuple[Struct, int]:
    """Return the fields of the header at a place, and its length."""
    window = _WINDOW
    while True:
        stream.seek(at)
        held = stream.read(min(window, end - at))
        try:
            return Compact(held).struct()
        except IndexError as error:
            if len(held) < window or window >= _LONGEST:
                raise ThriftError("it has no end") from error
            window *= 32
