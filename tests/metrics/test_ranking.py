import dataclasses
import math

import numpy as np
import pytest
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
def test_the_spread_of_auc_is_delongs(rows_by_chance, decimals):
    rows = rows_by_chance(150, 3, decimals=decimals)
    scores, positive = rows.scores[:, 1].astype(float), rows.labels == 1

    found = ranking.roc_auc_of(rows, 1, 3)

    expected = delong_variance(scores[positive], scores[~positive])
    assert found.spread.squares == pytest.approx(expected)


def test_a_perfect_order_has_bounds_below_one(rows_of_scores):
    sure = np.linspace(0.6, 0.9, 20)
    scores = np.concatenate([sure, 1 - sure])
    rows = rows_of_scores([0] * 20 + [1] * 20, np.stack([scores, 1 - scores], axis=1))

    for found in (
        ranking.roc_auc_of(rows, 1, 2),
        ranking.average_precision_of(rows, 1, 2),
        ranking.roc_auc(rows, 2),
        ranking.average_precision(rows, 2),
    ):
        assert found.value == 1.0
        assert 0 < found.lower(0.95) < found.lower(0.9) < 1
        assert found.upper(0.95) == 1.0
        assert found.reason == ""


@pytest.mark.parametrize(
    ("sizes", "area", "precision"), [((450, 450), 0.9933, 0.9621), ((100, 1000), 0.9700, 0.874)]
)
def test_a_perfect_order_proves_so_much(rows_of_scores, sizes, area, precision):
    positives, negatives = sizes
    scores = np.concatenate([np.linspace(0.6, 0.9, positives), np.linspace(0.1, 0.4, negatives)])
    rows = rows_of_scores([1] * positives + [0] * negatives, np.stack([1 - scores, scores], axis=1))

    assert ranking.roc_auc_of(rows, 1, 2).lower(0.95) == pytest.approx(area, abs=5e-5)
    assert ranking.average_precision_of(rows, 1, 2).lower(0.95) == pytest.approx(
        precision, abs=5e-4
    )


def test_scores_that_are_all_alike_prove_little(rows_of_scores):
    rows = rows_of_scores([0] * 20 + [1] * 20, [[0.5, 0.5]] * 40)

    found = ranking.roc_auc_of(rows, 1, 2)

    assert found.value == 0.5
    assert found.lower(0.95) < 0.45
    assert found.upper(0.95) > 0.55


def test_one_image_of_a_class_proves_nothing(rows_of_scores):
    rows = rows_of_scores([0, 0, 0, 1], [[0.9, 0.1], [0.7, 0.3], [0.4, 0.6], [0.5, 0.5]])

    for found in (ranking.roc_auc_of(rows, 1, 2), ranking.average_precision_of(rows, 1, 2)):
        assert 0 < found.value < 1
        assert found.lower(0.95) == 0
        assert found.upper(0.95) == 1


def test_one_image_more_at_the_end_moves_average_precision_by_so_much(rows_by_chance):
    rows = rows_by_chance(60, 2)
    positive, scores = rows.labels == 1, rows.scores[:, 1].astype(float)

    area = ranking.precision_area(positive, scores)

    def moved(label, score):
        more = average_precision_score(np.append(positive, label), np.append(scores, score))
        return more - area.value

    assert area.down == pytest.approx((-moved(False, 2.0), -moved(True, -1.0)))
    assert area.up == pytest.approx((moved(False, -1.0), moved(True, 2.0)), abs=1e-12)


@pytest.mark.parametrize("decimals", [None, 1])
def test_influence_on_average_precision_is_its_derivative(rows_by_chance, decimals):
    rows = rows_by_chance(40, 2, decimals=decimals)
    positive, scores = rows.labels == 1, rows.scores[:, 1].astype(float)

    area = ranking.precision_area(positive, scores)
    value, influence = area.value, area.of_images

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
    assert found.lower(0.95) == pytest.approx(single.lower(0.95), abs=1e-12)


def test_few_groups_prove_no_area(rows_by_chance):
    rows = rows_by_chance(45, 2, per_group=5)

    found = ranking.roc_auc(rows, 2)

    assert math.isnan(found.lower(0.95))
    assert found.reason.startswith("9 groups")


@pytest.mark.parametrize("metric", [ranking.roc_auc, ranking.average_precision])
def test_a_class_without_images_may_have_any_area(rows_by_chance, metric):
    rows = rows_by_chance(200, 3)

    seen, declared = metric(rows, 3), metric(rows, 3, over=[0, 1, 2])
    wider = dataclasses.replace(rows, scores=np.pad(rows.scores, ((0, 0), (0, 1))))
    absent = metric(wider, 4)

    assert declared.lower(0.95) == seen.lower(0.95)
    assert absent.value == pytest.approx(seen.value)
    assert absent.lower(0.95) == pytest.approx(3 / 4 * seen.lower(0.95))
    assert absent.upper(0.95) == pytest.approx((3 * seen.upper(0.95) + 1) / 4)


@pytest.mark.slow
@pytest.mark.parametrize("metric", [ranking.roc_auc, ranking.average_precision])
@pytest.mark.parametrize("per_group", [None, 5])
@pytest.mark.parametrize("skill", [1.5, 4.0])
def test_areas_are_wrong_about_as_seldom_as_promised(rows_by_chance, metric, per_group, skill):
    truth = metric(rows_by_chance(200_000, 3, seed=1, skill=skill), 3).value
    runs = 2000

    passed = failed = 0
    for seed in range(runs):
        found = metric(rows_by_chance(200, 3, seed=10 + seed, skill=skill, per_group=per_group), 3)
        passed += found.lower(0.95) >= truth
        failed += found.upper(0.95) < truth

    assert passed / runs <= 0.070
    assert failed / runs <= 0.070


@pytest.mark.parametrize("area_of", [ranking.roc_auc_of, ranking.average_precision_of])
def test_in_groups_no_order_proves_more_than_the_perfect_one_at_any_confidence(area_of):
    for seed in range(60):
        random = np.random.default_rng(seed)
        labels = np.repeat([1, 0], random.integers(5, 60, 2))
        perfect = 0.1 + 0.5 * labels + 0.3 * random.random(len(labels))
        missed = np.where(np.arange(len(labels)) == 0, 0.8 * random.random(), perfect)
        groups = (random.permutation(len(labels)) // random.integers(2, 5)).astype(object)

        best, found = (
            area_of(
                dataclasses.replace(
                    rows_from_counts([[len(labels)]]),
                    labels=labels.astype(np.int32),
                    scores=np.stack([1 - scores, scores], axis=1),
                    groups=groups,
                ),
                1,
                2,
            )
            for scores in (perfect, missed)
        )

        for confidence in (0.95, 0.999, 0.9999):
            if not best.reason:
                assert found.lower(confidence) <= best.lower(confidence) + 1e-12
