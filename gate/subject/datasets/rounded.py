"""Scores with few digits: those that can be probabilities are recognised."""

import numpy as np
from numpy.typing import NDArray

TOLERANCE = 0.02  # of a row's sum, however many digits are written

_MOST_DIGITS = 5
_EXACT = 1e-7  # how near a float32 is to what was written
_SLACK = 1e-9


def are_distributions(scores: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which rows of ``scores``, (n, classes) in [0, 1], sum to 1 as probabilities do, (n,).

    Their sum may be off by TOLERANCE. Where the whole table has d decimal digits it may be off by
    what rounding does: some probabilities that sum to 1 have these digits, so that it is within
    ``classes * 0.5 * 10 ** -d`` of 1, and nearer where scores are 0 or 1.
    """
    whole: NDArray[np.bool_] = np.abs(scores.sum(axis=1) - 1) <= TOLERANCE
    if whole.all():
        return whole
    digits = digits_of(scores)
    if digits is None:
        return whole
    half = 0.5 * 10.0**-digits
    rest = scores[~whole]
    least = np.maximum(rest - half, 0).sum(axis=1)
    most = np.minimum(rest + half, 1).sum(axis=1)
    whole[~whole] = (least <= 1 + _SLACK) & (most >= 1 - _SLACK)
    return whole


def digits_of(scores: NDArray[np.float64]) -> int | None:
    """Return the fewest decimal digits, 1 to 5, that hold all scores; None for more or for none.

    Scores that are all 0 or 1 are no rounded probabilities, but votes. ``scores`` are (n, classes)
    in [0, 1].
    """
    for digits in range(_MOST_DIGITS + 1):
        scaled = scores * 10.0**digits
        if np.all(np.abs(scaled - np.rint(scaled)) <= _EXACT * 10.0**digits):
            return digits or None
    return None
