"""What the metrics count, once: the confusion matrix, its occupied cells, the groups.

The same rows are asked for many metrics of many classes; the last few answers are kept.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gate.evidence.records import Rows
from gate.metrics.proportions import Counts, Reals

_KEPT = 8  # two splits, with and without leaked images, a slice or two


@lru_cache(maxsize=_KEPT)
def confusion(rows: Rows, classes: int) -> Counts:
    """Return the confusion matrix, (classes, classes), rows = truth; not to be written to."""
    counts = rows.confusion(classes)
    counts.flags.writeable = False
    return counts


@lru_cache(maxsize=_KEPT)
def group_codes(rows: Rows) -> Counts | None:
    """Return a number for the group of each row, (n,), or None when groups were not declared.

    Groups are numbered by name, so that the order of the rows does not matter. A row whose group is
    not known is a group of its own.
    """
    if rows.groups is None:
        return None
    names = [
        (1, str(image)) if group is None else (0, str(group))
        for group, image in zip(rows.groups, rows.ids, strict=True)
    ]
    number = {name: index for index, name in enumerate(sorted(set(names)))}
    return np.fromiter((number[name] for name in names), dtype=np.int64, count=len(names))


def clustered(rows: Rows) -> bool:
    """Return whether some images share a group; groups of one image each are no clusters."""
    codes = group_codes(rows)
    return codes is not None and int(codes.max(initial=-1)) + 1 < len(codes)


@dataclass(frozen=True, slots=True, eq=False)
class GroupTable:
    """How many images of each group are of each kind: the occupied places of a sparse table.

    ``group``, ``kind`` and ``counts`` have shape (places,); the places of a group lie together.
    """

    group: Counts
    kind: Counts
    counts: Counts
    groups: int
    kinds: int

    def merged(self, kind: Counts, kinds: int) -> "GroupTable":
        """Return the table of coarser kinds: ``kind`` has that of each present one, (kinds,).

        Present kinds of one coarser kind lie together.
        """
        coarse = kind[self.kind]
        change = np.diff(self.group, prepend=-1) | np.diff(coarse, prepend=-1)
        starts = np.flatnonzero(change)
        counts = np.add.reduceat(self.counts, starts)
        return GroupTable(self.group[starts], coarse[starts], counts, self.groups, kinds)

    def sums_of_groups(self, of_kind: Reals) -> Reals:
        """Return the sum over the images of each group of a number ``of_kind``, (groups,)."""
        weights = self.counts * of_kind[self.kind]
        sums = np.bincount(self.group, weights=weights, minlength=self.groups)
        return np.asarray(sums, dtype=np.float64)

    def sums_of_kinds(self, of_group: Reals) -> Reals:
        """Return the sum over the images of each kind of a number ``of_group``, (kinds,)."""
        weights = self.counts * of_group[self.group]
        sums = np.bincount(self.kind, weights=weights, minlength=self.kinds)
        return np.asarray(sums, dtype=np.float64)

    def groups_of_kinds(self) -> Counts:
        """Return how many groups have images of each kind, (kinds,)."""
        return np.bincount(self.kind, minlength=self.kinds)


@lru_cache(maxsize=_KEPT)
def groups_by_cell(rows: Rows, classes: int) -> GroupTable:
    """Return how the images of each group fall into :func:`cells`, which are the kinds."""
    codes = group_codes(rows)
    assert codes is not None, "clustered rows have groups"
    table = cells(rows, classes)
    width = len(table.counts)
    place = np.zeros((classes, classes), dtype=np.int64)
    place[table.truth, table.predicted] = np.arange(width)
    key = codes * width + place[rows.labels, rows.predictions]
    places, counts = np.unique(key, return_counts=True)
    return GroupTable(places // width, places % width, counts, int(codes.max()) + 1, width)


@lru_cache(maxsize=_KEPT)
def groups_by_class(rows: Rows, classes: int) -> GroupTable:
    """Return how many images of each true class, which are the kinds, each group has."""
    return groups_by_cell(rows, classes).merged(cells(rows, classes).truth, classes)


@lru_cache(maxsize=_KEPT)
def one_against_rest(rows: Rows, of: int) -> Rows:
    """Return rows of two classes, 1 for the class ``of`` and 0 for any other, without scores."""
    return replace(
        rows,
        labels=(rows.labels == of).astype(np.int32),
        predictions=(rows.predictions == of).astype(np.int32),
        scores=None,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """The occupied cells of a confusion matrix, in an order that does not depend on class numbers.

    ``truth``, ``predicted`` and ``counts`` have shape (cells,); the cells of one true class lie
    together. Resampling draws in this order, so that naming the classes otherwise draws the same.
    """

    truth: Counts
    predicted: Counts
    counts: Counts
    classes: int

    def margins(self, counts: Reals) -> "Margins":
        """Return the sums over resampled ``counts``, (..., cells)."""
        return Margins(
            right=_sum_by(counts * (self.truth == self.predicted), self.truth, self.classes),
            true=_sum_by(counts, self.truth, self.classes),
            predicted=_sum_by(counts, self.predicted, self.classes),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Margins:
    """Right answers, images and predictions of each class, (..., classes), of many matrices."""

    right: Reals
    true: Reals
    predicted: Reals


def sums_by(values: Reals, index: Counts, length: int) -> Reals:
    """Return the sums of ``values``, (n,), that share an ``index``, (length,).

    They are added in the order of their size, so that the order of the rows adds no rounding.
    """
    order = np.lexsort((values, index))
    sums = np.bincount(index[order], weights=values[order], minlength=length)
    return np.asarray(sums, dtype=np.float64)


def margins(rows: Rows, classes: int) -> Margins:
    """Return the margins of the confusion matrix itself, (classes,)."""
    matrix = confusion(rows, classes).astype(np.float64)
    return Margins(matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0))


@lru_cache(maxsize=_KEPT)
def cells(rows: Rows, classes: int) -> Cells:
    """Return the occupied cells of the confusion matrix."""
    matrix = confusion(rows, classes)
    truth, predicted = np.nonzero(matrix)
    counts = matrix[truth, predicted]
    size, right, taken = matrix.sum(axis=1), matrix.diagonal(), matrix.sum(axis=0)
    order = np.lexsort(
        (
            taken[predicted],
            right[predicted],
            size[predicted],
            counts,
            truth == predicted,
            truth,  # decides only between classes that look the same
            taken[truth],
            right[truth],
            size[truth],
        )
    )
    return Cells(truth[order], predicted[order], counts[order], classes)


def _sum_by(values: Reals, index: NDArray[np.int64], classes: int) -> Reals:
    """Return sums over the last axis of the values that share an index, (..., classes)."""
    order = np.argsort(index, kind="stable")
    present, starts = np.unique(index[order], return_index=True)
    sums = np.zeros((*values.shape[:-1], classes))
    sums[..., present] = np.add.reduceat(values[..., order], starts, axis=-1)
    return sums
