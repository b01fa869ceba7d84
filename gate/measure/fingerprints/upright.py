"""An object on plain ground is set upright by its moments: middle, size and main axis (Hu, 1962).

The upright picture does not change when the object is moved, turned, enlarged, framed or inverted.
Which way round it stands is left open; the search by hash tries the four mirrorings anyway. Only
operations whose results IEEE 754 prescribes are used, element by element: the picture depends
neither on the batch nor on the machine.
"""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIDE = 32  # of an upright picture, in pixels
_REACH = 2.1  # of the root mean square radius, from the middle to a side
_FAINT, _CONTRAST = 12, 12  # ground is what deviates by less, or by less of the highest deviation
_CHUNK = 256  # pictures at a time, so that the intermediates stay in the processor's cache


def set_upright(
    grey: NDArray[np.uint8], levels: NDArray[np.uint8], peaks: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Return (n, 32, 32): how far from their ground pictures (n, H, W) are, set upright.

    ``levels`` and ``peaks``, (n,), are those of their grounds, see ``plain_ground``.
    """
    upright = np.empty((len(grey), SIDE, SIDE), np.uint8)
    for start in range(0, len(grey), _CHUNK):
        part = slice(start, start + _CHUNK)
        level, peak = (each[part, None, None] for each in (levels, peaks))
        away = np.maximum(grey[part], level) - np.minimum(grey[part], level)
        away[away <= np.maximum(peak // _CONTRAST, _FAINT)] = 0
        down, right = _places(away)
        upright[part] = _sampled(away, down, right).reshape(-1, SIDE, SIDE)
    return upright


def _places(away: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return where in each picture, (n, H, W), the pixels of the upright one lie, (n, 1024)."""
    count, height, width = away.shape
    # Whole numbers, in half pixels from the middle: their sums are exact in any order.
    moments = away.reshape(count, -1).astype(np.float64) @ _powers(height, width)
    weight = np.maximum(moments[:, 0], 1)
    down, right, down2, right2, mixed = (moments[:, 1:] / weight[:, None]).T
    down2, right2, mixed = down2 - down**2, right2 - right**2, mixed - down * right
    radius = np.sqrt(np.maximum((down2 + right2) / 2, 1)) / 2
    # Twice the angle of the main axis has this cosine; halved without a trigonometric function.
    length = np.sqrt((right2 - down2) ** 2 + 4 * mixed**2)
    cosine = np.where(length > 0, (right2 - down2) / np.maximum(length, 1e-9), 1)
    cos = np.sqrt(np.maximum(1 + cosine, 0) / 2) * radius
    sin = np.sqrt(np.maximum(1 - cosine, 0) / 2) * radius * np.where(mixed < 0, -1, 1)
    steps = ((2 * np.arange(SIDE) + 1) / SIDE - 1) * _REACH
    v, u = (each.astype(np.float32).ravel() for each in np.meshgrid(steps, steps, indexing="ij"))
    along, aslant, y, x = (
        each.astype(np.float32)[:, None]
        for each in (cos, sin, down / 2 + (height - 1) / 2, right / 2 + (width - 1) / 2)
    )
    return y + (aslant * u + along * v), x + (along * u - aslant * v)


@lru_cache(maxsize=64)
def _powers(height: int, width: int) -> NDArray[np.float64]:
    """Return (H * W, 6): for each pixel 1, y, x, y², x² and xy, in half pixels from the middle."""
    down, right = (2 * np.arange(side) - (side - 1.0) for side in (height, width))
    y, x = (each.ravel() for each in np.meshgrid(down, right, indexing="ij"))
    return np.stack([np.ones_like(y), y, x, y * y, x * x, y * x], axis=1)


def _sampled(
    away: NDArray[np.uint8], down: NDArray[np.float32], right: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return values between pixels, (n, m), linear in both directions, and 0 outside; plus 0.5."""
    count, height, width = away.shape
    wide = width + 3
    framed = np.zeros((count, height + 3, wide), np.float32)
    framed[:, 1 : height + 1, 1 : width + 1] = away
    pixels = framed.reshape(-1)
    y = np.clip(down + np.float32(1), 0, np.float32(height + 0.999))
    x = np.clip(right + np.float32(1), 0, np.float32(width + 0.999))
    at, left = y.astype(np.int32), x.astype(np.int32)
    y -= at
    x -= left
    at *= wide
    at += left
    at += (np.arange(count, dtype=np.int32) * ((height + 3) * wide))[:, None]
    upper = _between(pixels, at, x)
    at += wide
    lower = _between(pixels, at, x)
    lower -= upper
    lower *= y
    upper += lower
    upper += np.float32(0.5)
    return upper


def _between(
    pixels: NDArray[np.float32], at: NDArray[np.int32], part: NDArray[np.float32]
) -> NDArray[Any]:
    """Return values ``part`` of the way from the pixels ``at`` to those right of them."""
    here = pixels.take(at)
    step = pixels.take(at + 1)
    step -= here
    step *= part
    here += step
    return here
