"""Stretches of one level in a thumbnail: borders, fills, covers. They show nothing of a picture.

A keypoint at the corner of a black frame is one of the frame. So stretches are painted over from
what lies around them, and left out where pictures are compared pixel by pixel.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gate.measure.duplicates.keypoints import blur_weights
from gate.measure.fingerprints.perceptual_hash import SIDE

_LEVELS = 3  # grey levels that a stretch may vary by within 5 x 5 pixels
_REACH = 2  # pixels, from its middle
_MOST = 0.6  # of a picture; where more is of one level, it is the picture's own sky or wall
_PAINT = 6.0  # pixels: the width of the blur that paints
_NONE_NEAR = 0.02  # of the weights of that blur
_AT_ONCE = 256  # pictures

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]


def paint_over(small: NDArray[np.uint8]) -> tuple[Floats, Flags]:
    """Return thumbnails, (n, 64, 64), with their stretches painted over, and where those are."""
    painted = small.astype(np.float32)
    filled = np.zeros(small.shape, np.bool_)
    for first in range(0, len(small), _AT_ONCE):
        part = slice(first, first + _AT_ONCE)
        stretches = _filled(small[part])
        stretches[stretches.mean(axis=(1, 2)) > _MOST] = False
        rows = np.flatnonzero(stretches.any(axis=(1, 2)))
        filled[part] = stretches
        if len(rows):
            painted[first + rows] = _painted(painted[first + rows], stretches[rows])
    return painted, filled


def _filled(small: NDArray[np.uint8]) -> Flags:
    """Return which pixels lie within 5 x 5 pixels of one level."""
    range_ = _around(small, np.maximum) - _around(small, np.minimum)
    return _around(range_ <= _LEVELS, np.maximum)


def _around(pictures: NDArray[Any], highest: np.ufunc) -> NDArray[Any]:
    """Return what ``highest`` gives of the 5 x 5 pixels around each pixel, fewer at the borders."""
    for axis in (1, 2):
        found = pictures.copy()
        for step in range(1, _REACH + 1):
            low, high = (
                (slice(None),) * axis + (part,) for part in (slice(-step), slice(step, None))
            )
            highest(found[high], pictures[low], out=found[high])
            highest(found[low], pictures[high], out=found[low])
        pictures = found
    return pictures


def _painted(pictures: Floats, filled: Flags) -> Floats:
    blur = blur_weights(SIDE, _PAINT)
    shown = (~filled).astype(np.float32)
    weight = blur @ shown @ blur.T
    around = blur @ (pictures * shown) @ blur.T / np.maximum(weight, 1e-3)
    mean = (pictures * shown).sum(axis=(1, 2)) / np.maximum(shown.sum(axis=(1, 2)), 1)
    paint = np.where(weight < _NONE_NEAR, mean[:, None, None], around)
    return np.where(filled, paint, pictures)
