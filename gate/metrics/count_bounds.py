"""Padded bounds of metrics of the confusion matrix, of images alone and of images in groups."""

from collections.abc import Callable

import numpy as np

from gate.evidence.records import Rows
from gate.metrics import tables
from gate.metrics.padded import (
    METHOD,
    Padded,
    Spread,
    few_groups,
    spread_of,
    typical,
    unbiased,
)
from gate.metrics.proportions import Counts, Reals
from gate.metrics.tables import GroupTable

Gradient = Callable[[Reals], Reals]  # of a confusion matrix: its derivatives, of one shape


def bounded(
    rows: Rows,
    classes: int,
    value: float,
    gradient: Gradient,
    *,
    least: float = 0.0,
    fails: bool = True,
    note: str = "",
) -> Padded:
    """Return a metric of counts that is ``value`` on the rows, and 1 at best, with padded bounds.

    ``gradient`` has to be defined for the confusion matrix of the rows, and for that of the same
    images all answered right. See :class:`Padded` for ``least`` and ``fails``.
    """
    grouped = tables.clustered(rows)
    groups = tables.groups_by_class(rows, classes) if grouped else None
    method = f"{METHOD}, by group" if grouped else METHOD
    if groups is not None and (few := few_groups(groups.groups)):
        return Padded(value, None, least=least, reason=few, method=method)
    return Padded(
        value,
        _observed(rows, classes, gradient, groups),
        least=least,
        spotless=_spotless(tables.confusion(rows, classes).sum(axis=1), gradient, groups),
        fails=fails,
        reason=note,
        method=method,
    )


def _observed(rows: Rows, classes: int, gradient: Gradient, groups: GroupTable | None) -> Spread:
    """Return the spread of the metric over images, or over groups."""
    cells = tables.cells(rows, classes)
    sizes = tables.confusion(rows, classes).sum(axis=1)
    slope = gradient(tables.confusion(rows, classes).astype(np.float64))
    units = sizes if groups is None else groups.groups_of_kinds()
    influence = slope[cells.truth, cells.predicted] * unbiased(units)[cells.truth]
    if groups is None:
        sums, times = influence, cells.counts
    else:
        sums, times = tables.groups_by_cell(rows, classes).sums_of_groups(influence), None
    return spread_of(
        sums,
        down=_pad(_harm(slope), sizes, groups),
        up=_pad(_gain(slope), sizes, groups),
        times=times,
        lone=_lone(slope, sizes, units),
    )


def _spotless(sizes: Counts, gradient: Gradient, groups: GroupTable | None) -> Spread:
    """Return the spread of the same images all answered right: no image has any influence."""
    slope = gradient(np.diag(sizes.astype(np.float64)))
    units = sizes if groups is None else groups.groups_of_kinds()
    return Spread(
        squares=_lone(slope, sizes, units),
        cubes=0.0,
        down=_pad(_harm(slope), sizes, groups),
        up=0.0,
    )


def _harm(slope: Reals) -> Reals:
    """Return by how much one more image of each class, as wrong as can be, lowers the metric."""
    return np.asarray(np.maximum(0.0, -_worst(slope)))


def _gain(slope: Reals) -> Reals:
    """Return by how much one more image of each class, as right as can be, raises the metric."""
    return np.asarray(np.maximum(0.0, slope.max(axis=1)))


def _worst(slope: Reals) -> Reals:
    """Return what the worst wrong answer to an image of each class adds to the metric."""
    wrong = np.where(np.eye(len(slope), dtype=bool), np.inf, slope)
    return np.asarray(wrong.min(axis=1))


def _pad(harm: Reals, sizes: Counts, groups: GroupTable | None) -> float:
    """Return how far a unit of typical size moves the metric, in the class where that is most.

    ``harm`` and ``sizes`` are those of each class, (classes,); a unit is a group, or an image.
    """
    if groups is None:
        return float(harm[sizes > 0].max())
    of_groups, images = groups.sums_of_groups(harm), np.maximum(sizes, 1)
    first, second = groups.sums_of_kinds(of_groups), groups.sums_of_kinds(of_groups**2)
    return float(typical(first / images, second / images).max())


def _lone(slope: Reals, sizes: Counts, units: Counts) -> float:
    """Return the variance of classes seen in one unit only, which show none.

    At most a quarter of the squared range: what it costs when all right images of the class turn
    into the worst wrong ones.
    """
    range_ = sizes * (slope.diagonal() - _worst(slope))
    return float(np.sort(np.where(units == 1, range_ / 2, 0.0) ** 2).sum())
