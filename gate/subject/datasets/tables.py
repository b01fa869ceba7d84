"""Tables as columns of text and of numbers, whatever file they come from.

One table in CSV and in Parquet has the same names, groups and slices.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from gate.errors import DataError
from gate.keys import group_keys, name_key, name_keys
from gate.subject.datasets.table_bounds import require_columns
from gate.wording import did_you_mean, list_names, plain, pluralize, quote

Column = Sequence[str | None]  # None where the cell is empty
Choice = Callable[[Sequence[str]], Collection[str]]  # of columns, from the names of all


@dataclass(slots=True)
class Numbers:
    """A column of numbers at 8 bytes a cell; what is none is NaN there, and the first is kept."""

    cells: "array[float]" = field(default_factory=lambda: array("d"))
    wrong: tuple[int, str] | None = None  # row and text of the first cell that is no number
    empty: int = 0  # cells
    first_empty: int = -1  # row
    has_commas: bool = False  # for decimal points, as where cells are separated by semicolons

    def append(self, cell: str) -> None:
        """Add a cell as it is written."""
        try:
            self.cells.append(float(cell.replace(",", ".", 1) if self.has_commas else cell))
        except ValueError:
            if not cell.strip():
                self.note_empty(len(self.cells), 1)
            elif self.wrong is None:
                self.wrong = len(self.cells), cell
            self.cells.append(float("nan"))

    def only(self, rows: Sequence[int]) -> "Numbers":
        """Return the cells of some rows, which are in order."""
        kept = Numbers(array("d", [self.cells[row] for row in rows]))
        if self.wrong is not None and self.wrong[0] in set(rows):
            kept.wrong = rows.index(self.wrong[0]), self.wrong[1]
        nothing = [at for at, cell in enumerate(kept.cells) if cell != cell]  # NaN is not itself
        if nothing and kept.wrong is None:
            kept.note_empty(nothing[0], len(nothing))
        return kept

    def note_empty(self, row: int, times: int) -> None:
        """Count cells that are empty, the first of them in a row."""
        if not self.empty:
            self.first_empty = row
        self.empty += times


def said_of_choice(chosen: Mapping[str, Collection[str]], taken: int, rows: int) -> tuple[str, ...]:
    """Return in words that `where` takes a part of the rows; nothing where it takes them all."""
    if taken == rows:
        return ()
    values = "; ".join(f"{plain(name)}: {list_names(each)}" for name, each in chosen.items())
    return (f"{taken:,} of {pluralize(rows, 'row')} are judged, those where {values}",)


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of text, all of one length; ``lines`` says where each row stands in the file.

    Columns have the keys of their names; those that were asked for as ``numbers`` are there and
    not among the text. ``unread`` are columns that were not asked for.
    """

    where: str
    columns: Mapping[str, Column]
    lines: Sequence[int]
    row_word: str = "line"
    others: Mapping[str, str] = field(
        default_factory=dict
    )  # columns that are no text -> their type
    numbers: Mapping[str, Numbers] = field(default_factory=dict)
    unread: Sequence[str] = ()
    assumed: tuple[str, ...] = ()  # which of its rows were taken

    def __len__(self) -> int:
        return len(self.lines)

    def only(self, chosen: Mapping[str, Collection[str]]) -> "Table":
        """Return the rows that have one of the values of each of some columns.

        Raises DataError where none has.
        """
        rows: Sequence[int] = range(len(self))
        for name, values in chosen.items():
            cells = self.names(name, "where")
            kept = [row for row in rows if cells[row] in values]
            if not kept:
                there = list_names(map(quote, dict.fromkeys(cells[row] for row in rows)), 10)
                raise DataError(
                    self.where,
                    f"no row that is left has {list_names(map(quote, values))} in the column "
                    f"{quote(name)}",
                    f"set where to values that it has: {there}",
                )
            rows = kept
        assumed = said_of_choice(chosen, len(rows), len(self))
        return replace(self._of_rows(rows), assumed=assumed) if chosen else self

    def _of_rows(self, rows: Sequence[int]) -> "Table":
        return replace(
            self,
            columns={name: [cells[row] for row in rows] for name, cells in self.columns.items()},
            lines=array("q", [self.lines[row] for row in rows]),
            numbers={name: each.only(rows) for name, each in self.numbers.items()},
        )

    def column(self, name: str, key: str) -> Column:
        """Return a column as it is written; raises DataError, naming the gate file's ``key``."""
        name = name_key(name)
        if name in self.columns:
            return self.columns[name]
        if name in self.others:
            raise DataError(
                self.where,
                f"the column {quote(name)} holds {plain(self.others[name])}, not text",
                "write text or numbers; images are listed as paths of files",
            )
        known = [*self.columns, *self.unread]
        # A name that nobody gave is not misspelt.
        close = did_you_mean(name, known) if name != key else ""
        added = "; or add a column of names, each unique" if key == "id" else ""
        raise DataError(
            self.where,
            f"has no column {quote(name)}",
            close or f"set {key} to one of its columns: {list_names(known, 10)}{added}",
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
            f"the column {quote(name)} is empty here ({pluralize(times, 'such row')})",
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
                f"the score {quote(cell)} of {quote(name)} is not a number",
                "write numbers with a decimal point, or declare classes if this is no class",
            )
        if column.empty:
            raise self._is_empty(name, column.first_empty, column.empty)
        return np.frombuffer(column.cells, dtype=np.float64)

    def place(self, row: int) -> str:
        """Return file and line of a row, counted from 0."""
        return f"{self.where}, {self.row_word} {self.lines[row]}"


def header_of(written: Sequence[str], shown: str) -> list[str]:
    """Return the keys of the names of a table's columns; raises DataError.

    Refused are more columns than a table has, and a name that stands twice.
    """
    require_columns(len(written), shown)
    header = [name_key(name) for name in written]
    twice = [name for name, times in Counter(header).items() if name and times > 1]
    if twice:
        raise DataError(shown, f"the column {quote(twice[0])} occurs twice", "rename one of them")
    return header


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which columns of a table are read; None: all as text, none as numbers."""

    texts: Choice | None = None
    numbers: Choice | None = None

    def of(self, header: Sequence[str]) -> tuple[set[str], set[str]]:
        """Return the columns that are read as text, and those that are as numbers."""
        numbers = set(self.numbers(header)) if self.numbers else set()
        asked = map(name_key, self.texts(header)) if self.texts else header
        return set(asked) & set(header) - numbers, numbers & set(header)


EVERYTHING = Wanted()
