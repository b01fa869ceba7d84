"""The same picture from another place: moved, turned, scaled, mirrored; and in other channels."""

import math

import numpy as np

from gate.views.hashing import hashed_words
from gate.views.pixels import Pixels, Surroundings, move, sample_between

_ONE = 65536  # of a fixed-point factor


def shift(
    pixels: Pixels, key: str, around: Surroundings, steps: int, beyond: str = "edge"
) -> Pixels:
    """Return the image moved by so many pixels of the model's input, its direction by hash.

    At least one pixel of its own. Beyond its side the edge is repeated, or the fill colour stands.
    """
    shorter = min(pixels.shape[:2])
    distance = max(1, round(steps * shorter / min(around.input_size or (shorter, shorter))))
    directions = ((distance, 0), (-distance, 0), (0, distance), (0, -distance))
    dy, dx = directions[int(hashed_words(key, "shift", 1)[0]) % 4]
    return move(pixels, 256 * dy, 256 * dx, None if beyond == "edge" else around.fill)


def moved(pixels: Pixels, key: str, around: Surroundings, down: int, right: int) -> Pixels:  # noqa: ARG001 -- every view takes them
    """Return the image moved by so many of its own pixels; the edge is repeated."""
    return move(pixels, 256 * down, 256 * right)


def rotate(pixels: Pixels, key: str, around: Surroundings, degrees: float) -> Pixels:  # noqa: ARG001 -- every view takes them
    """Return the image turned about its centre, clockwise or not by hash; the edge is repeated."""
    angle = math.radians(degrees) * (1 if hashed_words(key, "rotate", 1)[0] % 2 else -1)
    cosine, sine = math.cos(angle), math.sin(angle)
    return _about_centre(pixels, cosine, sine, -sine, cosine)


def scale(pixels: Pixels, key: str, around: Surroundings, factor: float) -> Pixels:  # noqa: ARG001 -- every view takes them
    """Return the image scaled about its centre by a factor; the edge is repeated."""
    return _about_centre(pixels, 1 / factor, 0, 0, 1 / factor)


def flip(pixels: Pixels, key: str, around: Surroundings) -> Pixels:  # noqa: ARG001 -- every view takes them
    """Return the image mirrored left to right."""
    return np.ascontiguousarray(pixels[:, ::-1])


def turn(pixels: Pixels, key: str, around: Surroundings, quarters: int) -> Pixels:  # noqa: ARG001 -- every view takes them
    """Return the image turned counter-clockwise: what an ignored EXIF orientation does."""
    return np.ascontiguousarray(np.rot90(pixels, quarters))


def bgr(pixels: Pixels, key: str, around: Surroundings) -> Pixels:  # noqa: ARG001 -- every view takes them
    """Return the image with its channels reversed; the same where it is grey."""
    return np.ascontiguousarray(pixels[..., ::-1]) if pixels.ndim == 3 else pixels


def grey(pixels: Pixels, key: str, around: Surroundings) -> Pixels:  # noqa: ARG001 -- every view takes them
    """Return luma (ITU-R BT.601) in every channel; the same where the image is grey."""
    if pixels.ndim == 2:
        return pixels
    red, green, blue = (pixels[..., channel].astype(np.int32) for channel in range(3))
    luma = (red * 19595 + green * 38470 + blue * 7471 + (1 << 15)) >> 16
    return np.repeat(luma.astype(np.uint8)[..., None], 3, 2)


def _about_centre(pixels: Pixels, a: float, b: float, c: float, d: float) -> Pixels:
    """Return at (y, x) about the centre what lies at (a y + b x, c y + d x)."""
    height, width = pixels.shape[:2]
    a, b, c, d = (round(each * _ONE) for each in (a, b, c, d))
    y = (2 * np.arange(height) - (height - 1))[:, None]  # twice the offset from the centre
    x = (2 * np.arange(width) - (width - 1))[None]
    ys = (a * y + b * x + (height - 1) * _ONE) >> 9
    xs = (c * y + d * x + (width - 1) * _ONE) >> 9
    return sample_between(pixels, ys, xs, None)
