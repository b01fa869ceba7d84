"""The wire format of protobuf, as far as an ONNX file needs it: fields are views, nothing is built.

A message is walked field by field; what is not asked for is stepped over, weights included, so the
cost is that of the fields and not of their bytes.
"""

from collections.abc import Iterator

from gate.subject.checkpoints.refusals import RefusedError, corrupt

MAX_FIELDS = 1_000_000  # in all messages of one file; a large graph has some 100,000
_LONGEST_VARINT = 10

Value = int | memoryview


class Reader:
    """Walks the messages of one file, and counts their fields."""

    def __init__(self) -> None:
        self._left = MAX_FIELDS

    def fields(self, message: memoryview) -> Iterator[tuple[int, Value]]:
        """Yield the number and value of each field: an integer, or the bytes of what is longer.

        Raises RefusedError for bytes that are no message, and where a file has too many fields.
        """
        place, end = 0, len(message)
        while place < end:
            self._left -= 1
            if self._left < 0:
                raise corrupt(f"its graph has more than {MAX_FIELDS:,} fields")
            tag, place = _varint(message, place)
            number, kind = tag >> 3, tag & 7
            match kind:
                case 0:  # a varint
                    value, place = _varint(message, place)
                    yield number, value
                    continue
                case 1:  # fixed, of 64 bits
                    size = 8
                case 2:  # of a length that stands before it
                    size, place = _varint(message, place)
                case 5:  # fixed, of 32 bits
                    size = 4
                case _:
                    raise _damaged()
            if number == 0 or place + size > end:
                raise _damaged()
            yield number, message[place : place + size]
            place += size

    def messages(self, message: memoryview, number: int) -> Iterator[memoryview]:
        """Yield the parts of a message that lie under a field of this number.

        Raises RefusedError as :meth:`fields` does.
        """
        for found, value in self.fields(message):
            if found == number and isinstance(value, memoryview):
                yield value

    def integers(self, value: Value) -> Iterator[int]:
        """Yield the integers of a repeated field, whether it is packed or not.

        Raises RefusedError for bytes that are none, and where a file has too many of them.
        """
        if isinstance(value, int):
            yield value
            return
        place = 0
        while place < len(value):
            self._left -= 1
            if self._left < 0:
                raise corrupt(f"its graph has more than {MAX_FIELDS:,} fields")
            number, place = _varint(value, place)
            yield number


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """Return a number of seven bits a byte, and where what follows begins."""
    value = 0
    for index, byte in enumerate(message[place : place + _LONGEST_VARINT]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value & ((1 << 64) - 1), place + index + 1
    raise _damaged()


def _damaged() -> RefusedError:
    return corrupt("it is not the protobuf of an ONNX model")
