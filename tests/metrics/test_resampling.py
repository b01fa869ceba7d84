import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import f1_score

from gate.evidence.records import rows_from_counts
from gate.metrics import rates, resampling, skill, tables

MATRIX = [[80, 15, 5], [10, 35, 5], [4, 1, 20]]


@pytest.fixture
def rows():
    return rows_from_counts(MATRIX)


def test_resamples_that_are_all_alike_prove_nothing():
    rows = rows_from_counts([[20, 0], [0, 20]])

    found = rates.macro_f1(rows, 2)

    assert found.value == 1.0
    assert math.isnan(found.lower(0.95))
    assert math.isnan(found.upper(0.95))
    assert found.reason.startswith("degenerate")


def test_a_model_that_always_answers_the_same_has_a_degenerate_correlation():
    found = skill.mcc(rows_from_counts([[90, 0], [10, 0]]), 2)

    assert found.value == 0.0
    assert math.isnan(found.lower(0.95))


def test_the_same_rows_give_the_same_bounds(rows):
    again = rows.take(np.random.default_rng(0).permutation(len(rows)))

    assert rates.macro_f1(rows, 3).lower(0.95) == rates.macro_f1(again, 3).lower(0.95)
    assert skill.kappa(rows, 3).upper(0.95) == skill.kappa(again, 3).upper(0.95)


def test_drawing_cells_is_drawing_images_of_each_class(rows):
    random = np.random.default_rng(3)
    by_image = np.empty(500)
    for index in range(len(by_image)):
        drawn = np.concatenate(
            [random.choice(of, len(of)) for of in np.split(np.arange(175), [100, 150])]
        )
        by_image[index] = f1_score(rows.labels[drawn], rows.predictions[drawn], average="macro")

    by_cell = rates.macro_f1(rows, 3).resamples

    assert stats.ks_2samp(by_image, by_cell).pvalue > 0.01


def test_drawing_groups_is_drawing_their_images_together(rows_by_chance):
    rows = rows_by_chance(200, 2, per_group=5)
    random = np.random.default_rng(4)
    codes = tables.group_codes(rows)
    members = [np.flatnonzero(codes == group) for group in range(40)]
    by_image = np.empty(500)
    for index in range(len(by_image)):
        drawn = np.concatenate([members[group] for group in random.integers(0, 40, 40)])
        by_image[index] = f1_score(rows.labels[drawn], rows.predictions[drawn], average="macro")

    by_group = rates.macro_f1(rows, 2).resamples

    assert stats.ks_2samp(by_image, by_group).pvalue > 0.01


def test_bounds_are_scipys_accelerated_ones():
    # The recall of one class is a mean of 0 and 1, which scipy can resample as it is.
    rows = rows_from_counts([[93, 7], [0, 0]])

    found = resampling.bootstrap_counts(
        rows, 2, lambda margins: margins.right[..., 0] / margins.true[..., 0]
    )

    right = (rows.labels == rows.predictions).astype(float)
    theirs = stats.bootstrap(
        (right,), np.mean, n_resamples=20_000, confidence_level=0.9, method="BCa",
        random_state=np.random.default_rng(0),
    ).confidence_interval  # fmt: skip
    assert found.method.startswith("BCa")
    assert found.lower(0.95) == pytest.approx(theirs.low, abs=0.011)
    assert found.upper(0.95) == pytest.approx(theirs.high, abs=0.011)


def test_without_acceleration_bounds_are_percentiles():
    drawn = np.arange(1001) / 1000

    found = resampling.Bootstrapped(0.3, drawn)

    assert found.method.startswith("percentile")
    assert (found.lower(0.95), found.upper(0.95)) == pytest.approx((0.05, 0.95))


def test_memory_is_bounded_by_working_in_portions(rows, monkeypatch):
    at_once = rates.macro_f1(rows, 3)
    monkeypatch.setattr(resampling, "_BUDGET", 1000)

    in_portions = rates.macro_f1(rows, 3)

    assert len(in_portions.resamples) == len(at_once.resamples)
    assert in_portions.lower(0.95) == pytest.approx(at_once.lower(0.95), abs=0.01)


def test_few_groups_are_told_to_be_too_few_for_narrow_bounds(rows_by_chance):
    some, many = rows_by_chance(200, 2, per_group=5), rows_by_chance(300, 2, per_group=5)

    assert "40 groups" in rates.macro_f1(some, 2).reason
    assert rates.macro_f1(many, 2).reason == ""


def test_a_class_that_a_draw_of_groups_misses_is_left_out_of_the_mean():
    rows = rows_from_counts([[48, 2], [0, 4]])
    groups = [f"patient {index // 4}" for index in range(54)]
    grouped = rows.take(np.arange(54))
    object.__setattr__(grouped, "groups", np.array(groups, dtype=object))

    found = rates.balanced_accuracy(grouped, 2)

    assert not np.isnan(found.resamples).any()
    assert 0 <= found.lower(0.95) <= found.value


def test_many_cells_are_resampled_without_leaving_each_out(monkeypatch, rows):
    exact = rates.macro_f1(rows, 3)
    monkeypatch.setattr(resampling, "_MOST_CELLS", 3)

    quick = rates.macro_f1(rows, 3)

    assert quick.acceleration == 0.0
    assert quick.lower(0.95) == pytest.approx(exact.lower(0.95), abs=0.01)


def test_renaming_the_classes_changes_no_bound(rows):
    order = np.array([2, 0, 1])
    renamed = rows_from_counts(np.array(MATRIX)[np.ix_(order, order)])

    for metric in (rates.macro_f1, rates.macro_precision, skill.mcc, skill.kappa):
        one, other = metric(rows, 3), metric(renamed, 3)
        assert other.lower(0.95) == pytest.approx(one.lower(0.95), abs=1e-12)
        assert other.upper(0.95) == pytest.approx(one.upper(0.95), abs=1e-12)


def test_metrics_of_one_table_are_of_the_same_draws_and_cannot_change_them(rows, monkeypatch):
    resampling._remembered_draws.cache_clear()
    first = rates.macro_f1(rows, 3)
    monkeypatch.setattr(resampling, "_drawn_by_class", None)  # nothing is drawn again

    again, other = rates.macro_f1(rows, 3), skill.mcc(rows, 3)

    assert np.array_equal(again.resamples, first.resamples)
    assert len(other.resamples) == len(first.resamples)
    (draws,) = resampling._draw_by_class(tables.cells(rows, 3))
    with pytest.raises(ValueError, match="read-only"):
        draws[0, 0] = 1


def test_draws_that_are_remembered_are_those_that_are_not(rows, monkeypatch):
    remembered = rates.macro_f1(rows, 3)
    monkeypatch.setattr(resampling, "_REMEMBERED", 0)

    assert np.array_equal(rates.macro_f1(rows, 3).resamples, remembered.resamples)
