"""Keypoints of thumbnails: where blobs lie, how large and how turned they are, and a code of each.

A blob is an extremum, over place and size, of differences between Gaussian blurs (Lowe, 2004). What
surrounds it is cut out upright by its main direction of gradient, as bright on dark, and written as
64 signs of random projections of its low frequencies. So neither a turn, a shift, a crop, a border,
a cover nor an inversion of brightness changes the codes of what is still there. Without whitening
the codes of all blobs would be alike: frequencies are weighed as they are in noise whose amplitude
falls with the frequency, as it does in photographs.

The products that decide a bit are of whole numbers, so a code depends on its picture alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from gate.measure.fingerprints.perceptual_hash import SIDE

MOST = 32  # keypoints of a picture: those of the highest contrast

_OCTAVES = (64, 32, 16)  # pixels a side; in each, a blob is sought at two sizes
_BLURS = tuple(float(2 ** (step / 2)) for step in range(5))  # widths, in pixels of an octave
_SHADE = 10.0  # pixels: the slow shading of a wall or a sky is no contrast
_FLAT = 1.0  # grey levels: less contrast than this counts as this
_FAINT = 0.02  # of the contrast: what stands out less is no blob
_EDGE = 12.0  # of the squared sum of a blob's curvatures over their product; above, it is an edge
_RING, _RING_STEP, _RING_WIDTH = 9, 0.9, 2.5  # samples a side for the direction, in blob sizes
_DIRECTIONS = 36
_PATCH, _PATCH_STEP, _PATCH_WIDTH = 8, 1.5, 3.0  # samples a side for the code, in blob sizes
_HIGHEST = 6  # of the two frequencies of a cosine together
_BITS = 64
_LEVELS = 1024  # whole numbers up to here: products of them add up exactly in float64
_VARIED = 0.02  # of the highest variance; along what varies less, noise alone would be whitened
_SAMPLES = 192  # pictures of noise
_FALL = 1.1  # the power of the frequency by which the amplitude of noise falls
_NEGLIGIBLE = 1e-7  # of a weight: floats near the smallest there is take ten times as long
_AT_ONCE = 32  # pictures: their blurs stay in the processor's cache

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Keypoints:
    """Keypoints, (m,), by picture; places and sizes are in sides of the thumbnail."""

    picture: Indices  # ascending
    y: Floats  # from the middle, -0.5 to 0.5
    x: Floats
    size: Floats  # width of the blur
    angle: Floats  # of the main direction, in radians, from right to down
    code: NDArray[np.uint64]
    mirrored: NDArray[np.uint64]  # the code that the keypoint has in a mirror

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """Return the keypoints of all ``parts``, one at least."""
        return cls(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)))


def find_keypoints(pictures: Floats) -> Keypoints:
    """Return the keypoints of pictures, float32 (n, 64, 64): at most 32 of each."""
    whitening = _whitening()
    parts = []
    for first in range(0, max(len(pictures), 1), _AT_ONCE):
        blobs, patches = _blobs_and_patches(pictures[first : first + _AT_ONCE])
        mirror = patches.reshape(-1, _PATCH, _PATCH)[:, ::-1].reshape(patches.shape)
        parts.append(
            Keypoints(
                picture=blobs.picture + first,
                y=blobs.y.astype(np.float32),
                x=blobs.x.astype(np.float32),
                size=blobs.size.astype(np.float32),
                angle=blobs.angle.astype(np.float32),
                code=_codes(patches, whitening),
                mirrored=_codes(mirror, whitening),
            )
        )
    return Keypoints.concatenate(parts)


@cache
def blur_weights(side: int, width: float) -> Floats:
    """Return (side, side) weights of a Gaussian blur that mirrors the picture at its borders."""
    steps = np.arange(-4 * side, 4 * side + 1)
    weights = np.exp(-(steps**2) / (2 * width**2))
    places = (np.arange(side)[:, None] + steps) % (2 * side)
    mirrored = np.minimum(places, 2 * side - 1 - places)
    blur = np.zeros((side, side))
    np.add.at(blur, (np.arange(side)[:, None], mirrored), weights / weights.sum())
    blur[blur < _NEGLIGIBLE] = 0
    return blur.astype(np.float32)


class _Blobs(NamedTuple):
    """Blobs, (m,), each at a place in pixels of its octave, until :func:`_in_sides`."""

    picture: Indices
    octave: Indices
    blur: Indices  # which of the five
    y: Doubles
    x: Doubles
    size: Doubles
    contrast: Floats  # below zero where the blob is bright
    angle: Doubles

    def take(self, chosen: Indices) -> "_Blobs":
        return _Blobs._make(column[chosen] for column in self)


def _blobs_and_patches(pictures: Floats) -> tuple[_Blobs, Doubles]:
    """Return the blobs of some pictures, by picture, and what is around each, (m, 64)."""
    stacks = list(_blurred(pictures))
    several = [_blobs_of(stack, octave) for octave, stack in enumerate(stacks)]
    blobs = _Blobs._make(np.concatenate(column) for column in zip(*several, strict=True))
    blobs = blobs.take(_strongest(blobs))
    patches = np.zeros((len(blobs.picture), _PATCH**2))
    for octave, stack in enumerate(stacks):
        rows = np.flatnonzero(blobs.octave == octave)
        some = blobs.take(rows)
        some = some._replace(angle=_directions(stack, some))
        blobs.angle[rows] = some.angle
        patches[rows] = _sampled(stack, some, _PATCH, _PATCH_STEP)
    patches *= -np.sign(blobs.contrast)[:, None]
    pixel = 1 / np.array(_OCTAVES)[blobs.octave]
    y, x = ((place + 0.5) * pixel - 0.5 for place in (blobs.y, blobs.x))
    return blobs._replace(y=y, x=x, size=blobs.size * pixel), patches


def _blurred(pictures: Floats) -> Iterator[Floats]:
    """Yield pictures of even contrast, blurred by five widths, (n, 5, s, s), for each octave."""
    shade = blur_weights(SIDE, _SHADE)
    rest = pictures - shade @ pictures @ shade.T
    levels = pictures - pictures.mean(axis=(1, 2), keepdims=True)
    levels /= np.maximum(rest.std(axis=(1, 2), keepdims=True), _FLAT)
    for side in _OCTAVES:
        if side < SIDE:
            levels = levels.reshape(len(levels), side, 2, side, 2).mean(axis=(2, 4))
        blurs = [blur_weights(side, width) for width in _BLURS]
        down = np.concatenate(blurs) @ levels
        down = down.reshape(len(levels), len(blurs), side, side)
        yield np.stack([down[:, place] @ blur.T for place, blur in enumerate(blurs)], axis=1)


def _blobs_of(stack: Floats, octave: int) -> _Blobs:
    """Return the extrema of the differences between blurs; edges are left out."""
    steps = stack[:, 1:] - stack[:, :-1]
    height = np.abs(steps)
    highest = _highest_around(height)
    found = (height[:, 1:-1] >= highest) & (height[:, 1:-1] > _FAINT)
    found[:, :, [0, -1]] = False
    found[..., [0, -1]] = False
    picture, blur, y, x = np.nonzero(found)
    blur += 1

    def at(down: int, right: int, wider: int = 0) -> Floats:
        return np.asarray(steps[picture, blur + wider, y + down, x + right])

    here = at(0, 0)
    curved_down, curved_right = at(-1, 0) + at(1, 0) - 2 * here, at(0, -1) + at(0, 1) - 2 * here
    mixed = (at(-1, -1) + at(1, 1) - at(-1, 1) - at(1, -1)) / 4
    product = curved_down * curved_right - mixed**2
    blobs = _Blobs(
        picture=picture,
        octave=np.full(len(picture), octave),
        blur=blur,
        y=y + _offset(at(-1, 0), here, at(1, 0)),
        x=x + _offset(at(0, -1), here, at(0, 1)),
        size=2 ** ((blur + _offset(at(0, 0, -1), here, at(0, 0, 1))) / 2),
        contrast=here,
        angle=np.zeros(len(picture)),
    )
    return blobs.take(np.flatnonzero(product * _EDGE > (curved_down + curved_right) ** 2))


def _highest_around(height: Floats) -> Floats:
    """Return the highest of the 27 values around each one of all but the first and last blur."""
    highest = height
    for axis in (2, 3):
        before, after = ((slice(None),) * axis + (part,) for part in (slice(-1), slice(1, None)))
        wider = highest.copy()
        np.maximum(wider[after], highest[before], out=wider[after])
        np.maximum(wider[before], highest[after], out=wider[before])
        highest = wider
    return np.maximum(np.maximum(highest[:, :-2], highest[:, 1:-1]), highest[:, 2:])


def _offset(before: Floats, here: Floats, after: Floats) -> Doubles:
    """Return where the peak of a parabola through three values lies, -0.5 to 0.5 off the middle."""
    bend = (2.0 * here - before - after).astype(np.float64)
    bend[np.abs(bend) < np.finfo(np.float32).tiny] = np.inf
    return np.clip((after - before) / (2 * bend), -0.5, 0.5)


def _strongest(blobs: _Blobs) -> Indices:
    """Return the blobs of the highest contrast of each picture, by picture."""
    order = np.lexsort((-np.abs(blobs.contrast), blobs.picture))
    return order[rank_within(blobs.picture[order]) < MOST]


def rank_within(ordered: Indices) -> Indices:
    """Return the place of each of the ascending numbers among its equals, from 0 on."""
    return np.arange(len(ordered)) - np.searchsorted(ordered, ordered)


def _directions(stack: Floats, blobs: _Blobs) -> Doubles:
    """Return the main direction of gradient around each blob, as if it were bright."""
    window = _sampled(stack, blobs, _RING + 2, _RING_STEP).reshape(-1, _RING + 2, _RING + 2)
    window *= -np.sign(blobs.contrast)[:, None, None]
    right = window[:, 1:-1, 2:] - window[:, 1:-1, :-2]
    down = window[:, 2:, 1:-1] - window[:, :-2, 1:-1]
    weight = np.hypot(right, down) * _bell(_RING, _RING_WIDTH)
    place = np.arctan2(down, right) / (2 * np.pi) % 1 * _DIRECTIONS
    low = place.astype(np.int64) % _DIRECTIONS
    part = place - np.floor(place)
    bins = np.zeros((len(window), _DIRECTIONS))
    rows = np.arange(len(window))[:, None, None]
    np.add.at(bins, (rows, low), weight * (1 - part))
    np.add.at(bins, (rows, (low + 1) % _DIRECTIONS), weight * part)
    for _ in range(3):
        bins = (np.roll(bins, 1, axis=1) + np.roll(bins, -1, axis=1) + bins) / 3
    top = bins.argmax(axis=1)
    before, here, after = (bins[rows[:, 0, 0], (top + s) % _DIRECTIONS] for s in (-1, 0, 1))
    found: Doubles = 2 * np.pi * (top + _offset(before, here, after)) / _DIRECTIONS
    return found


def _sampled(stack: Floats, blobs: _Blobs, count: int, step: float) -> Doubles:
    """Return what lies around each blob, (m, count * count), ``step`` blob sizes apart."""
    places = (np.arange(count) - (count - 1) / 2) * step
    v, u = (each.ravel() for each in np.meshgrid(places, places, indexing="ij"))
    cos, sin = (f(blobs.angle)[:, None] * blobs.size[:, None] for f in (np.cos, np.sin))
    side = stack.shape[-1]
    y = np.clip(blobs.y[:, None] + sin * u + cos * v, 0, side - 1.001)
    x = np.clip(blobs.x[:, None] + cos * u - sin * v, 0, side - 1.001)
    row, column = y.astype(np.int64), x.astype(np.int64)
    at = ((blobs.picture * stack.shape[1] + blobs.blur)[:, None] * side + row) * side + column
    pixels = stack.reshape(-1)
    y -= row
    x -= column
    upper = pixels[at] * (1 - x) + pixels[at + 1] * x
    lower = pixels[at + side] * (1 - x) + pixels[at + side + 1] * x
    return np.asarray(upper * (1 - y) + lower * y)


@cache
def _bell(count: int, width: float) -> Doubles:
    """Return (count, count) weights that fall from the middle."""
    places = np.arange(count) - (count - 1) / 2
    line = np.exp(-(places**2) / (2 * width**2))
    return np.outer(line, line)


@cache
def _cosines() -> Doubles:
    """Return (k, 64): the low frequencies of a patch, weighed by how near its middle they are."""
    places, frequencies = np.arange(_PATCH), np.arange(_PATCH)
    lines = np.cos(np.pi * np.outer(frequencies, 2 * places + 1) / (2 * _PATCH))
    waves = np.einsum("uy,vx->uvyx", lines, lines)
    total = np.add.outer(frequencies, frequencies)
    low = waves[(total > 0) & (total <= _HIGHEST)].reshape(-1, _PATCH**2)
    low /= np.linalg.norm(low, axis=1, keepdims=True)
    return np.asarray(np.rint(_LEVELS * low * _bell(_PATCH, _PATCH_WIDTH).ravel()))


def _frequencies(patches: Doubles) -> Doubles:
    """Return whole numbers, (m, k): the frequencies of patches, of a common length."""
    window = _bell(_PATCH, _PATCH_WIDTH).ravel()
    mean = (patches * window).sum(axis=1, keepdims=True) / window.sum()
    rest = patches - mean
    highest = np.maximum(np.abs(rest).max(axis=1, keepdims=True, initial=0), 1e-6)
    found = np.rint(rest * (_LEVELS / highest)) @ _cosines().T
    length = np.sqrt((found**2).sum(axis=1, keepdims=True))
    return np.asarray(np.rint(found * (_LEVELS / np.maximum(length, 1))))


class _Whitening(NamedTuple):
    mean: Doubles  # (k,) whole numbers
    projections: Doubles  # (k, 64) whole numbers


def _codes(patches: Doubles, whitening: _Whitening) -> NDArray[np.uint64]:
    """Return 64 signs of each patch, (m,)."""
    signs = (_frequencies(patches) - whitening.mean) @ whitening.projections > 0
    return np.packbits(signs, axis=1).view(np.uint64)[:, 0]


@cache
def _whitening() -> _Whitening:
    """Return what makes the frequencies of blobs in noise alike, and 64 directions among them."""
    random = np.random.Generator(np.random.PCG64(7))
    down, right = np.fft.fftfreq(SIDE), np.fft.rfftfreq(SIDE)
    frequency = np.hypot(down[:, None], right)
    frequency[0, 0] = 1
    noise = random.random((_SAMPLES, SIDE, SIDE)) - 0.5
    pictures = np.fft.irfft2(np.fft.rfft2(noise) / frequency**_FALL).astype(np.float32)
    pictures *= 255 / np.ptp(pictures, axis=(1, 2), keepdims=True)
    some = [
        _blobs_and_patches(pictures[first : first + _AT_ONCE])[1]
        for first in range(0, _SAMPLES, _AT_ONCE)
    ]
    patches = np.concatenate(some)
    mirror = patches.reshape(-1, _PATCH, _PATCH)[:, ::-1].reshape(patches.shape)
    seen = _frequencies(np.concatenate([patches, mirror]))
    variances, axes = np.linalg.eigh(np.cov(seen.T))
    varied = variances > variances.max() * _VARIED
    white = (axes[:, varied] / np.sqrt(variances[varied])) @ axes[:, varied].T
    directions = np.linalg.qr(random.random((_BITS, _BITS)) - 0.5)[0][: len(white)]
    projections = white @ directions
    projections *= _LEVELS**2 / np.abs(projections).max()
    return _Whitening(np.rint(seen.mean(axis=0)), np.rint(projections))
