"""Shares of right and wrong answers, from the confusion matrix.

Metrics take rows, the index ``of`` of a class where they speak of one, and the number of declared
``classes``. Shares of images have exact bounds, and padded ones where images come in groups; means
over classes have padded bounds. A metric *of the images of one class* is the metric of
``rows.where(rows.labels == of)``.
"""

from collections.abc import Callable

import numpy as np

from gate.evidence.records import Rows
from gate.metrics import gradients, tables
from gate.metrics.combined import Difference
from gate.metrics.count_bounds import Gradient, bounded
from gate.metrics.estimates import Estimate, Undefined
from gate.metrics.proportions import F1, Reals, Share, counted_share, share_of

NO_IMAGES = "no images"
NO_IMAGES_OF_CLASS = "the class has no images"
NO_OTHER_IMAGES = "no images of other classes"
NEVER_PREDICTED = "never predicted"

_FEWEST_TO_FAIL = 5  # images a class: with fewer, macro F1 is so biased that it looks too low


def accuracy(rows: Rows) -> Share | Undefined:
    """Return the share of right predictions."""
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


def balanced_accuracy(rows: Rows, classes: int) -> Estimate:
    """Return the mean recall over the classes that have images: macro recall."""
    return _mean_over_classes(rows, classes, mean_recall, gradients.of_mean_recall)


def macro_f1(rows: Rows, classes: int) -> Estimate:
    """Return the mean F1 over the classes that have images.

    With fewer than 5 images a class on average it is never proven to be low.
    """
    return _mean_over_classes(
        rows, classes, mean_f1, gradients.of_mean_f1, fewest_to_fail=_FEWEST_TO_FAIL
    )


def macro_precision(rows: Rows, classes: int) -> Estimate:
    """Return the mean precision over the classes that have images, 0 where never predicted."""
    return _mean_over_classes(rows, classes, mean_precision, gradients.of_mean_precision)


def gap(first: Estimate, second: Estimate) -> Estimate:
    """Return the first estimate minus the second, of independent images: train minus test."""
    if first.value is None or second.value is None:
        return Undefined(first.reason or second.reason)
    return Difference(first, second)


def mean_recall(margins: tables.Margins) -> Reals:
    """Return balanced accuracy from margins, (...)."""
    return _mean_of_present(margins.right, margins.true, margins)


def mean_f1(margins: tables.Margins) -> Reals:
    """Return macro F1 from margins, (...)."""
    return _mean_of_present(2 * margins.right, margins.true + margins.predicted, margins)


def f1_of_each(margins: tables.Margins) -> Reals:
    """Return the F1 of each class from margins, (..., classes); NaN without images of the class."""
    below = np.where(margins.true > 0, margins.true + margins.predicted, np.nan)
    return np.asarray(2 * margins.right / below)


def mean_precision(margins: tables.Margins) -> Reals:
    """Return macro precision from margins, (...)."""
    # Right answers are 0 where a class is never predicted: 0 / 1 is then the 0 that it counts as.
    return _mean_of_present(margins.right, np.maximum(margins.predicted, 1), margins)


def _mean_over_classes(
    rows: Rows,
    classes: int,
    statistic: Callable[[tables.Margins], Reals],
    gradient: Gradient,
    *,
    fewest_to_fail: int = 0,
) -> Estimate:
    if len(rows) == 0:
        return Undefined(NO_IMAGES, 0, 0)
    margins = tables.margins(rows, classes)
    fails = len(rows) >= fewest_to_fail * int(np.count_nonzero(margins.true))
    return bounded(
        rows,
        classes,
        float(statistic(margins)),
        gradient,
        fails=fails,
        note="" if fails else f"fewer than {fewest_to_fail} images a class never prove it low",
    )


def _mean_of_present(above: Reals, below: Reals, margins: tables.Margins) -> Reals:
    """Return the mean of above / below, (..., classes), over the classes that have images."""
    images = margins.true
    ever = images.reshape(-1, images.shape[-1]).any(axis=0)
    above, below, here = above[..., ever], below[..., ever], images[..., ever] > 0
    ratios = np.divide(above, below, out=np.zeros_like(above), where=here)
    return np.asarray(ratios.sum(axis=-1) / here.sum(axis=-1))
