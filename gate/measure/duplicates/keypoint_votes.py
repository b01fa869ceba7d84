"""Keypoints with near codes vote for pairs of pictures, and for how one lies in the other.

Codes within 7 of 64 bits are looked up (``hamming_search``). Each such pair of keypoints says how
far one picture is turned and moved against the other; votes for one pair of pictures that agree in
the turn add up, each by how much likelier its distance is for one keypoint than for two.

A code that many keypoints share tells nothing, as a frequent word does in a text: looking it up
would take time that grows with the square of the pictures, for frames of a film say. So it is left
out, and what a picture costs is bounded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from gate.measure.duplicates.hamming_search import QUARTERS, Buckets, Words
from gate.measure.duplicates.keypoints import Floats, Indices, Keypoints, rank_within

RADIUS = 7  # bits of 64
PARTNERS = 16  # pairs of pictures that a picture is tried in
_TRIALS = 3  # ways for one picture to lie in the other, of a pair
_FREQUENT = 2048  # keypoints that a code is compared with, in the buckets of one quarter, at most
_SHARED = 256  # keypoints with codes near to one
_AT_ONCE = 16  # pictures of b: the matches of few that are much alike take little room
# By the bits that differ: the logarithm of how much likelier one keypoint seen twice is than two.
_WEIGHTS = np.array([9, 8.5, 8, 7, 6, 5, 4.2, 3.5], np.float32)
_TURNS = 8  # bins of 45 degrees, set off by half of one the second time
_ZOOM = 1.0  # of powers of two: a picture is not sought in one of twice its size


class Trials(NamedTuple):
    """Ways, (n,), in which a picture of b may lie in one of a."""

    rows_a: Indices
    rows_b: Indices
    ways: Floats  # (n, 2, 3): where of b, in sides from the middle, is what is at (y, x, 1) of a

    def take(self, chosen: Indices) -> "Trials":
        """Return the ``chosen`` ways."""
        return Trials._make(column[chosen] for column in self)


@dataclass(frozen=True, slots=True, eq=False)
class Voters:
    """The keypoints of many pictures, to look up those of others among them."""

    keypoints: Keypoints
    buckets: tuple[Buckets, ...]

    @classmethod
    def of(cls, keypoints: Keypoints) -> Self:
        """Return ``keypoints`` by their codes."""
        return cls(keypoints, tuple(Buckets.of(keypoints.code, each) for each in QUARTERS))

    def trials(self, b: Keypoints, *, itself: Indices | None = None) -> Trials:
        """Return the best few ways of each picture of ``b`` to lie in one of these.

        ``itself`` has, for each picture of b, which of these pictures it is.
        """
        pictures = int(b.picture.max(initial=-1)) + 1
        firsts = np.searchsorted(b.picture, range(0, pictures, _AT_ONCE))
        best = []
        for first, end in pairwise([*firsts.tolist(), len(b.picture)]):
            rows = np.arange(first, end)
            matches = _Matches.joined(
                [_Matches.of(self, b, rows, mirrored, itself) for mirrored in (False, True)]
            )
            best.append(matches.take(_best_of(matches, _scores(matches))))
        nothing = _Matches.of(self, b, np.zeros(0, np.int64), False, None)
        chosen = _Matches.joined([nothing, *best])
        ways = _ways(self.keypoints, b, chosen)
        return Trials(chosen.pictures_a, chosen.pictures_b, ways)


class _Matches(NamedTuple):
    """Pairs of keypoints with near codes."""

    a: Indices  # keypoints
    b: Indices
    pictures_a: Indices
    pictures_b: Indices
    mirrored: NDArray[np.bool_]
    weight: Floats
    turn: Floats  # in turns

    @classmethod
    def of(
        cls,
        voters: Voters,
        b: Keypoints,
        rows: Indices,
        mirrored: bool,
        itself: Indices | None,
    ) -> "_Matches":
        """Return the matches of some ``rows`` of the keypoints of b."""
        keypoints = voters.keypoints
        codes = b.mirrored if mirrored else b.code
        rows_a, places = _near(voters.buckets, codes[rows])
        rows_b = rows[places]
        zoom = np.abs(np.log2(b.size[rows_b] / keypoints.size[rows_a]))
        kept = zoom < _ZOOM
        if itself is not None:
            kept &= keypoints.picture[rows_a] != itself[b.picture[rows_b]]
        rows_a, rows_b = rows_a[kept], rows_b[kept]
        bits = np.bitwise_count(keypoints.code[rows_a] ^ codes[rows_b])
        angle = -b.angle[rows_b] if mirrored else b.angle[rows_b]
        return cls(
            rows_a,
            rows_b,
            keypoints.picture[rows_a],
            b.picture[rows_b],
            np.full(len(rows_a), mirrored),
            _WEIGHTS[bits],
            ((angle - keypoints.angle[rows_a]) / np.float32(2 * np.pi)) % 1,
        )

    @classmethod
    def joined(cls, parts: list["_Matches"]) -> "_Matches":
        return cls._make(np.concatenate(column) for column in zip(*parts, strict=True))

    def take(self, chosen: Indices) -> "_Matches":
        return _Matches._make(column[chosen] for column in self)


def _near(many: Sequence[Buckets], codes: Words) -> tuple[Indices, Indices]:
    """Return rows of codes that are near, and of ``codes``, but of the frequent ones."""
    rows, places = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for buckets in many:
        rare = np.flatnonzero(buckets.comparisons(codes, RADIUS) <= _FREQUENT)
        for found, asked in buckets.near(codes[rare], RADIUS):
            rows.append(found)
            places.append(rare[asked])
    near, of = np.concatenate(rows), np.concatenate(places)
    few = np.bincount(of, minlength=len(codes))[of] <= _SHARED
    return near[few], of[few]


def _scores(pairs: _Matches) -> Floats:
    """Return the votes for the pair of pictures of each match: of those that agree in the turn."""
    many = int(pairs.pictures_a.max(initial=0)) + 1
    pictures = (pairs.pictures_b * many + pairs.pictures_a) * 2 + pairs.mirrored
    scores = np.zeros(len(pictures), np.float32)
    for half in (0, 0.5):
        turn = np.floor(pairs.turn * _TURNS + half).astype(np.int64) % _TURNS
        _, bins = np.unique(pictures * _TURNS + turn, return_inverse=True)
        scores = np.maximum(scores, np.bincount(bins, pairs.weight)[bins].astype(np.float32))
    return scores


def _best_of(pairs: _Matches, scores: Floats) -> Indices:
    """Return the best few matches of the best few pairs of each picture of b."""
    ties = (pairs.b, pairs.a, pairs.mirrored)
    order = np.lexsort((*ties, -pairs.weight, -scores, pairs.pictures_a, pairs.pictures_b))
    a, b = pairs.pictures_a[order], pairs.pictures_b[order]
    begins = np.ones(len(order), np.bool_)
    begins[1:] = (a[1:] != a[:-1]) | (b[1:] != b[:-1])
    pair = np.cumsum(begins) - 1
    leads = order[begins]
    by_score = np.lexsort((-scores[leads], pairs.pictures_b[leads]))
    rank = rank_within(pairs.pictures_b[leads[by_score]])
    among_best = np.zeros(len(leads), np.bool_)
    among_best[by_score[rank < PARTNERS]] = True
    best: Indices = order[among_best[pair] & (rank_within(pair) < _TRIALS)]
    return best


def _ways(a: Keypoints, b: Keypoints, chosen: _Matches) -> Floats:
    """Return how pictures lie in each other so that one keypoint comes to lie on the other."""
    at_a, at_b = chosen.a, chosen.b
    # A turn of the axes of a (right and down) into those of b; in a mirror, b's down is up.
    angle_a, angle_b = a.angle[at_a], b.angle[at_b]
    flip = np.where(chosen.mirrored, -1, 1)
    zoom = b.size[at_b] / a.size[at_a]
    cos_a, sin_a, cos_b, sin_b = np.cos(angle_a), np.sin(angle_a), np.cos(angle_b), np.sin(angle_b)
    ways = np.empty((len(at_a), 2, 3), np.float32)
    ways[:, 0, 0] = zoom * (flip * cos_b * cos_a + sin_b * sin_a)
    ways[:, 0, 1] = zoom * (sin_b * cos_a - flip * cos_b * sin_a)
    ways[:, 1, 0] = zoom * (cos_b * sin_a - flip * sin_b * cos_a)
    ways[:, 1, 1] = zoom * (cos_b * cos_a + flip * sin_b * sin_a)
    place_a = np.stack([a.y[at_a], a.x[at_a]], axis=1)
    place_b = np.stack([b.y[at_b], b.x[at_b]], axis=1)
    ways[:, :, 2] = place_b - (ways[:, :, :2] * place_a[:, None]).sum(axis=2)
    return ways
