"""CSV and Parquet files as columns of text, for manifests and saved predictions.

One table in both formats has the same names, groups and slices.
"""

import csv
import io
from array import array
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gate.errors import DataError, MissingExtraError
from gate.keys import group_keys, name_key, name_keys
from gate.subject.datasets import parquet_cells
from gate.subject.datasets.places import Place
from gate.subject.datasets.recognise import format_of
from gate.subject.datasets.stored import head_of, open_place
from gate.subject.wording import counted, did_you_mean, listed, plain, quoted

Column = Sequence[str | None]  # None where the cell is empty
Choice = Callable[[Sequence[str]], Collection[str]]  # of the columns that are kept as numbers

_SHARED = 4096  # different texts of a column that are kept once; ids are all different
_BYTE_ORDER_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


@dataclass(slots=True)
class Numbers:
    """A column of numbers at 8 bytes a cell; what is none is NaN there, and the first is kept."""

    cells: "array[float]" = field(default_factory=lambda: array("d"))
    wrong: tuple[int, str] | None = None  # row and text of the first cell that is no number
    empty: list[int] = field(default_factory=list)  # rows

    def append(self, cell: str) -> None:
        """Add a cell as it is written."""
        try:
            self.cells.append(float(cell))
        except ValueError:
            if not cell.strip():
                self.empty.append(len(self.cells))
            elif self.wrong is None:
                self.wrong = len(self.cells), cell
            self.cells.append(float("nan"))


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


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of text, all of one length; ``lines`` says where each row stands in the file.

    Columns have the keys of their names; those that were asked for as ``numbers`` are there and
    not among the text.
    """

    where: str
    columns: Mapping[str, Column]
    lines: Sequence[int]
    row_word: str = "line"
    others: Mapping[str, str] = field(
        default_factory=dict
    )  # columns that are no text -> their type
    numbers: Mapping[str, Numbers] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.lines)

    def column(self, name: str, key: str) -> Column:
        """Return a column as it is written; raises DataError, naming the gate file's ``key``."""
        name = name_key(name)
        if name in self.columns:
            return self.columns[name]
        if name in self.others:
            raise DataError(
                self.where,
                f"the column {quoted(name)} holds {plain(self.others[name])}, not text",
                "write text or numbers; images are listed as paths of files",
            )
        known = list(self.columns)
        # A name that nobody gave is not misspelt.
        close = did_you_mean(name, known) if name != key else ""
        raise DataError(
            self.where,
            f"has no column {quoted(name)}",
            close or f"set {key} to one of its columns: {listed(known, 10)}",
        )

    def names(self, name: str, key: str) -> list[str | None]:
        """Return a column of names as :func:`~gate.keys.name_keys` has them; raises DataError."""
        return name_keys(self.column(name, key))

    def groups(self, name: str, key: str) -> list[str | None]:
        """Return a column as :func:`~gate.keys.group_keys` has its groups; raises DataError."""
        return group_keys(self.column(name, key))

    def full_names(self, name: str, key: str) -> list[str]:
        """Return a column of names in which every cell holds one; raises DataError."""
        return self._full(name, self.names(name, key))

    def labels(self, name: str, classes: Sequence[str] | None) -> list[str]:
        """Return the column of labels; a number that names a class is no other number.

        Raises DataError.
        """
        written = [
            None if cell is None else name_key(cell) or None for cell in self.column(name, "label")
        ]
        if classes and not set(classes).isdisjoint(written):
            return self._full(name, written)
        return self._full(name, name_keys(written))

    def full_column(self, name: str, key: str) -> list[str]:
        """Return a column, as it is written, in which every cell holds something.

        Raises DataError.
        """
        return self._full(name, self.column(name, key))

    def _full(self, name: str, cells: Column) -> list[str]:
        full = [cell for cell in cells if cell is not None]
        if len(full) < len(cells):
            row = next(row for row, cell in enumerate(cells) if cell is None)
            raise self._is_empty(name, row, len(cells) - len(full))
        return full

    def _is_empty(self, name: str, row: int, times: int) -> DataError:
        return DataError(
            self.place(row),
            f"the column {quoted(name)} is empty here ({counted(times, 'such row')})",
            "fill it in, or remove the rows",
        )

    def full_numbers(self, name: str) -> NDArray[np.float64]:
        """Return a column of numbers, float64 of shape (n,), in which every cell holds one.

        Raises DataError.
        """
        column = self.numbers[name]
        if column.wrong is not None:
            row, cell = column.wrong
            raise DataError(
                self.place(row),
                f"the score {quoted(cell)} of {quoted(name)} is not a number",
                "write numbers with a decimal point, or declare classes if this is no class",
            )
        if column.empty:
            raise self._is_empty(name, column.empty[0], len(column.empty))
        return np.frombuffer(column.cells, dtype=np.float64)

    def place(self, row: int) -> str:
        """Return file and line of a row, counted from 0."""
        return f"{self.where}, {self.row_word} {self.lines[row]}"


def read_table(
    path: Place, *, shown: str, kind: str | None = None, numbers: Choice | None = None
) -> Table:
    """Return a CSV or Parquet file as text; recognised by content where no kind is stated.

    ``numbers`` chooses, from the names of all columns, those that are kept as numbers. Raises
    DataError, or MissingExtraError where Parquet needs an extra that is not installed.
    """
    if (kind or format_of(path, shown)) == "parquet":
        return read_parquet(path, shown=shown, numbers=numbers)
    return read_csv(path, shown=shown, numbers=numbers)


def read_csv(path: Place, *, shown: str, numbers: Choice | None = None) -> Table:
    """Return a CSV file in UTF-8 with a header line, row by row into columns; raises DataError."""
    try:
        _refuse_binary(head_of(path, 4096), shown)
        with (
            open_place(path) as stream,
            io.TextIOWrapper(stream, "utf-8-sig", newline="") as text,
        ):
            return _gathered(_rows(text, shown), shown, numbers)
    except UnicodeDecodeError as error:
        raise _not_utf8(path.read_bytes(), shown) from error
    except OSError as error:
        raise DataError(
            shown, f"cannot be read: {plain(error.strerror)}", "check the path and permissions"
        ) from error


def _gathered(rows: Iterator[tuple[int, list[str]]], shown: str, numbers: Choice | None) -> Table:
    _, written = next(rows, (0, []))
    if not written:
        raise DataError(shown, "the file is empty", "it begins with a line of column names")
    header = [name_key(name) for name in written]
    _check_header(header, shown)
    chosen = set(numbers(header)) if numbers else set()
    columns = [Numbers() if name in chosen else _Texts() for name in header]
    lines = array("q")
    for line, cells in rows:
        if len(cells) != len(header):
            raise DataError(
                f"{shown}, line {line}",
                f"has {len(cells)} cells, the header has {len(header)}",
                "quote cells that hold commas",
            )
        lines.append(line)
        for column, cell in zip(columns, cells, strict=True):
            column.append(cell)
    if not lines:
        raise DataError(shown, "has a header and no rows", "list one image a line")
    named = dict(zip(header, columns, strict=True))
    return Table(
        shown,
        {name: each.cells for name, each in named.items() if isinstance(each, _Texts)},
        lines,
        numbers={name: each for name, each in named.items() if isinstance(each, Numbers)},
    )


def _refuse_binary(head: bytes, shown: str) -> None:
    encoding = _BYTE_ORDER_MARKS.get(head[:2])
    if encoding is None and b"\0" in head:
        encoding = "binary, or UTF-16"
    if encoding is not None:
        raise DataError(shown, f"is {encoding}, not UTF-8 text", "save it as CSV in UTF-8")


def _not_utf8(stored: bytes, shown: str) -> DataError:
    """Return the error of a file that is not UTF-8, with the line of the first such byte."""
    try:
        stored.decode("utf-8")
    except UnicodeDecodeError as error:
        line = stored[: error.start].count(b"\n") + 1
        return DataError(
            f"{shown}, line {line}",
            f"the byte 0x{stored[error.start]:02x} is not UTF-8",
            "save it as CSV in UTF-8",
        )
    return DataError(shown, "was changed while it was read", "run again", retriable=True)


def _rows(text: io.TextIOWrapper, shown: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (line, cells) of every line that is not blank."""
    reader = csv.reader(text, strict=True, skipinitialspace=True)
    last = 0
    try:
        for cells in reader:
            if cells:
                yield last + 1, cells
            last = reader.line_num
    except csv.Error as error:
        raise DataError(
            f"{shown}, line {last + 1}", f"is not CSV: {plain(error)}", "check the quotes"
        ) from error


def _check_header(header: list[str], shown: str) -> None:
    if len(header) == 1 and any(mark in header[0] for mark in ";\t|"):
        raise DataError(
            shown, f"the header is one column, {quoted(header[0])}", "separate cells with commas"
        )
    twice = [name for name in header if name and header.count(name) > 1]
    if twice:
        raise DataError(shown, f"the column {quoted(twice[0])} occurs twice", "rename one of them")


def read_parquet(path: Place, *, shown: str, numbers: Choice | None = None) -> Table:
    """Return the columns of a Parquet file that are text or numbers, as text.

    Whole numbers are written without a fraction, as they would be in CSV. Raises DataError
    or MissingExtraError.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ModuleNotFoundError as error:
        raise MissingExtraError(shown, "reading Parquet", "parquet") from error
    try:
        with open_place(path) as stream:
            table = parquet.ParquetFile(stream).read()
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            shown, f"is not a Parquet file that can be read ({plain(error)})", "write it again"
        ) from error
    if not table.num_rows:
        raise DataError(shown, "has no rows", "list one image a row")
    header = [name_key(name) for name in table.column_names]
    _check_header(header, shown)
    given = dict(zip(header, table.columns, strict=True))
    del table
    chosen = set(numbers(list(given))) if numbers else set()
    lines = range(1, len(next(iter(given.values()))) + 1)
    texts, found, others = {}, {}, {}
    for name in list(given):
        column = given.pop(name)  # so that what is converted is not kept twice
        if not parquet_cells.is_plain(column.type):
            others[name] = str(column.type)
        elif name in chosen:
            found[name] = _numbers(column)
        else:
            texts[name] = parquet_cells.texts(column)
    return Table(shown, texts, lines, "row", others, found)


def _numbers(column: Any) -> Numbers:  # noqa: ANN401 - pyarrow ships no types
    from pyarrow import types

    numbers = Numbers()
    for chunk in column.chunks:
        if types.is_floating(column.type):
            values = chunk.to_numpy(zero_copy_only=False).astype(np.float64)
            # Half of what writes Parquet has NaN for a cell that is empty.
            numbers.empty += (np.flatnonzero(np.isnan(values)) + len(numbers.cells)).tolist()
            numbers.cells.frombytes(values.tobytes())
        else:
            for cell in parquet_cells.texts(chunk):
                numbers.append(cell or "")
    return numbers
