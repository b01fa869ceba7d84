"""What a model is worth beyond the class shares: the no-information rate, kappa, MCC."""

import numpy as np

from gate.evidence.records import Rows
from gate.metrics import gradients, tables
from gate.metrics.count_bounds import bounded
from gate.metrics.estimates import Estimate, Undefined
from gate.metrics.padded import Padded
from gate.metrics.proportions import Counts, Reals, tail_at_least
from gate.metrics.rates import NO_IMAGES, NO_IMAGES_OF_CLASS, NO_OTHER_IMAGES

ONE_CLASS = "all images are of one class"
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


def mcc(rows: Rows, classes: int) -> Estimate:
    """Return Matthews' correlation of truth and prediction (Gorodkin, 2004), in [-1, 1].

    It is 0 where every prediction is of one class, which proves nothing, and undefined where every
    image is.
    """
    margins = tables.margins(rows, classes)
    if np.count_nonzero(margins.true) < 2:
        return Undefined(ONE_CLASS if margins.true.any() else NO_IMAGES)
    value = float(matthews(margins))
    if np.count_nonzero(margins.predicted) < 2:
        return Padded(value, None, least=-1.0, reason=ONE_ANSWER)
    return bounded(rows, classes, value, gradients.of_matthews, least=-1.0)


def mcc_of(rows: Rows, of: int, classes: int) -> Estimate:
    """Return Matthews' correlation (1975) of one class against the rest, in [-1, 1]."""
    size = int(tables.confusion(rows, classes)[of].sum())
    if size in (0, len(rows)):
        return Undefined(NO_OTHER_IMAGES if size else NO_IMAGES_OF_CLASS)
    return mcc(tables.one_against_rest(rows, of), 2)


def kappa(rows: Rows, classes: int) -> Estimate:
    """Return Cohen's kappa (1960): agreement of truth and prediction beyond that of chance.

    Undefined where truth and prediction are all of the same one class; where only the truth is, it
    is 0 and proves nothing.
    """
    return weighted_kappa(rows, 1.0 - np.eye(classes))


def weighted_kappa(rows: Rows, weights: Reals) -> Estimate:
    """Return Cohen's weighted kappa (1968), in [-1, 1].

    ``weights``, (classes, classes), are the gravity of each mistake: 0 on the diagonal and positive
    elsewhere, such as the distance of two grades, or its square.
    """
    if not len(rows):
        return Undefined(NO_IMAGES, 0, 0)
    matrix = tables.confusion(rows, len(weights))
    value = _observed_kappa(matrix, weights)
    if np.isnan(value):
        return Undefined(ONE_CLASS)
    if np.count_nonzero(matrix.sum(axis=1)) < 2:
        return Padded(value, None, least=-1.0, reason=ONE_CLASS)
    return bounded(
        rows, len(weights), value, lambda each: gradients.of_kappa(each, weights), least=-1.0
    )


def _observed_kappa(matrix: Counts, weights: Reals) -> float:
    """Return kappa with the operations in scikit-learn's order, so that the last bit agrees."""
    taken, true = matrix.sum(axis=0), matrix.sum(axis=1)
    expected = np.outer(taken, true) / taken.sum()
    by_chance = float((weights * expected).sum())
    return 1 - float((weights * matrix).sum()) / by_chance if by_chance else float("nan")


def cohen(margins: tables.Margins) -> Reals:
    """Return kappa from margins, (...); NaN where it is undefined."""
    images = margins.true.sum(axis=-1)
    by_chance = images - (margins.true * margins.predicted).sum(axis=-1) / images
    wrong = images - margins.right.sum(axis=-1)
    ratio = np.divide(wrong, by_chance, out=np.full_like(images, np.nan), where=by_chance > 0)
    return np.asarray(1 - ratio)


def matthews(margins: tables.Margins) -> Reals:
    """Return Matthews' correlation from margins, (...)."""
    images, right = margins.true.sum(axis=-1), margins.right.sum(axis=-1)
    both = right * images - (margins.true * margins.predicted).sum(axis=-1)
    taken = images**2 - (margins.predicted**2).sum(axis=-1)
    true = images**2 - (margins.true**2).sum(axis=-1)
    spread = np.sqrt(taken * true)
    return np.asarray(np.divide(both, spread, out=np.zeros_like(both), where=spread > 0))
