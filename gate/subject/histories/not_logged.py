"""NaN that stands for nothing: pandas and Keras write it where no validation was run.

A NaN that the training itself gave is a finding, so a cell is taken as empty only where the rest of
its row, or the regularity of its column, says that nothing was logged there.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from gate.subject.histories.columns import Columns, epoch_column, is_held_out
from gate.subject.histories.table import Row, Table
from gate.wording import quote


def without_unlogged(table: Table, columns: Columns) -> tuple[Table, Columns, list[str]]:
    """Return the table without cells where nothing was logged, what is left to read, and notes.

    Where the train loss is never NaN, a NaN of a held-out loss is empty if every held-out column is
    in its row, and the loss has no value at all, or one in every k-th row, or other held-out
    columns show which rows have one. Where train and validation loss have their values in turns,
    each is empty in the other's rows.
    """
    rows = _without_turns(table.rows, columns, epoch_column(table))
    if any(_is_nan(row.get(columns.train_loss or "")) for row in rows):
        return table, columns, []  # what follows a NaN of the training is one of its own
    held_out = {name for name in table.columns if is_held_out(name)} | {*columns.validation_losses}
    values = [sum(_is_number(row.get(name)) for name in held_out) for row in rows]
    notes, unlogged = [], set[int]()
    for name in columns.validation_losses:
        if where := _find_unlogged([row.get(name) for row in rows], values):
            notes.append(_in_words(name, len(where), rows))
            unlogged |= where
    rows = _empty(rows, unlogged, held_out)
    left = {name for row in rows for name, value in row.items() if value is not None}
    validation = tuple(name for name in columns.validation_losses if name in left)
    table = replace(table, rows=rows, columns=tuple(c for c in table.columns if c in left))
    accuracies = {role: name for role, name in columns.accuracies.items() if name in left}
    return table, replace(columns, validation_losses=validation, accuracies=accuracies), notes


def _find_unlogged(cells: Sequence[float | None], values: Sequence[int]) -> set[int]:
    """Return the rows in which the NaN of a held-out loss says that nothing was logged.

    ``cells`` are those of the loss, ``values`` the numbers in held-out columns of each row.
    """
    where = {row for row, cell in enumerate(cells) if _is_nan(cell)}
    if any(values[row] for row in where):
        return set()  # a validation was run
    seen = any(many > _is_number(cell) for cell, many in zip(cells, values, strict=True))
    logged = [cell for cell in cells if cell is not None]
    places = [place for place, cell in enumerate(logged) if _is_number(cell)]
    return where if not places or seen or _is_regular(places, len(logged)) else set()


def _is_regular(places: Sequence[int], count: int) -> bool:
    """Return whether every k-th of ``count`` rows has a value.

    ``places`` are those of the values. One value is regular where it stands last; with two whole
    steps or more, the first row or the last may have a value beside the others.
    """
    if len(places) < 2:
        return list(places) == [count - 1]
    gaps = [b - a for a, b in pairwise(places)]
    usual = max(gaps)
    steps = set(gaps[1:-1] if gaps.count(usual) > 1 else gaps)
    return steps <= {usual} and places[0] < usual and count - 1 - places[-1] < usual


def _empty(rows: Sequence[Row], where: set[int], names: set[str]) -> tuple[Row, ...]:
    return tuple(
        {key: None if key in names and _is_nan(value) else value for key, value in row.items()}
        if index in where
        else row
        for index, row in enumerate(rows)
    )


def _without_turns(rows: tuple[Row, ...], columns: Columns, key: str | None) -> tuple[Row, ...]:
    """Return rows that are each of the training or of a validation, the other's cells empty.

    So a table of rows of both is written by pandas, with NaN for what a row has not. A training
    is validated after its last values once; a train loss that is NaN for longer than that broke.
    ``key`` is the column of epochs or steps.
    """
    trained = [_is_number(row.get(columns.train_loss or "")) for row in rows]
    validated = [any(_is_number(row.get(n)) for n in columns.validation_losses) for row in rows]
    if not any(validated) or any(a == b for a, b in zip(trained, validated, strict=True)):
        return rows
    places = [place if key is None else row.get(key) for place, row in enumerate(rows)]
    last = max(
        (place for place, one in zip(places, trained, strict=True) if one and place is not None),
        default=math.inf,
    )
    if len({place for place in places if place is not None and place > last}) > 1:
        return rows
    return tuple(
        {name: None if _is_nan(value) else value for name, value in row.items()} for row in rows
    )


def _in_words(name: str, cells: int, rows: Sequence[Row]) -> str:
    if not any(_is_number(row.get(name)) for row in rows):
        return f"column {quote(name)} is NaN in all rows: it was not logged"
    return f"column {quote(name)} is NaN in {cells} rows without a validation: not logged there"


def _is_nan(value: float | None) -> bool:
    return value is not None and math.isnan(value)


def _is_number(value: float | None) -> bool:
    """Return whether something was logged; an infinity was."""
    return value is not None and not math.isnan(value)
