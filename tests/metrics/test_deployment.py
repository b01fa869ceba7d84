import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.evidence.records import rows_from_counts
from gate.metrics import rates
from gate.metrics.deployment import (
    CLASS_WITHOUT_IMAGES,
    deployment_precision,
)


def of_two(found, positives, alarms, negatives, prevalence):
    matrix = [[found, positives - found], [alarms, negatives - alarms]]
    return deployment_precision(rows_from_counts(matrix), 0, (prevalence, 1 - prevalence))


@pytest.mark.parametrize(("prevalence", "precision"), [(0.5, 0.95), (0.01, 0.161), (0.001, 0.0187)])
def test_a_precision_of_95_percent_shrinks_with_the_prevalence(prevalence, precision):
    found = of_two(95, 100, 5, 100, prevalence)

    assert found.value == pytest.approx(precision, abs=5e-4)


def test_a_class_that_was_never_found_may_have_any_precision_above():
    found = of_two(0, 10, 50, 100, 0.5)

    assert (found.value, found.lower(0.95), found.upper(0.95)) == (0, 0, 1)


@given(st.integers(0, 50), st.integers(0, 50), st.floats(0.001, 0.999), st.floats(0.001, 0.999))
def test_precision_and_its_bounds_rise_with_the_prevalence(found, alarms, one, other):
    if found + alarms == 0:
        return
    rare, common = (
        of_two(found, 50, alarms, 50, prevalence) for prevalence in sorted((one, other))
    )

    assert rare.value <= common.value + 1e-12
    assert rare.lower(0.95) <= common.lower(0.95) + 1e-12
    assert rare.upper(0.95) <= common.upper(0.95) + 1e-12


@given(st.integers(1, 60), st.integers(0, 60), st.integers(60, 90), st.integers(60, 90))
def test_at_the_prevalence_of_the_data_it_is_the_precision(found, alarms, positives, negatives):
    at_home = of_two(found, positives, alarms, negatives, positives / (positives + negatives))

    assert at_home.value == pytest.approx(found / (found + alarms), rel=1e-12)
    assert at_home.lower(0.95) <= at_home.value <= at_home.upper(0.95)


@pytest.mark.parametrize(
    ("alarms", "low", "high"), [(0, 0.242, 1.0), (5, 0.085, 0.332)], ids=["none", "five"]
)
def test_95_of_100_found_prove_so_much_where_one_image_in_a_hundred_is_of_the_class(
    alarms, low, high
):
    found = of_two(95, 100, alarms, 100, 0.01)

    assert found.lower(0.95) == pytest.approx(low, abs=5e-4)
    assert found.upper(0.95) == pytest.approx(high, abs=5e-4)


def test_a_class_that_is_never_found_has_a_precision_of_zero():
    found = of_two(0, 20, 5, 100, 0.1)

    assert (found.value, found.lower(0.95)) == (0.0, 0.0)


THREE = [[80, 15, 5], [10, 85, 5], [2, 3, 95]]


def test_of_more_classes_each_row_counts_by_its_share():
    rows = rows_from_counts(THREE)

    found = deployment_precision(rows, 2, (0.90, 0.09, 0.01))

    right, wrong = 0.01 * 0.95, 0.90 * 0.05 + 0.09 * 0.05
    assert found.value == pytest.approx(right / (right + wrong))
    assert found.lower(0.95) < found.value < found.upper(0.95)
    assert found.method.startswith("MOVER-R")


def test_at_the_shares_of_the_data_it_is_the_precision_of_each_class():
    rows = rows_from_counts(THREE)
    shares = (1 / 3, 1 / 3, 1 / 3)

    for of in range(3):
        assert deployment_precision(rows, of, shares).value == pytest.approx(
            rates.precision(rows, of, 3).value
        )


def test_groups_count_whole():
    rows = rows_from_counts(THREE)
    random = np.random.default_rng(0)
    groups = random.integers(0, 60, len(rows)).astype(object)
    shares = (0.90, 0.09, 0.01)

    found = deployment_precision(rows.with_groups(groups), 2, shares)

    alone = deployment_precision(rows, 2, shares)
    assert "by group" in found.method
    assert found.lower(0.95) < alone.lower(0.95) < found.value
    few = deployment_precision(rows.with_groups((groups % 9).astype(object)), 2, shares)
    assert math.isnan(few.lower(0.95))
    assert math.isnan(few.upper(0.95))
    assert few.reason.startswith("9 groups")


def test_a_class_without_images_leaves_precision_and_accuracy_unknown():
    rows = rows_from_counts([[80, 15, 5], [10, 85, 5], [0, 0, 0]])

    assert deployment_precision(rows, 0, (0.5, 0.4, 0.1)).reason == CLASS_WITHOUT_IMAGES
    assert deployment_precision(rows, 0, (0.5, 0.5, 0.0)).value is not None


def test_a_class_that_is_never_predicted_has_no_precision():
    rows = rows_from_counts([[10, 0], [10, 0]])

    found = deployment_precision(rows, 1, (0.9, 0.1))

    assert found.reason == rates.NEVER_PREDICTED
    assert math.isnan(found.lower(0.95))


@pytest.mark.slow
@pytest.mark.parametrize(("prevalence", "alarm"), [(0.5, 0.05), (0.01, 0.01), (0.001, 0.002)])
@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("per_group", [None, 5])
def test_precision_in_deployment_is_wrong_about_as_seldom_as_promised(
    prevalence, alarm, classes, per_group
):
    # 200 images a class; a group of 5 is found or taken for the class as a whole every third time.
    random, runs, each = np.random.default_rng(6), 2000, 200
    labels = np.arange(classes).repeat(each).astype(np.int32)
    rate = np.where(labels == 0, 0.9, alarm)
    shares = [prevalence, *[(1 - prevalence) / (classes - 1)] * (classes - 1)]
    blank = dataclasses.replace(rows_from_counts([[len(labels)]]), labels=labels)
    if per_group:
        blank = blank.with_groups((np.arange(len(labels)) // per_group).astype(object))
    truth = prevalence * 0.9 / (prevalence * 0.9 + (1 - prevalence) * alarm)
    passed = failed = 0
    for _ in range(runs):
        luck = random.random(len(labels))
        if per_group:
            together = random.random(len(labels) // per_group).repeat(per_group)
            luck = np.where(random.random(len(labels)) < 1 / 3, together, luck)
        taken = np.where(luck < rate, 0, np.maximum(labels, 1)).astype(np.int32)
        found = deployment_precision(dataclasses.replace(blank, predictions=taken), 0, shares)
        if found.value is None:
            continue
        passed += found.lower(0.95) >= truth
        failed += found.upper(0.95) < truth

    assert passed / runs <= 0.070
    assert failed / runs <= 0.070
