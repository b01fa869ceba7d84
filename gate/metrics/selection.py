"""Which rows a metric looks at: those of one split, cut into slices."""

from collections.abc import Iterator, Sequence

import numpy as np

from gate.evidence.records import Evidence, Rows, Split, Strings

MOST_SLICES = 200  # a column with more values is an id, and each of its slices proves nothing


def rows_on(evidence: Evidence, split: Split) -> Rows | None:
    """Return the rows of a split of the evidence that a rule was given; None if not measured."""
    measured = evidence.splits.get(split)
    return None if measured is None else measured.rows


def why_absent(evidence: Evidence, split: str) -> str:
    """Return why the evidence has no rows of a split: something failed, or it was not given."""
    return f"{split} was not measured" if evidence.failures else f"no {split} split was given"


def classes_of(evidence: Evidence, split: Split) -> list[int]:
    """Return the classes that have images in a split, in order, whichever rows are judged."""
    measured = evidence.splits.get(split)
    return [] if measured is None else sorted(set(measured.all_rows.labels.tolist()))


def slices_of(rows: Rows, columns: Sequence[str]) -> Iterator[tuple[str, Rows]]:
    """Yield (name, rows) for each combination of values of ``columns``, in the order of the names.

    A row without a value in one of the columns belongs to the slice "(none)" of that column.

    Raises KeyError for a column that the data does not have.
    """
    names = _slice_of_each(rows, columns)
    for name in sorted(set(names)):
        yield name, rows.where(names == name)


def slice_names(rows: Rows, columns: Sequence[str]) -> list[str]:
    """Return the names of the slices that :func:`slices_of` yields, in their order."""
    return sorted(set(_slice_of_each(rows, columns)))


def _slice_of_each(rows: Rows, columns: Sequence[str]) -> Strings:
    """Return the name of the slice of each row, (n,)."""
    keys = [
        ["(none)" if value is None else str(value) for value in rows.slices[column]]
        for column in columns
    ]
    return np.array(
        [
            ", ".join(f"{column}={value}" for column, value in zip(columns, values, strict=True))
            for values in zip(*keys, strict=True)
        ],
        dtype=object,
    )
