"""The median of ratios has the bound of a sign test."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from gate.metrics.latency import MedianRatio


@given(st.integers(1, 300), st.sampled_from([0.9, 0.95, 0.99]))
def test_the_bound_is_the_order_statistic_of_the_binomial_tail(n, confidence):
    lower = MedianRatio(np.arange(1.0, n + 1)).lower(confidence)

    fits = [j for j in range(n) if binom.cdf(j, n, 0.5) <= 1 - confidence]
    assert lower == fits[-1] + 1 if fits else math.isnan(lower)


def test_fewer_than_five_turns_prove_nothing():
    assert math.isnan(MedianRatio(np.ones(4)).lower(0.95))
    assert MedianRatio(np.ones(5)).lower(0.95) == 1.0


@pytest.mark.parametrize("turns", [11, 100])
def test_two_identical_nets_are_rarely_found_to_differ(turns):
    """With ratios on both sides of 1 alike, the bound exceeds 1 in at most 5 of 100 runs."""
    random = np.random.default_rng(7)
    above = [MedianRatio(np.exp(random.standard_t(2, turns))).lower(0.95) > 1 for _ in range(2000)]

    assert np.mean(above) <= 0.06  # 3 standard errors above 0.05 are 0.065
