"""Two small pictures agree up to a tone curve: brightness, contrast and gamma make no difference.

On plain ground, silhouettes of one kind have similar hashes: two shirts, two bones. Their levels
then say whether they are one picture.
"""

import numpy as np
from numpy.typing import NDArray

_POWERS = 4  # of the curve that leads from one picture's levels to the other's: up to the cube
_RIDGE = 1e-5  # so that two levels only do not leave the curve undetermined
_FLAT = 1e-6  # of squared levels, from 0 to 1: less contrast than this counts as this
_AT_ONCE = 4096  # pairs

Pictures = NDArray[np.uint8]
Floats = NDArray[np.float64]


def tone_agreement(a: Pictures, b: Pictures) -> Floats:
    """Return how well pictures, (n, s, s) each, agree: the multiple correlation, from 0 to 1.

    The levels of one are fitted to those of the other by a cubic polynomial, and the other way
    round; the better of both counts, rounded to four digits.
    """
    found = np.zeros(len(a))
    for start in range(0, len(a), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        x, y = (each[part].reshape(len(each[part]), -1) / 255 for each in (a, b))
        found[part] = np.maximum(_explained(x, y), _explained(y, x))
    return np.sqrt(found).round(4)


def _explained(x: Floats, y: Floats) -> Floats:
    """Return which share of the variance of ``y``, (n, m), a cubic of ``x`` explains."""
    if not len(x):
        return np.zeros(0)
    powers = [x**power for power in range(_POWERS)]
    # Sums of their own for each pair: a product of matrices may depend on how many there are.
    squares = np.array([[(p * q).sum(axis=1) for q in powers] for p in powers])
    products = np.array([(p * y).sum(axis=1) for p in powers])
    squares[range(_POWERS), range(_POWERS)] += _RIDGE
    weights = np.linalg.solve(squares.transpose(2, 0, 1), products.T[:, :, None])[:, :, 0]
    rest = y - sum(weights[:, [place]] * power for place, power in enumerate(powers))
    spread = ((y - y.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    share: Floats = 1 - (rest**2).sum(axis=1) / np.maximum(spread, _FLAT)
    return np.maximum(share, 0)
