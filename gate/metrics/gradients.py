"""Derivatives of the metrics of the confusion matrix by its cells, in closed form.

Each function takes ``matrix``, (classes, classes), rows = truth, as floats, and returns the
derivative of the metric by the weight of an image in each cell, (classes, classes). As a metric
does not change when all weights are scaled, the derivatives times the counts add up to 0. The
letters are those of the usual formulas: r images of a class, c predictions of it, d right ones, n
images in all; k classes are averaged.
"""

import numpy as np
from numpy.typing import NDArray

from gate.metrics.proportions import Reals

Mask = NDArray[np.bool_]


def of_weighted_recall(matrix: Reals, weights: Reals) -> Reals:
    """Return the derivatives of sum w d / r; ``weights``, (classes,), are 0 without images."""
    r, d = matrix.sum(axis=1), matrix.diagonal()
    images = np.maximum(r, 1)
    return np.asarray(np.diag(weights / images) - (weights * d / images**2)[:, None])


def of_mean_recall(matrix: Reals, over: Mask) -> Reals:
    """Return the derivatives of balanced accuracy, the mean of d / r over the classes ``over``.

    ``over``, (classes,), is not all false; all of them have images.
    """
    return of_weighted_recall(matrix, over / over.sum())


def of_mean_f1(matrix: Reals, over: Mask) -> Reals:
    """Return the derivatives of macro F1, the mean of 2 d / (r + c) over the classes ``over``.

    ``over``, (classes,), is not all false; all of them have images.
    """
    r, c, d = matrix.sum(axis=1), matrix.sum(axis=0), matrix.diagonal()
    both, k = np.where(over, r + c, 1), over.sum()
    right = 2 * over / (k * both)
    either = -2 * over * d / (k * both**2)
    return np.asarray(np.diag(right) + either[:, None] + either)


def of_mean_precision(matrix: Reals, over: Mask) -> Reals:
    """Return the derivatives of macro precision, the mean of d / c over the classes ``over``.

    A class that is never predicted counts as 0 of 1. ``over``, (classes,), is not all false.
    """
    c, d = np.maximum(matrix.sum(axis=0), 1), matrix.diagonal()
    k = over.sum()
    return np.asarray(np.diag(over / (k * c)) - over * d / (k * c**2))


def of_matthews(matrix: Reals) -> Reals:
    """Return the derivatives of Matthews' correlation (n D - sum r c) / Z for D = sum d.

    Z is the root of X Y, X = n^2 - sum c^2 and Y = n^2 - sum r^2, both of which must be positive.
    """
    r, c = matrix.sum(axis=1), matrix.sum(axis=0)
    n, right = matrix.sum(), matrix.trace()
    x, y = n**2 - (c**2).sum(), n**2 - (r**2).sum()
    z = np.sqrt(x) * np.sqrt(y)
    value = (n * right - (r * c).sum()) / z
    of_truth = -c / z + value * r / y + right / z - value * n * (1 / x + 1 / y)
    of_prediction = -r / z + value * c / x
    return np.asarray(n / z * np.eye(len(r)) + of_truth[:, None] + of_prediction)


def of_kappa(matrix: Reals, weights: Reals) -> Reals:
    """Return the derivatives of Cohen's weighted kappa 1 - O / E (1968).

    ``weights``, (classes, classes), are the gravity of each mistake, 0 on the diagonal. O is their
    observed sum, and E, which must be positive, that of chance: sum w r c / n.
    """
    r, c, n = matrix.sum(axis=1), matrix.sum(axis=0), matrix.sum()
    observed = (weights * matrix).sum()
    of_truth, of_prediction = weights @ c, r @ weights
    expected = (r * of_truth).sum() / n
    of_margins = (of_truth[:, None] + of_prediction - expected) / n
    return np.asarray(observed / expected**2 * of_margins - weights / expected)
