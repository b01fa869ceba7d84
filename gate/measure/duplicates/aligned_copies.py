"""Copies of photographs that were turned, moved, cropped, framed, covered, mirrored or inverted.

Keypoints vote for a few pairs (``keypoint_votes``), and so do pictures that agree coarsely as they
stand (``coarse_candidates``). Each pair is aligned at 32 pixels, what promises something at 64, and
then compared window by window (``alignment``). A pair counts by the evidence that its windows give,
and only where the picture has no four partners that are nearly as good: one scene is no copy. Where
they agree moderately, no second one: scans of one pose agree so. Of partners that are copies of
each other, one counts: else four copies would hide each other. Among fewer than 100 pictures that
is not asked, and it must agree better.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gate.measure.duplicates import alignment, near_copies
from gate.measure.duplicates.alignment import Agreement, Floats
from gate.measure.duplicates.coarse_candidates import ThumbnailView
from gate.measure.duplicates.filled_stretches import paint_over
from gate.measure.duplicates.keypoint_votes import Trials, Voters
from gate.measure.duplicates.keypoints import Keypoints, find_keypoints, rank_within
from gate.measure.fingerprints.perceptual_hash import hashes
from gate.measure.parallel.cpu_budget import usable_cores
from gate.measure.parallel.ordered_map import in_order

VERSION = "3"  # of what is found: part of the key wherever overlaps are cached
QUICK = 2_000_000_000  # pairs of pictures: so many are looked through without being asked to
EVIDENCE, AGREE = 1.0, 0.55  # from here on, a pair counts
AGREE_OF_FEW = 0.75  # where no density is known
REVIEW_EVIDENCE, REVIEW_AGREE = 0.5, 0.45  # from here on, a person should look
FEW = 100  # pictures of a; below, there is no density to speak of

_WHOLE = 0.75  # of a picture in the other; what is missing, it must agree better by
_CROWD = 4  # distinct partners of a picture; among so many, the best must stand out
_RATIO = 0.65  # of what the last of them lacks in agreement; the best must lack less
_SURE_RATIO = 0.25  # and so much less to count; else a person should look
_CLEARLY = 0.9  # agreement; what agrees less must lack less than half of what the second lacks
_COUPLE, _HALF = 2, 0.5
_ZOOM = (0.55, 1.8)  # by which a picture may be enlarged in the other
_STRETCH = 1.4  # times more one way than the other
_OVERLAP = 0.3  # of a picture must be in the other
_WINDOWS = 6  # must have something to compare
_PROMISING = 0.25  # correlation of a way at 32 pixels, before it is refined
_ALIGNED = 0.4  # and after
_TRIED = 5  # pairs of a picture that are refined
_STEPS, _LAST_STEPS = 6, 3  # at 32 pixels and at 64
_ROWS_B, _ROWS_A = 256, 32768  # pictures of b, and of a, whose keypoints are held
_AT_ONCE = 64  # pairs aligned at a time: their pictures stay in the processor's cache

# What a picture of a, one of b and a pair of them took on a processor of 2023.
_SECONDS_A, _SECONDS_B, _SECONDS_PAIR = 0.0005, 0.0035, 4e-8

Indices = NDArray[np.int64]
_Pairs = tuple[Indices, Indices]
_Pictures = Floats | NDArray[np.float16]


@dataclass(frozen=True, slots=True, eq=False)
class Aligned:
    """Pairs of pictures, (n,), that count or are for a person to look at: one of each b at most."""

    rows_a: Indices  # places in the order of a
    rows_b: Indices  # ascending
    agree: NDArray[np.float64]  # up to 1, rounded to three digits
    sure: NDArray[np.bool_]  # whether the pair counts
    inverted: NDArray[np.bool_]
    ways: Floats  # (n, 2, 3): where of b, in sides from the middle, is what is at (y, x, 1) of a


def is_quick(count_a: int, count_b: int) -> bool:
    """Return whether so many pictures are looked through in minutes of processor time."""
    return count_a * count_b <= QUICK


def seconds(count_a: int, count_b: int) -> float:
    """Return about how much processor time so many pictures take."""
    stretches = -(-count_a // _ROWS_A)
    each = _SECONDS_A * count_a + _SECONDS_B * count_b * stretches
    return each + _SECONDS_PAIR * count_a * count_b


def aligned_copies(
    a: ThumbnailView, b: ThumbnailView, alike: _Pairs, *, same: bool = False
) -> Aligned:
    """Return the copy in ``a`` of each picture of ``b``, surely or perhaps.

    ``alike`` are places in a and in b of pictures that are aligned as they stand too. With
    ``same``, a is b, and no picture is its own copy. Of equally good partners the first is taken.
    """
    found = [_Compared.nothing()]
    for first_a in range(0, len(a.rows), _ROWS_A):
        stretch = _Stretch.of(a, first_a)
        blocks = [
            _Block(b, first_b, alike, same=same) for first_b in range(0, len(b.rows), _ROWS_B)
        ]
        found += in_order(stretch.compare, blocks, threads=usable_cores())
    compared = _Compared._make(np.concatenate(column) for column in zip(*found, strict=True))
    return _judge(compared, a, crowds=len(a.rows) >= FEW)


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    """Pictures as keypoints and windows are sought in them."""

    painted: Floats  # (n, 64, 64)
    bands: Floats  # (n, 64, 64)

    @classmethod
    def of(cls, view: ThumbnailView, places: Indices) -> "_Prepared":
        painted, filled = paint_over(view.take(places))
        return cls(painted, alignment.to_bands(painted, filled))


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """Some pictures of b, from place ``first`` on."""

    view: ThumbnailView
    first: int
    alike: _Pairs
    same: bool = field(kw_only=True)

    @property
    def places(self) -> Indices:
        return np.arange(self.first, min(self.first + _ROWS_B, len(self.view.rows)))


class _Compared(NamedTuple):
    """Pairs of places that were compared window by window, and what was found."""

    rows_a: Indices
    rows_b: Indices
    ways: Floats
    evidence: Floats
    agree: Floats
    missing: Floats  # how much less than ``_WHOLE`` of a lies in b
    fits: NDArray[np.bool_]
    inverted: NDArray[np.bool_]

    @classmethod
    def nothing(cls) -> "_Compared":
        rows, numbers, flags = np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros(0, np.bool_)
        ways = np.zeros((0, 2, 3), np.float32)
        return cls(rows, rows, ways, numbers, numbers, numbers, flags, flags)


@dataclass(frozen=True, slots=True, eq=False)
class _Stretch:
    """Some pictures of a, from place ``first`` on."""

    view: ThumbnailView
    first: int
    voters: Voters
    halves: NDArray[np.float16]  # (n, 32, 32) bands

    @classmethod
    def of(cls, a: ThumbnailView, first: int) -> "_Stretch":
        places = np.arange(first, min(first + _ROWS_A, len(a.rows)))
        parts = [places[start : start + _ROWS_B] for start in range(0, len(places), _ROWS_B)]

        def prepare(part: Indices) -> tuple[Keypoints, NDArray[np.float16]]:
            pictures = _Prepared.of(a, part)
            keypoints = find_keypoints(pictures.painted)
            shifted = replace(keypoints, picture=keypoints.picture + part[0] - first)
            return shifted, alignment.halve(pictures.bands).astype(np.float16)

        keypoints, halves = zip(*in_order(prepare, parts, threads=usable_cores()), strict=True)
        return cls(a, first, Voters.of(Keypoints.concatenate(keypoints)), np.concatenate(halves))

    def compare(self, block: _Block) -> _Compared:
        """Return the pairs of a picture of the block and one of these that may be copies."""
        pictures = _Prepared.of(block.view, block.places)
        halves = alignment.halve(pictures.bands)
        trials = self._trials(block, pictures)
        trials = _promising(trials, _score(self.halves, halves, trials))
        trials = _refined(self.halves, halves, trials, _STEPS)
        correlation, overlap = _correlations(self.halves, halves, trials)
        trials = trials.take(np.flatnonzero((correlation > _ALIGNED) & (overlap > _OVERLAP)))
        distinct, places = np.unique(trials.rows_a, return_inverse=True)
        bands = _Prepared.of(self.view, distinct + self.first).bands
        trials = _refined(bands, pictures.bands, trials._replace(rows_a=places), _LAST_STEPS)
        agreement = _agreement(bands, pictures.bands, trials)
        return _Compared(
            rows_a=distinct[trials.rows_a] + self.first,
            rows_b=trials.rows_b + block.first,
            ways=trials.ways,
            evidence=agreement.evidence,
            agree=agreement.agree,
            missing=np.maximum(_WHOLE - agreement.overlap, 0),
            fits=_fits(trials.ways, agreement),
            inverted=agreement.inverted,
        )

    def _trials(self, block: _Block, pictures: _Prepared) -> Trials:
        """Return the ways that keypoints vote for, and to lie as it stands for what is alike so."""
        itself = block.places - self.first if block.same else None
        voted = self.voters.trials(find_keypoints(pictures.painted), itself=itself)
        alike_a, alike_b = block.alike
        here = np.flatnonzero(
            (alike_a >= self.first)
            & (alike_a < self.first + len(self.halves))
            & (alike_b >= block.first)
            & (alike_b < block.first + _ROWS_B)
        )
        as_it_stands = np.zeros((len(here), 2, 3), np.float32)
        as_it_stands[:] = np.eye(2, 3)
        return Trials(
            np.concatenate([voted.rows_a, alike_a[here] - self.first]),
            np.concatenate([voted.rows_b, alike_b[here] - block.first]),
            np.concatenate([voted.ways, as_it_stands]),
        )


def _score(a: _Pictures, b: Floats, trials: Trials) -> Floats:
    """Return how well pictures agree in each way, before it is refined."""
    correlation, overlap = _correlations(a, b, trials)
    return np.asarray(correlation * np.minimum(1, overlap / 0.5))


def _promising(trials: Trials, score: Floats) -> Trials:
    """Return the best way of each pair, and of these the best few of each picture of b."""
    a, b = trials.rows_a, trials.rows_b
    order = np.lexsort((-score, a, b))
    first = np.ones(len(order), np.bool_)
    first[1:] = (np.diff(a[order]) != 0) | (np.diff(b[order]) != 0)
    order = order[first & (score[order] > _PROMISING)]
    order = order[np.lexsort((a[order], -score[order], b[order]))]
    return trials.take(order[rank_within(b[order]) < _TRIED])


def _in_parts(trials: Trials) -> Iterator[Trials]:
    for first in range(0, max(len(trials.rows_a), 1), _AT_ONCE):
        yield trials.take(np.arange(first, min(first + _AT_ONCE, len(trials.rows_a))))


def _float(pictures: _Pictures, rows: Indices) -> Floats:
    return pictures[rows].astype(np.float32, copy=False)


def _correlations(a: _Pictures, b: Floats, trials: Trials) -> tuple[Floats, Floats]:
    parts = [
        alignment.correlate(_float(a, part.rows_a), b[part.rows_b], part.ways)
        for part in _in_parts(trials)
    ]
    correlation, overlap = (np.concatenate(column) for column in zip(*parts, strict=True))
    return np.abs(correlation), overlap


def _refined(a: _Pictures, b: Floats, trials: Trials, steps: int) -> Trials:
    ways = [
        alignment.refine(_float(a, part.rows_a), b[part.rows_b], part.ways, steps)
        for part in _in_parts(trials)
    ]
    return trials._replace(ways=np.concatenate(ways))


def _agreement(a: Floats, b: Floats, trials: Trials) -> Agreement:
    parts = [
        alignment.compare(_float(a, part.rows_a), b[part.rows_b], part.ways)
        for part in _in_parts(trials)
    ]
    return Agreement._make(np.concatenate(column) for column in zip(*parts, strict=True))


def _fits(ways: Floats, agreement: Agreement) -> NDArray[np.bool_]:
    """Return which ways are such as people make, of pictures that have enough in common."""
    zooms = np.linalg.svd(ways[:, :, :2], compute_uv=False)
    longest, shortest = zooms[:, 0], zooms[:, 1]
    fits: NDArray[np.bool_] = (longest < _ZOOM[1]) & (shortest > _ZOOM[0])
    fits &= longest < _STRETCH * shortest
    return fits & (agreement.overlap > _OVERLAP) & (agreement.windows >= _WINDOWS)


def _judge(found: _Compared, a: ThumbnailView, *, crowds: bool) -> Aligned:
    """Return the pair of each picture of b with the most evidence, where there is enough.

    With ``crowds``, a picture that has many partners has no copy.
    """
    agree, evidence = found.agree.astype(np.float64).round(3), found.evidence.round(3)
    surplus = agree - found.missing
    counts = found.fits & (evidence >= REVIEW_EVIDENCE) & (surplus >= REVIEW_AGREE)
    sure = (evidence >= EVIDENCE) & (surplus >= AGREE)
    if crowds:
        lacks = 1 - agree
        fourth, second = _lacks_of_others(found, a, lacks, counts)
        counts &= lacks < _RATIO * fourth
        sure &= lacks < _SURE_RATIO * fourth
        sure &= (agree >= _CLEARLY) | (lacks < _HALF * second)
    else:
        sure &= agree >= AGREE_OF_FEW
    sure &= counts
    rows = np.flatnonzero(counts)
    order = rows[np.lexsort((found.rows_a[rows], -evidence[rows], ~sure[rows], found.rows_b[rows]))]
    best = order[rank_within(found.rows_b[order]) == 0]
    return Aligned(
        rows_a=found.rows_a[best],
        rows_b=found.rows_b[best],
        agree=agree[best],
        sure=sure[best],
        inverted=found.inverted[best],
        ways=found.ways[best],
    )


def _lacks_of_others(
    found: _Compared, a: ThumbnailView, lacks: NDArray[np.float64], counts: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return (2, n): what the fourth and the second partner of each pair's picture of b lack.

    Those that are copies of a better one are left out. Infinity, where there are not so many, and
    where no pair of the picture ``counts``.
    """
    rows_b = found.rows_b
    order = np.lexsort((found.rows_a, lacks, rows_b))
    ends = np.searchsorted(rows_b[order], np.unique(rows_b[counts])[:, None] + np.arange(2))
    others = np.full((2, len(rows_b)), np.inf)
    for first, end in ends.tolist():
        pairs = order[first:end]
        if len(pairs) < _COUPLE:
            continue
        shown, _ = hashes(a.take(found.rows_a[pairs]))
        distinct = pairs[near_copies.are_distinct(shown)]
        for lack, place in zip(others, (_CROWD, _COUPLE), strict=True):
            if len(distinct) >= place:
                lack[pairs] = lacks[distinct[place - 1]]
    return others
