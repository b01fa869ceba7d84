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

from gate.measure.fingerprints.perceptual_hash import flat_product

Floats = NDArray[np.float32]

SIDE = 32  # of an upright picture, in pixels
_REACH = 2.1  # of the root mean square radius, from the middle to a side
_FAINT, _CONTRAST = 12, 12  # ground is what deviates by less, or by less of the highest deviation
_CHUNK = 128  # pictures at a time, so that the intermediates stay in the processor's cache


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
        away *= away > np.maximum(peak // _CONTRAST, _FAINT)
        upright[part] = _sampled(away, *_places(away))
    return upright


def _places(away: NDArray[np.uint8]) -> tuple[Floats, Floats]:
    """Return where in each picture, (n, H, W), the pixels of the upright one lie, (n, 32, 32)."""
    _, height, width = away.shape
    moments = _moments(away)
    weight = np.maximum(moments[:, 0], 1)
    down, right, down2, right2, mixed = (moments[:, 1:] / weight[:, None]).T
    down2, right2, mixed = down2 - down**2, right2 - right**2, mixed - down * right
    radius = np.sqrt(np.maximum((down2 + right2) / 2, 1)) / 2
    # Twice the angle of the main axis has this cosine; halved without a trigonometric function.
    length = np.sqrt((right2 - down2) ** 2 + 4 * mixed**2)
    cosine = np.where(length > 0, (right2 - down2) / np.maximum(length, 1e-9), 1)
    cos = np.sqrt(np.maximum(1 + cosine, 0) / 2) * radius
    sin = np.sqrt(np.maximum(1 - cosine, 0) / 2) * radius * np.where(mixed < 0, -1, 1)
    middles = (down / 2 + (height - 1) / 2, right / 2 + (width - 1) / 2)
    y, x = (each.astype(np.float32)[:, None, None] for each in middles)
    steps = (((2 * np.arange(SIDE) + 1) / SIDE - 1) * _REACH).astype(np.float32)
    along, aslant = (each.astype(np.float32)[:, None] * steps for each in (cos, sin))
    down_there = aslant[:, None, :] + along[:, :, None]
    down_there += y
    right_there = along[:, None, :] - aslant[:, :, None]
    right_there += x
    return down_there, right_there


def _moments(away: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return (n, 6): the sums of 1, y, x, y², x² and xy, in half pixels from the middle.

    They are whole numbers that a float holds exactly, so their sums are exact in any order.
    """
    count, height, width = away.shape
    exact: Any = np.float32 if 85 * width**3 < 1 << 24 else np.float64
    across = flat_product(away.astype(exact), _powers(width).astype(exact))
    return across.reshape(count, -1).astype(np.float64) @ _powers_of_sums(height)


def _powers(length: int) -> NDArray[np.float64]:
    """Return (length, 3): 1, x and x² of the pixels of a side."""
    places = 2 * np.arange(length) - (length - 1.0)
    return np.stack([np.ones_like(places), places, places**2], axis=1)


@lru_cache(maxsize=64)
def _powers_of_sums(height: int) -> NDArray[np.float64]:
    """Return (3 * height, 6): what the sums of 1, x and x² of each row count in the moments."""
    one, y, y2 = _powers(height).T
    powers = np.zeros((height, 3, 6))
    powers[:, 0, 0], powers[:, 0, 1], powers[:, 1, 2] = one, y, one
    powers[:, 0, 3], powers[:, 2, 4], powers[:, 1, 5] = y2, one, y
    return powers.reshape(-1, 6)


def _sampled(away: NDArray[np.uint8], y: Floats, x: Floats) -> Floats:
    """Return values at places, (n, 32, 32), linear in both directions, and 0 outside; plus 0.5.

    The places are overwritten.
    """
    count, height, width = away.shape
    for place, length in ((y, height), (x, width)):
        place += np.float32(1)
        np.clip(place, 0, np.float32(length + 0.999), out=place)
    top, left = np.trunc(y), np.trunc(x)
    y -= top
    x -= left
    squares, wide = _squares(away)
    top *= np.float32(wide)  # whole numbers, far below those that such a float cannot hold
    top += left
    top += (np.arange(count, dtype=np.float32) * (len(squares) // count))[:, None, None]
    there = squares.take(top.astype(np.intp))
    upper = _between(there, there >> 8, x)
    there >>= 16
    lower = _between(there, there >> 8, x)
    lower -= upper
    lower *= y
    upper += lower
    upper += np.float32(0.5)
    return upper


def _squares(away: NDArray[np.uint8]) -> tuple[NDArray[np.uint32], int]:
    """Return each pixel of framed pictures with those right, below and aslant in one number.

    One look-up then finds all four. The second number is the width of a framed picture.
    """
    count, height, width = away.shape
    squares = np.zeros((count, height + 3, width + 3), np.uint32)
    squares[:, 1 : height + 1, 1 : width + 1] = away
    squares[:, :, :-1] |= squares[:, :, 1:] << 8
    squares[:, :-1] |= squares[:, 1:] << 16
    return squares.reshape(-1), width + 3


def _between(
    pixels: NDArray[np.integer[Any]], right_of_them: NDArray[np.integer[Any]], part: Floats
) -> Floats:
    """Return values ``part`` of the way between pixels, the lowest eight bits of the numbers."""
    here, there = ((each & 255).astype(np.float32) for each in (pixels, right_of_them))
    there -= here
    there *= part
    here += there
    return here
