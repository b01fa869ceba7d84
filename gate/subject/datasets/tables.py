"""CSV and Parquet files as columns of text, for manifests and saved predictions."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gate.errors import DataError, MissingExtraError
from gate.subject.datasets.places import Place
from gate.subject.datasets.recognise import format_of
from gate.subject.datasets.stored import open_place
from gate.subject.wording import counted, did_you_mean, listed, plain, quoted

Column = Sequence[str | None]  # None where the cell is empty

_BYTE_ORDER_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of text, all of one length; ``lines`` says where each row stands in the file."""

    where: str
    columns: Mapping[str, Column]
    lines: Sequence[int]
    row_word: str = "line"
    others: Mapping[str, str] = field(
        default_factory=dict
    )  # columns that are no text -> their type

    def __len__(self) -> int:
        return len(self.lines)

    def column(self, name: str, key: str) -> Column:
        """Return a column by name; raises DataError, naming the gate file's ``key``."""
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

    def full_column(self, name: str, key: str) -> list[str]:
        """Return a column in which every cell holds something; raises DataError."""
        cells = self.column(name, key)
        full = [cell for cell in cells if cell is not None]
        if len(full) < len(cells):
            row = next(row for row, cell in enumerate(cells) if cell is None)
            empty = len(cells) - len(full)
            raise DataError(
                self.place(row),
                f"the column {quoted(name)} is empty here ({counted(empty, 'such row')})",
                "fill it in, or remove the rows",
            )
        return full

    def place(self, row: int) -> str:
        """Return file and line of a row, counted from 0."""
        return f"{self.where}, {self.row_word} {self.lines[row]}"


def read_table(path: Place, *, shown: str, kind: str | None = None) -> Table:
    """Return a CSV or Parquet file as text; recognised by content where no kind is stated.

    Raises DataError, or MissingExtraError where Parquet needs an extra that is not installed.
    """
    if (kind or format_of(path, shown)) == "parquet":
        return read_parquet(path, shown=shown)
    return read_csv(path, shown=shown)


def read_csv(path: Place, *, shown: str) -> Table:
    """Return a CSV file in UTF-8 with a header line, as text; raises DataError."""
    try:
        stored = path.read_bytes()
    except OSError as error:
        raise DataError(
            shown, f"cannot be read: {plain(error.strerror)}", "check the path and permissions"
        ) from error
    rows = _rows(_decoded(stored, shown), shown)
    if not rows:
        raise DataError(shown, "the file is empty", "it begins with a line of column names")
    (_, header), body = rows[0], rows[1:]
    _check_header(header, shown)
    if not body:
        raise DataError(shown, "has a header and no rows", "list one image a line")
    for line, cells in body:
        if len(cells) != len(header):
            raise DataError(
                f"{shown}, line {line}",
                f"has {len(cells)} cells, the header has {len(header)}",
                "quote cells that hold commas",
            )
    columns = {
        name: [cells[position] if cells[position].strip() else None for _, cells in body]
        for position, name in enumerate(header)
    }
    return Table(shown, columns, [line for line, _ in body])


def _decoded(stored: bytes, shown: str) -> str:
    encoding = _BYTE_ORDER_MARKS.get(stored[:2])
    if encoding is None and b"\0" in stored[:4096]:
        encoding = "binary, or UTF-16"
    if encoding is not None:
        raise DataError(shown, f"is {encoding}, not UTF-8 text", "save it as CSV in UTF-8")
    try:
        return stored.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = stored[: error.start].count(b"\n") + 1
        raise DataError(
            f"{shown}, line {line}",
            f"the byte 0x{stored[error.start]:02x} is not UTF-8",
            "save it as CSV in UTF-8",
        ) from error


def _rows(text: str, shown: str) -> list[tuple[int, list[str]]]:
    """Return (line, cells) of every line that is not blank."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True)
    rows = []
    last = 0
    try:
        for cells in reader:
            if cells:
                rows.append((last + 1, cells))
            last = reader.line_num
    except csv.Error as error:
        raise DataError(
            f"{shown}, line {last + 1}", f"is not CSV: {plain(error)}", "check the quotes"
        ) from error
    return rows


def _check_header(header: list[str], shown: str) -> None:
    if len(header) == 1 and any(mark in header[0] for mark in ";\t|"):
        raise DataError(
            shown, f"the header is one column, {quoted(header[0])}", "separate cells with commas"
        )
    twice = [name for name in header if name and header.count(name) > 1]
    if twice:
        raise DataError(shown, f"the column {quoted(twice[0])} occurs twice", "rename one of them")


def read_parquet(path: Place, *, shown: str) -> Table:
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
    _check_header(table.column_names, shown)
    given = dict(zip(table.column_names, table.columns, strict=True))
    columns = {
        name: [_text(value) for value in column.to_pylist()]
        for name, column in given.items()
        if _is_plain(column.type)
    }
    others = {name: str(given[name].type) for name in given.keys() - columns.keys()}
    return Table(shown, columns, range(1, table.num_rows + 1), "row", others)


def _is_plain(kind: Any) -> bool:  # noqa: ANN401 - pyarrow ships no types
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_boolean(kind)
    )


def _text(value: object) -> str | None:
    if value is None or value != value or str(value).strip() == "":  # NaN is not itself
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # pandas turns whole numbers with a gap into floats
    return str(value)
