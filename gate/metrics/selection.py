"""Which rows a metric looks at: one split, without its leaked images, cut into slices."""

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gate.evidence.records import Evidence, Rows, Split

MOST_SLICES = 200  # a column with more values is an id, and each of its slices proves nothing


def leaked(evidence: Evidence, split: Split) -> NDArray[np.bool_]:
    """Return which rows of a split also stand in an earlier one (train, validation, test).

    Boolean, shape (n,). The later split is the one that is spoilt: a test image found in train.
    """
    ids = {
        pair.b
        for overlap in evidence.overlaps
        if overlap.split_b is split and overlap.split_a is not split
        for pair in overlap.pairs
    }
    rows = evidence.splits[split].rows
    return np.fromiter((row in ids for row in rows.ids), dtype=bool, count=len(rows))


@lru_cache(maxsize=3)  # one a split: every rule asks for the same rows
def judged_rows(evidence: Evidence, split: Split) -> Rows | None:
    """Return the rows that rules decide on, without the leaked ones; None if not measured."""
    if split not in evidence.splits:
        return None
    rows = evidence.splits[split].rows
    spoilt = leaked(evidence, split)
    return rows.where(~spoilt) if spoilt.any() else rows


def slices_of(rows: Rows, columns: Sequence[str]) -> Iterator[tuple[str, Rows]]:
    """Yield (name, rows) for each combination of values of ``columns``, in the order of the names.

    A row without a value in one of the columns belongs to the slice "(none)" of that column.

    Raises KeyError for a column that the data does not have.
    """
    keys = [
        ["(none)" if value is None else str(value) for value in rows.slices[column]]
        for column in columns
    ]
    names = np.array(
        [
            ", ".join(f"{column}={value}" for column, value in zip(columns, values, strict=True))
            for values in zip(*keys, strict=True)
        ],
        dtype=object,
    )
    for name in sorted(set(names)):
        yield name, rows.where(names == name)
