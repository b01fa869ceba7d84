import math

import numpy as np
import pytest
from scipy import stats

from gate.evidence.records import rows_from_counts
from gate.metrics import losses
from gate.metrics.means import SampleMean, WelchDifference, mean_of

COSTS = [[0, 1], [5, 0]]


def test_a_score_of_zero_is_clipped_and_counted(rows_of_scores):
    rows = rows_of_scores([0, 1, 1], [[1.0, 0.0], [1.0, 0.0], [0.5, 0.5]])

    found = losses.log_loss(rows)

    assert found.value == pytest.approx((0 + 12 * math.log(10) + math.log(2)) / 3)
    assert found.reason == "1 scores of the true class were below 1e-12"


def test_without_scores_there_is_no_loss(rows_by_chance):
    counted = rows_from_counts([[5, 1], [1, 5]])
    kept_one = rows_by_chance(50, 3)
    object.__setattr__(kept_one, "scores", None)

    assert losses.log_loss(counted).value is None
    assert losses.brier(counted, 2).value is None
    assert losses.brier(kept_one, 3).value is None
    assert losses.log_loss(kept_one).value is not None


def test_without_images_there_is_no_mean(rows_by_chance):
    nothing = rows_by_chance(50, 2).where(np.zeros(50, dtype=bool))

    assert losses.log_loss(nothing).value is None
    assert losses.expected_cost(nothing, COSTS).value is None


def test_expected_cost_is_the_mean_over_the_cells():
    rows = rows_from_counts([[45, 5], [3, 47]])

    found = losses.expected_cost(rows, COSTS)

    assert found.value == pytest.approx((5 * 1 + 3 * 5) / 100)
    assert found.lower(0.95) < found.value < found.upper(0.95)


def test_no_cost_so_far_does_not_prove_that_there_is_none():
    rows = rows_from_counts([[50, 0], [0, 50]])

    found = losses.expected_cost(rows, COSTS)

    assert found.value == 0
    assert found.lower(0.95) == 0
    assert found.upper(0.95) == pytest.approx(5 * (1 - 0.05 ** (1 / 100)))


def test_values_that_are_alike_and_have_no_limit_prove_nothing():
    found = mean_of(np.full(50, 0.1))

    assert found.value == 0.1
    assert math.isnan(found.upper(0.95))


def test_without_skewness_the_bounds_are_normal():
    values = np.concatenate([np.arange(50.0), -np.arange(50.0)])

    found = mean_of(values)

    half = stats.norm.ppf(0.95) * stats.sem(values)
    assert found.lower(0.95) == pytest.approx(-half)
    assert found.upper(0.95) == pytest.approx(half)


def test_halls_bounds_turn_his_cubic_around():
    # Hall (1992): W + g W^2 / 3 + g^2 W^3 / 27 + g / (6 n) is nearly normal / sqrt(n).
    found = SampleMean(value=2.0, standard_error=0.3, skewness=1.5, denominator=40)

    for bound, level in ((found.lower(0.95), 0.95), (found.upper(0.95), 0.05)):
        w = (found.value - bound) / found.standard_error / math.sqrt(40)
        cubic = w + 1.5 * w**2 / 3 + 1.5**2 * w**3 / 27 + 1.5 / (6 * 40)
        assert cubic * math.sqrt(40) == pytest.approx(stats.norm.ppf(level))


def test_a_long_tail_of_losses_pushes_both_bounds_up():
    values = np.random.default_rng(0).lognormal(sigma=1.5, size=100)

    found = mean_of(values)

    assert found.value - found.lower(0.95) < found.upper(0.95) - found.value


@pytest.mark.slow
@pytest.mark.parametrize("n", [50, 500])
def test_bounds_of_skewed_losses_hold_nearly_as_often_as_promised(n):
    random, runs = np.random.default_rng(2), 2000
    truth = math.exp(0.5)

    found = [mean_of(random.lognormal(size=n)) for _ in range(runs)]

    assert sum(each.lower(0.95) <= truth for each in found) / runs > 0.93
    assert sum(each.upper(0.95) >= truth for each in found) / runs > 0.90


def test_a_loss_gap_is_welchs():
    random = np.random.default_rng(0)
    test, train = random.exponential(0.6, 80), random.exponential(0.3, 300)

    found = losses.loss_gap(mean_of(test), mean_of(train))

    expected = stats.ttest_ind(test, train, equal_var=False).confidence_interval(0.9)
    assert isinstance(found, WelchDifference)
    assert found.value == pytest.approx(test.mean() - train.mean())
    assert found.lower(0.95) == pytest.approx(expected.low)
    assert found.upper(0.95) == pytest.approx(expected.high)


def test_a_loss_gap_without_spread_proves_nothing():
    found = losses.loss_gap(mean_of(np.full(9, 0.2)), mean_of(np.full(9, 0.1)))

    assert found.value == pytest.approx(0.1)
    assert math.isnan(found.lower(0.95))
    assert found.reason.startswith("degenerate")


def test_losses_of_groups_draw_whole_groups(rows_by_chance):
    rows = rows_by_chance(400, 2, per_group=4)

    found = losses.log_loss(rows)

    assert "groups" in found.method
    assert found.lower(0.95) < found.value < found.upper(0.95)
    assert losses.loss_gap(found, found).value == 0
