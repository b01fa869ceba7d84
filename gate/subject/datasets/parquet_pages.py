"""The pages of a Parquet file by their own headers, so that nothing is unpacked before it is known.

What a file says of itself at its end may be anything; a page says how long it is unpacked right
before its bytes, and a reader that unpacks it holds it to that. Headers are structs of Thrift's
compact protocol (parquet-format, ``PageHeader``).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

DELTA_BYTE_ARRAY = 7  # an encoding: each text begins as the one before it
DICTIONARY_CODED = frozenset({2, 8})  # encodings: each cell is the place of its value

_DATA, _DICTIONARY, _DATA_V2 = 0, 2, 3  # types of pages
_HEADS = {_DATA: 5, _DICTIONARY: 7, _DATA_V2: 8}  # their own part of the header
_ENCODING = {_DATA: 2, _DICTIONARY: 2, _DATA_V2: 4}

_WINDOW = 4096  # bytes that hold nearly every header; statistics may make one longer
_LONGEST = 1 << 22
_DEEPEST = 8  # structs in structs; those of a header lie three deep

_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 11, 12
_INTEGERS = (4, 5, 6)


class PageError(ValueError):
    """The bytes are no header of a page; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Page:
    """What a page says of itself; sizes in bytes."""

    is_dictionary: bool
    unpacked: int
    values: int  # cells; of a dictionary: different ones
    encoding: int


def pages_of(stream: BinaryIO, start: int, length: int, values: int) -> Iterator[Page]:
    """Yield the pages that lie in ``length`` bytes from ``start`` on, up to ``values`` cells.

    Raises PageError where they are no pages, and OSError.
    """
    at, end, seen = start, start + length, 0
    while seen < values and at < end:
        fields, size = _header(stream, at, end)
        packed, kind = _number(fields, 3), _number(fields, 1)
        at += size + packed
        if at > end:
            raise PageError("a page is longer than its column")
        if kind not in _HEADS:
            continue  # a page of an index, which readers pass over
        own = fields.get(_HEADS[kind])
        if not isinstance(own, dict):
            raise PageError("a page has half a header")
        page = Page(
            kind == _DICTIONARY, _number(fields, 2), _number(own, 1), _number(own, _ENCODING[kind])
        )
        seen += 0 if page.is_dictionary else page.values
        yield page


def _number(fields: dict[int, Any], key: int) -> int:
    value = fields.get(key)
    if not isinstance(value, int) or value < 0:
        raise PageError("a page has half a header")
    return value


def _header(stream: BinaryIO, at: int, end: int) -> tuple[dict[int, Any], int]:
    """Return the fields of the header at a place, and its length."""
    window = _WINDOW
    while True:
        stream.seek(at)
        held = stream.read(min(window, end - at))
        try:
            return _Compact(held).struct()
        except IndexError as error:
            if len(held) < window or window >= _LONGEST:
                raise PageError("the header of a page has no end") from error
            window *= 32


class _Compact:
    """Thrift's compact protocol, read from the front; IndexError where the bytes end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def struct(self) -> tuple[dict[int, Any], int]:
        """Return numbers and structs by their fields, and how many bytes that were."""
        return self._struct(_DEEPEST), self._at

    def _struct(self, depth: int) -> dict[int, Any]:
        fields: dict[int, Any] = {}
        field = 0
        while head := self._byte():
            step, kind = head >> 4, head & 15
            field = field + step if step else self._zigzag()
            # What is true or false says so by its kind.
            fields[field] = None if kind in (_TRUE, _FALSE) else self._value(kind, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:  # noqa: ANN401 - an int, a dict or None
        if not depth:
            raise PageError("the header of a page is nested too deeply")
        if kind in _INTEGERS:
            return self._zigzag()
        if kind == _STRUCT:
            return self._struct(depth - 1)
        if kind in (_TRUE, _FALSE, _BYTE):
            self._skip(1)
        elif kind == _DOUBLE:
            self._skip(8)
        elif kind == _BINARY:
            self._skip(self._varint())
        elif kind in (_LIST, _SET):
            head = self._byte()
            for _ in range(head >> 4 if head >> 4 < 15 else self._varint()):
                self._value(head & 15, depth - 1)
        elif kind == _MAP:
            pairs = self._varint()
            kinds = self._byte() if pairs else 0
            for _ in range(pairs):
                self._value(kinds >> 4, depth - 1)
                self._value(kinds & 15, depth - 1)
        else:
            raise PageError("the header of a page has a field of no kind")
        return None

    def _byte(self) -> int:
        byte = self._data[self._at]
        self._at += 1
        return byte

    def _skip(self, size: int) -> None:
        self._at += size
        if self._at > len(self._data):
            raise IndexError

    def _varint(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise PageError("the header of a page has a number without end")

    def _zigzag(self) -> int:
        value = self._varint()
        return value >> 1 ^ -(value & 1)
