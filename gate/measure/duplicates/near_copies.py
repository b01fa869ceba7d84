"""Near copies have 256-bit hashes that differ in few bits, in one of eight orientations.

Of every picture the nearest one is sought; then it is asked whether so near a neighbour is
surprising. Among shoes every shoe has near neighbours, and none of them is a copy.

A mirrored picture has its hash with whole words complemented (``perceptual.hashes``), so the four
mirrorings of a pair follow from four counts of bits, and all eight orientations from two passes.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial, reduce

import numpy as np
from numpy.typing import NDArray

from gate.measure.duplicates import hamming_search
from gate.measure.duplicates.hamming_search import Buckets, Indices, Words
from gate.measure.fingerprints.orientations import inverse
from gate.measure.fingerprints.perceptual_hash import BITS, turn_hashes
from gate.measure.parallel.cpu_budget import usable_cores
from gate.measure.parallel.ordered_map import in_order

RADIUS = 31  # bits of 256, as PDQ recommends (Facebook, 2019)
SURE = 10  # bits; this near, the density of the neighbourhood is not asked
NEIGHBOUR = 20  # the one whose distance tells the density
RATIO = 0.5  # of its distance, at most
FEW = 100  # hashes; below, there is no density to speak of
NONE = -1

Flags = NDArray[np.bool_]
_Pairs = tuple[int, Indices, Indices]  # whether b is transposed, rows of a, rows of b
_Search = Callable[[], Iterator[_Pairs]]

_WORD = 64  # bits
_COLUMNS = range(4)  # words of a hash
_TURNS = (0, 4)  # as it is, transposed; the mirrorings follow from the counts
# By word (even or odd vertical, even or odd horizontal frequency) and by mirroring.
_FLIPPED = np.array([[0, 0, 0, 0], [0, 1, 0, 1], [0, 0, 1, 1], [0, 1, 1, 0]], np.int16)
_SIGNS = 1 - 2 * _FLIPPED
_TILE_B, _TILE_A = 16, 4096  # the words of a tile stay in the processor's cache
_STRETCH, _LONGEST = 1 << 8, 1 << 15  # hashes looked at together for the density, at first and last
_SMALL = 10_000_000  # pairs: comparing them all is done before buckets are made
_LOOKUP = 1_000  # what looking one word up in all buckets costs, in comparisons of a pair


@dataclass(frozen=True, slots=True, eq=False)
class Nearest:
    """For each of m hashes of b, its nearest among those of a; NONE where nothing is near."""

    row: Indices  # (m,) row of a; of equally near ones the first
    distance: Indices  # (m,) bits of 256
    orientation: Indices  # (m,) how b is turned to become a
    has_negative: Flags  # (m,) whether something in a is as near to its negative, where asked
    crowded: Indices  # (m,) what ``row`` would be, but that too many of a are as near; else NONE


def near_copies(
    a: NDArray[np.uint8],
    b: NDArray[np.uint8],
    *,
    itself: Indices | None = None,
    ratio: float | NDArray[np.float64] = RATIO,
    negatives: bool = False,
) -> Nearest:
    """Return the near copy in ``a``, (n, 32) distinct hashes, of each of ``b``, (m, 32).

    A pair counts when it differs in at most 31 bits, and in at most ``ratio`` times, of all or of
    each, (m,), as many as b and its 20th neighbour in a do. Copies of one neighbour count as one.
    Up to 10 bits, and among fewer than 100 hashes, the second condition is not asked. Where it
    alone fails, ``crowded`` names the row. See :func:`nearest` for ``itself`` and ``negatives``.
    """
    found = nearest(a, b, RADIUS, itself=itself, negatives=negatives)
    if len(a) < FEW:
        return found
    doubtful = np.flatnonzero((found.row != NONE) & (found.distance > SURE))

    def crowded(row: int) -> bool:
        own = ratio if isinstance(ratio, float) else ratio[row]
        here = NONE if itself is None else int(itself[row])
        return _is_crowded(a, b[row], found.distance[row] / own, here)

    told = list(in_order(crowded, doubtful.tolist(), threads=usable_cores()))
    in_crowd = np.zeros(len(b), np.bool_)
    in_crowd[doubtful[told]] = True
    row, rest = np.where(in_crowd, NONE, found.row), np.where(in_crowd, found.row, NONE)
    return replace(found, row=row, crowded=rest)


def nearest(
    a: NDArray[np.uint8],
    b: NDArray[np.uint8],
    radius: int,
    *,
    itself: Indices | None = None,
    negatives: bool = False,
) -> Nearest:
    """Return the nearest of ``a``, (n, 32), within ``radius`` (at most 31) bits of each of ``b``.

    The eight orientations are all tried, and the lowest one is named where several are as near.
    Where b are some of a, ``itself`` names the row of each, which is not its own nearest. With
    ``negatives``, it is also found which of b have a negative within ``radius``: nearly for free,
    because mirroring complements most words of a hash already.
    """
    words_a = _words(a)
    turned = {transposed: _words(turn_hashes(b, transposed)) for transposed in _TURNS}
    nothing = (2 * hamming_search.MAX_RADIUS * _WORD) * max(len(a), 1) * 8  # farther than any pair

    def rank(search: _Search) -> Indices:
        """Return the least rank for each of b: by distance, then by row, then by orientation.

        In a second row, the least distance from the negative.
        """
        best = np.full((2, len(b)), nothing, np.int64)
        for transposed, rows_a, rows_b in search():
            totals = _mirror(np.bitwise_count(words_a[rows_a] ^ turned[transposed][rows_b]))
            other = True if itself is None else rows_a != itself[rows_b]
            mirrors = totals.argmin(axis=1)
            distance = np.take_along_axis(totals, mirrors[:, None], axis=1)[:, 0]
            keep = (distance <= radius) & other
            ranks = (distance.astype(np.int64) * len(a) + rows_a) * 8 + transposed + mirrors
            np.minimum.at(best[0], rows_b[keep], ranks[keep])
            if negatives:
                inverted = BITS - totals.max(axis=1)
                keep = (inverted <= radius) & other
                np.minimum.at(best[1], rows_b[keep], inverted[keep])
        return best

    searches = _searches(words_a, turned, radius, negatives=negatives)
    best, inverted = reduce(np.minimum, in_order(rank, searches, threads=usable_cores()))
    orientation = best % 8
    bits, row = np.divmod(best // 8, max(len(a), 1))
    row[best == nothing] = NONE
    return Nearest(
        row=row,
        distance=bits,
        orientation=orientation,
        has_negative=inverted <= radius,
        crowded=np.full(len(b), NONE, np.int64),
    )


def are_distinct(hashes: NDArray[np.uint8]) -> Flags:
    """Return which of a few hashes, (n, 32), are no copies of an earlier one that is distinct.

    A copy, mirrored, turned by right angles or inverted, differs in at most 10 bits.
    """
    words = _words(hashes)
    turned = [_words(turn_hashes(hashes, transposed)) for transposed in _TURNS]
    distinct = np.ones(len(hashes), np.bool_)
    for row in range(1, len(hashes)):
        known = words[:row][distinct[:row]]
        totals = [_mirror(np.bitwise_count(known ^ each[row])) for each in turned]
        bits = np.concatenate(totals, axis=1)
        distinct[row] = np.minimum(bits, BITS - bits).min() > SURE
    return distinct


def _searches(
    words_a: Words, turned: Mapping[int, Words], radius: int, *, negatives: bool
) -> list[_Search]:
    """Return searches that give every pair within ``radius`` in one of eight orientations.

    Others too. Of 31 differing bits in four words, one word has at most 7: pairs of near words are
    looked up. Where words are so alike that buckets save nothing, all pairs are looked at.
    """
    either = _COLUMNS if negatives else _COLUMNS[1:]
    word_radius = radius // 4
    pairs = len(words_a) * len(turned[0])
    if pairs <= _SMALL or len(turned) * pairs <= _cost(words_a, turned, word_radius, either):
        return [partial(_scan, words_a, *each, radius, either) for each in turned.items()]
    return [
        partial(_look_up, words_a, turned, word, quarter, word_radius, either)
        for word in _COLUMNS
        for quarter in hamming_search.QUARTERS
    ]


def _cost(words_a: Words, turned: Mapping[int, Words], radius: int, either: range) -> int:
    """Return what it costs to look all words up, in comparisons of a pair."""
    total = 0
    for word in _COLUMNS:
        asked = [way for words_b in turned.values() for way in _ways(words_b, word, either)]
        total += hamming_search.candidates(words_a[:, word], asked, radius)
        total += _LOOKUP * len(asked) * min(len(words_a), len(turned[0]))
    return total


def _look_up(
    words_a: Words,
    turned: Mapping[int, Words],
    word: int,
    quarter: int,
    radius: int,
    either: range,
) -> Iterator[_Pairs]:
    """Yield the pairs with a ``word`` within ``radius``, which this quarter of it is to give."""
    for transposed, words_b in turned.items():
        a_is_longer = len(words_a) >= len(words_b)
        longer, shorter = (words_a, words_b) if a_is_longer else (words_b, words_a)
        buckets = Buckets.of(longer[:, word], quarter)
        for asked in _ways(shorter, word, either):
            for rows, others in buckets.near(asked, radius):
                yield (transposed, rows, others) if a_is_longer else (transposed, others, rows)


def _ways(words: Words, word: int, either: range) -> tuple[Words, ...]:
    """Return a column of words as it may be: complemented too, if it is one of ``either``."""
    column = words[:, word].copy()
    return (column, ~column) if word in either else (column,)


def _scan(
    words_a: Words, transposed: int, words_b: Words, radius: int, either: range
) -> Iterator[_Pairs]:
    """Yield the pairs whose first two words alone do not rule out a distance of ``radius``.

    Those of ``either`` may be complemented: the first is the same in all mirrorings.
    """
    columns = np.ascontiguousarray(words_a[:, :2].T)
    for first_b in range(0, len(words_b), _TILE_B):
        rows = words_b[first_b : first_b + _TILE_B, :2].T[:, :, None]
        for first_a in range(0, len(words_a), _TILE_A):
            part = columns[:, None, first_a : first_a + _TILE_A]
            bound = np.bitwise_count(rows[0] ^ part[0])
            bound = _either_way(bound) if 0 in either else bound
            bound += _either_way(np.bitwise_count(rows[1] ^ part[1]))
            hits_b, hits_a = np.nonzero(bound <= radius)
            if len(hits_a):
                yield transposed, first_a + hits_a, first_b + hits_b


def _either_way(count: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the differing bits of words of which one may be complemented."""
    return np.minimum(count, _WORD - count)


def _is_crowded(a: NDArray[np.uint8], b: NDArray[np.uint8], limit: float, itself: int) -> bool:
    """Return whether 20 distinct neighbours in ``a``, not counting row ``itself``, are below limit.

    A neighbour within 10 bits of one already counted is a copy of it, however both are turned.
    """
    turned = [_words(turn_hashes(b[None], transposed))[0] for transposed in _TURNS]
    counted = np.zeros((0, 4), np.uint64)
    first, length = 0, _STRETCH
    while first < len(a):
        stretch = a[first : first + length]
        rows, orientations = _neighbours(_words(stretch), turned, limit)
        other = first + rows != itself
        aligned = _align(stretch[rows[other]], orientations[other])
        for known in counted:
            aligned = aligned[np.bitwise_count(aligned ^ known).sum(axis=1) > SURE]
        while len(aligned):
            counted = np.concatenate([counted, aligned[:1]])
            if len(counted) == NEIGHBOUR:
                return True
            aligned = aligned[np.bitwise_count(aligned ^ aligned[0]).sum(axis=1) > SURE]
        first, length = first + length, min(2 * length, _LONGEST)
    return False


def _neighbours(words: Words, turned: list[Words], limit: float) -> tuple[Indices, Indices]:
    """Return the rows of ``words``, (n, 4), nearer than ``limit`` in any orientation, and which."""
    counts = [np.bitwise_count(words ^ each) for each in turned]
    least = [
        each[:, 0] + sum(_either_way(each[:, word]) for word in range(1, 4)) for each in counts
    ]
    rows = np.flatnonzero(np.minimum(*least) < limit)
    totals = np.concatenate([_mirror(each[rows]) for each in counts], axis=1)
    near = totals.min(axis=1) < limit
    return rows[near], totals[near].argmin(axis=1)


def _align(hashes: NDArray[np.uint8], orientations: Indices) -> Words:
    """Return the words of ``hashes`` turned back from their ``orientations``."""
    words = np.empty((len(hashes), 4), np.uint64)
    for orientation in np.unique(orientations).tolist():
        rows = orientations == orientation
        words[rows] = _words(turn_hashes(hashes[rows], inverse(orientation)))
    return words


def _mirror(counts: NDArray[np.uint8]) -> NDArray[np.int16]:
    """Return the differing bits in each of four mirrorings, from those of the four words."""
    total: NDArray[np.int16] = counts.astype(np.int16) @ _SIGNS + _WORD * _FLIPPED.sum(axis=0)
    return total


def _words(hashes: NDArray[np.uint8]) -> Words:
    return np.ascontiguousarray(hashes).view(np.uint64)
