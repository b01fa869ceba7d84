import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import average_precision_score

from gate.evidence.records import rows_from_counts
from gate.metrics import ranking


def delong_variance(positive, negative):
    """DeLong, DeLong and Clarke-Pearson (1988), by comparing every pair."""
    beats = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    return beats.mean(axis=1).var(ddof=1) / len(positive) + beats.mean(axis=0).var(ddof=1) / len(
        negative
    )


@pytest.mark.parametrize("decimals", [None, 1])
def test_the_standard_error_of_auc_is_delongs(rows_by_chance, decimals):
    rows = rows_by_chance(150, 3, decimals=decimals)
    scores, positive = rows.scores[:, 1].astype(float), rows.labels == 1

    found = ranking.roc_auc_of(rows, 1, 3)

    expected = math.sqrt(delong_variance(scores[positive], scores[~positive]))
    assert found.standard_error == pytest.approx(expected)


def test_bounds_of_auc_are_normal_on_the_logit_scale(rows_by_chance):
    found = ranking.roc_auc_of(rows_by_chance(150, 2), 1, 2)

    logit = math.log(found.value / (1 - found.value))
    step = stats.norm.ppf(0.95) * found.standard_error / (found.value * (1 - found.value))
    assert found.lower(0.95) == pytest.approx(1 / (1 + math.exp(step - logit)))
    assert found.upper(0.95) == pytest.approx(1 / (1 + math.exp(-step - logit)))


def test_a_perfect_order_proves_nothing(rows_of_scores):
    rows = rows_of_scores([0] * 20 + [1] * 20, [[0.9, 0.1]] * 20 + [[0.2, 0.8]] * 20)

    for found in (
        ranking.roc_auc_of(rows, 1, 2),
        ranking.average_precision_of(rows, 1, 2),
        ranking.roc_auc(rows, 2),
    ):
        assert found.value == 1.0
        assert math.isnan(found.lower(0.95))
        assert found.reason.startswith("degenerate")


def test_scores_that_are_all_alike_prove_nothing(rows_of_scores):
    rows = rows_of_scores([0] * 20 + [1] * 20, [[0.5, 0.5]] * 40)

    found = ranking.roc_auc_of(rows, 1, 2)

    assert found.value == 0.5
    assert math.isnan(found.upper(0.95))


def test_one_image_of_a_class_shows_no_spread(rows_of_scores):
    rows = rows_of_scores([0, 0, 0, 1], [[0.9, 0.1], [0.7, 0.3], [0.4, 0.6], [0.5, 0.5]])

    for found in (ranking.roc_auc_of(rows, 1, 2), ranking.average_precision_of(rows, 1, 2)):
        assert 0 < found.value < 1
        assert math.isnan(found.lower(0.95))


@pytest.mark.parametrize("decimals", [None, 1])
def test_influence_on_average_precision_is_its_derivative(rows_by_chance, decimals):
    rows = rows_by_chance(40, 2, decimals=decimals)
    positive, scores = rows.labels == 1, rows.scores[:, 1].astype(float)

    value, influence = ranking._precision_area(positive, scores)

    for image in range(40):
        weights = np.ones(40)
        weights[image] += 1e-6
        heavier = average_precision_score(positive, scores, sample_weight=weights)
        assert influence[image] == pytest.approx((heavier - value) / 1e-6, abs=1e-6)


def test_scores_of_two_classes_follow_from_that_of_the_true_one(rows_by_chance):
    rows = rows_by_chance(200, 2)
    without = rows.take(np.arange(200))
    object.__setattr__(without, "scores", None)

    assert ranking.roc_auc_of(without, 1, 2).value == pytest.approx(
        ranking.roc_auc_of(rows, 1, 2).value, abs=1e-3
    )


def test_without_scores_there_is_no_area(rows_by_chance):
    rows = rows_by_chance(200, 3)
    object.__setattr__(rows, "scores", None)
    counted = rows_from_counts([[5, 1], [1, 5]])

    for found in (
        ranking.roc_auc(rows, 3),
        ranking.average_precision_of(rows, 0, 3),
        ranking.roc_auc_of(counted, 1, 2),
        ranking.top_k_accuracy(counted, 2),
    ):
        assert found.value is None
        assert found.reason == ranking.NO_SCORES


def test_an_absent_class_and_an_only_class_have_no_area(rows_by_chance):
    rows = rows_by_chance(100, 3)
    without, only = rows.where(rows.labels != 2), rows.where(rows.labels == 2)

    assert ranking.roc_auc_of(without, 2, 3).reason == ranking.NO_IMAGES_OF_CLASS
    assert ranking.roc_auc_of(only, 2, 3).reason == ranking.NO_OTHER_IMAGES
    assert ranking.roc_auc(only, 3).reason == ranking.NO_OTHER_IMAGES
    assert ranking.roc_auc(rows.where(rows.labels < 0), 3).reason == ranking.NO_IMAGES
    assert ranking.roc_auc(without, 3).value is not None


def test_groups_that_agree_inside_widen_the_bounds(rows_by_chance):
    rows = rows_by_chance(100, 2)
    copies = rows.take(np.repeat(np.arange(100), 4))
    groups = np.repeat([f"patient {index}" for index in range(100)], 4).astype(object)
    object.__setattr__(copies, "groups", groups)

    found, single = ranking.roc_auc_of(copies, 1, 2), ranking.roc_auc_of(rows, 1, 2)

    assert found.value == pytest.approx(single.value)
    assert found.standard_error == pytest.approx(single.standard_error, rel=0.02)
    assert found.lower(0.95) < single.lower(0.95)  # the quantile is Student's


def test_few_groups_prove_no_area(rows_by_chance):
    rows = rows_by_chance(45, 2, per_group=5)

    found = ranking.roc_auc(rows, 2)

    assert math.isnan(found.lower(0.95))
    assert found.reason.startswith("9 groups")


@pytest.mark.slow
@pytest.mark.parametrize("metric", [ranking.roc_auc, ranking.average_precision])
def test_bounds_of_areas_hold_nearly_as_often_as_promised(rows_by_chance, metric):
    truth = metric(rows_by_chance(200_000, 3, seed=1), 3).value
    runs = 600

    found = [metric(rows_by_chance(200, 3, seed=10 + seed), 3) for seed in range(runs)]

    assert sum(each.lower(0.95) <= truth for each in found) / runs > 0.92
    assert sum(each.upper(0.95) >= truth for each in found) / runs > 0.92
