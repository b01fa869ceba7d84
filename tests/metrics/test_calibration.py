import dataclasses
import math

import numpy as np
import pytest

from gate.evidence.records import rows_from_counts
from gate.metrics import calibration
from gate.metrics.calibration import calibration_error, reliability


def model(n, *, seed=0, sharpen=1.0, classes=2):
    """Rows of a model whose confidence is right when ``sharpen`` is 1, and too high above it."""
    random = np.random.default_rng(seed)
    true = 0.5 + 0.5 * random.beta(4, 1, n)
    right = random.random(n) < true
    odds = (true / (1 - true)) ** sharpen
    rows = rows_from_counts([[n, 0], [0, 0]])
    return dataclasses.replace(
        rows,
        predictions=np.where(right, 0, 1).astype(np.int32),
        true_rank=np.where(right, 0, 1).astype(np.int32),
        confidence=odds / (1 + odds),
    )


def test_calibrated_confidences_are_not_accused():
    found = calibration_error(model(500))

    assert found.p_value > 0.05
    assert found.lower(0.95) == -math.inf
    assert found.upper(0.95) == math.inf


def test_overconfidence_is_proven():
    found = calibration_error(model(500, sharpen=2.5))

    assert found.p_value < 0.01
    assert found.lower(0.95) == found.value


def test_a_calibrated_model_is_accused_no_more_often_than_promised():
    accused = sum(
        calibration_error(model(200, seed=seed)).lower(0.95) > -math.inf for seed in range(150)
    )

    assert accused <= 15  # 7.5 expected; 16 or more have a chance of 0.004


def test_a_confidence_on_an_edge_belongs_to_the_bin_above_and_one_to_the_last():
    edges = np.arange(16) / 15

    bins = calibration.bin_of(edges, 15)

    assert list(bins) == [*range(15), 14]


def test_empty_bins_have_no_accuracy():
    curve = reliability(np.array([0.95, 0.99]), np.array([1.0, 0.0]))

    assert [each.images for each in curve] == [0] * 14 + [2]
    assert math.isnan(curve[0].accuracy)
    assert curve[14].accuracy == 0.5


def test_large_bins_are_drawn_as_normal_numbers_and_agree_with_coin_flips(monkeypatch):
    confidence = np.random.default_rng(0).uniform(0.6, 0.9, 1000)
    random = np.random.default_rng(1)

    normal = calibration.draw_right_answers(random, confidence)
    monkeypatch.setattr(calibration, "_NORMAL_FROM", math.inf)
    flipped = calibration.draw_right_answers(random, confidence)

    assert normal.mean() == pytest.approx(flipped.mean(), abs=2)
    assert normal.std() == pytest.approx(flipped.std(), rel=0.1)


def test_coin_flips_are_drawn_in_portions_within_memory(monkeypatch):
    monkeypatch.setattr(calibration, "_BUDGET", 1000)

    drawn = calibration.draw_right_answers(np.random.default_rng(1), np.full(150, 0.9))

    assert drawn.shape == (calibration.RESAMPLES,)
    assert drawn.mean() == pytest.approx(135, abs=1)


def test_images_in_groups_are_not_accused():
    rows = model(500, sharpen=2.5)
    groups = np.array([f"patient {index // 5}" for index in range(500)], dtype=object)

    found = calibration_error(dataclasses.replace(rows, groups=groups))

    assert found.p_value < 0.01
    assert found.lower(0.95) == -math.inf
    assert "groups" in found.reason


def test_without_images_or_scores_there_is_no_error():
    counted = rows_from_counts([[5, 1], [1, 5]])

    assert calibration_error(counted).value is None
    assert calibration_error(counted.where(counted.labels > 5)).value is None


def test_the_order_of_the_images_changes_nothing():
    rows = model(300, sharpen=1.5)
    shuffled = rows.take(np.random.default_rng(9).permutation(300))

    one, other = calibration_error(rows), calibration_error(shuffled)

    assert (one.value, one.p_value) == (other.value, other.p_value)
