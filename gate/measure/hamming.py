"""All pairs of 64-bit words that differ in few bits, without comparing every pair.

Two words that differ in at most 7 of 64 bits differ in at most 1 bit in one of their four quarters
(Norouzi, Punjani and Fleet, 2012). So words are put into 65,536 buckets by a quarter, and each word
is compared with the words of 17 buckets: its own, and those one bit away. No pair is missed.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Indices = NDArray[np.int64]

MAX_RADIUS = 7
_QUARTERS = 4
_QUARTER_BITS = 16
_BUCKETS = 1 << _QUARTER_BITS
_AT_ONCE = 1 << 17  # candidates: a few arrays of that length stay in the processor's cache


def join(a: Words, b: Words, radius: int) -> Iterator[tuple[Indices, Indices]]:
    """Yield rows of ``a`` and rows of ``b`` whose words differ in at most ``radius`` bits.

    Every such pair comes once, in no promised order. Raises ValueError for a radius that is not
    between 0 and 7.
    """
    if len(a) < len(b):  # look up the shorter side in the longer one
        yield from ((rows_a, rows_b) for rows_b, rows_a in join(b, a, radius))
        return
    for quarter in range(_QUARTERS):
        keys_a, keys_b = _quarter(a, quarter), _quarter(b, quarter)
        order_a, order_b = np.argsort(keys_a, kind="stable"), np.argsort(keys_b, kind="stable")
        sorted_a, sorted_b = a[order_a], b[order_b]
        starts = np.zeros(_BUCKETS + 1, np.int64)
        np.cumsum(np.bincount(keys_a, minlength=_BUCKETS), out=starts[1:])
        for places_a, places_b in _candidates(starts, keys_b[order_b], _masks(radius)):
            differing = sorted_a[places_a] ^ sorted_b[places_b]
            hits = np.flatnonzero(np.bitwise_count(differing) <= radius)
            new = hits[_first_seen(differing[hits], quarter, radius)]
            if len(new):
                yield order_a[places_a[new]], order_b[places_b[new]]


def candidates(a: Words, b: Words, radius: int) -> int:
    """Return how many pairs ``join`` compares: its cost, which grows when words are alike."""
    total = 0
    for quarter in range(_QUARTERS):
        many_a = np.bincount(_quarter(a, quarter), minlength=_BUCKETS)
        many_b = np.bincount(_quarter(b, quarter), minlength=_BUCKETS)
        buckets = np.arange(_BUCKETS)
        total += sum(int(many_a[buckets ^ mask] @ many_b) for mask in _masks(radius).tolist())
    return total


def _candidates(
    starts: Indices, keys: NDArray[np.uint16], masks: NDArray[np.uint16]
) -> Iterator[tuple[Indices, Indices]]:
    """Yield places of side a, sorted by bucket, and places of side b that share a bucket."""
    step = max(1, _AT_ONCE // len(masks))
    for first in range(0, len(keys), step):
        buckets = (keys[first : first + step, None] ^ masks).ravel()
        begins = starts[buckets]
        many = starts[buckets.astype(np.int64) + 1] - begins
        ends = np.cumsum(many)
        bounds = np.searchsorted(ends, np.arange(_AT_ONCE, ends[-1], _AT_ONCE), side="right")
        for low, high in _spans(bounds, len(buckets)):
            chosen = many[low:high]
            offset = ends[low] - many[low]
            jumps = begins[low:high] - (ends[low:high] - chosen - offset)
            places_a = np.repeat(jumps, chosen)
            places_a += np.arange(len(places_a))
            yield places_a, np.repeat(first + np.arange(low, high) // len(masks), chosen)


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
    return np.ascontiguousarray(quarters[quarter::_QUARTERS])


def _masks(radius: int) -> NDArray[np.uint16]:
    """Return what one of four quarters may differ by when the words differ by ``radius`` bits."""
    if not 0 <= radius <= MAX_RADIUS:
        raise ValueError(f"the radius is {radius}, and must be between 0 and {MAX_RADIUS}")
    single = [1 << bit for bit in range(_QUARTER_BITS)] if radius >= _QUARTERS else []
    return np.array([0, *single], np.uint16)


def _first_seen(differing: Words, quarter: int, radius: int) -> NDArray[np.bool_]:
    """Return which pairs no earlier quarter has given."""
    new = np.ones(len(differing), np.bool_)
    for earlier in range(quarter):
        new &= np.bitwise_count(_quarter(differing, earlier)) > radius // _QUARTERS
    return new
