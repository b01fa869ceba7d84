"""Skill beyond the class shares: the no-information rate, kappa, MCC."""

import numpy as np

from gate.evidence.records import Rows
from gate.metrics import gradients, tables
from gate.metrics.combined import Over, classes_over
from gate.metrics.count_bounds import bound_metric
from gate.metrics.estimates import Estimate, Undefined
from gate.metrics.padded import Padded
from gate.metrics.proportions import Counts, Reals, tail_at_least
from gate.metrics.rates import NO_IMAGES, NO_IMAGES_OF_CLASS, NO_OTHER_IMAGES

ONE_CLASS = "all images are of one class"
ABSENT_CLASS = "a class has no images, and what they would show is not known"
ONE_ANSWER = "every image gets the same answer, which proves nothing of a correlation"


def no_information_rate(rows: Rows, classes: int) -> float | None:
    """Return the share of the most frequent class: the accuracy of always answering it.

    None without images.
    """
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


def mcc(rows: Rows, classes: int, over: Over = None) -> Estimate:
    """Return Matthews' correlation of truth and prediction (Gorodkin, 2004), in [-1, 1].

    It is 0 where every prediction is of one class, which proves nothing, and undefined where every
    image is, or where one of the classes ``over``, by default all, has no images.
    """
    matrix = tables.confusion(rows, classes)
    sizes = matrix.sum(axis=1)
    if np.count_nonzero(sizes) < 2:
        return Undefined(ONE_CLASS if sizes.any() else NO_IMAGES)
    if classes_over(sizes, over, classes)[1]:
        return Undefined(ABSENT_CLASS)
    value = matthews(matrix.astype(np.float64))
    if np.count_nonzero(matrix.sum(axis=0)) < 2:
        return Padded(value, None, least=-1.0, reason=ONE_ANSWER)
    return bound_metric(rows, classes, value, gradients.of_matthews, least=-1.0)


def mcc_of(rows: Rows, of: int, classes: int) -> Estimate:
    """Return Matthews' correlation (1975) of one class against the rest, in [-1, 1]."""
    size = int(tables.confusion(rows, classes)[of].sum())
    if size in (0, len(rows)):
        return Undefined(NO_OTHER_IMAGES if size else NO_IMAGES_OF_CLASS)
    return mcc(tables.one_against_rest(rows, of), 2)


def kappa(rows: Rows, classes: int, over: Over = None) -> Estimate:
    """Return Cohen's kappa (1960): agreement of truth and prediction beyond that of chance.

    It is in [-1, 1]. Undefined where truth and prediction are all of the same one class, and where
    one of the classes ``over``, by default all, has no images; where only the truth is of one, it
    is 0 and proves nothing.
    """
    return weighted_kappa(rows, 1.0 - np.eye(classes), over)


def weighted_kappa(rows: Rows, weights: Reals, over: Over = None) -> Estimate:
    """Return Cohen's weighted kappa (1968), in [-1, 1].

    ``weights``, (classes, classes), are the gravity of each mistake: 0 on the diagonal and positive
    elsewhere, such as the distance of two grades, or its square. To abstain is as grave as the
    gravest mistake.
    """
    classes = len(weights)
    if rows.abstains:
        weights = np.pad(weights, (0, 1), constant_values=weights.max())
        weights[-1, -1] = 0.0
    if not len(rows):
        return Undefined(NO_IMAGES, 0, 0)
    matrix = tables.confusion(rows, classes)
    value = _observed_kappa(matrix, weights)
    if np.isnan(value):
        return Undefined(ONE_CLASS)
    sizes = matrix.sum(axis=1)
    if np.count_nonzero(sizes) < 2:
        return Padded(value, None, least=-1.0, reason=ONE_CLASS)
    if classes_over(sizes, over, classes)[1]:
        return Undefined(ABSENT_CLASS)
    return bound_metric(
        rows, classes, value, lambda each: gradients.of_kappa(each, weights), least=-1.0
    )


def _observed_kappa(matrix: Counts, weights: Reals) -> float:
    """Return kappa with the operations in scikit-learn's order, so that the last bit agrees."""
    taken, true = matrix.sum(axis=0), matrix.sum(axis=1)
    expected = np.outer(taken, true) / taken.sum()
    by_chance = float((weights * expected).sum())
    return 1 - float((weights * matrix).sum()) / by_chance if by_chance else float("nan")


def matthews(matrix: Reals) -> float:
    """Return Matthews' (1975) correlation of a confusion matrix, (classes, classes), in [-1, 1].

    Of more than two classes that of Gorodkin (2004); 0 where one side is all of one class.
    """
    true, predicted = matrix.sum(axis=1), matrix.sum(axis=0)
    images = matrix.sum()
    both = matrix.trace() * images - (true * predicted).sum()
    spread = np.sqrt((images**2 - (predicted**2).sum()) * (images**2 - (true**2).sum()))
    return float(both / spread) if spread > 0 else 0.0
