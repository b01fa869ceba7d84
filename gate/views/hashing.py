"""Numbers that look random and follow from a key alone, the same on any machine."""

import hashlib
import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

_STEPS = 1 << 10  # of one standard deviation
_QUANTILES = 4096
_FINE = 256  # pixels of the shorter side for each pixel of grain
_NORMALS = (
    np.array(
        [
            round(_STEPS * NormalDist().inv_cdf((each + 0.5) / _QUANTILES))
            for each in range(_QUANTILES)
        ],
        np.int32,
    )
    / _STEPS
)


def hashed_words(key: str, kind: str, count: int) -> NDArray[np.uint16]:
    """Return ``count`` numbers in 0..65535, uniform: SHAKE-128 of the kind and the key."""
    digest = hashlib.shake_128(f"{kind}\0{key}".encode()).digest(2 * count)
    return np.frombuffer(digest, "<u2")


def hashed_normals(key: str, kind: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return standard normal numbers of a shape, in steps of 1/1024 and at most 3.7 from 0.

    The upper 12 bits of a word choose one of 4,096 quantiles.
    """
    chosen = hashed_words(key, kind, math.prod(shape)) >> 4
    normals: NDArray[np.float64] = _NORMALS[chosen].reshape(shape)
    return normals


def hashed_grain(shape: tuple[int, ...], key: str, kind: str) -> NDArray[np.float64]:
    """Return standard normal noise for an image of shape (H, W) or (H, W, C).

    Its grain is one pixel for each 256 of the shorter side, at least one: finer noise would be
    averaged away where the image is made smaller.
    """
    height, width = shape[:2]
    grain = max(1, min(height, width) // _FINE)
    coarse = hashed_normals(key, kind, (-(-height // grain), -(-width // grain), *shape[2:]))
    if grain == 1:
        return coarse
    return coarse.repeat(grain, 0).repeat(grain, 1)[:height, :width]
