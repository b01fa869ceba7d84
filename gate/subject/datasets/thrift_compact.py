"""Thrift's compact protocol, as far as Parquet uses it: the structs of footers and page headers.

A struct that says a field twice is refused: its readers differ in what they make of it.
"""

from typing import Any

I32, I64 = 5, 6

_DEEPEST = 16  # structs and lists in each other; those of Parquet lie half as deep
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 11, 12
_INTEGERS = (4, I32, I64)

Struct = dict[int, Any]  # field -> struct, list of structs, or (kind, number)


class ThriftError(ValueError):
    """The bytes are no such struct; the text says what is wrong."""


def number(fields: Struct, field: int, kind: int) -> int:
    """Return a number that is not negative; raises ThriftError where there is none of this kind."""
    found = fields.get(field)
    if not isinstance(found, tuple) or found[0] != kind or found[1] < 0:
        raise ThriftError("a number of it is missing or wrong")
    value: int = found[1]
    return value


def struct(fields: Struct, field: int) -> Struct:
    """Return a struct in a struct; raises ThriftError where there is none."""
    found = fields.get(field)
    if not isinstance(found, dict):
        raise ThriftError("a part of it is missing or wrong")
    return found


def structs(fields: Struct, field: int) -> list[Struct]:
    """Return a list of structs; raises ThriftError where there is none."""
    found = fields.get(field)
    if not isinstance(found, list):
        raise ThriftError("a list of it is missing or wrong")
    return found


class Compact:
    """Thrift's compact protocol, read from the front; IndexError where the bytes end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def struct(self) -> tuple[Struct, int]:
        """Return the fields of a struct, and how many bytes that were. Raises ThriftError."""
        return self._struct(_DEEPEST), self._at

    def _struct(self, depth: int) -> Struct:
        fields: Struct = {}
        field = 0
        while head := self._byte():
            step, kind = head >> 4, head & 15
            field = field + step if step else self._zigzag()
            if field in fields:
                raise ThriftError("something is said twice in it")
            # What is true or false says so by its kind.
            fields[field] = None if kind in (_TRUE, _FALSE) else self._value(kind, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:  # noqa: ANN401 - as in Struct
        if not depth:
            raise ThriftError("it is nested too deeply")
        if kind in _INTEGERS:
            return kind, self._zigzag()
        if kind == _STRUCT:
            return self._struct(depth - 1)
        if kind in (_TRUE, _FALSE, _BYTE):
            self._skip(1)
        elif kind == _DOUBLE:
            self._skip(8)
        elif kind == _BINARY:
            self._skip(self._varint())
        elif kind in (_LIST, _SET):
            return self._list(depth)
        elif kind == _MAP:
            pairs = self._varint()
            kinds = self._byte() if pairs else 0
            for _ in range(pairs):
                self._value(kinds >> 4, depth - 1)
                self._value(kinds & 15, depth - 1)
        else:
            raise ThriftError("a field of it is of no kind")
        return None

    def _list(self, depth: int) -> list[Struct] | None:
        """Return a list of structs; of others nothing."""
        head = self._byte()
        length = head >> 4 if head >> 4 < 15 else self._varint()
        if head & 15 == _STRUCT:
            return [self._value(_STRUCT, depth - 1) for _ in range(length)]
        for _ in range(length):
            self._value(head & 15, depth - 1)
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
        raise ThriftError("a number of it has no end")

    def _zigzag(self) -> int:
        value = self._varint()
        return value >> 1 ^ -(value & 1)
