import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.measure.duplicates.hamming_search import QUARTERS, Buckets, candidates


def words_with_near_ones(n, m, seed, *, alike=64):
    """Return two sides; half of the second is a word of the first with up to nine bits changed."""
    rng = np.random.default_rng(seed)
    mask = np.uint64((1 << alike) - 1)
    a, b = (rng.integers(0, 2**64, size, dtype=np.uint64) & mask for size in (n, m))
    for row in range(m // 2 if n else 0):
        changed = rng.choice(64, rng.integers(0, 10), replace=False)
        b[row] = a[rng.integers(n)] ^ np.bitwise_or.reduce(
            np.uint64(1) << changed.astype(np.uint64), initial=np.uint64(0)
        )
    return a, b


def brute_force(a, b, radius):
    rows_a, rows_b = np.nonzero(np.bitwise_count(a[:, None] ^ b[None, :]) <= radius)
    return sorted(zip(rows_a.tolist(), rows_b.tolist(), strict=True))


def join(a, b, radius):
    for quarter in QUARTERS:
        yield from Buckets.of(a, quarter).near(b, radius)


def joined(a, b, radius):
    return sorted(
        pair
        for rows_a, rows_b in join(a, b, radius)
        for pair in zip(rows_a.tolist(), rows_b.tolist(), strict=True)
    )


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 60),
    st.integers(0, 60),
    st.integers(0, 7),
    st.sampled_from([4, 12, 20, 64]),
    st.integers(0, 2**32 - 1),
)
def test_the_join_equals_brute_force_and_gives_a_pair_once(n, m, radius, alike, seed):
    a, b = words_with_near_ones(n, m, seed, alike=alike)

    assert joined(a, b, radius) == brute_force(a, b, radius)


@pytest.mark.parametrize("radius", range(8))
def test_the_join_equals_brute_force_when_candidates_come_in_many_portions(radius, monkeypatch):
    monkeypatch.setattr("gate.measure.duplicates.hamming_search._AT_ONCE", 40)
    a, b = words_with_near_ones(200, 150, seed=radius, alike=20)

    assert joined(a, b, radius) == brute_force(a, b, radius)


def test_bits_in_every_quarter_are_found():
    a = np.zeros(1, np.uint64)
    b = np.array([0x0003_0003_0003_0001], np.uint64)  # 2 + 2 + 2 + 1 bits

    assert joined(a, b, 7) == [(0, 0)]
    assert joined(a, b, 6) == []


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 7), st.integers(0, 2**32 - 1))
def test_the_cost_is_the_number_of_words_that_share_a_bucket(radius, seed):
    a, b = words_with_near_ones(40, 30, seed, alike=20)

    expected = 0
    for shift in (0, 16, 32, 48):
        quarters = (a[:, None] ^ b[None, :]) >> np.uint64(shift) & np.uint64(0xFFFF)
        expected += np.count_nonzero(np.bitwise_count(quarters) <= radius // 4)
    assert candidates(a, [b, b[:0]], radius) == expected
    assert candidates(a, [b, b], radius) == 2 * expected


@pytest.mark.parametrize("radius", [-1, 8])
def test_a_radius_that_could_miss_pairs_is_refused(radius):
    words = np.zeros(1, np.uint64)

    with pytest.raises(ValueError, match="between 0 and 7"):
        list(join(words, words, radius))
