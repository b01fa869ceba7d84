import dataclasses
import math

import numpy as np
import pytest

from gate.evidence.records import rows_from_counts
from gate.metrics import losses, rates

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
    assert found.upper(0.95) == pytest.approx(5 * math.log(20) / 100)


def test_a_long_tail_of_losses_pushes_both_bounds_up():
    values = np.random.default_rng(0).lognormal(sigma=1.5, size=100)

    found = mean_of(values)

    assert found.value - found.lower(0.95) < found.upper(0.95) - found.value


def test_without_a_mistake_the_loss_may_hide_one_made_with_the_usual_confidence(rows_of_scores):
    rows = rows_of_scores([0, 1] * 100, [[0.98, 0.02], [0.02, 0.98]] * 100)

    found = losses.log_loss(rows)

    worst = -math.log(0.02)
    assert found.value == pytest.approx(-math.log(0.98), abs=1e-6)
    assert found.upper(0.95) == pytest.approx(
        found.value + (worst - found.value) / 200 * math.log(20), rel=1e-5
    )


def test_a_mistake_that_cost_more_than_usual_is_the_worst_to_come():
    assert losses.worst_loss(np.array([0.1, 9.0]), np.array([0.9, 0.9])) == 9.0
    assert losses.worst_loss(np.array([0.1, 0.2]), np.array([0.9, 0.9])) == pytest.approx(
        math.log(10)
    )
    assert losses.worst_loss(np.array([0.0, 0.0]), np.ones(2)) == pytest.approx(losses.MOST)


def test_who_is_unsure_of_half_of_the_images_hides_no_mistake_on_the_others():
    """One sure mistake in 200 images, which most samples do not show."""
    random, passed = np.random.default_rng(0), 0
    sure, mistakes, images = 1 - 1e-9, 0.005, 300
    truth = 0.49 * (mistakes * -math.log(1 - sure) + (1 - mistakes) * -math.log(sure))
    truth += 0.51 * (-0.6 * math.log(0.6) - 0.4 * math.log(0.4))
    blank = rows_from_counts([[images]])
    for _ in range(500):
        confidence = np.where(random.random(images) < 0.49, sure, 0.6)
        right = random.random(images) < np.where(confidence == sure, 1 - mistakes, 0.6)
        scores = np.where(right, confidence, 1 - confidence)
        rows = dataclasses.replace(blank, confidence=confidence, true_score=scores)
        passed += losses.log_loss(rows).upper(0.95) <= truth

    assert passed / 500 <= 0.055 + 3 * math.sqrt(0.05 * 0.95 / 500)


def test_a_loss_gap_recovers_its_bounds_from_both(rows_by_chance):
    test, train = (losses.log_loss(rows_by_chance(n, 2, seed=n)) for n in (80, 300))

    found = rates.gap(test, train)

    high = math.hypot(test.upper(0.95) - test.value, train.value - train.lower(0.95))
    assert found.value == test.value - train.value
    assert found.upper(0.95) == pytest.approx(found.value + high)


def test_losses_of_groups_count_whole_groups(rows_by_chance):
    rows = rows_by_chance(400, 2, per_group=4)

    found, alone = losses.log_loss(rows), losses.log_loss(dataclasses.replace(rows, groups=None))

    assert found.method.endswith("by group")
    assert found.lower(0.95) < alone.lower(0.95) < found.value
    assert found.value < alone.upper(0.95) < found.upper(0.95)


def mean_of(values):
    rows = rows_from_counts([[len(values)]])
    return losses.mean(rows, values, worst=float(values.max()), most=math.inf)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wrong", "confidence", "n"),
    [
        (0.005, 0.999, 50),
        (0.005, 0.999, 200),
        (0.005, 0.999, 1000),
        (0.03, 0.95, 50),
        (0.2, 0.8, 200),
    ],
)
@pytest.mark.parametrize("per_group", [None, 5])
def test_a_loss_is_passed_wrongly_about_as_seldom_as_promised(
    rows_of_scores, wrong, confidence, n, per_group
):
    # With this chance an image, or a whole group, is wrong: as surely as the others are right.
    random, runs = np.random.default_rng(3), 2000
    truth = -wrong * math.log1p(-confidence) - (1 - wrong) * math.log(confidence)
    units = n // (per_group or 1)
    groups = None if per_group is None else (np.arange(n) // per_group).astype(object)
    rows = rows_from_counts([[n]])
    rows = dataclasses.replace(rows, confidence=np.full(n, confidence), groups=groups)
    passed = failed = 0
    for _ in range(runs):
        mistakes = (random.random(units) < wrong).repeat(per_group or 1)
        score = np.where(mistakes, 1 - confidence, confidence)
        found = losses.log_loss(dataclasses.replace(rows, true_score=score))
        passed += found.upper(0.95) <= truth
        failed += found.lower(0.95) > truth

    assert passed / runs <= 0.070
    assert failed / runs <= 0.070
