"""A model is compared with the champion on the same images: answers lost and gained."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gate.evidence.records import Rows
from gate.metrics import tables
from gate.metrics.combined import classes_over, complete_mean
from gate.metrics.count_bounds import bound_change
from gate.metrics.estimates import Estimate, Undefined
from gate.metrics.padded import Padded
from gate.metrics.paired import PairedDifference
from gate.metrics.proportions import Counts, Share, share_of
from gate.metrics.rates import (
    MEAN_F1,
    MEAN_PRECISION,
    MEAN_RECALL,
    NEVER_PREDICTED,
    NO_IMAGES,
    NO_IMAGES_OF_CLASS,
    Mean,
)

OTHER_IMAGES = "the champion was measured on other images"
_MEASURE_AGAIN = "run the champion on the same images with the same labels, and give what that left"
OTHER_LABELS = "the champion has other labels for the same images"


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """The same images as two models saw them, sorted by id; every array has shape (n,)."""

    baseline: Rows
    rows: Rows

    @property
    def lost(self) -> NDArray[np.bool_]:
        """Return which images, (n,), the baseline had right and the model has wrong."""
        return self._right(self.baseline) & ~self._right(self.rows)

    @property
    def gained(self) -> NDArray[np.bool_]:
        """Return which images, (n,), the baseline had wrong and the model has right."""
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
        return Undefined(OTHER_IMAGES, remedy=_MEASURE_AGAIN)
    abstains = baseline.abstains or rows.abstains  # both have the answers that either has
    pairs = Pairs(*(replace(_by_id(each), abstains=abstains) for each in (baseline, rows)))
    if not np.array_equal(pairs.baseline.labels, pairs.rows.labels):
        return Undefined(OTHER_LABELS, remedy=_MEASURE_AGAIN)
    return pairs


def accuracy_change(pairs: Pairs) -> Estimate:
    """Return the accuracy of the model minus that of the baseline; negative when it got worse.

    On ``pairs.of_class(c)`` this is the change in the recall of that class.
    """
    codes = tables.group_codes(pairs.rows)
    lost, gained = (share_of(each, codes, NO_IMAGES) for each in (pairs.lost, pairs.gained))
    if isinstance(lost, Undefined) or isinstance(gained, Undefined):
        return Undefined(NO_IMAGES, 0, 0)
    return PairedDifference(lost, gained)


def balanced_accuracy_change(pairs: Pairs, classes: int) -> Estimate:
    """Return the balanced accuracy of the model minus that of the baseline."""
    return _change(pairs, MEAN_RECALL, classes)


def macro_f1_change(pairs: Pairs, classes: int) -> Estimate:
    """Return the macro F1 of the model minus that of the baseline."""
    return _change(pairs, MEAN_F1, classes)


def precision_change(pairs: Pairs, of: int, classes: int) -> Estimate:
    """Return the precision of a class of the model minus that of the baseline.

    Undefined where one of them never predicts the class.
    """
    if not (pairs.baseline.predictions == of).any() or not (pairs.rows.predictions == of).any():
        return Undefined(NEVER_PREDICTED)
    return _change_of_class(pairs, MEAN_PRECISION, of, classes)


def f1_change(pairs: Pairs, of: int, classes: int) -> Estimate:
    """Return the F1 of a class of the model minus that of the baseline."""
    return _change_of_class(pairs, MEAN_F1, of, classes)


def _change_of_class(pairs: Pairs, mean: Mean, of: int, classes: int) -> Estimate:
    if not (pairs.rows.labels == of).any():
        return Undefined(NO_IMAGES_OF_CLASS, 0, 0)
    return _change_over(pairs, mean, np.arange(pairs.rows.answers(classes)) == of, classes)


def _change(pairs: Pairs, mean: Mean, classes: int) -> Estimate:
    sizes = tables.confusion(pairs.rows, classes).sum(axis=1)
    present, absent = classes_over(sizes, None, classes)
    if not present.any():
        return Undefined(NO_IMAGES, 0, 0)
    found = _change_over(pairs, mean, present, classes)
    return complete_mean(found, int(present.sum()), absent, least=-1.0)


def _change_over(pairs: Pairs, mean: Mean, over: NDArray[np.bool_], classes: int) -> Padded:
    """Return the change of a mean over classes that have images."""
    before, after = (
        mean.value(tables.confusion(rows, classes).astype(np.float64), over)
        for rows in (pairs.baseline, pairs.rows)
    )
    return bound_change(
        pairs.baseline,
        pairs.rows,
        classes,
        after - before,
        lambda matrix: mean.gradient(matrix, over),
    )


def negative_flips(pairs: Pairs) -> Share | Undefined:
    """Return the share of all images that the baseline had right and the model has wrong.

    The negative flip rate (Yan and others, 2021).
    """
    return share_of(pairs.lost, tables.group_codes(pairs.rows), NO_IMAGES)


def newly_broken(pairs: Pairs) -> list[str]:
    """Return the ids of the images that the baseline had right and the model has wrong."""
    return [str(each) for each in pairs.rows.ids[pairs.lost]]


def _by_id(rows: Rows) -> Rows:
    order: Counts = np.argsort(rows.ids.astype(str), kind="stable")
    return rows.take(order)
