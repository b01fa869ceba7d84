"""JSON lines as tables: one object a line, its keys the columns."""

import json
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

from gate.errors import DataError
from gate.keys import name_key
from gate.subject.datasets.places import Place
from gate.subject.datasets.stored import open_place
from gate.subject.datasets.table_bounds import (
    LONGEST_CELL,
    LONGEST_ROW,
    MOST_ROWS,
    require_columns,
    too_long_a_cell,
    too_many_rows,
)
from gate.subject.datasets.tables import EVERYTHING, Column, Numbers, Table, Wanted
from gate.wording import plain, quote


class _TwiceError(ValueError):
    """An object has a key twice."""


def read_jsonl(path: Place, *, shown: str, wanted: Wanted = EVERYTHING) -> Table:
    """Return a file of one JSON object a line as a table; raises DataError.

    Numbers are written as in other tables. Of an object within the object, its ``name`` is the
    cell, as in ``{"label": {"index": 3, "name": "cat"}}``.
    """
    columns = _Columns(shown, wanted)
    try:
        with open_place(path) as stream:
            for line, text in _lines(stream, shown):
                columns.add(line, _object(text, f"{shown}, line {line}"))
    except OSError as error:
        raise DataError(
            shown, f"cannot be read: {plain(error.strerror)}", "check the path and permissions"
        ) from error
    return columns.table()


def _lines(stream: object, shown: str) -> Iterator[tuple[int, bytes]]:
    """Yield the number and the bytes of every line that is not blank."""
    line = 0
    while text := stream.readline(LONGEST_ROW + 1):  # type: ignore[attr-defined] # a binary stream
        line += 1
        if len(text) > LONGEST_ROW:
            fact = f"the line is longer than {LONGEST_ROW:,} bytes"
            raise DataError(f"{shown}, line {line}", fact, "write one object a line")
        text = text.removeprefix(b"\xef\xbb\xbf") if line == 1 else text
        if text.strip():
            yield line, text


def _object(text: bytes, place: str) -> dict[str, object]:
    try:
        found = json.loads(text, object_pairs_hook=_once)
    except _TwiceError as error:
        raise DataError(place, f"has the key {quote(error)} twice", "write it once") from error
    except (ValueError, RecursionError) as error:  # a text that is no UTF-8 is a ValueError
        raise DataError(
            place, f"is not JSON ({plain(error)})", "write one JSON object a line"
        ) from error
    if not isinstance(found, dict):
        raise DataError(place, "is no JSON object", 'write {"file_name": ..., "label": ...}')
    return found


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if name_key(key) in found:
            raise _TwiceError(key)
        found[name_key(key)] = value
    return found


@dataclass(slots=True)
class _Columns:
    """The columns, filled line by line; a key that a line lacks is an empty cell."""

    shown: str
    wanted: Wanted
    texts: dict[str, list[str | None]] = field(default_factory=dict)
    numbers: dict[str, Numbers] = field(default_factory=dict)
    unread: dict[str, None] = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)
    lines: "array[int]" = field(default_factory=lambda: array("q"))
    shared: dict[str, str] = field(default_factory=dict)  # equal cells are one object

    def add(self, line: int, values: dict[str, object]) -> None:
        """Add a line; raises DataError."""
        if len(self.lines) == MOST_ROWS:
            raise too_many_rows(self.shown)
        for key in values.keys() - self.texts.keys() - self.numbers.keys() - self.unread.keys():
            self._begin(key)
        for key, cells in self.texts.items():
            cells.append(self._cell(key, values.get(key), line))
        for key, numbers in self.numbers.items():
            numbers.append(self._cell(key, values.get(key), line) or "")
        self.lines.append(line)

    def _begin(self, key: str) -> None:
        require_columns(len(self.texts) + len(self.numbers) + len(self.unread) + 1, self.shown)
        texts, numbers = self.wanted.of([key])
        if key in texts:
            self.texts[key] = [None] * len(self.lines)
        elif key in numbers:
            self.numbers[key] = Numbers()
            for _ in self.lines:
                self.numbers[key].append("")
        else:
            self.unread[key] = None

    def _cell(self, key: str, value: object, line: int) -> str | None:
        if isinstance(value, dict) and isinstance(value.get("name"), str):
            value = value["name"]
        if isinstance(value, dict | list):
            self.others[key] = f"{type(value).__name__}s, as in line {line}"
            return None
        if value is None or value != value:  # NaN is not itself
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        text = str(value)
        if len(text) > LONGEST_CELL:
            raise too_long_a_cell(f"{self.shown}, line {line}", len(text))
        return self.shared.setdefault(text, text) if text.strip() else None

    def table(self) -> Table:
        """Return the table; raises DataError where there is no line."""
        if not self.lines:
            raise DataError(self.shown, "has no lines", "write one JSON object a line")
        texts: dict[str, Column] = {
            key: cells for key, cells in self.texts.items() if key not in self.others
        }
        return Table(
            self.shown, texts, self.lines, "line", self.others, self.numbers, list(self.unread)
        )
