"""A search finds all pairs of 64-bit words that differ in few bits, without comparing every pair.

Two words that differ in at most 7 of 64 bits differ in at most 1 bit in one of their four quarters
(Norouzi, Punjani and Fleet, 2012). So words are put into 65,536 buckets by a quarter, and each word
is compared with the words of 17 buckets: its own, and those one bit away. No pair is missed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Indices = NDArray[np.int64]

MAX_RADIUS = 7
QUARTERS = range(4)
_QUARTER_BITS = 16
_BUCKETS = 1 << _QUARTER_BITS
_AT_ONCE = 1 << 16  # candidates: a few arrays of that length stay in the processor's cache


def candidates(a: Words, others: Sequence[Words], radius: int) -> int:
    """Return how many pairs the buckets of ``a`` compare with each of ``others``: their cost.

    It grows when words are alike.
    """
    total = 0
    buckets = np.arange(_BUCKETS)
    for quarter in QUARTERS:
        many = np.bincount(_quarter(a, quarter), minlength=_BUCKETS)
        within_reach = sum(many[buckets ^ mask] for mask in _masks(radius).tolist())
        total += sum(int(within_reach[_quarter(b, quarter)].sum()) for b in others)
    return total


@dataclass(frozen=True, slots=True, eq=False)
class Buckets:
    """Words by one of their four quarters, to look up many others among them."""

    quarter: int
    words: Words  # (n,) bucket after bucket
    rows: Indices  # (n,) where each of these stood
    many: Indices  # (65536,) words of each bucket
    starts: Indices  # (65536,) place of the first of them

    @classmethod
    def of(cls, words: Words, quarter: int) -> Self:
        """Return the buckets of words, (n,), by one of ``QUARTERS``."""
        keys = _quarter(words, quarter)
        rows = np.argsort(keys, kind="stable")
        many = np.bincount(keys, minlength=_BUCKETS)
        return cls(quarter, words[rows], rows, many, np.cumsum(many) - many)

    def comparisons(self, others: Words, radius: int) -> Indices:
        """Return with how many of these words ``near`` compares each of ``others``, (n,)."""
        keys = _quarter(others, self.quarter)
        counts: Indices = self.many[keys[:, None] ^ _masks(radius)].sum(axis=1)
        return counts

    def near(self, others: Words, radius: int) -> Iterator[tuple[Indices, Indices]]:
        """Yield rows of these words and rows of ``others`` that differ in at most ``radius`` bits.

        Of every such pair this or another quarter gives it, and only the first one that can. Raises
        ValueError for a radius that is not between 0 and 7.
        """
        masks = _masks(radius)
        keys = _quarter(others, self.quarter)
        order = np.argsort(keys, kind="stable")  # neighbours are looked up in the same buckets
        keys, others = keys[order], others[order]
        step = max(1, _AT_ONCE // len(masks))
        for first in range(0, len(keys), step):
            buckets = (keys[first : first + step, None] ^ masks).ravel()
            asked = np.repeat(others[first : first + step], len(masks))
            for places, lookups in self._compare(buckets, asked, radius):
                yield self.rows[places], order[first + lookups // len(masks)]

    def _compare(
        self, buckets: NDArray[np.uint16], asked: Words, radius: int
    ) -> Iterator[tuple[Indices, Indices]]:
        """Yield places of words near one of those ``asked``, each for one bucket, and which one."""
        many = self.many[buckets]
        ends = np.cumsum(many)
        jumps = self.starts[buckets] - (ends - many)  # from a candidate to its place
        bounds = np.searchsorted(ends, np.arange(_AT_ONCE, ends[-1], _AT_ONCE), side="right")
        for low, high in _spans(bounds, len(buckets)):
            before = ends[low] - many[low]
            places = np.repeat(jumps[low:high] + before, many[low:high])
            places += np.arange(len(places))
            differing = np.repeat(asked[low:high], many[low:high])
            differing ^= self.words[places]
            hits = np.flatnonzero(np.bitwise_count(differing) <= radius)
            new = hits[_first_seen(differing[hits], self.quarter, radius)]
            if len(new):
                yield places[new], low + np.searchsorted(ends[low:high], before + new, side="right")


def _spans(bounds: Indices, end: int) -> Iterator[tuple[int, int]]:
    """Yield the non-empty spans between 0, the ``bounds`` and ``end``."""
    low = 0
    for high in [*bounds.tolist(), end]:
        if high > low:
            yield low, high
            low = high


def _quarter(words: Words, quarter: int) -> NDArray[np.uint16]:
    # A view and no shift: nothing as long as the words is made. Which quarter comes first depends
    # on the machine's byte order, and does not matter.
    quarters = np.ascontiguousarray(words).view(np.uint16)
    return np.ascontiguousarray(quarters[quarter :: len(QUARTERS)])


def _masks(radius: int) -> NDArray[np.uint16]:
    """Return what one of four quarters may differ by when the words differ by ``radius`` bits."""
    if not 0 <= radius <= MAX_RADIUS:
        raise ValueError(f"the radius is {radius}, and must be between 0 and {MAX_RADIUS}")
    single = [1 << bit for bit in range(_QUARTER_BITS)] if radius >= len(QUARTERS) else []
    return np.array([0, *single], np.uint16)


def _first_seen(differing: Words, quarter: int, radius: int) -> NDArray[np.bool_]:
    """Return which pairs no earlier quarter has given."""
    new = np.ones(len(differing), np.bool_)
    for earlier in range(quarter):
        new &= np.bitwise_count(_quarter(differing, earlier)) > radius // len(QUARTERS)
    return new
