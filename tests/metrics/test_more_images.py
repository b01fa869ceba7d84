import numpy as np
import pytest

from gate.evidence.records import rows_from_counts
from gate.metrics import rates
from gate.metrics.combined import Difference
from gate.metrics.estimates import Undefined
from gate.metrics.more_images import groups_of, images_needed, times_needed
from gate.metrics.paired import PairedDifference
from gate.metrics.planning import most_misses, tail
from gate.metrics.proportions import ClusteredShare, Proportion


def test_the_message_of_54_of_61_asks_for_some_270_images():
    more = images_needed(Proportion(54, 61), 0.90, 0.95, true_value=0.95)

    assert 200 <= more <= 300


def test_needed_images_decide_four_times_in_five():
    share = Proportion(92, 100)

    more = images_needed(share, 0.90, 0.95)

    allowed = most_misses(100 + more, 0.90, 0.95)
    chance = tail(100 + more - allowed - 92, more, 0.92)
    assert 0.8 <= chance < 0.83


def test_an_observation_below_asks_for_what_proves_failure():
    share = Proportion(88, 100)

    more = images_needed(share, 0.90, 0.95)

    expected = Proportion(88 + round(0.88 * more), 100 + more)
    assert share.upper(0.95) > 0.90
    assert expected.upper(0.95) < 0.90


def test_nothing_decides_a_share_on_the_requirement():
    assert images_needed(Proportion(90, 100), 0.90, 0.95) is None
    assert times_needed(Proportion(90, 100), 0.90, 0.95) is None


def test_what_is_no_share_has_no_number_of_images():
    assert images_needed(Undefined("no images"), 0.9, 0.95) is None


def test_images_in_groups_have_to_be_more_than_independent_ones():
    hits = np.array([5, 5, 4, 5, 5, 5, 5, 0, 5, 5, 5, 5])
    groups = ClusteredShare(hits, np.full(12, 5))
    independent = Proportion(groups.numerator, groups.denominator)

    more, fewer = (images_needed(each, 0.8, 0.95, 0.95) for each in (groups, independent))

    assert more > 2 * fewer
    assert groups_of(more, groups) == -(-more // 5)
    assert groups_of(fewer, independent) is None


def test_groups_without_a_mistake_need_as_many_more_as_the_bound_says():
    groups = ClusteredShare(np.full(60, 5), np.full(60, 5))

    more = images_needed(groups, 0.98, 0.95, true_value=0.999999)

    # 60 groups prove 0.95, and 150 are the least that prove 0.98.
    assert groups_of(more, groups) == 90


@pytest.mark.parametrize("alike", [0.05, 0.5, 1.0])
def test_needed_groups_decide_about_four_times_in_five(alike):
    random, truth = np.random.default_rng(4), 0.96

    def drawn(groups):
        strength = (1 - alike) / alike
        sure = random.random(groups) < truth
        chance = sure if alike == 1 else random.beta(
            truth * strength, (1 - truth) * strength, groups
        )  # fmt: skip
        return random.binomial(5, chance)

    present = np.array([5] * 28 + [4] * 4 + [2])
    estimate = ClusteredShare(present, np.full(33, 5))
    more = groups_of(images_needed(estimate, 0.90, 0.95, truth), estimate)
    decided = 0
    for _ in range(300):
        hits = np.concatenate([present, drawn(more)])
        decided += ClusteredShare(hits, np.full(len(hits), 5)).lower(0.95) >= 0.90

    assert decided / 300 > (0.75 if alike < 0.5 else 0.3)  # present groups look little alike inside


def test_a_share_proven_low_by_groups_is_the_mirror_of_one_proven_high():
    hits = np.array([5, 5, 4, 5, 5, 5, 5, 0, 5, 5, 5, 5])
    high, low = ClusteredShare(hits, np.full(12, 5)), ClusteredShare(5 - hits, np.full(12, 5))

    assert images_needed(high, 0.8, 0.95, 0.95) == images_needed(low, 0.2, 0.95, 0.05)


def test_bounds_that_are_nearly_there_need_few_times_as_many_images():
    near, far = Proportion(95, 100), Proportion(91, 100)

    assert 1 <= times_needed(near, 0.9, 0.95) < times_needed(far, 0.9, 0.95)


def test_a_spotless_metric_of_counts_needs_images_in_proportion_to_its_pad():
    found = rates.macro_f1(rows_from_counts([[50, 0], [0, 50]]), 2)  # proves 0.970

    assert times_needed(found, 0.99, 0.95) == 3
    assert times_needed(found, 0.997, 0.95) == 10


def test_a_metric_of_counts_that_many_times_over_decides():
    matrix = np.array([[93, 7], [9, 91]])
    found = rates.macro_f1(rows_from_counts(matrix), 2)

    times = times_needed(found, 0.9, 0.95)

    assert found.lower(0.95) < 0.9
    assert times > 1
    assert rates.macro_f1(rows_from_counts(int(times) * matrix), 2).lower(0.95) > 0.9


def test_a_macro_f1_that_cannot_fail_has_no_number_of_images():
    found = rates.macro_f1(rows_from_counts([[2, 2], [2, 2]]), 2)

    assert times_needed(found, 0.9, 0.95) is None


def test_a_gap_without_a_mistake_needs_images_in_proportion():
    gap = rates.gap(Proportion(1000, 1000), Proportion(30, 30))  # proves 0.095; 59 prove 0.05

    assert times_needed(gap, 0.05, 0.95) == 2


def test_a_change_that_many_times_over_decides():
    change = PairedDifference(Proportion(3, 500), Proportion(2, 500))

    times = times_needed(change, -0.01, 0.95)

    many = PairedDifference(Proportion(3 * times, 500 * times), Proportion(2 * times, 500 * times))
    assert change.lower(0.95) < -0.01
    assert many.lower(0.95) > -0.01


def test_a_class_without_images_is_not_decided_by_more_of_the_others():
    found = rates.macro_f1(rows_from_counts([[90, 10, 0], [0, 100, 0], [0, 0, 0]]), 3)

    assert times_needed(found, 0.8, 0.95) is None


def spotless(groups):
    return ClusteredShare(np.full(groups, 5), np.full(groups, 5))


def unhurt(groups):
    return ClusteredShare(np.zeros(groups, dtype=np.int64), np.full(groups, 5))


def test_a_gap_of_groups_without_a_mistake_takes_as_many_more_as_prove_it():
    times = times_needed(Difference(spotless(10), spotless(10)), 0.10, 0.95)

    assert times == 3
    assert Difference(spotless(30), spotless(30)).upper(0.95) <= 0.10
    assert Difference(spotless(20), spotless(20)).upper(0.95) > 0.10


def test_groups_without_a_change_take_as_many_more_as_prove_that_nothing_regressed():
    times = times_needed(PairedDifference(unhurt(50), unhurt(50)), -0.02, 0.95)

    assert times == 3
    assert PairedDifference(unhurt(150), unhurt(150)).lower(0.95) >= -0.02
    assert PairedDifference(unhurt(100), unhurt(100)).lower(0.95) < -0.02
