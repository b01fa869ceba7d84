"""Corruptions by cameras and weather, at severities 1, 2 and 3.

After Hendrycks and Dietterich (2019), with lengths as shares of the shorter side.
"""

import math

import numpy as np

from gate.views.hashing import hashed_grain, hashed_words
from gate.views.pixels import (
    Pixels,
    Surroundings,
    fill_of,
    mean_colour,
    move,
    sample_between,
    smooth,
    to_levels,
)

_WHITE = 255
_VEIL = 224  # the level of haze
_DIRECTIONS = ((0, 256), (181, 181), (256, 0), (181, -181))  # 0, 45, 90, 135 degrees, in 1/256


def noise(pixels: Pixels, key: str, around: Surroundings, severity: int) -> Pixels:  # noqa: ARG001 -- every view takes them
    """Return the image with normal noise of 4, 8 or 16 % of white."""
    share = (0.04, 0.08, 0.16)[severity - 1]
    return to_levels(pixels + _WHITE * share * hashed_grain(pixels.shape, key, "noise"))


def shot(pixels: Pixels, key: str, around: Surroundings, severity: int) -> Pixels:  # noqa: ARG001 -- every view takes them
    """Return the image as of 200, 60 or 20 photons at white (normal approximation)."""
    photons = (200, 60, 20)[severity - 1]
    spread = _WHITE * np.sqrt(pixels / _WHITE / photons)
    return to_levels(pixels + spread * hashed_grain(pixels.shape, key, "shot"))


def blur(pixels: Pixels, key: str, around: Surroundings, severity: int) -> Pixels:  # noqa: ARG001 -- every view takes them
    """Return the image under a Gaussian of 1, 2 or 4 % of the shorter side."""
    return smooth(pixels, (0.01, 0.02, 0.04)[severity - 1] * min(pixels.shape[:2]))


def motion(pixels: Pixels, key: str, around: Surroundings, severity: int) -> Pixels:  # noqa: ARG001 -- every view takes them
    """Return the mean of copies along 3, 6 or 12 % of the shorter side, its direction by hash."""
    length = (0.03, 0.06, 0.12)[severity - 1] * min(pixels.shape[:2])
    dy, dx = _DIRECTIONS[int(hashed_words(key, "motion", 1)[0]) % 4]
    steps = math.ceil(length) + 1
    total = np.full(pixels.shape, (steps + 1) // 2, np.int32)
    for step in range(steps + 1):
        along = length * (step / steps - 0.5)
        total += move(pixels, round(dy * along), round(dx * along))
    mean: Pixels = (total // (steps + 1)).astype(np.uint8)
    return mean


def brighten(pixels: Pixels, key: str, around: Surroundings, severity: int) -> Pixels:  # noqa: ARG001 -- every view takes them
    """Return the image 10, 20 or 30 % of white brighter."""
    return to_levels(pixels + _WHITE * (0.1, 0.2, 0.3)[severity - 1])


def darken(pixels: Pixels, key: str, around: Surroundings, severity: int) -> Pixels:  # noqa: ARG001 -- every view takes them
    """Return the image 10, 20 or 30 % of white darker."""
    return to_levels(pixels - _WHITE * (0.1, 0.2, 0.3)[severity - 1])


def contrast(pixels: Pixels, key: str, around: Surroundings, severity: int) -> Pixels:  # noqa: ARG001 -- every view takes them
    """Return the image with 75, 50 or 30 % of its distance from its mean colour."""
    mean = mean_colour(pixels)
    return to_levels(mean + (pixels - mean) * (0.75, 0.5, 0.3)[severity - 1])


def gamma(pixels: Pixels, key: str, around: Surroundings, severity: int) -> Pixels:  # noqa: ARG001 -- every view takes them
    """Return the image under a power of 1.25, 1.5 or 2: darker in the middle."""
    return _raised(pixels, (1.25, 1.5, 2.0)[severity - 1])


def ungamma(pixels: Pixels, key: str, around: Surroundings, severity: int) -> Pixels:  # noqa: ARG001 -- every view takes them
    """Return the image under a power of 1/1.25, 1/1.5 or 1/2: lighter in the middle."""
    return _raised(pixels, 1 / (1.25, 1.5, 2.0)[severity - 1])


def haze(pixels: Pixels, key: str, around: Surroundings, severity: int) -> Pixels:  # noqa: ARG001 -- every view takes them
    """Return the image under a veil of 15, 30 or 50 %, half of it uneven by hash."""
    height, width = pixels.shape[:2]
    veil = (hashed_words(key, "haze", 16).reshape(4, 4) >> 8).astype(np.uint8)
    ys, xs = np.broadcast_arrays(_spread_over(height)[:, None], _spread_over(width)[None])
    share = (0.15, 0.3, 0.5)[severity - 1] * (0.5 + sample_between(veil, ys, xs, None) / _WHITE)
    share = share if pixels.ndim == 2 else share[..., None]
    return to_levels(pixels * (1 - share) + _VEIL * share)


def pixelate(pixels: Pixels, key: str, around: Surroundings, severity: int) -> Pixels:  # noqa: ARG001 -- every view takes them
    """Return the image averaged down to 75, 50 or 33 % of a side, and back without smoothing."""
    from PIL import Image

    height, width = pixels.shape[:2]
    share = (0.75, 0.5, 0.33)[severity - 1]
    coarse = (max(1, round(width * share)), max(1, round(height * share)))
    small = Image.fromarray(pixels).resize(coarse, Image.Resampling.BOX)
    return np.asarray(small.resize((width, height), Image.Resampling.NEAREST))


def occlude(pixels: Pixels, key: str, around: Surroundings, severity: int) -> Pixels:
    """Return the image with a square of 15, 25 or 35 % of the shorter side in the mean colour."""
    height, width = pixels.shape[:2]
    side = max(1, round((0.15, 0.25, 0.35)[severity - 1] * min(height, width)))
    down, right = (int(each) for each in hashed_words(key, "occlude", 2))
    y, x = down * (height - side + 1) >> 16, right * (width - side + 1) >> 16
    covered = pixels.copy()
    covered[y : y + side, x : x + side] = fill_of(pixels, around.fill)
    return covered


def _raised(pixels: Pixels, power: float) -> Pixels:
    table = [round(_WHITE * (level / _WHITE) ** power) for level in range(256)]
    levels: Pixels = np.array(table, np.uint8)[pixels]
    return levels


def _spread_over(length: int) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """Return the places of ``length`` pixels on a grid of 4, in 1/256 of its cells."""
    return np.arange(length) * 768 // max(1, length - 1)
