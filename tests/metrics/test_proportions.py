import itertools
import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import special, stats

from gate.metrics.combined import Difference
from gate.metrics.estimates import Count, Indication, Undefined
from gate.metrics.proportions import F1, Proportion, counted_share, exact_lower, exact_upper

ALPHA = 0.05
ROUNDING = 1e-12
REQUIRED = (0.5, 0.8, 0.85, 0.9, 0.95, 0.99)


@pytest.fixture(scope="module")
def bounds_up_to_300():
    """Lower and upper exact bounds of every k of every n in 1..300."""
    return {
        n: (
            np.array([exact_lower(k, n, 1 - ALPHA) for k in range(n + 1)]),
            np.array([exact_upper(k, n, 1 - ALPHA) for k in range(n + 1)]),
        )
        for n in range(1, 301)
    }


@pytest.mark.parametrize("required", REQUIRED)
def test_the_chance_of_a_wrong_pass_or_a_wrong_fail_is_at_most_alpha(required, bounds_up_to_300):
    for n, (lower, upper) in bounds_up_to_300.items():
        chances = stats.binom.pmf(np.arange(n + 1), n, required)

        assert chances[lower >= required].sum() <= ALPHA
        assert chances[upper < required].sum() <= ALPHA


@pytest.mark.parametrize("required", REQUIRED)
def test_a_pass_is_an_exact_binomial_test_that_rejects(required, bounds_up_to_300):
    for n in range(1, 301, 7):
        lower, _ = bounds_up_to_300[n]
        p_values = stats.binom.sf(np.arange(n + 1) - 1, n, required)

        assert np.array_equal(lower >= required, p_values <= ALPHA)


def test_bounds_are_those_of_scipys_binomial_test():
    for k, n in ((0, 7), (3, 10), (54, 61), (61, 61)):
        for confidence in (0.8, 0.95, 0.999):
            test = stats.binomtest(k, n)
            with_scipy = (
                stats.binomtest(k, n, alternative="greater").proportion_ci(confidence).low,
                stats.binomtest(k, n, alternative="less").proportion_ci(confidence).high,
            )

            share = Proportion(k, n)

            assert (share.lower(confidence), share.upper(confidence)) == pytest.approx(with_scipy)
            assert share.value == test.statistic


counts = st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts, st.floats(0.5, 0.9999))
def test_bounds_enclose_the_share(count, confidence):
    share = Proportion(*count)

    assert 0 <= share.lower(confidence) <= share.value <= share.upper(confidence) <= 1


@given(counts, st.floats(0.5, 0.9999), st.floats(0.5, 0.9999))
@example((178, 308), 0.5, math.nextafter(0.5, 1))
def test_more_confidence_never_narrows_but_by_a_rounding(count, one, other):
    """The quantiles of two confidences that are neighbours as floats have errors of a few ulps."""
    share = Proportion(*count)
    less, more = sorted((one, other))

    assert share.lower(more) <= share.lower(less) + ROUNDING
    assert share.upper(more) >= share.upper(less) - ROUNDING


@given(counts, st.floats(0.5, 0.9999))
def test_the_bounds_of_the_others_are_mirrored(count, confidence):
    k, n = count

    assert Proportion(k, n).lower(confidence) == pytest.approx(
        1 - Proportion(n - k, n).upper(confidence), abs=ROUNDING
    )


@given(counts, st.floats(0.5, 0.9999))
def test_one_more_hit_never_lowers_a_bound(count, confidence):
    k, n = count
    fewer, more = Proportion(k, n + 1), Proportion(k + 1, n + 1)

    assert more.lower(confidence) >= fewer.lower(confidence)
    assert more.upper(confidence) >= fewer.upper(confidence)


def test_fifty_five_of_a_hundred_is_at_least_0_55():
    share = Proportion(55, 100)

    assert share.value >= 0.55
    assert not share.numerator >= 0.55 * share.denominator  # why counts are never compared so


@pytest.mark.parametrize(("k", "n"), [(1, 0), (-1, 5), (6, 5), (0, 0)])
def test_what_is_no_share_is_refused(k, n):
    with pytest.raises(ValueError, match="no share"):
        Proportion(k, n)


def test_no_images_have_no_share():
    share = counted_share(0, 0, "no images")

    assert share.value is None
    assert share.reason == "no images"
    assert math.isnan(share.lower(0.95))
    assert math.isnan(share.upper(0.95))


def test_twenty_of_twenty_prove_no_more_than_0_861():
    assert Proportion(20, 20).lower(0.95) == pytest.approx(0.8609, abs=1e-4)


@given(counts)
def test_f1_is_a_quotient_of_counts(count):
    tp, union = count

    f1 = F1(Proportion(tp, union))

    assert f1.value == f1.numerator / f1.denominator == 2 * tp / (tp + union)
    assert f1.lower(0.95) <= f1.value <= f1.upper(0.95)


@pytest.mark.parametrize("misses", [0, 3])
def test_bounds_of_f1_hold_as_often_as_promised(misses):
    # Exact, over all outcomes: TP is binomial given that an image is of the class or taken for it.
    union, jaccard = 60 + misses, 0.8
    f1 = 2 * jaccard / (1 + jaccard)
    chances = stats.binom.pmf(np.arange(union + 1), union, jaccard)
    estimates = [F1(Proportion(k, union)) for k in range(union + 1)]

    missed_low = sum(c for c, e in zip(chances, estimates, strict=True) if e.lower(0.95) > f1)
    missed_high = sum(c for c, e in zip(chances, estimates, strict=True) if e.upper(0.95) < f1)

    assert missed_low <= ALPHA
    assert missed_high <= ALPHA


def test_an_undefined_estimate_proves_nothing():
    undefined = Undefined("the class has no images")

    assert undefined.value is None
    assert math.isnan(undefined.lower(0.95))
    assert math.isnan(undefined.upper(0.95))


def test_a_count_is_its_own_bounds():
    count = Count(3, 100)

    assert (count.value, count.lower(0.99), count.upper(0.99)) == (3.0, 3.0, 3.0)


def test_an_indication_decides_only_when_it_is_confirmed():
    confirmed = Indication(0.4, confirmed=True, method="trend")
    suspected = Indication(0.4, confirmed=False, method="trend")

    assert (confirmed.lower(0.95), confirmed.upper(0.95)) == (0.4, 0.4)
    assert (suspected.lower(0.95), suspected.upper(0.95)) == (-math.inf, math.inf)


def pmf(k, n, share):
    return float(special.binom(n, k)) * share**k * (1 - share) ** (n - k)


def wrong_gaps(train, test, n_train, n_test, confidence=0.95):
    """Return the exact chances to pass and to fail where the true gap is the largest allowed."""
    passed = failed = 0.0
    on_train, on_test = (
        [(Proportion(k, n), chance) for k in range(n + 1) if (chance := pmf(k, n, share)) > 1e-6]
        for n, share in ((n_train, train), (n_test, test))
    )
    for (one, of_one), (other, of_other) in itertools.product(on_train, on_test):
        gap = Difference(one, other)
        passed += of_one * of_other * (gap.upper(confidence) <= train - test)
        failed += of_one * of_other * (gap.lower(confidence) > train - test)
    return passed, failed


@pytest.mark.parametrize("train", [0.8, 0.9, 0.97, 0.995])
@pytest.mark.parametrize("gap", [0.0, 0.05, 0.15])
@pytest.mark.parametrize("sizes", [(20, 20), (60, 30), (300, 60), (300, 300), (60, 300)])
def test_a_gap_of_just_the_limit_passes_and_fails_no_more_often_than_promised(train, gap, sizes):
    passed, failed = wrong_gaps(train, train - gap, *sizes)

    assert passed <= 0.05
    assert failed <= 0.05


@pytest.mark.parametrize(("images", "proven"), [(58, False), (59, True)])
def test_a_gap_below_a_twentieth_takes_59_test_images_without_a_mistake(images, proven):
    gap = Difference(Proportion(1000, 1000), Proportion(images, images))

    assert (gap.upper(0.95) <= 0.05) == proven
