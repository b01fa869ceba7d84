"""Arithmetic of pixels in whole numbers, or in IEEE operations that round alike everywhere."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]  # (H, W) or (H, W, 3)
_ONE = 256  # a pixel, in the steps of a place between pixels


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a view may know beside the image: nothing of the model, nothing of the image's label."""

    fill: tuple[int, ...] = (128,)  # the mean colour of the sample, a whole number a channel
    input_size: tuple[int, int] | None = None  # (H, W) that the model is given, where declared
    donor: Pixels | None = field(default=None, compare=False)  # the decoded image that lends


def mean_colour(pixels: Pixels) -> NDArray[np.int64]:
    """Return the mean of each channel, rounded to a whole number."""
    count = pixels.shape[0] * pixels.shape[1]
    total = pixels.sum(axis=(0, 1), dtype=np.int64)
    return np.asarray((2 * total + count) // (2 * count), np.int64)


def to_levels(values: "NDArray[np.floating[Any]]") -> Pixels:
    """Return numbers as levels 0..255, halves rounded up."""
    return clip(np.floor(values + 0.5))


def clip(values: NDArray[Any]) -> Pixels:
    """Return whole numbers as levels 0..255."""
    levels: Pixels = np.clip(values, 0, 255).astype(np.uint8)
    return levels


def fill_of(pixels: Pixels, fill: Sequence[int]) -> NDArray[np.uint8] | int:
    """Return a colour as it is assigned to pixels of an image, grey or RGB."""
    return np.array(fill[:3], np.uint8) if pixels.ndim == 3 else int(fill[0])


def sample_between(
    pixels: Pixels,
    ys: NDArray[np.int64],
    xs: NDArray[np.int64],
    fill: Sequence[int] | None,
) -> Pixels:
    """Return the image at other places, bilinear: ``ys`` and ``xs`` (H, W) in 1/256 of a pixel.

    Outside lies the nearest pixel where ``fill`` is None, else that colour.
    """
    height, width = pixels.shape[:2]
    top, left, down, right = ys >> 8, xs >> 8, ys & 255, xs & 255
    levels = pixels.astype(np.int32)

    def at(y: NDArray[np.int64], x: NDArray[np.int64]) -> NDArray[np.int32]:
        found = levels[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)]
        if fill is not None:
            outside = (y < 0) | (y >= height) | (x < 0) | (x >= width)
            found[outside] = fill_of(pixels, fill)
        return found

    if pixels.ndim == 3:
        down, right = down[..., None], right[..., None]
    across, along = right.astype(np.int32), down.astype(np.int32)
    upper = at(top, left) * (_ONE - across) + at(top, left + 1) * across
    lower = at(top + 1, left) * (_ONE - across) + at(top + 1, left + 1) * across
    mixed: NDArray[Any] = upper * (_ONE - along) + lower * along + (1 << 15)
    return (mixed >> 16).astype(np.uint8)


def move(pixels: Pixels, dy: int, dx: int, fill: Sequence[int] | None = None) -> Pixels:
    """Return the image moved by ``dy`` and ``dx`` in 1/256 of a pixel, down and right.

    Beyond its sides the edge is repeated where ``fill`` is None, else there is that colour.
    """
    height, width = pixels.shape[:2]
    pad_y, pad_x = abs(dy) // _ONE + 2, abs(dx) // _ONE + 2
    padded = _padded(pixels, pad_y, pad_x, fill)
    return cut_between(padded, (pad_y * _ONE - dy, pad_x * _ONE - dx), (height, width))


def _padded(pixels: Pixels, pad_y: int, pad_x: int, fill: Sequence[int] | None) -> Pixels:
    pads = [(pad_y, pad_y), (pad_x, pad_x), (0, 0)][: pixels.ndim]
    if fill is None:
        return np.pad(pixels, pads, mode="edge")
    padded = np.empty([n + a + b for n, (a, b) in zip(pixels.shape, pads, strict=True)], np.uint8)
    padded[...] = fill_of(pixels, fill)
    height, width = pixels.shape[:2]
    padded[pad_y : pad_y + height, pad_x : pad_x + width] = pixels
    return padded


def cut_between(pixels: Pixels, corner: tuple[int, int], size: tuple[int, int]) -> Pixels:
    """Return a rectangle of an image, its ``corner`` (y, x) in 1/256 of a pixel, bilinear.

    The rectangle and one pixel more on its far sides must lie inside of the image.
    """
    (y, down), (x, right) = (divmod(each, _ONE) for each in corner)
    height, width = size
    if not down:  # (v * 256 + 2^15) >> 16 is (v + 128) >> 8
        row = _mix_neighbours(pixels[y : y + height, x : x + width + 1], right)
        return ((row + 128) >> 8 if right else row).astype(np.uint8)
    rows = _mix_neighbours(pixels[y : y + height + 1, x : x + width + 1], right)
    scale = 16 if right else 8
    mixed = np.multiply(rows[:-1], np.uint32(_ONE - down), dtype=np.uint32)
    mixed += np.multiply(rows[1:], np.uint32(down), dtype=np.uint32)
    mixed += np.uint32(1 << (scale - 1))
    mixed >>= np.uint32(scale)
    return mixed.astype(np.uint8)


def _mix_neighbours(pixels: Pixels, share: int) -> NDArray[np.uint16]:
    """Return each column mixed with the next one: 256 times its level; once where share is 0."""
    near, far = pixels[:, :-1].astype(np.uint16), pixels[:, 1:]
    if not share:
        return near
    near *= np.uint16(_ONE - share)
    near += np.multiply(far, np.uint16(share), dtype=np.uint16)
    return near


def smooth(pixels: Pixels, sigma: float) -> Pixels:
    """Return the image under a Gaussian of ``sigma`` pixels, cut at three of them; edges repeat.

    Weights are rounded to 1/65536, and each of the two directions to whole levels.
    """
    reach = max(1, math.ceil(3 * sigma))
    weights = _gaussian(sigma, reach)
    levels = pixels.astype(np.int32)
    for axis in (0, 1):
        pads = [(0, 0)] * pixels.ndim
        pads[axis] = (reach, reach)
        padded = np.moveaxis(np.pad(levels, pads, mode="edge"), axis, 0)
        length = pixels.shape[axis]
        total = weights[0] * padded[reach : reach + length] + (1 << 15)
        for distance in range(1, reach + 1):
            ahead = padded[reach + distance : reach + distance + length]
            behind = padded[reach - distance : reach - distance + length]
            total += weights[distance] * (ahead + behind)
        levels = np.moveaxis(total >> 16, 0, axis)
    return levels.astype(np.uint8)


def _gaussian(sigma: float, reach: int) -> list[int]:
    heights = [math.exp(-0.5 * (each / sigma) ** 2) for each in range(reach + 1)]
    total = heights[0] + 2 * sum(heights[1:])
    weights = [round(65536 * each / total) for each in heights]
    weights[0] += 65536 - (weights[0] + 2 * sum(weights[1:]))
    return weights
