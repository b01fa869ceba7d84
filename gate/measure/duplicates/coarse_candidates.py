"""A coarse search at 16 x 16 finds the few pairs that are worth a closer look.

Whole pictures are compared, and each with the middle of the other, which is what a crop may see.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from gate.evidence.records import Thumbnails
from gate.measure.fingerprints.orientations import turn
from gate.measure.fingerprints.perceptual_hash import SIDE, areas
from gate.measure.parallel.cpu_budget import usable_cores
from gate.measure.parallel.ordered_map import do_all

ALIKE = 0.6  # coarse correlation of a candidate
NEIGHBOUR = 8  # as many candidates a picture has at most; the last tells how dense they lie
SURELY_ALIKE = 0.85  # coarse correlation of what a hash has found: copies have 0.93 and more
MOST_PAIRS = 20_000_000_000  # of pictures compared coarsely: some two minutes
MARGIN = 5  # pixels of 64, cut from each side to see what a crop may see

_COARSE = 16  # pixels a side
_LEVELS = 127  # integers up to here: 256 products of them add up exactly in float32
_ROWS_B, _ROWS_A = 256, 4096  # a block of coarse correlations stays in the processor's cache

Floats = NDArray[np.float32]
Indices = NDArray[np.int64]
_Coarse = tuple[Floats, Floats]


@dataclass(frozen=True, slots=True, eq=False)
class ThumbnailView:
    """Some pictures of a split, in a chosen order, without a copy of them all."""

    all: Thumbnails  # (n, 64, 64)
    rows: Indices  # (m,) the chosen ones

    def take(self, places: Indices) -> NDArray[np.uint8]:
        """Return the pictures at some ``places`` of the order, uint8 (len(places), 64, 64)."""
        return self.all[self.rows[places]]


def candidates(a: ThumbnailView, b: ThumbnailView, *, same: bool) -> tuple[Indices, Indices]:
    """Return places in a and in b, (pairs,) each: for each picture of b, those of a most alike."""
    blocks = [_Block.of(b, first) for first in range(0, len(b.rows), _ROWS_B)]
    for first_a in range(0, len(a.rows), _ROWS_A):
        stretch = np.arange(first_a, min(first_a + _ROWS_A, len(a.rows)))
        views = [_coarse(a.take(stretch), cut) for cut in (0, MARGIN, 0)]
        compare = partial(_compare, stretch=stretch, views=views, same=same)
        do_all(compare, blocks, threads=usable_cores())
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
    def of(cls, b: ThumbnailView, first: int) -> "_Block":
        """Return the block that begins at place ``first``."""
        places = np.arange(first, min(first + _ROWS_B, len(b.rows)))
        pictures = b.take(places)
        seen = (_coarse(pictures, cut) for cut in (0, 0, MARGIN))
        views = [(levels.astype(np.int8), lengths) for levels, lengths in seen]  # all b's are held
        return cls(places, views, _Best(len(places)))


def _compare(block: _Block, *, stretch: Indices, views: list[_Coarse], same: bool) -> None:
    """Take in what a block of b is most alike among a stretch of a."""
    views_b = [(levels.astype(np.float32), lengths) for levels, lengths in block.views]
    likeness = _likeness(views, views_b)
    if same:
        likeness[block.places[:, None] == stretch] = 0
    block.best.add(likeness, int(stretch[0]))


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
