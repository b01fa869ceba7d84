"""JSON as pandas writes a frame, in each of its orients, as rows.

The index counts the epochs where no column does; a Keras history in a frame has one from 0.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gate.errors import HistoryError
from gate.subject.histories.columns import counts
from gate.subject.histories.text import show_cell
from gate.wording import quote

Rows = Iterator[tuple[str, Mapping[str, object]]]

_REMEDY = "write it with orient='records', which names the columns in each row"


def frame_of(path: Path, document: Mapping[str, Any]) -> Rows | None:
    """Return the rows of a frame, or None for a document that is none.

    Read are the orients columns (column -> {index -> value}), index ({index -> {column ->
    value}}), split and table. HistoryError is raised where the names of columns cannot be told from
    an index, for rows of another length than the columns, and for a column that stands twice.
    """
    match document:
        case {"columns": list(names), "data": list(data)} if set(document) <= _SPLIT:
            return _split(path, names, document.get("index"), data)
        case {"schema": dict(), "data": list(data)} if len(document) == 2:
            return _table(path, data)
    if not document or not all(isinstance(each, dict) and each for each in document.values()):
        return None
    names = list(dict.fromkeys(name for each in document.values() for name in each))
    by_row, by_column = _are_numbers(document), _are_numbers(names)
    if by_row and by_column:
        fact = "holds numbers as names of both rows and columns: which are the epochs?"
        raise HistoryError(str(path), fact, _REMEDY)
    if by_row:
        return _number(list(document), list(document.values()))
    if by_column:
        if any(len(each) < len(names) for each in document.values()):
            names.sort(key=float)
        rows: dict[str, dict[str, object]] = {row: {} for row in names}
        for name, cells in document.items():
            for row, value in cells.items():
                rows[row][name] = value
        return _number(names, list(rows.values()))
    return None


_SPLIT = {"columns", "index", "data"}


def _split(path: Path, names: list[Any], index: Any, data: list[Any]) -> Rows:  # noqa: ANN401
    if len(set(map(str, names))) < len(names):
        twice = next(name for name, times in Counter(map(str, names)).items() if times > 1)
        raise HistoryError(str(path), f"column {quote(twice)} stands twice", "rename one of them")
    rows = []
    for place, cells in enumerate(data):
        if not isinstance(cells, list) or len(cells) != len(names):
            many = (
                f"has {len(cells)} cells" if isinstance(cells, list) else f"is {show_cell(cells)}"
            )
            fact = f"row {place + 1} of data {many}, and there are {len(names)} columns"
            raise HistoryError(str(path), fact, "give the file as pandas wrote it")
        rows.append(dict(zip(map(str, names), cells, strict=True)))
    if isinstance(index, list) and len(index) != len(data):
        fact = f"has {len(data)} rows, and its index has {len(index)}"
        raise HistoryError(str(path), fact, "give the file as pandas wrote it")
    return _number(index if isinstance(index, list) else [], rows)


def _table(path: Path, data: list[Any]) -> Rows:
    for place, row in enumerate(data):
        if not isinstance(row, dict):
            fact = f"row {place + 1} of data is {show_cell(row)}, not an object"
            raise HistoryError(str(path), fact, "give the file as pandas wrote it")
    return _number([row.pop("index", None) for row in data], data)


def _number(index: Sequence[object], rows: Sequence[Mapping[str, object]]) -> Rows:
    """Yield the rows, with the index as their epoch where it is one and no column counts them."""
    taken = any(map(counts, {name for row in rows for name in row}))
    if taken or len(index) != len(rows) or not _are_numbers(index):
        index = []
    for place, row in enumerate(rows):
        yield f"row {place + 1}", {"epoch": index[place], **row} if index else row


def _are_numbers(names: Any) -> bool:  # noqa: ANN401 -- keys, or what an index holds
    """Return whether all names are numbers, as an index of epochs or steps is."""
    return all(_is_number(str(name)) for name in names)


def _is_number(name: str) -> bool:
    return name.isascii() and name.removeprefix("-").replace(".", "", 1).isdecimal()
