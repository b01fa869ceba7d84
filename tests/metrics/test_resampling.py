"""Changes of metrics of counts against the champion, by resampling both on the same images."""

import dataclasses
import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import f1_score

from gate.evidence.records import rows_from_counts
from gate.metrics import baseline, resampling, tables

MATRIX = [[80, 15, 5], [10, 35, 5], [4, 1, 20]]


def spotless(rows):
    """The same images of a champion without a mistake."""
    return dataclasses.replace(rows, predictions=rows.labels)


def pairs_with(champion, rows):
    return baseline.Pairs(champion, rows)


@pytest.fixture
def rows():
    return rows_from_counts(MATRIX)


@pytest.fixture
def pairs(rows):
    """Against a champion without a mistake: the change of macro F1 is macro F1 less 1."""
    return pairs_with(spotless(rows), rows)


def test_resamples_that_are_all_alike_prove_nothing():
    rows = rows_from_counts([[20, 0], [0, 20]])

    found = baseline.macro_f1_change(pairs_with(rows, rows), 2)

    assert found.value == 0.0
    assert math.isnan(found.lower(0.95))
    assert math.isnan(found.upper(0.95))
    assert found.reason.startswith("degenerate")


def test_drawing_cells_is_drawing_images_of_each_class(rows, pairs):
    random = np.random.default_rng(3)
    by_image = np.empty(500)
    for index in range(len(by_image)):
        drawn = np.concatenate(
            [random.choice(of, len(of)) for of in np.split(np.arange(175), [100, 150])]
        )
        by_image[index] = f1_score(rows.labels[drawn], rows.predictions[drawn], average="macro")

    by_cell = 1 + baseline.macro_f1_change(pairs, 3).resamples

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

    by_group = 1 + baseline.macro_f1_change(pairs_with(spotless(rows), rows), 2).resamples

    assert stats.ks_2samp(by_image, by_group).pvalue > 0.01


def test_bounds_are_scipys_accelerated_ones():
    # The recall of one class is a mean of 0 and 1, which scipy can resample as it is.
    rows = rows_from_counts([[93, 7], [0, 0]])

    found = baseline.change(
        pairs_with(spotless(rows), rows),
        lambda margins: margins.right[..., 0] / margins.true[..., 0],
        2,
    )

    right = (rows.labels == rows.predictions).astype(float)
    theirs = stats.bootstrap(
        (right,), np.mean, n_resamples=20_000, confidence_level=0.9, method="BCa",
        random_state=np.random.default_rng(0),
    ).confidence_interval  # fmt: skip
    assert found.method.startswith("BCa")
    assert 1 + found.lower(0.95) == pytest.approx(theirs.low, abs=0.011)
    assert 1 + found.upper(0.95) == pytest.approx(theirs.high, abs=0.011)


def test_without_acceleration_bounds_are_percentiles():
    drawn = np.arange(1001) / 1000

    found = resampling.Bootstrapped(0.3, drawn)

    assert found.method.startswith("percentile")
    assert (found.lower(0.95), found.upper(0.95)) == pytest.approx((0.05, 0.95))


def test_memory_is_bounded_by_working_in_portions(pairs, monkeypatch):
    at_once = baseline.macro_f1_change(pairs, 3)
    monkeypatch.setattr(resampling, "_BUDGET", 1000)

    in_portions = baseline.macro_f1_change(pairs, 3)

    assert len(in_portions.resamples) == len(at_once.resamples)
    assert in_portions.lower(0.95) == pytest.approx(at_once.lower(0.95), abs=0.01)


def test_few_groups_are_told_to_be_too_few_for_narrow_bounds(rows_by_chance):
    some, many = rows_by_chance(200, 2, per_group=5), rows_by_chance(300, 2, per_group=5)

    few, enough = (
        baseline.macro_f1_change(pairs_with(spotless(each), each), 2) for each in (some, many)
    )

    assert "40 groups" in few.reason
    assert enough.reason == ""


def test_a_class_that_a_draw_of_groups_misses_is_left_out_of_the_mean():
    rows = rows_from_counts([[48, 2], [0, 4]])
    grouped = rows.grouped(np.arange(54).astype(object) // 4)

    found = baseline.balanced_accuracy_change(pairs_with(spotless(grouped), grouped), 2)

    assert not np.isnan(found.resamples).any()
    assert -1 <= found.lower(0.95) <= found.value


def test_many_cells_are_resampled_without_leaving_each_out(monkeypatch, pairs):
    exact = baseline.macro_f1_change(pairs, 3)
    monkeypatch.setattr(resampling, "_MOST_CELLS", 3)

    quick = baseline.macro_f1_change(pairs, 3)

    assert quick.acceleration == 0.0
    assert quick.lower(0.95) == pytest.approx(exact.lower(0.95), abs=0.01)


def test_metrics_of_one_table_are_of_the_same_draws_and_cannot_change_them(
    rows, pairs, monkeypatch
):
    resampling._remembered_draws.cache_clear()
    first = baseline.macro_f1_change(pairs, 3)
    monkeypatch.setattr(resampling, "_drawn_by_class", None)  # nothing is drawn again

    again, other = baseline.macro_f1_change(pairs, 3), baseline.balanced_accuracy_change(pairs, 3)

    assert np.array_equal(again.resamples, first.resamples)
    assert len(other.resamples) == len(first.resamples)


def test_remembered_draws_cannot_be_written_to(rows):
    (draws,) = resampling._draw_by_class(tables.cells(rows, 3))

    with pytest.raises(ValueError, match="read-only"):
        draws[0, 0] = 1


def test_draws_that_are_remembered_are_those_that_are_not(pairs, monkeypatch):
    remembered = baseline.macro_f1_change(pairs, 3)
    monkeypatch.setattr(resampling, "_REMEMBERED", 0)

    assert np.array_equal(baseline.macro_f1_change(pairs, 3).resamples, remembered.resamples)
