"""The rows that a metric uses: those of one split, cut into slices.

Every rule of a policy asks for the same few cuts, and a policy may have a rule for each class: the
last cuts are kept.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gate.evidence.data_digests import is_of_predictions
from gate.evidence.records import Evidence, Rows, Split
from gate.metrics.estimates import Undefined

MOST_SLICES = 200  # a column with more values is an id, and each of its slices proves nothing


def rows_on(evidence: Evidence, split: Split) -> Rows | None:
    """Return the rows of a split of the evidence that a rule was given; None if not measured."""
    measured = evidence.splits.get(split)
    return None if measured is None else measured.rows


def absent(evidence: Evidence, split: str) -> Undefined:
    """Return why the evidence has no rows of a split, something failed or it was not given."""
    if evidence.failures:
        reason = f"{split} was not measured, as the errors say"
        return Undefined(reason, remedy="repair what the errors name, and run again")
    if is_of_predictions(evidence):  # images of one split beside them are refused
        option = {"validation": "val-", "train": "train-"}.get(split, "")
        return Undefined(
            f"no saved predictions of {split}",
            remedy=f"give the saved predictions of {split}, as `data: {{{split}: {{predictions: "
            f"FILE}}}}` (--{option}predictions FILE)",
        )
    reason = f"no {split} split (add `{split}:` under `data:`)"
    return Undefined(reason, remedy=f"give the {split} images as `data: {{{split}: ...}}`")


def classes_of(evidence: Evidence, split: Split) -> list[int]:
    """Return the classes that have images in a split, in order, whichever rows are judged."""
    measured = evidence.splits.get(split)
    if measured is None:
        return []
    return list(_classes_in(measured.all_rows))


def slices_of(
    rows: Rows, columns: Sequence[str], wanted: Iterable[str] | None = None
) -> Iterator[tuple[str, Rows]]:
    """Yield (name, rows) for each combination of values of ``columns``, in the order of the names.

    A row without a value in one of the columns belongs to the slice "(none)" of that column. With
    ``wanted`` names, only those are yielded that there are, in the order of ``wanted``.

    Raises KeyError for a column that the data does not have.
    """
    cut = _cut_of(rows, tuple(columns))
    for name in cut.places if wanted is None else wanted:
        if name in cut.places:
            if name not in cut.parts:
                cut.parts[name] = rows.take(cut.places[name])
            yield name, cut.parts[name]


def slice_places(rows: Rows, columns: Sequence[str]) -> dict[str, NDArray[np.intp]]:
    """Return where the rows of each slice stand, by the names that :func:`slices_of` yields.

    Raises KeyError for a column that the data does not have.
    """
    return _cut_of(rows, tuple(columns)).places


def slice_names(rows: Rows, columns: Sequence[str]) -> list[str]:
    """Return the names of the slices that :func:`slices_of` yields, in their order."""
    return list(_cut_of(rows, tuple(columns)).places)


@dataclass(frozen=True, slots=True)
class _Cut:
    """Where the rows of each slice stand, by its name, and those that were asked for."""

    places: dict[str, NDArray[np.intp]]
    parts: dict[str, Rows] = field(default_factory=dict)


@lru_cache(maxsize=32)  # each set of rows, by each of a few columns
def _cut_of(rows: Rows, columns: tuple[str, ...]) -> _Cut:
    return _Cut(_places(rows, columns))


@lru_cache(maxsize=32)
def _classes_in(rows: Rows) -> tuple[int, ...]:
    return tuple(np.unique(rows.labels).tolist())


def _places(rows: Rows, columns: Sequence[str]) -> dict[str, NDArray[np.intp]]:
    """Return the places of each slice, found in one look at the rows."""
    values = list(zip(*(rows.slices[column].tolist() for column in columns), strict=True))
    named = {
        combination: ", ".join(
            f"{column}={'(none)' if value is None else value}"
            for column, value in zip(columns, combination, strict=True)
        )
        for combination in dict.fromkeys(values)
    }
    names = sorted(set(named.values()))
    numbers = {name: number for number, name in enumerate(names)}
    number_of = {combination: numbers[name] for combination, name in named.items()}
    slice_of_each = np.fromiter(map(number_of.__getitem__, values), np.intp, len(values))
    order = np.argsort(slice_of_each, kind="stable")
    ends = np.cumsum(np.bincount(slice_of_each, minlength=len(names)))
    starts = [0, *ends.tolist()]  # and the end of the last slice, which begins none
    return {
        name: order[start:end]
        for name, start, end in zip(names, starts, ends.tolist(), strict=False)
    }
