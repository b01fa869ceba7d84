"""A model against the champion on the same images: what was lost, what was gained."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gate.evidence.records import Rows
from gate.metrics import tables
from gate.metrics.estimates import Estimate, Undefined
from gate.metrics.paired import ClusteredPairedDifference, PairedDifference
from gate.metrics.proportions import Counts, Reals, Share, share_of
from gate.metrics.rates import NO_IMAGES, mean_f1, mean_recall
from gate.metrics.resampling import CountStatistic, bootstrap_paired_counts

OTHER_IMAGES = "the baseline was measured on other images"
OTHER_LABELS = "the baseline has other labels for the same images"


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """The same images as two models saw them, sorted by id; every array has shape (n,)."""

    baseline: Rows
    rows: Rows

    @property
    def lost(self) -> NDArray[np.bool_]:
        """Return which images the baseline had right and the model has wrong."""
        return self._right(self.baseline) & ~self._right(self.rows)

    @property
    def gained(self) -> NDArray[np.bool_]:
        """Return which images the baseline had wrong and the model has right."""
        return ~self._right(self.baseline) & self._right(self.rows)

    def of_class(self, of: int) -> "Pairs":
        """Return the pairs whose true class is ``of``."""
        mask = self.rows.labels == of
        return Pairs(self.baseline.where(mask), self.rows.where(mask))

    @staticmethod
    def _right(rows: Rows) -> NDArray[np.bool_]:
        return np.asarray(rows.labels == rows.predictions)


def pair(baseline: Rows, rows: Rows) -> Pairs | Undefined:
    """Return both sets of rows in the order of their ids, or why they do not compare."""
    if set(baseline.ids) != set(rows.ids) or len(baseline) != len(rows):
        return Undefined(OTHER_IMAGES)
    pairs = Pairs(_by_id(baseline), _by_id(rows))
    if not np.array_equal(pairs.baseline.labels, pairs.rows.labels):
        return Undefined(OTHER_LABELS)
    return pairs


def accuracy_change(pairs: Pairs) -> Estimate:
    """Return the accuracy of the model minus that of the baseline; negative when it got worse.

    On ``pairs.of_class(c)`` this is the change in the recall of that class.
    """
    n = len(pairs.rows)
    if n == 0:
        return Undefined(NO_IMAGES, 0, 0)
    codes = tables.group_codes(pairs.rows)
    if codes is None or not tables.clustered(pairs.rows):
        return PairedDifference(int(pairs.lost.sum()), int(pairs.gained.sum()), n)
    lost, gained = (share_of(each, codes, NO_IMAGES) for each in (pairs.lost, pairs.gained))
    if isinstance(lost, Undefined) or isinstance(gained, Undefined):
        return Undefined(NO_IMAGES, 0, 0)
    return ClusteredPairedDifference(lost, gained)


def change(pairs: Pairs, statistic: CountStatistic, classes: int) -> Estimate:
    """Return a metric of counts of the model minus that of the baseline.

    For metrics whose denominators differ between the two, such as precision; both are resampled
    together.
    """
    if len(pairs.rows) == 0:
        return Undefined(NO_IMAGES, 0, 0)
    return bootstrap_paired_counts(pairs.baseline, pairs.rows, classes, statistic)


def balanced_accuracy_change(pairs: Pairs, classes: int) -> Estimate:
    """Return the balanced accuracy of the model minus that of the baseline."""
    return change(pairs, mean_recall, classes)


def macro_f1_change(pairs: Pairs, classes: int) -> Estimate:
    """Return the macro F1 of the model minus that of the baseline."""
    return change(pairs, mean_f1, classes)


def precision_change(pairs: Pairs, of: int, classes: int) -> Estimate:
    """Return the precision of a class of the model minus that of the baseline.

    Undefined where one of them never predicts the class.
    """

    def precision(margins: tables.Margins) -> Reals:
        return _quotient(margins.right[..., of], margins.predicted[..., of])

    return change(pairs, precision, classes)


def f1_change(pairs: Pairs, of: int, classes: int) -> Estimate:
    """Return the F1 of a class of the model minus that of the baseline."""

    def f1(margins: tables.Margins) -> Reals:
        both = margins.true[..., of] + margins.predicted[..., of]
        return _quotient(2 * margins.right[..., of], both)

    return change(pairs, f1, classes)


def negative_flips(pairs: Pairs) -> Share | Undefined:
    """Return the share of all images that the baseline had right and the model has wrong.

    The negative flip rate (Yan and others, 2021).
    """
    return share_of(pairs.lost, tables.group_codes(pairs.rows), NO_IMAGES)


def newly_broken(pairs: Pairs) -> list[str]:
    """Return the ids of the images that the baseline had right and the model has wrong."""
    return [str(each) for each in pairs.rows.ids[pairs.lost]]


def _quotient(above: Reals, below: Reals) -> Reals:
    """Return above / below, NaN where below is 0."""
    out = np.full_like(above, np.nan)
    return np.asarray(np.divide(above, below, out=out, where=below > 0))


def _by_id(rows: Rows) -> Rows:
    order: Counts = np.argsort(rows.ids.astype(str), kind="stable")
    return rows.take(order)
