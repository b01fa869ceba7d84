"""The counts that metrics share: the confusion matrix, its occupied cells, the groups.

The same rows are asked for many metrics of many classes; the last few answers are kept.
"""

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from gate.evidence.records import Rows
from gate.metrics.proportions import Counts, Reals

_KEPT = 8  # two splits, with and without leaked images, a slice or two
_NOTHING = 1e-250  # below, floats have fewer bits
_DENSE = 16  # places an image up to which a table is counted whole


@lru_cache(maxsize=_KEPT)
def confusion(rows: Rows, classes: int) -> Counts:
    """Return the confusion matrix, (answers, answers), rows = truth; not to be written to.

    The answers are the ``classes``, and to abstain where the rows can: then the last row is empty.
    """
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
    groups = rows.groups.tolist()
    distinct = set(groups) - {None}
    place = {name: index for index, name in enumerate(sorted(set(map(str, distinct))))}
    number = {group: place[str(group)] for group in distinct}
    codes = np.array([number.get(group, -1) for group in groups], dtype=np.int64)
    alone = np.flatnonzero(codes == -1)
    if len(alone):
        codes[alone] = len(place) + np.argsort(np.argsort(rows.ids[alone].astype(str)))
    return codes


def has_clusters(rows: Rows) -> bool:
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
    place = np.zeros((rows.answers(classes), rows.answers(classes)), dtype=np.int64)
    place[table.truth, table.predicted] = np.arange(width)
    return groups_by_kind(codes, place[rows.labels, rows.predictions], width)


@lru_cache(maxsize=_KEPT)
def groups_by_class(rows: Rows, classes: int) -> GroupTable:
    """Return how many images of each true class, which are the kinds, each group has.

    There are as many kinds as answers.
    """
    return groups_by_cell(rows, classes).merged(cells(rows, classes).truth, rows.answers(classes))


def groups_by_kind(codes: Counts, kind: Counts, kinds: int) -> GroupTable:
    """Return how many images of each ``kind``, (n,), each group has, by the number of the group."""
    groups = int(codes.max()) + 1
    key = codes * kinds + kind
    if groups * kinds <= _DENSE * len(key):
        dense = np.bincount(key)
        places = np.flatnonzero(dense)
        counts = dense[places]
    else:
        places, counts = np.unique(key, return_counts=True)
    return GroupTable(places // kinds, places % kinds, counts, groups, kinds)


@lru_cache(maxsize=_KEPT)
def one_against_rest(rows: Rows, of: int) -> Rows:
    """Return rows of two classes, 1 for the class ``of`` and 0 for any other, without scores."""
    return replace(
        rows,
        labels=(rows.labels == of).astype(np.int32),
        predictions=(rows.predictions == of).astype(np.int32),
        scores=None,
        abstains=False,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """The occupied cells of a confusion matrix, each (cells,); those of a true class together."""

    truth: Counts
    predicted: Counts
    counts: Counts


@lru_cache(maxsize=_KEPT)
def cells(rows: Rows, classes: int) -> Cells:
    """Return the occupied cells of the confusion matrix."""
    matrix = confusion(rows, classes)
    truth, predicted = np.nonzero(matrix)
    return Cells(truth, predicted, matrix[truth, predicted])


def sums_by(values: Reals, index: Counts, length: int) -> Reals:
    """Return the sums of ``values``, (n,), that share an ``index``, (length,).

    Values are rounded to so many bits that floats add them exactly, 52 for the largest sum there
    may be: the order of the rows then adds no rounding.
    """
    largest = float(np.abs(values).max(initial=0.0)) * int(np.bincount(index).max(initial=0))
    if largest < _NOTHING:
        return np.zeros(length)
    grid = 2.0 ** (math.frexp(largest)[1] - 52)
    sums = np.bincount(index, weights=np.rint(values / grid), minlength=length)
    return np.asarray(sums * grid, dtype=np.float64)
