"""CSV files as tables, row by row: what is held grows with what is kept, and with nothing else."""

import codecs
import csv
import io
import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import BinaryIO, TextIO, cast

from gate.errors import DataError
from gate.subject.datasets.places import Place
from gate.subject.datasets.stored import head_of, open_place
from gate.subject.datasets.table_bounds import LONGEST_ROW, MOST_ROWS, too_many_rows
from gate.subject.datasets.tables import EVERYTHING, Numbers, Table, Wanted, header_of
from gate.wording import plain

_SHARED = 4096  # different texts of a column that are kept once; ids are all different
_PIECE = 1 << 20  # bytes
_MARKS = (",", ";", "\t", "|")
_EXCEL = re.compile(r"sep=([,;\t|])\s*", re.IGNORECASE)  # the first line of what Excel writes
_QUOTED = re.compile(r'"[^"]*"?')
_BYTE_ORDER_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


@dataclass(slots=True)
class _Texts:
    """A column of text; equal cells are one object, as far as they repeat."""

    cells: list[str | None] = field(default_factory=list)
    shared: dict[str, str] = field(default_factory=dict)

    def append(self, cell: str) -> None:
        if not cell.strip():
            self.cells.append(None)
        elif len(self.shared) < _SHARED:
            self.cells.append(self.shared.setdefault(cell, cell))
        else:
            self.cells.append(self.shared.get(cell, cell))


class _TooLongError(Exception):
    """A row has more bytes than any row of a table."""


class _Source(io.BufferedIOBase):
    """The bytes of a file, which are counted from one row to the next."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.of_row = 0  # bytes that were given since a row ended

    def readable(self) -> bool:
        return True

    def read1(self, size: int = -1) -> bytes:
        piece = self._stream.read1(size)  # type: ignore[attr-defined] # open_place buffers
        self.of_row += len(piece)
        if self.of_row > LONGEST_ROW:
            raise _TooLongError
        return bytes(piece)


def read_csv(path: Place, *, shown: str, wanted: Wanted = EVERYTHING) -> Table:
    """Return a CSV file in UTF-8 with a header line, row by row into columns; raises DataError.

    The header tells what separates cells: commas or, where it has none, semicolons, tabs or bars.
    With semicolons a number may have a decimal comma. Excel's line ``sep=;`` says it, too.
    """
    try:
        _refuse_binary(head_of(path, 4096), shown)
        with open_place(path) as stream:
            source = _Source(stream)
            with io.TextIOWrapper(cast("BinaryIO", source), "utf-8-sig", newline="") as text:
                before, first, mark = _beginning(text, shown)
                rows = _rows(chain([first], text), source, shown, mark, before)
                return _gathered(rows, shown, wanted, has_commas=mark == ";")
    except UnicodeDecodeError as error:
        raise _not_utf8(path, shown) from error
    except OSError as error:
        raise DataError(
            shown, f"cannot be read: {plain(error.strerror)}", "check the path and permissions"
        ) from error


def _beginning(text: TextIO, shown: str) -> tuple[int, str, str]:
    """Return how many lines come before the header, the header, and what separates its cells."""
    told = ""
    before = 0
    try:
        while line := text.readline():
            excel = _EXCEL.fullmatch(line) if not told else None
            if excel is not None:
                told = excel[1]
            elif line.strip():
                return before, line, told or _mark_of(line)
            before += 1
    except _TooLongError as error:
        raise _too_long(shown, before + 1) from error
    return before, "", ","


def _mark_of(header: str) -> str:
    """Return what separates the cells of a header: commas go before all others."""
    bare = _QUOTED.sub("", header)
    if "," in bare:
        return ","
    return max(_MARKS, key=bare.count)


def _gathered(
    rows: Iterator[tuple[int, list[str]]], shown: str, wanted: Wanted, *, has_commas: bool
) -> Table:
    _, written = next(rows, (0, []))
    if not written:
        raise DataError(shown, "the file is empty", "it begins with a line of column names")
    header = header_of(written, shown)
    texts, numbers = wanted.of(header)
    columns: dict[str, _Texts | Numbers] = {
        name: Numbers(has_commas=has_commas) if name in numbers else _Texts()
        for name in header
        if name in numbers or name in texts
    }
    appends = [(columns[name].append, at) for at, name in enumerate(header) if name in columns]
    lines = _filled(rows, len(header), appends, shown)
    if not lines:
        raise DataError(shown, "has a header and no rows", "list one image a line")
    return Table(
        shown,
        {name: each.cells for name, each in columns.items() if isinstance(each, _Texts)},
        lines,
        numbers={name: each for name, each in columns.items() if isinstance(each, Numbers)},
        unread=[name for name in header if name not in columns],
    )


def _filled(
    rows: Iterator[tuple[int, list[str]]],
    width: int,
    appends: Sequence[tuple[Callable[[str], None], int]],
    shown: str,
) -> "array[int]":
    """Give the cells of all rows to their columns; return the lines of the rows."""
    lines = array("q")
    for line, cells in islice(rows, MOST_ROWS):
        if len(cells) != width:
            raise DataError(
                f"{shown}, line {line}",
                f"has {len(cells)} cells, the header has {width}",
                "quote cells that hold what separates them",
            )
        lines.append(line)
        for append, at in appends:
            append(cells[at])
    if next(rows, None) is not None:
        raise too_many_rows(shown)
    return lines


def _refuse_binary(head: bytes, shown: str) -> None:
    encoding = _BYTE_ORDER_MARKS.get(head[:2])
    if encoding is None and b"\0" in head:
        encoding = "binary, or UTF-16"
    if encoding is not None:
        raise DataError(shown, f"is {encoding}, not UTF-8 text", "save it as CSV in UTF-8")


def _not_utf8(path: Place, shown: str) -> DataError:
    """Return the error of a file that is not UTF-8, with the line of the first such byte."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    line = 1
    try:
        with open_place(path) as stream:
            while piece := stream.read(_PIECE):
                decoder.decode(piece)
                line += piece.count(b"\n")
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        line += error.object[: error.start].count(b"\n")
        return DataError(
            f"{shown}, line {line}",
            f"the byte 0x{error.object[error.start]:02x} is not UTF-8",
            "save it as CSV in UTF-8",
        )
    return DataError(shown, "was changed while it was read", "run again", retriable=True)


def _rows(
    text: Iterable[str], source: _Source, shown: str, mark: str, before: int
) -> Iterator[tuple[int, list[str]]]:
    """Yield (line, cells) of every line that is not blank, ``before`` lines after the first."""
    reader = csv.reader(text, strict=True, skipinitialspace=True, delimiter=mark)
    last = before
    try:
        for cells in reader:
            if cells:
                yield last + 1, cells
            last = before + reader.line_num
            source.of_row = 0
    except csv.Error as error:
        raise DataError(
            f"{shown}, line {last + 1}", f"is not CSV: {plain(error)}", "check the quotes"
        ) from error
    except _TooLongError as error:
        raise _too_long(shown, last + 1) from error


def _too_long(shown: str, line: int) -> DataError:
    return DataError(
        f"{shown}, line {line}",
        f"the row is longer than {LONGEST_ROW:,} bytes",
        "check its quotes and line ends",
    )
