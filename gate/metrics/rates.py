"""Shares of right and wrong answers, from the confusion matrix.

Metrics take rows, the index ``of`` of a class where they speak of one, and the number of declared
``classes``. Shares of images have exact bounds, and padded ones where images come in groups; means
over classes have padded bounds. A metric *of the images of one class* is the metric of
``rows.where(rows.labels == of)``.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gate.evidence.records import Rows
from gate.metrics import gradients, tables
from gate.metrics.combined import Difference, Over, classes_over, complete_mean
from gate.metrics.count_bounds import bound_metric
from gate.metrics.estimates import Estimate, Undefined
from gate.metrics.padded import Padded
from gate.metrics.proportions import F1, Reals, Share, counted_share, share_of

NO_IMAGES = "it has no images"
NO_IMAGES_OF_CLASS = "the class has no images"
NO_OTHER_IMAGES = "it has no images of other classes"
NEVER_PREDICTED = "the class is never predicted"
NO_ANSWERS = "no image gets an answer"

_LITTLE = 0.1  # of the standard deviation: a bias that moves an error of 0.05 to 0.06
_FEWEST_TO_FAIL = 5  # images a class: with fewer, macro F1 is so biased that it looks too low


def accuracy(rows: Rows) -> Share | Undefined:
    """Return the share of right predictions, in [0, 1]."""
    return share_of(rows.labels == rows.predictions, tables.group_codes(rows), NO_IMAGES)


def recall(rows: Rows, of: int, classes: int) -> Share | Undefined:
    """Return TP / (TP + FN): the share of the images of the class that are recognised."""
    return confusion_rate(rows, of, of, classes)


def confusion_rate(rows: Rows, truth: int, taken_for: int, classes: int) -> Share | Undefined:
    """Return the share of the images of class ``truth`` that are taken for ``taken_for``."""
    codes = tables.group_codes(rows)
    if codes is None:
        matrix = tables.confusion(rows, classes)
        return counted_share(matrix[truth, taken_for], matrix[truth].sum(), NO_IMAGES_OF_CLASS)
    mask = rows.labels == truth
    return share_of(rows.predictions[mask] == taken_for, codes[mask], NO_IMAGES_OF_CLASS)


def false_positive_rate(rows: Rows, of: int, classes: int) -> Share | Undefined:
    """Return FP / (FP + TN): the share of the other images that are taken for the class."""
    codes = tables.group_codes(rows)
    if codes is None:
        matrix = tables.confusion(rows, classes)
        wrong = matrix[:, of].sum() - matrix[of, of]
        return counted_share(wrong, matrix.sum() - matrix[of].sum(), NO_OTHER_IMAGES)
    mask = rows.labels != of
    return share_of(rows.predictions[mask] == of, codes[mask], NO_OTHER_IMAGES)


def share_from(rows: Rows, of: int, threshold: float, *, of_class: bool) -> Share | Undefined:
    """Return the share of images whose score of the class ``of`` is ``threshold`` or more.

    Of the images of the class: recall; of the others: the false-positive rate at that threshold.
    """
    if rows.scores is None:
        return Undefined("no scores were kept")
    mask = (rows.labels == of) == of_class
    codes = tables.group_codes(rows)
    return share_of(
        rows.scores[mask, of] >= np.float64(threshold),
        None if codes is None else codes[mask],
        NO_IMAGES_OF_CLASS if of_class else NO_OTHER_IMAGES,
    )


def coverage(rows: Rows, of: int | None = None) -> Share | Undefined:
    """Return the share of images that get an answer: of all, or of those of the class ``of``."""
    mask = np.ones(len(rows), dtype=bool) if of is None else rows.labels == of
    codes = tables.group_codes(rows)
    return share_of(
        rows.predictions[mask] >= 0,
        None if codes is None else codes[mask],
        NO_IMAGES if of is None else NO_IMAGES_OF_CLASS,
    )


def error_of_answers(rows: Rows) -> Share | Undefined:
    """Return the share of wrong answers among the images that get one.

    Given who gets one, the mistakes are binomial.
    """
    mask = rows.predictions >= 0
    codes = tables.group_codes(rows)
    wrong = rows.labels[mask] != rows.predictions[mask]
    return share_of(wrong, None if codes is None else codes[mask], NO_ANSWERS)


def specificity(rows: Rows, of: int, classes: int) -> Share | Undefined:
    """Return TN / (TN + FP): the share of the other images that are not taken for the class."""
    codes = tables.group_codes(rows)
    if codes is None:
        matrix = tables.confusion(rows, classes)
        others = matrix.sum() - matrix[of].sum()
        wrong = matrix[:, of].sum() - matrix[of, of]
        return counted_share(others - wrong, others, NO_OTHER_IMAGES)
    mask = rows.labels != of
    return share_of(rows.predictions[mask] != of, codes[mask], NO_OTHER_IMAGES)


def precision(rows: Rows, of: int, classes: int) -> Share | Undefined:
    """Return TP / (TP + FP): the share of the images taken for the class that are of it.

    It speaks for deployment only where the mix of classes there is the mix of this data. It is
    undefined for a class without images, because each prediction of it is then wrong whatever the
    model is worth, and for a class that is never predicted; ``reason`` says which.
    """
    matrix = tables.confusion(rows, classes)
    taken = int(matrix[:, of].sum())
    if matrix[of].sum() == 0:
        return Undefined(NO_IMAGES_OF_CLASS, 0, taken)
    codes = tables.group_codes(rows)
    if codes is None:
        return counted_share(matrix[of, of], taken, NEVER_PREDICTED)
    mask = rows.predictions == of
    return share_of(rows.labels[mask] == of, codes[mask], NEVER_PREDICTED)


def f1(rows: Rows, of: int, classes: int) -> F1 | Undefined:
    """Return 2 TP / (2 TP + FP + FN) of the class; 0 when it has images and is never predicted."""
    matrix = tables.confusion(rows, classes)
    if matrix[of].sum() == 0:
        return Undefined(NO_IMAGES_OF_CLASS, 0, int(matrix[:, of].sum()))
    codes = tables.group_codes(rows)
    share: Share | Undefined
    if codes is None:
        union = matrix[of].sum() + matrix[:, of].sum() - matrix[of, of]
        share = counted_share(matrix[of, of], union, NO_IMAGES_OF_CLASS)
    else:
        mask = (rows.labels == of) | (rows.predictions == of)
        both = rows.labels[mask] == rows.predictions[mask]
        share = share_of(both, codes[mask], NO_IMAGES_OF_CLASS)
    return share if isinstance(share, Undefined) else F1(share)


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over classes that comes from the confusion matrix: its ratios and its derivatives."""

    ratios: Callable[[Reals], tuple[Reals, Reals]]  # numerators and denominators, (classes,)
    gradient: Callable[[Reals, NDArray[np.bool_]], Reals]

    def value(self, matrix: Reals, over: NDArray[np.bool_]) -> float:
        """Return the mean over the classes ``over``, (classes,), not all false."""
        above, below = self.ratios(matrix)
        return float((above[over] / below[over]).sum() / over.sum())


MEAN_RECALL = Mean(lambda m: (m.diagonal(), m.sum(axis=1)), gradients.of_mean_recall)
MEAN_F1 = Mean(lambda m: (2 * m.diagonal(), m.sum(axis=0) + m.sum(axis=1)), gradients.of_mean_f1)
MEAN_PRECISION = Mean(  # right answers are 0 where a class is never predicted: 0 of 1
    lambda m: (m.diagonal(), np.maximum(m.sum(axis=0), 1)), gradients.of_mean_precision
)


def balanced_accuracy(rows: Rows, classes: int, over: Over = None) -> Estimate:
    """Return the mean recall over the classes ``over``, by default all: macro recall.

    It is in [0, 1]. As of all means over classes, the value is that of the classes that have
    images, and the bounds leave open what the others would show (:class:`MeanOverClasses`).
    """
    return _mean_over_classes(rows, classes, over, MEAN_RECALL)


def macro_f1(rows: Rows, classes: int, over: Over = None) -> Estimate:
    """Return the mean F1 over the classes ``over``, by default all.

    It is in [0, 1]. With fewer than 5 images a class on average it is never proven to be low. With
    more, its upper bound allows for how much too low it is expected to be, which counts where there
    are many classes: their mean has little spread.
    """
    matrix = tables.confusion(rows, classes)
    present, absent = classes_over(matrix.sum(axis=1), over, classes)
    found = _mean_of_present(rows, classes, present, MEAN_F1, fewest_to_fail=_FEWEST_TO_FAIL)
    if isinstance(found, Undefined):
        return found
    if found.spread is not None:
        forgiven = math.sqrt(found.spread.squares) * _LITTLE
        low = _f1_too_low(rows, classes, present)
        found = replace(found, too_low=max(0.0, low - forgiven))
    return complete_mean(found, int(present.sum()), absent)


def _f1_too_low(rows: Rows, classes: int, present: NDArray[np.bool_]) -> float:
    """Return about how much lower macro F1 is on average than for more and more images.

    By the second derivatives of 2 d / s: F1 (1 - F1) / s for a class with d right images, and s
    images and predictions, as many times as its images of a group are, all taken to be alike.
    """
    matrix = tables.confusion(rows, classes)
    both = np.maximum(matrix.sum(axis=0) + matrix.sum(axis=1), 1)
    each = 2 * matrix.diagonal() / both
    low = each * (1 - each) / both
    if tables.has_clusters(rows):
        groups = tables.groups_by_class(rows, classes)
        squares = np.bincount(groups.kind, weights=groups.counts**2.0, minlength=len(each))
        low = low * squares / np.maximum(matrix.sum(axis=1), 1)
    return float(low[present].mean())


def macro_precision(rows: Rows, classes: int, over: Over = None) -> Estimate:
    """Return the mean precision over the classes ``over``, by default all.

    0 of a class that is never predicted.
    """
    return _mean_over_classes(rows, classes, over, MEAN_PRECISION)


def gap(first: Estimate, second: Estimate) -> Estimate:
    """Return the first estimate minus the second, of independent images: train minus test."""
    if first.value is None or second.value is None:
        return Undefined(first.reason or second.reason)
    return Difference(first, second)


def _mean_over_classes(rows: Rows, classes: int, over: Over, mean: Mean) -> Estimate:
    present, absent = classes_over(tables.confusion(rows, classes).sum(axis=1), over, classes)
    found = _mean_of_present(rows, classes, present, mean)
    if isinstance(found, Undefined):
        return found
    return complete_mean(found, int(present.sum()), absent)


def _mean_of_present(
    rows: Rows, classes: int, present: NDArray[np.bool_], mean: Mean, *, fewest_to_fail: int = 0
) -> Padded | Undefined:
    matrix = tables.confusion(rows, classes)
    if not present.any():
        return Undefined(NO_IMAGES, 0, 0)
    fails = int(matrix[present].sum()) >= fewest_to_fail * int(present.sum())
    return bound_metric(
        rows,
        classes,
        mean.value(matrix.astype(np.float64), present),
        lambda each: mean.gradient(each, present),
        fails=fails,
        note="" if fails else f"fewer than {fewest_to_fail} images a class never prove it low",
    )
