"""Which pictures are crops of each other, or differ by an edit: by correlation of thumbnails.

Candidates agree coarsely, at 16 x 16. Each is then aligned: one picture, reduced to 100 down to 78
percent, slides over the other and the other way round, and the correlation of what is neither mean
brightness, nor its slope, nor noise (a band of frequencies) is taken at the best place; first at 32
pixels, and where that promises something, at 64. Only places and sizes are searched: with free
rotation and shear, unrelated pictures would agree too. Three quarters of a picture may agree in
place of the whole, and must do so better: a caption covers the rest.

Then it is asked whether so good a partner is surprising. Pictures of shoes, or of parts on a belt,
all agree, and none of them is a copy: a pair counts only if its correlation lacks less than a tenth
of what the picture's eighth best partner lacks.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from gate.evidence.records import Thumbnails
from gate.measure.cores import usable_cores
from gate.measure.ordered import in_order
from gate.measure.orientations import turn
from gate.measure.perceptual import SIDE, areas

COPY = 0.95  # correlation; from here on, a pair counts
REVIEW = 0.85  # from here on, a person should look
ALIKE = 0.6  # coarse correlation of a candidate
NEIGHBOUR = 8  # the one that tells how dense the neighbourhood is
RATIO = 0.1  # of what it lacks in correlation; a pair must lack less
FEW = 100  # pictures; below, there is no density to speak of
SURELY_ALIKE = 0.85  # coarse correlation of what a hash has found: copies have 0.93 and more
MOST_PAIRS = 20_000_000_000  # of pictures compared coarsely: some two minutes
NONE = -1

_COARSE = 16  # pixels a side
_MARGIN = 5  # pixels of 64, cut from each side to see what a crop may see
_LEVELS = 127  # integers up to here: 256 products of them add up exactly in float32
_ROUGH_RATIO = 0.5  # at 32 pixels; of those beyond, hardly any is within RATIO at 64
_HALF = 32  # pixels a side of the first alignment
_PROMISING = 0.75
_CROPPED = {_HALF: range(32, 24, -1), SIDE: range(64, 49, -1)}  # pixels of the smaller picture
_FINE, _WIDE = 1.4, 4.0  # pixels: the band lies between these two Gaussian blurs
_FLAT = 0.5  # grey levels: less contrast than this in the band counts as this
_PART = 0.03  # of correlation: how much surer three quarters of a picture must be than the whole
_ROWS_B, _ROWS_A = 256, 4096  # a block of coarse correlations stays in the processor's cache
_PAIRS = 512  # aligned at a time

Floats = NDArray[np.float32]
Indices = NDArray[np.int64]
_Coarse = tuple[Floats, Floats]
Given = TypeVar("Given")


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """Some pictures of a split, in a chosen order, without a copy of them all."""

    all: Thumbnails  # (n, 64, 64)
    rows: Indices  # (m,) the chosen ones

    def take(self, places: Indices) -> NDArray[np.uint8]:
        """Return the pictures at some ``places`` of the order, (len(places), 64, 64)."""
        return self.all[self.rows[places]]


@dataclass(frozen=True, slots=True, eq=False)
class Edited:
    """For each of m pictures of b, the one of a that correlates best, from REVIEW on; or NONE."""

    row: Indices  # (m,) place in the order of a; of equally good ones the first
    correlation: NDArray[np.float64]  # (m,) in [0, 1], rounded to three digits


def edited_copies(a: Chosen, b: Chosen, *, same: bool = False) -> Edited:
    """Return the edited or cropped copy in ``a`` of each picture of ``b``.

    Pictures are compared as they stand, not turned. A pair counts when its correlation lacks less
    than a tenth of what that of the picture of b and its eighth best partner lacks; among fewer
    than 100 pictures of a, that is not asked. Of pictures of a with one hash, one should come. With
    ``same``, a is b, and no picture is its own copy.
    """
    row = np.full(len(b.rows), NONE, np.int64)
    correlation = np.zeros(len(b.rows))
    rows_a, rows_b = _candidates(a, b, same=same)
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
    a: Chosen, b: Chosen, rows_a: Indices, rows_b: Indices, side: int
) -> NDArray[np.float64]:
    """Return the best correlation of each pair of places, at ``side`` pixels, up to 1."""
    found = np.zeros(len(rows_a))

    def align(pairs: slice) -> None:
        found[pairs] = _aligned(
            _Repeated.of(a, rows_a[pairs], side), _Repeated.of(b, rows_b[pairs], side)
        )

    _by_threads(align, [slice(first, first + _PAIRS) for first in range(0, len(found), _PAIRS)])
    return np.minimum(found.round(3), 1.0)


def surely_alike(
    a: NDArray[np.uint8], b: NDArray[np.uint8], orientations: Indices
) -> NDArray[np.bool_]:
    """Return which pairs of thumbnails, (n, 64, 64) each, agree coarsely once b's are turned.

    Gradients of brightness have similar hashes and look nothing alike.
    """
    turned = np.empty_like(b)
    for orientation in np.unique(orientations).tolist():
        rows = orientations == orientation
        turned[rows] = turn(b[rows], orientation)
    (levels_a, lengths_a), (levels_b, lengths_b) = _coarse(a), _coarse(turned)
    likeness: Floats = (levels_a * levels_b).sum(axis=1) / lengths_a / lengths_b
    alike: NDArray[np.bool_] = likeness > SURELY_ALIKE
    return alike


def _candidates(a: Chosen, b: Chosen, *, same: bool) -> tuple[Indices, Indices]:
    """Return places in a and in b of pictures alike coarsely: for each of b, the most alike of a.

    Whole pictures are compared, and each with the middle of the other.
    """
    blocks = [_Block.of(b, first) for first in range(0, len(b.rows), _ROWS_B)]
    for first_a in range(0, len(a.rows), _ROWS_A):
        stretch = np.arange(first_a, min(first_a + _ROWS_A, len(a.rows)))
        views = [_coarse(a.take(stretch), cut) for cut in (0, _MARGIN, 0)]
        _by_threads(partial(_compare, stretch=stretch, views=views, same=same), blocks)
    if not blocks:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    rows_a = np.concatenate([block.best.rows_a for block in blocks])
    return rows_a, np.concatenate([block.places[block.best.rows_b] for block in blocks])


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """Neighbours among the pictures of b, and what is known of them so far."""

    places: Indices
    views: list[tuple[NDArray[np.int8], Floats]]
    best: "_Best"

    @classmethod
    def of(cls, b: Chosen, first: int) -> "_Block":
        """Return the block that begins at place ``first``."""
        places = np.arange(first, min(first + _ROWS_B, len(b.rows)))
        pictures = b.take(places)
        seen = (_coarse(pictures, cut) for cut in (0, 0, _MARGIN))
        views = [(levels.astype(np.int8), lengths) for levels, lengths in seen]  # all b's are held
        return cls(places, views, _Best(len(places)))


def _compare(block: _Block, *, stretch: Indices, views: list[_Coarse], same: bool) -> None:
    """Take in what a block of b is most alike among a stretch of a."""
    views_b = [(levels.astype(np.float32), lengths) for levels, lengths in block.views]
    likeness = _likeness(views, views_b)
    if same:
        likeness[block.places[:, None] == stretch] = 0
    block.best.add(likeness, int(stretch[0]))


def _by_threads(work: Callable[[Given], None], given: Sequence[Given]) -> None:
    """Do the work on each thing given; each has a place of its own for what comes out."""
    for _ in in_order(work, given, threads=usable_cores()):
        pass


def _likeness(views_a: list[_Coarse], views_b: list[_Coarse]) -> Floats:
    """Return the highest coarse correlation in any view, (pictures of b, pictures of a).

    The products are integers, so equal pictures are equally alike wherever they stand.
    """
    best: Floats = np.zeros((1, 1), np.float32)
    for (levels_a, lengths_a), (levels_b, lengths_b) in zip(views_a, views_b, strict=True):
        likeness = levels_b @ levels_a.T
        likeness /= lengths_a
        likeness /= lengths_b[:, None]
        best = np.maximum(best, likeness)
    return best


class _Best:
    """The few most alike rows of a for each row of a block of b; earlier rows win ties."""

    def __init__(self, block: int) -> None:
        self.limit = np.full(block, ALIKE, np.float32)  # what a new one must exceed
        self.likeness = np.zeros(0, np.float32)
        self.rows_a = np.zeros(0, np.int64)
        self.rows_b = np.zeros(0, np.int64)

    def add(self, likeness: Floats, first_a: int) -> None:
        """Take in a stretch of a, ``likeness`` of shape (block, stretch)."""
        rows_b, rows_a = np.nonzero(likeness > self.limit[:, None])
        if not len(rows_b):
            return
        self.likeness = np.concatenate([self.likeness, likeness[rows_b, rows_a]])
        self.rows_a = np.concatenate([self.rows_a, first_a + rows_a])
        self.rows_b = np.concatenate([self.rows_b, rows_b])
        order = np.lexsort((self.rows_a, -self.likeness, self.rows_b))
        sorted_b = self.rows_b[order]
        rank = np.arange(len(order)) - np.searchsorted(sorted_b, sorted_b)
        kept = order[rank < NEIGHBOUR]
        last = order[rank == NEIGHBOUR - 1]
        self.limit[self.rows_b[last]] = self.likeness[last]
        self.likeness = self.likeness[kept]
        self.rows_a, self.rows_b = self.rows_a[kept], self.rows_b[kept]


def _coarse(small: NDArray[np.uint8], margin: int = 0) -> _Coarse:
    """Return 16 x 16 integers from -127 to 127 around the mean, (n, 256), and their lengths, (n,).

    A picture without contrast is all zero, and like nothing.
    """
    inner = small[:, margin : SIDE - margin, margin : SIDE - margin].astype(np.float32)
    shares = areas(inner.shape[1], _COARSE).astype(np.float32)
    sums = (shares @ inner @ shares.T).reshape(len(small), _COARSE**2).astype(np.int64)
    centred = sums * _COARSE**2 - sums.sum(axis=1, keepdims=True)
    highest = np.maximum(np.abs(centred).max(axis=1, keepdims=True, initial=0), 1)
    levels = np.rint(centred * (_LEVELS / highest)).astype(np.float32)
    return levels, np.maximum(np.sqrt((levels**2).sum(axis=1)), 1)


@dataclass(frozen=True, slots=True, eq=False)
class _Repeated:
    """Pictures of which some stand in several pairs; what is asked of one is computed once."""

    distinct: Floats  # (k, s, s)
    places: Indices  # (n,) of each pair's picture among the distinct ones

    @classmethod
    def of(cls, chosen: Chosen, places: Indices, side: int) -> "_Repeated":
        """Return the pictures at ``places``, reduced to ``side`` pixels."""
        distinct, repeated = np.unique(places, return_inverse=True)
        pictures = _levelled(chosen.take(distinct))
        if side != SIDE:
            weights = _shrinking(SIDE, side)
            pictures = np.asarray(weights @ pictures @ weights.T, np.float32)
        return cls(pictures, repeated)


def _levelled(pictures: NDArray[np.uint8]) -> Floats:
    """Return thumbnails without their slope of brightness: gradients are all alike."""
    places = np.arange(SIDE, dtype=np.float32) - np.float32((SIDE - 1) / 2)
    slope = places / (places @ places) / SIDE
    levels = pictures.astype(np.float32)
    # Sums of their own for each picture: a product of matrices may depend on how many there are.
    down, right = ((levels.sum(axis=axis) * slope).sum(axis=1) for axis in (2, 1))
    levels -= down[:, None, None] * places[:, None] + right[:, None, None] * places
    return levels


def _aligned(a: _Repeated, b: _Repeated) -> Floats:
    """Return the best correlation of n pairs, either picture sliding over the other."""
    if not len(a.places):
        return np.zeros(0, np.float32)
    return np.maximum(np.maximum(_slid(a, b), _slid(b, a)), _uncovered(a, b))


def _slid(ground: _Repeated, picture: _Repeated) -> Floats:
    """Return the best correlation of each picture, reduced to several sizes, on its ground."""
    side = ground.distinct.shape[1]
    best = np.zeros(len(ground.places), np.float32)
    bands = _band(ground.distinct, side)
    spectrum = np.fft.rfft2(bands)
    power = np.zeros((len(bands), side + 1, side + 1))
    power[:, 1:, 1:] = (bands.astype(np.float64) ** 2).cumsum(axis=1).cumsum(axis=2)
    for size in _CROPPED[side]:
        moved = _band(picture.distinct, size)
        least = _FLAT**2 * size**2
        own = np.maximum((moved**2).sum(axis=(1, 2)), least)
        spread = np.fft.rfft2(moved, s=(side, side)).conj()
        places = side - size + 1  # along each side where the picture lies within its ground
        under = power[:, size:, size:] - power[:, :-size, size:]
        under += power[:, :-size, :-size] - power[:, size:, :-size]
        below = np.maximum(under, least)
        crossed = spectrum[ground.places]
        crossed *= spread[picture.places]
        products = np.fft.irfft2(crossed, s=(side, side))[:, :places, :places]
        scale = np.sqrt(below[ground.places] * own[picture.places, None, None])
        best = np.maximum(best, _peak(products / scale))
    return best.astype(np.float32)


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


def _peak(correlations: NDArray[np.float64]) -> NDArray[np.float64]:
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
        bend = np.maximum(2 * peak[inner] - before - after, np.finfo(np.float64).tiny)
        between[inner] += (after - before) ** 2 / (8 * bend)
    return between


def _band(pictures: Floats, size: int) -> Floats:
    """Return pictures (n, h, s) reduced to ``size`` of s, without what is coarser or finer."""
    height, width = pictures.shape[1:]
    fine, wide = (
        (
            _blurring(height * size // width, blur) @ _shrinking(height, height * size // width),
            (_blurring(size, blur) @ _shrinking(width, size)).T,
        )
        for blur in (_FINE, _WIDE)
    )
    band: Floats = fine[0] @ pictures @ fine[1] - wide[0] @ pictures @ wide[1]
    return band


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
