"""Bounds by resampling, for changes of metrics that have no interval of their own.

Images are drawn anew within their true class, which for a metric of counts is a multinomial draw
for each row of the confusion matrix: the same distribution as drawing the images one by one. Where
images come in groups, whole groups are drawn.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gate.evidence.records import Rows
from gate.metrics import tables
from gate.metrics.estimates import Estimate, Undefined
from gate.metrics.padded import MIN_GROUPS, few_groups
from gate.metrics.proportions import Counts, Reals, normal_quantile

RESAMPLES = 2000
SEED = 20_260_701  # any number; fixed, so that two runs on the same rows give the same bytes
_BUDGET = 4_000_000  # resampled counts that are held at once, 32 MB
_REMEMBERED = 500_000  # resampled counts of a table that are kept for its next metric, 4 MB
_FEW_GROUPS = 50  # percentile bounds of fewer groups were seen to fail twice as often as promised
_MOST_CELLS = 2000  # with more, the acceleration is of the order of 0.001, and is taken as 0

CountStatistic = Callable[[tables.Margins], Reals]  # margins (..., classes) -> (...)


@dataclass(frozen=True, slots=True, eq=False)
class Bootstrapped:
    """A value with the sorted values of its resamples, (resamples,).

    Bounds are bias-corrected and accelerated (Efron, 1987); percentiles where ``acceleration`` is
    NaN. Resamples that are all alike prove nothing: 20 right of 20 give an interval of width 0.
    """

    value: float
    resamples: Reals
    acceleration: float = math.nan
    groups: int | None = None
    note: str = ""
    posterior: bool = False  # the values are draws from a posterior, not resamples

    @property
    def numerator(self) -> None:
        """Return None: the value is no quotient of counts."""
        return

    @property
    def denominator(self) -> None:
        """Return None: the value is no quotient of counts."""
        return

    @property
    def method(self) -> str:
        """Return the name of the interval, with the number of resamples and the seed."""
        kind = "percentile" if math.isnan(self._shift()) else "BCa"
        if self.posterior:
            return f"quantiles of {len(self.resamples)} Dirichlet draws, seed {SEED}"
        drawn = "groups" if self.groups is not None else "images by class"
        return f"{kind} bootstrap of {drawn}, {len(self.resamples)} resamples, seed {SEED}"

    @property
    def reason(self) -> str:
        """Return why nothing is proven, or a note."""
        if self.groups is not None and (few := few_groups(self.groups)):
            return few
        if self._degenerate():
            return "degenerate: every resample gives the same value, which proves nothing"
        return self.note

    def lower(self, confidence: float) -> float:
        """Return the lower bound; NaN when the resamples are degenerate."""
        return self._quantile(1 - confidence)

    def upper(self, confidence: float) -> float:
        """Return the upper bound; NaN when the resamples are degenerate."""
        return self._quantile(confidence)

    def _degenerate(self) -> bool:
        return bool(self.resamples[-1] - self.resamples[0] <= 1e-12 * max(1.0, abs(self.value)))

    def _shift(self) -> float:
        """Return BCa's z0, NaN where it or the acceleration does not exist."""
        if math.isnan(self.acceleration):
            return math.nan
        below = np.searchsorted(self.resamples, self.value - 1e-12, side="left")
        upto = np.searchsorted(self.resamples, self.value + 1e-12, side="right")
        share = float(below + upto) / 2 / len(self.resamples)  # ties count half
        return normal_quantile(share) if 0 < share < 1 else math.nan

    def _quantile(self, level: float) -> float:
        if self._degenerate() or (self.groups is not None and self.groups < MIN_GROUPS):
            return math.nan
        shift = self._shift()
        if not math.isnan(shift):
            from scipy.special import ndtr

            z = shift + normal_quantile(level)
            stretch = 1 - self.acceleration * z
            if stretch > 0:
                level = float(ndtr(shift + z / stretch))
        return float(np.quantile(self.resamples, level))


def bootstrap_paired_counts(
    baseline: Rows, rows: Rows, classes: int, statistic: CountStatistic
) -> Estimate:
    """Return the statistic of ``rows`` minus that of ``baseline``, the same images in one order."""
    joint = (rows.labels.astype(np.int64) * classes + baseline.predictions) * classes
    key, cell, counts = np.unique(joint + rows.predictions, return_inverse=True, return_counts=True)
    truth = key // classes**2
    old = tables.Cells(truth, key // classes % classes, counts, classes)
    new = tables.Cells(truth, key % classes, counts, classes)

    def difference(counts: Reals) -> Reals:
        return statistic(new.margins(counts)) - statistic(old.margins(counts))

    value = float(difference(counts.astype(np.float64)))
    return _bootstrap(rows, new, cell.ravel(), difference, value)


def bootstrap_without(
    rows: Rows, left_out: NDArray[np.bool_], classes: int, statistics: CountStatistic
) -> list[Estimate]:
    """Return statistics of all rows minus those of the rows that are not ``left_out``, (n,).

    ``statistics`` takes margins (..., classes) and gives k numbers, (..., k), all from one draw.
    Images of a true class that are left out are drawn apart from the others.
    """
    table = tables.cells(rows, classes)
    place = np.zeros((classes, classes), dtype=np.int64)
    place[table.truth, table.predicted] = np.arange(len(table.counts))
    either = 2 * place[rows.labels, rows.predictions] + left_out
    key, cell, counts = np.unique(either, return_inverse=True, return_counts=True)
    truth, out = table.truth[key // 2], key % 2
    # What is drawn together lies together: of each true class first what stays.
    order = np.lexsort((out, np.cumsum(np.diff(truth, prepend=-1) != 0)))
    truth, out, counts = truth[order], out[order], counts[order]
    given = tables.Cells(truth, table.predicted[key // 2][order], counts, classes)

    def differences(drawn: Reals) -> Reals:
        with np.errstate(invalid="ignore"):  # groups may be drawn of which nothing stays: NaN
            return statistics(given.margins(drawn)) - statistics(given.margins(drawn * (1 - out)))

    return _bootstrap_each(
        rows,
        replace(given, truth=2 * truth + out),
        np.argsort(order)[cell.ravel()],
        differences,
        differences(counts.astype(np.float64)),
    )


def bootstrap_groups(sums: Reals, statistic: Callable[[Reals], Reals]) -> Estimate:
    """Return a statistic of totals over groups with bounds by drawing whole groups.

    ``sums``, (groups, columns), holds what each group adds to the totals, in an order that does not
    depend on the rows; ``statistic`` takes totals of shape (..., columns).
    """
    value = float(statistic(sums.sum(axis=0)))
    drawn = _kept(statistic(weights @ sums) for weights in _group_weights(len(sums), len(sums)))
    return _of_groups(value, drawn, len(sums))


def _bootstrap(
    rows: Rows,
    table: tables.Cells,
    cell: Counts,
    statistic: Callable[[Reals], Reals],
    value: float,
) -> Estimate:
    """Return a statistic of counts (..., cells) with bounds; ``cell``, (n,), places each row."""
    values = np.array([value])
    each = _bootstrap_each(rows, table, cell, lambda counts: statistic(counts)[..., None], values)
    return each[0]


def _bootstrap_each(
    rows: Rows,
    table: tables.Cells,
    cell: Counts,
    statistics: Callable[[Reals], Reals],
    values: Reals,
) -> list[Estimate]:
    """Return each of k statistics, (..., k) of counts (..., cells), with its bounds.

    Images of one ``truth`` of the table are drawn together; ``values``, (k,), are those observed.
    """
    if np.isnan(values).all():
        return [Undefined("there is nothing to divide by") for _ in values]
    codes = tables.group_codes(rows)
    if codes is not None and tables.clustered(rows):
        groups = int(codes.max()) + 1
        drawn = _each_kept(map(statistics, _draw_groups(codes, cell, groups, len(table.counts))))
        found: list[Estimate] = [
            _of_groups(value, kept, groups)
            for value, kept in zip(values.tolist(), drawn, strict=True)
        ]
    else:
        drawn = _each_kept(map(statistics, _draw_by_class(table)))
        found = [
            Bootstrapped(value, np.sort(kept), acceleration)
            for value, kept, acceleration in zip(
                values.tolist(), drawn, _accelerations(table, statistics, len(values)), strict=True
            )
        ]
    return [
        Undefined("there is nothing to divide by") if math.isnan(value) else estimate
        for value, estimate in zip(values.tolist(), found, strict=True)
    ]


def _of_groups(value: float, drawn: Reals, groups: int) -> Bootstrapped:
    few = MIN_GROUPS <= groups < _FEW_GROUPS
    note = f"only {groups} groups: resampled bounds tend to be too narrow" if few else ""
    return Bootstrapped(value, np.sort(drawn), groups=groups, note=note)


def _kept(chunks: Iterable[Reals]) -> Reals:
    """Return all the chunks in one, without NaN; a single 0 when nothing is left."""
    return _each_kept(chunk[:, None] for chunk in chunks)[0]


def _each_kept(chunks: Iterable[Reals]) -> list[Reals]:
    """Return the columns of all the chunks, (some, k), without NaN; a single 0 for nothing left."""
    drawn = np.concatenate(list(chunks)).T
    kept = [column[~np.isnan(column)] for column in drawn]
    return [column if len(column) else np.zeros(1) for column in kept]


def _draw_by_class(table: tables.Cells) -> Iterator[Reals]:
    """Yield resampled counts, (some, cells), images drawn within their true class."""
    if RESAMPLES * len(table.counts) <= min(_REMEMBERED, _BUDGET):
        columns = np.stack([table.counts, table.truth]).astype(np.int64)
        yield _remembered_draws(columns.tobytes())
    else:
        yield from _drawn_by_class(table.counts, table.truth)


@lru_cache(maxsize=4)
def _remembered_draws(columns: bytes) -> Reals:
    """Return all resampled counts of one table: its metrics take less time than drawing them."""
    counts, truth = np.frombuffer(columns, np.int64).reshape(2, -1)
    drawn = np.concatenate(list(_drawn_by_class(counts, truth)))
    drawn.flags.writeable = False  # they are those of the next metric too
    return drawn


def _drawn_by_class(counts: Counts, truth: Counts) -> Iterator[Reals]:
    random = np.random.default_rng(SEED)
    starts = np.flatnonzero(np.diff(truth, prepend=-1))
    rows_of_matrix = np.split(counts, starts[1:])
    for some in _portions(len(counts)):
        drawn = [
            random.multinomial(int(row.sum()), row / row.sum(), size=some) for row in rows_of_matrix
        ]
        yield np.concatenate(drawn, axis=1).astype(np.float64)


def _draw_groups(codes: Counts, cell: Counts, groups: int, cells: int) -> Iterator[Reals]:
    """Yield resampled counts, (some, cells), whole groups drawn with replacement."""
    from scipy.sparse import coo_array

    each = coo_array((np.ones(len(cell)), (codes, cell)), shape=(groups, cells)).tocsr()
    for weights in _group_weights(groups, max(groups, cells)):
        yield weights @ each


def _group_weights(groups: int, width: int) -> Iterator[Reals]:
    """Yield how often each group is drawn, (some, groups); ``width`` is the widest array made."""
    random = np.random.default_rng(SEED)
    for some in _portions(width):
        drawn = random.integers(0, groups, size=(some, groups))
        offset = np.arange(some)[:, np.newaxis] * groups
        times = np.bincount((drawn + offset).ravel(), minlength=some * groups)
        yield times.reshape(some, groups).astype(np.float64)


def _portions(width: int) -> Iterator[int]:
    """Yield numbers of resamples that add up to all, each within the memory budget."""
    most = max(1, _BUDGET // max(1, width))
    for start in range(0, RESAMPLES, most):
        yield min(most, RESAMPLES - start)


def _accelerations(
    table: tables.Cells, statistics: Callable[[Reals], Reals], count: int
) -> list[float]:
    """Return BCa's acceleration of each statistic, from leaving out one image at a time.

    All images of a cell are alike, so one of them stands for all. The image of a class that has
    only one is kept: without it the class would be lost, and it has no spread to speak of.
    """
    if len(table.counts) > _MOST_CELLS:
        return [0.0] * count
    sizes: Reals = np.bincount(table.truth, weights=table.counts)[table.truth].astype(np.float64)
    without = statistics(table.counts.astype(np.float64) - np.diag(sizes > 1))
    return [_acceleration(table, sizes, column) for column in without.T]


def _acceleration(table: tables.Cells, sizes: Reals, without: Reals) -> float:
    """Return the acceleration of a statistic that is ``without`` an image of each cell, (cells,).

    ``sizes``, (cells,), has the images that are drawn together with those of the cell.
    """
    means = np.bincount(table.truth, weights=table.counts * without)[table.truth] / sizes
    influence = (sizes - 1) * (means - without) / sizes
    variance = float((table.counts * influence**2).sum())
    if not variance > 0:
        return math.nan
    return float((table.counts * influence**3).sum()) / (6 * math.sqrt(variance) ** 3)
