"""Correlation of thumbnails finds crops and other edits of a picture.

Candidates agree coarsely (``coarse``). Each is then aligned: one picture, reduced to 100 down to 78
percent, slides over the other and the other way round, and the correlation of what is neither mean
brightness, nor its slope, nor noise (a band of frequencies) is taken at the best place; first at 32
pixels, and where that promises something, at 64. Only places and sizes are searched: with free
rotation and shear, unrelated pictures would agree too. Three quarters of a picture may agree in
place of the whole, and must do so better: a caption covers the rest.

Then it is asked whether so good a partner is surprising. Pictures of shoes, or of parts on a belt,
all agree, and none of them is a copy: a pair counts only if its correlation lacks less than a tenth
of what the picture's eighth best partner lacks.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from gate.measure.duplicates.coarse_candidates import NEIGHBOUR, ThumbnailView
from gate.measure.fingerprints.perceptual_hash import SIDE, areas
from gate.measure.parallel.cpu_budget import usable_cores
from gate.measure.parallel.ordered_map import do_all

COPY = 0.95  # correlation; from here on, a pair counts
REVIEW = 0.85  # from here on, a person should look
RATIO = 0.1  # of what it lacks in correlation; a pair must lack less
FEW = 100  # pictures; below, there is no density to speak of
NONE = -1

_ROUGH_RATIO = 0.5  # at 32 pixels; of those beyond, hardly any is within RATIO at 64
_HALF = 32  # pixels a side of the first alignment
_PROMISING = 0.75
_CROPPED = {_HALF: range(32, 24, -1), SIDE: range(64, 49, -1)}  # pixels of the smaller picture
_FINE, _WIDE = 1.4, 4.0  # pixels: the band lies between these two Gaussian blurs
_FLAT = 0.5  # grey levels: less contrast than this in the band counts as this
_PART = 0.03  # of correlation: how much surer three quarters of a picture must be than the whole
_AT_ONCE = 96 * SIDE**2  # pixels of pairs aligned at a time: blocks below 2 MB are used again

Floats = NDArray[np.float32]
Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Edited:
    """For each of m pictures of b, the one of a that correlates best, from REVIEW on; or NONE."""

    row: Indices  # (m,) place in the order of a; of equally good ones the first
    correlation: NDArray[np.float64]  # (m,) in [0, 1], rounded to three digits


def edited_copies(a: ThumbnailView, b: ThumbnailView, alike: tuple[Indices, Indices]) -> Edited:
    """Return the edited or cropped copy in ``a`` of each picture of ``b``.

    ``alike`` are the places in a and in b of the pairs that agree coarsely: no others are aligned.
    Pictures are compared as they stand, not turned. A pair counts when its correlation lacks less
    than a tenth of what that of the picture of b and its eighth best partner lacks; among fewer
    than 100 pictures of a, that is not asked. Of pictures of a with one hash, one should come.
    """
    row = np.full(len(b.rows), NONE, np.int64)
    correlation = np.zeros(len(b.rows))
    rows_a, rows_b = alike
    crowds = len(a.rows) >= FEW
    score = _correlations(a, b, rows_a, rows_b, _HALF)
    promising = score >= _PROMISING
    if crowds:
        promising &= ~_crowded(len(row), rows_b, score, _ROUGH_RATIO)[rows_b]
    fine = np.flatnonzero(promising)
    score[fine] = _correlations(a, b, rows_a[fine], rows_b[fine], SIDE)
    counts = score[fine] >= REVIEW
    if crowds:
        counts &= ~_crowded(len(row), rows_b, score, RATIO)[rows_b[fine]]
    counting = fine[counts]
    # Of several values for one place, NumPy keeps the last.
    best_last = counting[np.lexsort((-rows_a[counting], score[counting]))]
    row[rows_b[best_last]] = rows_a[best_last]
    correlation[rows_b[best_last]] = score[best_last]
    return Edited(row=row, correlation=correlation)


def _crowded(
    pictures: int, rows_b: Indices, score: NDArray[np.float64], ratio: float
) -> NDArray[np.bool_]:
    """Return which of the pictures of b have an eighth partner nearly as good as the best.

    ``score`` is the correlation of each pair of ``rows_b``, (n,).
    """
    order = np.lexsort((-score, rows_b))
    ordered = rows_b[order]
    rank = np.arange(len(order)) - np.searchsorted(ordered, ordered)
    lacks = np.ones((2, pictures))
    for each, place in zip(lacks, (0, NEIGHBOUR - 1), strict=True):
        pairs = order[rank == place]
        each[rows_b[pairs]] = 1 - score[pairs]
    dense = np.bincount(rows_b, minlength=pictures) >= NEIGHBOUR
    crowded: NDArray[np.bool_] = dense & (lacks[0] >= ratio * lacks[1])
    return crowded


def _correlations(
    a: ThumbnailView, b: ThumbnailView, rows_a: Indices, rows_b: Indices, side: int
) -> NDArray[np.float64]:
    """Return the best correlation of each pair of places, at ``side`` pixels, up to 1.

    Either picture slides over the other. The one that slides is worked on more, so pairs that share
    it are aligned together.
    """
    found = np.zeros(len(rows_a))
    at_once = _AT_ONCE // side**2

    def slide_b(pairs: Indices) -> None:
        ground, picture = of_a(pairs), of_b(pairs)
        found[pairs] = np.maximum(_slid(ground, picture), _uncovered(ground, picture))

    def slide_a(pairs: Indices) -> None:
        found[pairs] = np.maximum(found[pairs], _slid(of_b(pairs), of_a(pairs)))

    def of_a(pairs: Indices) -> _Repeated:
        return _Repeated.of(a, rows_a[pairs], side)

    def of_b(pairs: Indices) -> _Repeated:
        return _Repeated.of(b, rows_b[pairs], side)

    for slide, rows in ((slide_b, rows_b), (slide_a, rows_a)):
        order = rows.argsort(kind="stable")
        parts = (order[first : first + at_once] for first in range(0, len(order), at_once))
        do_all(slide, parts, threads=usable_cores())
    return np.minimum(found.round(3), 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class _Repeated:
    """Pictures of which some stand in several pairs; what is asked of one is computed once."""

    distinct: Floats  # (k, s, s)
    places: Indices  # (n,) of each pair's picture among the distinct ones

    @classmethod
    def of(cls, chosen: ThumbnailView, places: Indices, side: int) -> "_Repeated":
        """Return the pictures at ``places``, reduced to ``side`` pixels."""
        distinct, repeated = np.unique(places, return_inverse=True)
        pictures = _level(chosen.take(distinct))
        if side != SIDE:
            weights = _shrinking(SIDE, side)
            pictures = np.asarray(weights @ pictures @ weights.T, np.float32)
        return cls(pictures, repeated)


def _level(pictures: NDArray[np.uint8]) -> Floats:
    """Return thumbnails without their slope of brightness: gradients are all alike."""
    places = np.arange(SIDE, dtype=np.float32) - np.float32((SIDE - 1) / 2)
    slope = places / (places @ places) / SIDE
    levels = pictures.astype(np.float32)
    # Sums of their own for each picture: a product of matrices may depend on how many there are.
    down, right = ((levels.sum(axis=axis) * slope).sum(axis=1) for axis in (2, 1))
    levels -= down[:, None, None] * places[:, None] + right[:, None, None] * places
    return levels


def _slid(ground: _Repeated, picture: _Repeated) -> Floats:
    """Return the best correlation of each picture, reduced to several sizes, on its ground."""
    from scipy.fft import rfft2  # takes half of the time of numpy's

    side = ground.distinct.shape[1]
    best = np.zeros(len(ground.places), np.float32)
    bands = _band(ground.distinct, side)
    spectrum, power = rfft2(bands), bands**2
    for size in _CROPPED[side]:
        moved = _band(picture.distinct, size)
        least = _FLAT**2 * size**2
        own = np.maximum((moved**2).sum(axis=(1, 2)), least)
        spread = rfft2(moved, s=(side, side)).conj()
        under = _stretches(side, size)
        below = np.maximum(under @ (power @ under.T), least)
        crossed = spectrum[ground.places]
        crossed *= spread[picture.places]
        down, right = _first_places(side, len(under))
        products = (down @ (crossed @ right)).real
        scale = np.sqrt(below[ground.places] * own[picture.places, None, None])
        best = np.maximum(best, _peak(products / scale))
    return best


def _uncovered(a: _Repeated, b: _Repeated) -> Floats:
    """Return the better correlation of pairs without their top, and without their bottom, quarter.

    That is where captions, dates and logos stand.
    """
    side = a.distinct.shape[1]
    best = np.zeros(len(a.places), np.float32)
    for rows in (slice(0, side * 3 // 4), slice(side // 4, side)):
        part_a, part_b = (_band(each.distinct[:, rows], side) for each in (a, b))
        least = _FLAT**2 * part_a[0].size
        own_a, own_b = (np.maximum((part**2).sum(axis=(1, 2)), least) for part in (part_a, part_b))
        products = np.einsum("nij,nij->n", part_a[a.places], part_b[b.places])
        found = products / np.sqrt(own_a[a.places] * own_b[b.places])
        best = np.maximum(best, found - _PART)
    return best


def _peak(correlations: Floats) -> Floats:
    """Return the highest of correlations at places, (n, p, p), also between places.

    Between three neighbours lies a parabola; where the best place is at a border, it is taken as it
    is. A crop rarely begins at a whole pixel of a thumbnail.
    """
    rows = np.arange(len(correlations))
    places = correlations.shape[1]
    down, right = np.divmod(correlations.reshape(-1, places**2).argmax(axis=1), places)
    peak = correlations[rows, down, right]
    between = peak.copy()
    for at, step_down, step_right in ((down, 1, 0), (right, 0, 1)):
        inner = np.flatnonzero((at > 0) & (at < places - 1))
        before, after = (
            correlations[inner, down[inner] + s * step_down, right[inner] + s * step_right]
            for s in (-1, 1)
        )
        bend = np.maximum(2 * peak[inner] - before - after, np.finfo(np.float32).tiny)
        between[inner] += (after - before) ** 2 / (8 * bend)
    return between


def _band(pictures: Floats, size: int) -> Floats:
    """Return pictures (n, h, s) reduced to ``size`` of s, without what is coarser or finer."""
    count, height, width = pictures.shape
    down = _banding(height, height * size // width)
    across = _banding(width, size).copy()
    across[1] *= -1  # the fine blur less the wide one
    both = down.swapaxes(0, 1).reshape(-1, height) @ pictures  # a row of each blur, in turn
    band = both.reshape(-1, 2 * width) @ across.swapaxes(1, 2).reshape(-1, size)
    return np.asarray(band, np.float32).reshape(count, -1, size)


@cache
def _banding(side: int, size: int) -> Floats:
    """Return (2, size, side) weights that reduce a side, and blur it finely and widely."""
    reduced = _shrinking(side, size)
    return np.stack([_blurring(size, _FINE) @ reduced, _blurring(size, _WIDE) @ reduced])


@cache
def _stretches(side: int, size: int) -> Floats:
    """Return (places, side): what of a side lies under a picture at each place within it, as 1."""
    begin, pixel = np.ogrid[: side - size + 1, :side]
    return ((begin <= pixel) & (pixel < begin + size)).astype(np.float32)


@cache
def _first_places(side: int, places: int) -> tuple[NDArray[np.complex64], NDArray[np.complex64]]:
    """Return what makes the first places of a picture, (places, places), from its spectrum.

    The real part of ``down @ spectrum @ right`` is what ``irfft2`` gives there, for a tenth of its
    work: of a correlation only the few places are asked where one picture lies within the other.
    """
    turns = np.exp(2j * np.pi / side * np.outer(np.arange(side), np.arange(places))) / side
    half = turns[: side // 2 + 1].copy()
    half[1 : side - side // 2] *= 2  # the frequencies that a spectrum of real numbers leaves out
    return turns.T.astype(np.complex64), half.astype(np.complex64)


@cache
def _shrinking(side: int, size: int) -> Floats:
    """Return (size, side) weights that make means over equal parts."""
    return (areas(side, size) / side).astype(np.float32)


@cache
def _blurring(size: int, width: float) -> Floats:
    """Return (size, size) weights of a Gaussian blur that mirrors the picture at its borders."""
    reach = 4 * size
    steps = np.arange(-reach, reach + 1)
    weights = np.exp(-(steps**2) / (2 * width**2))
    places = (np.arange(size)[:, None] + steps) % (2 * size)
    mirrored = np.minimum(places, 2 * size - 1 - places)
    blur = np.zeros((size, size))
    np.add.at(blur, (np.arange(size)[:, None], mirrored), weights / weights.sum())
    return blur.astype(np.float32)
