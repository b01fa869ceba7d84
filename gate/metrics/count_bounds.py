"""Padded bounds of metrics of the confusion matrix, of images alone and of images in groups."""

from collections.abc import Callable

import numpy as np

from gate.evidence.records import Rows
from gate.metrics import influence, tables
from gate.metrics.influence import BY_GROUP, Influence, lone_of, pad_of
from gate.metrics.padded import METHOD, Padded, Spread, few_groups, spread_of, unbiased
from gate.metrics.proportions import Counts, Reals
from gate.metrics.tables import GroupTable

Gradient = Callable[[Reals], Reals]  # of a confusion matrix: its derivatives, of one shape


def bound_metric(
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
    grouped = tables.has_clusters(rows)
    groups = tables.groups_by_class(rows, classes) if grouped else None
    method = BY_GROUP if grouped else METHOD
    if groups is not None and (few := few_groups(groups.groups)):
        return Padded(value, None, least=least, reason=few, method=method)
    return Padded(
        value,
        _observed(rows, classes, gradient, groups),
        least=least,
        spotless=_spotless(tables.confusion(rows, classes).sum(axis=1), gradient, groups),
        alone=None if groups is None else _observed(rows, classes, gradient, None),
        fails=fails,
        reason=note,
        method=method,
    )


def bound_change(
    champion: Rows, rows: Rows, classes: int, value: float, gradient: Gradient
) -> Padded:
    """Return the change ``value``, in [-1, 1], of a metric of counts with padded bounds.

    ``champion`` and ``rows`` are the same images in one order; ``gradient`` has to be defined for
    both confusion matrices. The image that is added for the lower bound is one that the champion
    has right and the model has as wrong as can be; for the upper bound, the other way around.
    """
    before, after = (
        gradient(tables.confusion(each, classes).astype(np.float64)) for each in (champion, rows)
    )
    sizes = tables.confusion(rows, classes).sum(axis=1)
    change = Influence(
        value,
        of_images=after[rows.labels, rows.predictions] - before[rows.labels, champion.predictions],
        kind=rows.labels.astype(np.int64),
        down=np.maximum(0.0, before.diagonal() - worst_of(after)),
        up=np.maximum(0.0, after.diagonal() - worst_of(before)),
        range_=_range(before, sizes) + _range(after, sizes),
    )
    return influence.bound_statistic(rows, change, least=-1.0)


def _observed(rows: Rows, classes: int, gradient: Gradient, groups: GroupTable | None) -> Spread:
    """Return the spread of the metric over images, or over groups."""
    cells = tables.cells(rows, classes)
    sizes = tables.confusion(rows, classes).sum(axis=1)
    slope = gradient(tables.confusion(rows, classes).astype(np.float64))
    units = sizes if groups is None else groups.groups_of_kinds()
    sums = slope[cells.truth, cells.predicted] * unbiased(units)[cells.truth]
    if groups is not None:
        sums = tables.groups_by_cell(rows, classes).sums_of_groups(sums)
    return spread_of(
        sums,
        down=pad_of(harm_of(slope), sizes, groups),
        up=pad_of(gain_of(slope), sizes, groups),
        times=cells.counts if groups is None else None,
        lone=lone_of(_range(slope, sizes), units),
    )


def _spotless(sizes: Counts, gradient: Gradient, groups: GroupTable | None) -> Spread:
    """Return the spread of the same images all answered right: no image has any influence."""
    slope = gradient(np.diag(sizes.astype(np.float64)))
    units = sizes if groups is None else groups.groups_of_kinds()
    return Spread(
        squares=lone_of(_range(slope, sizes), units),
        cubes=0.0,
        down=pad_of(harm_of(slope), sizes, groups),
        up=0.0,
    )


def harm_of(slope: Reals) -> Reals:
    """Return by how much one more image of a class, as wrong as can be, lowers the metric.

    One number a class, (classes,). ``slope``, (classes, classes), are its derivatives:
    see :mod:`gate.metrics.gradients`.
    """
    return np.asarray(np.maximum(0.0, -worst_of(slope)))


def gain_of(slope: Reals) -> Reals:
    """Return by how much one more image of a class, as right as can be, raises the metric.

    One number a class, (classes,). ``slope``, (classes, classes), are its derivatives:
    see :mod:`gate.metrics.gradients`.
    """
    return np.asarray(np.maximum(0.0, slope.max(axis=1)))


def worst_of(slope: Reals) -> Reals:
    """Return what the worst wrong answer to an image of a class adds to the metric, (classes,).

    ``slope``, (classes, classes), are its derivatives.
    """
    wrong = np.where(np.eye(len(slope), dtype=bool), np.inf, slope)
    return np.asarray(wrong.min(axis=1))


def _range(slope: Reals, sizes: Counts) -> Reals:
    """Return what it costs when all right images of a class turn into the worst wrong ones."""
    return np.asarray(sizes * (slope.diagonal() - worst_of(slope)))
