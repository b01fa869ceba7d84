"""A perceptual hash says in 256 bits what a picture looks like: the signs of its frequencies.

Every number on the way is an integer that a float holds exactly, so the bits do not depend on the
batch, the number of threads, the library that multiplies, or the machine. The steps commute with
the eight orientations: the hash of a turned picture is the turned hash, see ``turned_hashes``.
"""

from functools import cache, lru_cache
from math import gcd
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gate.measure.fingerprints.orientations import ORIENTATIONS

SIDE = 64  # of a thumbnail, in pixels
BITS = 256
_FREQUENCIES = np.arange(1, 17)  # those of PDQ (Facebook, 2019): no mean, no purely straight bands
_SCALE = 1024  # of the integer cosines: 255 * 64 * 1024 is below 2**24, where float32 is exact
_CHUNK = 64  # pictures at a time, so that the intermediates stay in the processor's cache
_BAND = 8  # rows of a thumbnail at a time: an eighth of the products, and too few for threads
_REPEATS = 4  # of the weights of a short side, at most: a product of smaller parts saves nothing
_LENGTHS = 512  # of sides whose weights are kept; a split may have images of a thousand sizes
_FAINT = 0.5  # grey levels: rounding alone moves a coefficient by 0.3


def thumbnails(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (n, 64, 64) means over equal areas of ``grey``, (n, H, W), rounded half up."""
    count, height, width = grey.shape
    small = np.empty((count, SIDE, SIDE), np.uint8)
    exact: Any = np.float32 if 255 * height * width < 1 << 24 else np.float64
    narrow: Any = np.float32 if 255 * height < 1 << 24 else np.float64
    rows, columns = _bands(height, narrow), _bands(width, exact)
    for start in range(0, count, _CHUNK):
        part = grey[start : start + _CHUNK].astype(narrow)
        sums = _row_sums(rows, part).astype(exact, copy=False)
        sums = _column_sums(sums, columns)
        sums /= exact(height * width)
        sums += exact(0.5)
        small[start : start + _CHUNK] = sums  # casting drops the fraction
    return small


def hashes(small: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return the hashes, (n, 32) bytes, of thumbnails (n, 64, 64), and which are featureless.

    Of pictures of 32 pixels a side, (n, 32, 32), each pixel stands for four of a thumbnail.
    A bit says whether a coefficient of the cosine transform is above zero. The 256 bits are four
    words of 64, by whether the vertical and the horizontal frequency are even or odd. A picture is
    featureless when half of its coefficients or more are below one grey level (of the orthonormal
    transform): those bits say nothing, and flat pictures would match each other.

    Construction: PDQ (Facebook, 2019), with zero in place of the median, so that mirroring a
    picture flips whole words.
    """
    count = len(small)
    bits = np.empty((count, BITS), np.bool_)
    faint = np.empty(count, np.bool_)
    cosines = _cosines(small.shape[1])
    across = cosines.T.astype(np.float32)
    limit = _FAINT * _SCALE**2 * SIDE / 2
    for start in range(0, count, _CHUNK):
        chunk = slice(start, start + _CHUNK)
        part = small[chunk].astype(np.float32)
        bands = cosines @ flat_product(part, across).astype(np.float64)
        words = bands.reshape(-1, 2, 8, 2, 8).swapaxes(2, 3).reshape(-1, BITS)
        bits[chunk] = words > 0
        faint[chunk] = np.count_nonzero(np.abs(words) >= limit, axis=1) <= BITS // 2
    return np.packbits(bits, axis=1), faint


def turn_hashes(near: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Return the hashes, (n, 32), of the pictures whose hashes are ``near``, once turned.

    Transposing a picture transposes its transform; mirroring it negates the odd frequencies.
    """
    if orientation & 4:
        bits = np.unpackbits(near, axis=1).reshape(-1, 2, 2, 8, 8)
        near = np.packbits(bits.transpose(0, 2, 1, 4, 3).reshape(-1, BITS), axis=1)
    turned: NDArray[np.uint8] = near ^ _mirror_masks()[orientation & 3]
    return turned


def moments(small: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how much heavier the lower and the right half of thumbnails (n, 64, 64) are.

    They are whole numbers: grey levels times the distance from the middle, in half pixels.
    """
    places = 2 * np.arange(SIDE, dtype=np.float32) - (SIDE - 1)
    flat = np.stack([np.ones_like(places), places], axis=1)
    sums = np.empty((*small.shape[:2], 2))
    for start in range(0, len(small), _CHUNK):
        part = slice(start, start + _CHUNK)
        sums[part] = flat_product(small[part].astype(np.float32), flat)
    return sums[..., 0] @ places.astype(np.float64), sums[..., 1].sum(axis=1)


def flat_product(pictures: NDArray[Any], columns: NDArray[Any]) -> NDArray[Any]:
    """Return ``pictures @ columns`` as one product: numpy would make one for each picture."""
    flat = pictures.reshape(-1, pictures.shape[-1]) @ columns
    return np.asarray(flat).reshape(*pictures.shape[:-1], columns.shape[-1])


def _row_sums(bands: "_Bands", part: NDArray[Any]) -> NDArray[Any]:
    """Return the sums over the rows of ``part``, (n, H, W), that each of 64 parts covers."""
    sums = np.empty((len(part), SIDE, part.shape[2]), part.dtype)
    for band in bands:
        np.matmul(band.shares, part[:, band.near], out=sums[:, band.parts])
    return sums


def _column_sums(part: NDArray[Any], bands: "_Bands") -> NDArray[Any]:
    """Return the sums over the columns of ``part``, (n, 64, W), that each of 64 parts covers."""
    if len(bands) == 1:
        # Weights repeat where the sides have a common divisor: fewer zeros to multiply by.
        shares = bands[0].shares
        times = gcd(shares.shape[1], _REPEATS)
        once = shares[: SIDE // times, : shares.shape[1] // times]
        pieces = part.reshape(-1, once.shape[1]) @ once.T
        return np.asarray(pieces).reshape(*part.shape[:2], SIDE)
    sums = np.empty((*part.shape[:2], SIDE), part.dtype)
    for band in bands:
        np.matmul(part[..., band.near], band.shares.T, out=sums[..., band.parts])
    return sums


class _Band(NamedTuple):
    """Some of 64 parts of a side: the weights that they have in the pixels near them."""

    parts: slice
    near: slice
    shares: NDArray[Any]


_Bands = tuple[_Band, ...]


@lru_cache(maxsize=_LENGTHS)
def _bands(length: int, kind: type[np.floating[Any]]) -> _Bands:
    """Return the ``areas`` of the pixels of a side, but for those that are zero, as such floats."""
    shares = areas(length, SIDE).astype(kind)
    if length <= SIDE:
        return (_Band(slice(SIDE), slice(length), shares),)
    return tuple(
        _Band(slice(first, first + _BAND), near, shares[first : first + _BAND, near].copy())
        for first in range(0, SIDE, _BAND)
        for near in [slice(first * length // SIDE, -(-(first + _BAND) * length // SIDE))]
    )


@cache
def _mirror_masks() -> NDArray[np.uint8]:
    """Return (4, 32) bytes: the bits that change sign for each pair of mirrorings."""
    masks = np.zeros((4, 2, 2, 8), np.uint8)
    for mirrors in ORIENTATIONS[:4]:
        for vertical in (0, 1):
            for horizontal in (0, 1):
                odd = (mirrors >> 1 & vertical) ^ (mirrors & horizontal)
                masks[mirrors, vertical, horizontal] = 255 * odd
    return masks.reshape(4, 32)


def areas(length: int, parts: int) -> NDArray[np.float64]:
    """Return (parts, length) integers: the share of each pixel in each of so many equal parts.

    A pixel counts ``parts``, and a part ``length``.
    """
    part, pixel = np.ogrid[:parts, :length]
    end = np.minimum((part + 1) * length, (pixel + 1) * parts)
    begin = np.maximum(part * length, pixel * parts)
    shares: NDArray[np.float64] = np.maximum(end - begin, 0).astype(np.float64)
    return shares


@cache
def _cosines(side: int) -> NDArray[np.float64]:
    """Return (16, side) integers: the even frequencies of the cosine transform, then the odd ones.

    A pixel of fewer than 64 stands for several.
    """
    order = np.concatenate([_FREQUENCIES[1::2], _FREQUENCIES[::2]])
    angles = np.pi * np.outer(order, 2 * np.arange(SIDE) + 1) / (2 * SIDE)
    cosines: NDArray[np.float64] = np.rint(_SCALE * np.cos(angles))
    return np.asarray(cosines.reshape(len(order), side, -1).sum(axis=2))
