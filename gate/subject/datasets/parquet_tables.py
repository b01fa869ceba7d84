"""Parquet files as tables: only the columns that are wanted, and a batch of rows at a time."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gate.errors import DataError, MissingExtraError
from gate.subject.datasets import parquet_cells
from gate.subject.datasets.parquet_bounds import Layout, footer_of, rows_at_once
from gate.subject.datasets.places import Place
from gate.subject.datasets.stored import open_place
from gate.subject.datasets.table_bounds import (
    LONGEST_CELL,
    require_columns,
    rows_of,
    too_long_a_cell,
)
from gate.subject.datasets.tables import EVERYTHING, Numbers, Table, Wanted, header_of
from gate.wording import plain

# What Arrow, and Python for a day or an hour that no calendar has, raise for damaged bytes.
DAMAGE = (OSError, ValueError, LookupError, ArithmeticError, MemoryError, NotImplementedError)


def read_parquet(path: Place, *, shown: str, wanted: Wanted = EVERYTHING) -> Table:
    """Return the wanted columns of a Parquet file that are text or numbers, as text.

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
            size = stream.seek(0, 2)
            footer = footer_of(stream, size, shown)
            stream.seek(0)
            file = parquet.ParquetFile(stream)
            return _read(file, Layout(stream, size, footer, shown, leaves_of(file)), wanted)
    except (pa.ArrowException, *DAMAGE) as error:
        raise DataError(
            shown, f"is not a Parquet file that can be read ({plain(error)})", "write it again"
        ) from error


def _read(file: Any, layout: Layout, wanted: Wanted) -> Table:  # noqa: ANN401 - pyarrow ships no types
    shown, size = layout.shown, layout.size
    require_columns(file.metadata.num_columns, shown)
    if not file.metadata.num_rows:
        raise DataError(shown, "has no rows", "list one image a row")
    fields = list(file.schema_arrow)
    header = header_of([each.name for each in fields], shown)
    texts, numbers = wanted.of(header)
    if file.metadata.num_rows > rows_of(size):
        raise layout.too_many(file.metadata.num_rows)
    columns = {
        name: _Column(each.name, each.type, name in numbers)
        for name, each in zip(header, fields, strict=True)
        if (name in texts or name in numbers) and parquet_cells.is_plain(each.type)
    }
    layout.look(column.written for column in columns.values())
    _fill(file, layout, list(columns.values()))
    rows = _length(columns, file.metadata.num_rows, shown)
    return Table(
        shown,
        {name: each.texts() for name, each in columns.items() if not each.is_number},
        range(1, rows + 1),
        "row",
        {
            name: str(each.type)
            for name, each in zip(header, fields, strict=True)
            if not parquet_cells.is_plain(each.type)
        },
        {name: each.numbers for name, each in columns.items() if each.is_number},
        [
            name
            for name, each in zip(header, fields, strict=True)
            if name not in columns and parquet_cells.is_plain(each.type)
        ],
    )


def leaves_of(file: Any) -> Mapping[str, Sequence[int]]:  # noqa: ANN401 - pyarrow ships no types
    """Return the columns as they are stored by the name that pyarrow reads them by.

    A name with dots reads what is nested under it, too.
    """
    leaves = defaultdict(list)
    for leaf in range(file.metadata.num_columns):
        parts = file.schema.column(leaf).path.split(".")
        for end in range(1, len(parts) + 1):
            leaves[".".join(parts[:end])].append(leaf)
    return leaves


@dataclass(slots=True)
class _Column:
    """A wanted column, filled batch by batch."""

    written: str
    kind: Any  # its type
    is_number: bool
    numbers: Numbers = field(default_factory=Numbers)
    cells: list[str | None] = field(default_factory=list)
    moments: list[Any] = field(default_factory=list)  # arrays: their text depends on all of them

    @property
    def is_coded(self) -> bool:
        """Whether it is read as a dictionary and the places of its cells in it."""
        from pyarrow import types

        return bool(types.is_dictionary(self.kind))

    def take(self, array: Any, where: str) -> None:  # noqa: ANN401 - pyarrow ships no types
        """Add the cells of a batch; raises DataError for one that is too long."""
        longest = parquet_cells.longest(array)
        if longest > LONGEST_CELL:
            raise too_long_a_cell(f"{where}, column {plain(self.written)}", longest)
        if self.is_number:
            _add_numbers(self.numbers, array)
        elif parquet_cells.is_moment(self.kind):
            self.moments.append(array)
        else:
            self.cells += parquet_cells.texts(array)

    def texts(self) -> list[str | None]:
        """Return the cells as text."""
        if self.moments:
            return parquet_cells.moments(self.moments)
        return self.cells

    def __len__(self) -> int:
        return len(self.numbers.cells) + len(self.cells) + sum(map(len, self.moments))


def _fill(file: Any, layout: Layout, columns: Sequence[_Column]) -> None:  # noqa: ANN401 - pyarrow ships no types
    """Read the columns: dictionaries by whole row groups, which says each text once."""
    coded = [each for each in columns if each.is_coded]
    others = [each for each in columns if not each.is_coded]
    names = {each.written for each in coded}
    most = rows_at_once(layout, names, lambda asked: _reopened(file, layout, asked))
    for group in (others, coded):
        if not group:
            continue
        rows = most if group is others else max(1, rows_of(layout.size))
        asked = [each.written for each in group]
        for batch in file.iter_batches(rows, columns=asked):
            layout.count_read(batch.nbytes)
            for each in group:
                each.take(batch.column(each.written), layout.shown)


def _reopened(file: Any, layout: Layout, asked: Sequence[str]) -> Any:  # noqa: ANN401 - pyarrow ships no types
    from pyarrow import parquet

    return parquet.ParquetFile(layout.stream, metadata=file.metadata, read_dictionary=list(asked))


def _length(columns: Mapping[str, _Column], said: int, shown: str) -> int:
    lengths = {len(each) for each in columns.values()} or {said}
    if lengths != {said}:
        raise DataError(
            shown,
            f"says {said:,} rows, and its columns hold {min(lengths):,}",
            "write it again",
        )
    return said


def _add_numbers(numbers: Numbers, array: Any) -> None:  # noqa: ANN401 - pyarrow ships no types
    from pyarrow import types

    if not types.is_floating(array.type):
        for cell in parquet_cells.texts(array):
            numbers.append(cell or "")
        return
    values = array.to_numpy(zero_copy_only=False).astype(np.float64)
    # Half of what writes Parquet has NaN for a cell that is empty.
    empty = np.flatnonzero(np.isnan(values))
    if len(empty):
        numbers.note_empty(len(numbers.cells) + int(empty[0]), len(empty))
    numbers.cells.frombytes(values.tobytes())
