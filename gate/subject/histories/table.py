"""The rows of a history as they were logged, before anything is made of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from gate.errors import HistoryError
from gate.subject.histories.text import number, show_cell

MOST_COLUMNS = 10_000  # a thousand classes with ten metrics each
MOST_ROWS = 1_000_000
MOST_CELLS = 5_000_000

Role = Literal["train_loss", "validation_loss", "train_accuracy", "validation_accuracy"]
Row = Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows in the order in which they were logged; None, or no key, where nothing was.

    ``damaged`` holds the columns in which some cell is neither a number nor empty, with place and
    text of the first one. ``roles`` and ``in_percent`` are what the format itself says.
    """

    format: str
    rows: tuple[Row, ...]
    columns: tuple[str, ...]  # those that hold a number somewhere, in order of appearance
    damaged: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)  # the same of columns without a number
    roles: Mapping[Role, str] = field(default_factory=dict)
    in_percent: bool = False  # accuracies are percentages


def table_of(
    path: Path,
    format_name: str,
    rows: Iterable[tuple[str, Mapping[str, object]]],
    *,
    roles: Mapping[Role, str] | None = None,
    in_percent: bool = False,
) -> Table:
    """Return the table of ``rows``, each with its place in words (``line 4``).

    HistoryError is raised when there are none.
    """
    read: list[Row] = []
    columns: dict[str, None] = {}
    damaged: dict[str, str] = {}
    left = MOST_CELLS
    for place, cells in rows:
        left -= len(cells)
        _require_few(path, len(read), len(columns) + len(damaged), left)
        row: dict[str, float | None] = {}
        for raw_name, cell in cells.items():
            name = raw_name.encode(
                "utf-8", "backslashreplace"
            ).decode()  # JSON may hold half a pair
            try:
                row[name] = number(cell)
            except ValueError:
                damaged.setdefault(name, f"{place} has {show_cell(cell)}")
                continue
            if row[name] is not None:
                columns.setdefault(name)
        read.append(row)
    if not read:
        raise HistoryError(str(path), "has no rows", "give a history with at least one epoch")
    return Table(
        format=format_name,
        rows=tuple(read),
        columns=tuple(columns),
        damaged={name: where for name, where in damaged.items() if name in columns},
        texts={name: where for name, where in damaged.items() if name not in columns},
        roles=roles or {},
        in_percent=in_percent,
    )


def _require_few(path: Path, rows: int, columns: int, left: int) -> None:
    """Raise HistoryError for more rows, columns or values than a history has."""
    for found, most, what in (
        (rows, MOST_ROWS - 1, f"{MOST_ROWS:,} rows"),
        (columns, MOST_COLUMNS, f"{MOST_COLUMNS:,} columns"),
        (-left, 0, f"{MOST_CELLS:,} values"),
    ):
        if found > most:
            raise HistoryError(str(path), f"has more than {what}", "keep one row an epoch")
