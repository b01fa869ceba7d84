import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import confint_proportions_2indep

from gate.evidence.records import rows_from_counts
from gate.metrics import rates
from gate.metrics.deployment import (
    CLASS_WITHOUT_IMAGES,
    PrecisionAtPrevalence,
    deployment_precision,
)


@pytest.mark.parametrize(("prevalence", "precision"), [(0.5, 0.95), (0.01, 0.161), (0.001, 0.0187)])
def test_a_precision_of_95_percent_shrinks_with_the_prevalence(prevalence, precision):
    found = PrecisionAtPrevalence(95, 100, 5, 100, prevalence)

    assert found.value == pytest.approx(precision, abs=5e-4)


@given(st.integers(0, 50), st.integers(0, 50), st.floats(0.001, 0.999), st.floats(0.001, 0.999))
def test_precision_and_its_bounds_rise_with_the_prevalence(found, alarms, one, other):
    if found + alarms == 0:
        return
    rare, common = (
        PrecisionAtPrevalence(found, 50, alarms, 50, prevalence)
        for prevalence in sorted((one, other))
    )

    assert rare.value <= common.value
    assert rare.lower(0.95) <= common.lower(0.95)
    assert rare.upper(0.95) <= common.upper(0.95)


@given(st.integers(1, 60), st.integers(0, 60), st.integers(60, 90), st.integers(60, 90))
def test_at_the_prevalence_of_the_data_it_is_the_precision(found, alarms, positives, negatives):
    at_home = PrecisionAtPrevalence(
        found, positives, alarms, negatives, positives / (positives + negatives)
    )

    assert at_home.value == pytest.approx(found / (found + alarms), rel=1e-15)
    assert at_home.lower(0.95) <= at_home.value <= at_home.upper(0.95)


def test_bounds_stay_finite_without_false_alarms():
    found = PrecisionAtPrevalence(95, 100, 0, 100, 0.01)

    assert found.value == 1.0
    assert found.lower(0.975) == pytest.approx(0.206, abs=0.001)
    assert found.upper(0.975) == 1.0


def test_a_class_that_is_never_found_has_a_precision_of_zero_with_an_upper_bound():
    found = PrecisionAtPrevalence(0, 20, 5, 100, 0.1)

    assert (found.value, found.lower(0.95)) == (0.0, 0.0)
    assert 0 < found.upper(0.95) < 1


@pytest.mark.parametrize("counts", [(95, 100, 5, 100), (18, 20, 3, 500), (40, 90, 1, 30)])
def test_bounds_are_the_score_interval_of_the_ratio(counts):
    found, positives, alarms, negatives = counts
    low, high = confint_proportions_2indep(
        found, positives, alarms, negatives, compare="ratio", method="score", correction=False,
        alpha=0.1,
    )  # fmt: skip

    estimate = PrecisionAtPrevalence(*counts, prevalence=0.05)

    for bound, ratio in ((estimate.lower(0.95), low), (estimate.upper(0.95), high)):
        assert bound == pytest.approx(ratio * 0.05 / (ratio * 0.05 + 0.95), abs=1e-6)


THREE = [[80, 15, 5], [10, 85, 5], [2, 3, 95]]


def test_of_more_classes_each_row_counts_by_its_share():
    rows = rows_from_counts(THREE)

    found = deployment_precision(rows, 2, (0.90, 0.09, 0.01))

    right, wrong = 0.01 * 0.95, 0.90 * 0.05 + 0.09 * 0.05
    assert found.value == pytest.approx(right / (right + wrong))
    assert found.lower(0.95) < found.value < found.upper(0.95)
    assert "Dirichlet" in found.method


def test_at_the_shares_of_the_data_it_is_the_precision_of_each_class():
    rows = rows_from_counts(THREE)
    shares = (1 / 3, 1 / 3, 1 / 3)

    for of in range(3):
        assert deployment_precision(rows, of, shares).value == pytest.approx(
            rates.precision(rows, of, 3).value
        )


def test_of_two_classes_the_bounds_are_those_of_the_ratio():
    rows = rows_from_counts([[95, 5], [5, 95]])

    found = deployment_precision(rows, 1, (0.99, 0.01))

    assert found == PrecisionAtPrevalence(95, 100, 5, 100, 0.01)


def test_groups_are_drawn_whole():
    rows = rows_from_counts(THREE)
    random = np.random.default_rng(0)
    groups = random.integers(0, 60, len(rows)).astype(object)

    found = deployment_precision(dataclasses.replace(rows, groups=groups), 2, (0.90, 0.09, 0.01))

    assert "groups" in found.method
    assert found.lower(0.95) < found.value < found.upper(0.95)


def test_a_class_without_images_leaves_precision_and_accuracy_unknown():
    rows = rows_from_counts([[80, 15, 5], [10, 85, 5], [0, 0, 0]])

    assert deployment_precision(rows, 0, (0.5, 0.4, 0.1)).reason == CLASS_WITHOUT_IMAGES
    assert deployment_precision(rows, 0, (0.5, 0.5, 0.0)).value is not None


def test_a_class_that_is_never_predicted_has_no_precision():
    rows = rows_from_counts([[10, 0], [10, 0]])

    found = deployment_precision(rows, 1, (0.9, 0.1))

    assert found.reason == rates.NEVER_PREDICTED
    assert math.isnan(found.lower(0.95))
