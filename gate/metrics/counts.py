"""Metrics of right and wrong answers, from the confusion matrix.

Every metric takes rows, the number of declared classes and, where it makes sense, one class ``of``
(an index). Without ``of`` a metric of classes is the mean over the classes that have images. With
groups, shares of images take the bounds of clusters, and the rest draws whole groups.
"""

import numpy as np

from gate.evidence.records import Rows
from gate.metrics import tables
from gate.metrics.combined import Difference, WeightedSum
from gate.metrics.estimates import Estimate, Undefined
from gate.metrics.proportions import (
    F1,
    Reals,
    Share,
    counted_share,
    share_of,
    tail_at_least,
)
from gate.metrics.resampling import bootstrap_counts

NO_IMAGES = "no images"
NO_IMAGES_OF_CLASS = "the class has no images"
NEVER_PREDICTED = "never predicted"


def accuracy(rows: Rows, classes: int, of: int | None = None) -> Share | Undefined:
    """Return the share of right predictions; with ``of``, on the images of that class."""
    if of is not None:
        return recall_of(rows, classes, of)
    codes = tables.group_codes(rows)
    if codes is not None:
        return share_of(rows.labels == rows.predictions, codes, NO_IMAGES)
    matrix = tables.confusion(rows, classes)
    return counted_share(matrix.trace(), matrix.sum(), NO_IMAGES)


def recall(rows: Rows, classes: int, of: int | None = None) -> Estimate:
    """Return TP / (TP + FN) of the class ``of``, or the mean over the classes that have images."""
    return balanced_accuracy(rows, classes) if of is None else recall_of(rows, classes, of)


def recall_of(rows: Rows, classes: int, of: int) -> Share | Undefined:
    """Return the share of the images of class ``of`` that are recognised."""
    codes = tables.group_codes(rows)
    if codes is not None:
        mask = rows.labels == of
        return share_of(rows.predictions[mask] == of, codes[mask], NO_IMAGES_OF_CLASS)
    matrix = tables.confusion(rows, classes)
    return counted_share(matrix[of, of], matrix[of].sum(), NO_IMAGES_OF_CLASS)


def precision(rows: Rows, classes: int, of: int | None = None) -> Estimate:
    """Return TP / (TP + FP) of the class ``of``, or the mean over the classes that have images.

    It speaks for deployment only where the mix of classes there is the mix of this data. The mean
    counts a class that is never predicted as 0.
    """
    return macro_precision(rows, classes) if of is None else precision_of(rows, classes, of)


def precision_of(rows: Rows, classes: int, of: int) -> Share | Undefined:
    """Return the share of the images taken for class ``of`` that are of it."""
    matrix = tables.confusion(rows, classes)
    taken = int(matrix[:, of].sum())
    if matrix[of].sum() == 0:
        # Every such prediction is wrong for want of the class, whatever the model is worth.
        return Undefined(NO_IMAGES_OF_CLASS, 0, taken)
    codes = tables.group_codes(rows)
    if codes is not None:
        mask = rows.predictions == of
        return share_of(rows.labels[mask] == of, codes[mask], NEVER_PREDICTED)
    return counted_share(matrix[of, of], taken, NEVER_PREDICTED)


def f1(rows: Rows, classes: int, of: int | None = None) -> Estimate:
    """Return 2 TP / (2 TP + FP + FN) of the class ``of``, or the mean over classes with images."""
    return macro_f1(rows, classes) if of is None else f1_of(rows, classes, of)


def f1_of(rows: Rows, classes: int, of: int) -> F1 | Undefined:
    """Return F1 of the class ``of``; 0 when it has images and is never predicted."""
    matrix = tables.confusion(rows, classes)
    if matrix[of].sum() == 0:
        return Undefined(NO_IMAGES_OF_CLASS, 0, int(matrix[:, of].sum()))
    codes = tables.group_codes(rows)
    if codes is None:
        union = matrix[of].sum() + matrix[:, of].sum() - matrix[of, of]
        share: Share | Undefined = counted_share(matrix[of, of], union, NO_IMAGES_OF_CLASS)
    else:
        mask = (rows.labels == of) | (rows.predictions == of)
        both = rows.labels[mask] == rows.predictions[mask]
        share = share_of(both, codes[mask], NO_IMAGES_OF_CLASS)
    return share if isinstance(share, Undefined) else F1(share)


def balanced_accuracy(rows: Rows, classes: int) -> Estimate:
    """Return the mean recall over the classes that have images."""
    matrix = tables.confusion(rows, classes)
    present = matrix.sum(axis=1) > 0
    if not present.any():
        return Undefined(NO_IMAGES, 0, 0)
    exact = WeightedSum(matrix.diagonal()[present], matrix.sum(axis=1)[present])
    if tables.group_codes(rows) is None:
        return exact
    return bootstrap_counts(rows, classes, _balanced_accuracy, exact.value)


def macro_f1(rows: Rows, classes: int) -> Estimate:
    """Return the mean F1 over the classes that have images."""
    return bootstrap_counts(rows, classes, _macro_f1)


def macro_precision(rows: Rows, classes: int) -> Estimate:
    """Return the mean precision over the classes that have images, 0 where never predicted."""
    return bootstrap_counts(rows, classes, _macro_precision)


def gap(first: Estimate, second: Estimate) -> Estimate:
    """Return the first estimate minus the second, of independent images: train minus test."""
    if first.value is None or second.value is None:
        return Undefined(first.reason or second.reason)
    return Difference(first, second)


def no_information_rate(rows: Rows, classes: int) -> float | None:
    """Return the share of the most frequent class: the accuracy of always answering it."""
    sizes = tables.confusion(rows, classes).sum(axis=1)
    return int(sizes.max()) / int(sizes.sum()) if sizes.sum() else None


def p_no_information(rows: Rows, classes: int) -> float | None:
    """Return the chance of so many right answers, or more, at the no-information rate.

    The exact one-sided binomial test, "P-Value [Acc > NIR]" in R's caret; small values speak for
    the model. None without images.
    """
    rate = no_information_rate(rows, classes)
    if rate is None:
        return None
    matrix = tables.confusion(rows, classes)
    return tail_at_least(int(matrix.trace()), int(matrix.sum()), rate)


def _balanced_accuracy(margins: tables.Margins) -> Reals:
    return _mean_of_present(margins.right, margins.true, margins)


def _macro_f1(margins: tables.Margins) -> Reals:
    return _mean_of_present(2 * margins.right, margins.true + margins.predicted, margins)


def _macro_precision(margins: tables.Margins) -> Reals:
    # Right answers are 0 where a class is never predicted: 0 / 1 is then the 0 that it counts as.
    return _mean_of_present(margins.right, np.maximum(margins.predicted, 1), margins)


def _mean_of_present(above: Reals, below: Reals, margins: tables.Margins) -> Reals:
    """Return the mean of above / below, (..., classes), over the classes that have images."""
    images = margins.true
    ever = images.reshape(-1, images.shape[-1]).any(axis=0)
    above, below, here = above[..., ever], below[..., ever], images[..., ever] > 0
    ratios = np.divide(above, below, out=np.zeros_like(above), where=here)
    return np.asarray(ratios.sum(axis=-1) / here.sum(axis=-1))
