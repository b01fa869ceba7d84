"""What holds for every metric: one property over all of them."""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gate.evidence.records import rows_from_counts
from gate.metrics import calibration, deployment, losses, ranking, rates, skill

CLASSES = 3
COSTS = np.array([[0.0, 1.0, 2.0], [4.0, 0.0, 1.0], [8.0, 2.0, 0.0]])
SHARES = np.array([0.7, 0.2, 0.1])

# A metric of rows; ``name`` tells how the classes are numbered: name[0] is the first class.
OF_COUNTS = {
    "accuracy": lambda rows, name: rates.accuracy(rows),
    "recall": lambda rows, name: rates.recall(rows, name[1], CLASSES),
    "precision": lambda rows, name: rates.precision(rows, name[1], CLASSES),
    "f1": lambda rows, name: rates.f1(rows, name[1], CLASSES),
    "specificity": lambda rows, name: rates.specificity(rows, name[1], CLASSES),
    "false positive rate": lambda rows, name: rates.false_positive_rate(rows, name[1], CLASSES),
    "confusion rate": lambda rows, name: rates.confusion_rate(rows, name[0], name[2], CLASSES),
    "balanced accuracy": lambda rows, name: rates.balanced_accuracy(rows, CLASSES),
    "macro F1": lambda rows, name: rates.macro_f1(rows, CLASSES),
    "macro precision": lambda rows, name: rates.macro_precision(rows, CLASSES),
    "mcc": lambda rows, name: skill.mcc(rows, CLASSES),
    "mcc of a class": lambda rows, name: skill.mcc_of(rows, name[1], CLASSES),
    "kappa": lambda rows, name: skill.kappa(rows, CLASSES),
    "expected cost": lambda rows, name: losses.expected_cost(rows, renamed(COSTS, name)),
    "gap": lambda rows, name: rates.gap(rates.accuracy(rows), rates.recall(rows, name[0], CLASSES)),
}
OF_SCORES = {
    "roc auc": lambda rows, name: ranking.roc_auc(rows, CLASSES),
    "roc auc of a class": lambda rows, name: ranking.roc_auc_of(rows, name[1], CLASSES),
    "average precision": lambda rows, name: ranking.average_precision(rows, CLASSES),
    "average precision of a class": lambda rows, name: ranking.average_precision_of(
        rows, name[1], CLASSES
    ),
    "top-2 accuracy": lambda rows, name: ranking.top_k_accuracy(rows, 2),
    "log-loss": lambda rows, name: losses.log_loss(rows),
    "brier": lambda rows, name: losses.brier(rows, CLASSES),
    "calibration error": lambda rows, name: calibration.calibration_error(rows),
    "calibration error of a class": lambda rows, name: calibration.calibration_error(
        rows.where(rows.labels == name[1])
    ),
}
OF_SHARES = {
    "deployment precision": lambda rows, name: deployment.deployment_precision(
        rows, name[1], SHARES[np.argsort(name)]
    )
}
METRICS = OF_COUNTS | OF_SCORES | OF_SHARES
SAME = (0, 1, 2)


def renamed(matrix, name):
    """Return the matrix whose class name[i] is class i of the given one."""
    order = np.argsort(name)
    return matrix[np.ix_(order, order)]


def facts(estimate, confidence=0.95):
    return estimate.value, estimate.lower(confidence), estimate.upper(confidence)


matrices = st.lists(
    st.lists(st.integers(0, 40), min_size=CLASSES, max_size=CLASSES),
    min_size=CLASSES,
    max_size=CLASSES,
).filter(lambda matrix: sum(map(sum, matrix)) > 0)
few = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.parametrize("groups", [None, 4], ids=["independent", "grouped"])
@pytest.mark.parametrize("metric", METRICS)
def test_the_order_of_the_rows_changes_nothing_at_all(metric, groups, rows_by_chance):
    rows = rows_by_chance(150, CLASSES, per_group=groups)
    shuffled = rows.take(np.random.default_rng(8).permutation(150))

    assert facts(METRICS[metric](rows, SAME)) == facts(METRICS[metric](shuffled, SAME))


@pytest.mark.parametrize("name", [(1, 2, 0), (0, 2, 1)])
@pytest.mark.parametrize("metric", METRICS)
def test_the_numbers_of_the_classes_change_nothing(metric, name, rows_by_chance, rows_of_scores):
    rows = rows_by_chance(150, CLASSES)
    numbers = np.array(name)
    other = rows_of_scores(numbers[rows.labels], rows.scores[:, np.argsort(name)])

    one, two = METRICS[metric](rows, SAME), METRICS[metric](other, name)

    assert facts(two) == pytest.approx(facts(one), abs=1e-12)


@pytest.mark.parametrize("metric", OF_COUNTS)
@few
@given(matrix=matrices)
def test_any_counts_give_a_value_inside_its_bounds_or_a_reason(metric, matrix):
    found = OF_COUNTS[metric](rows_from_counts(matrix), SAME)

    value, lower, upper = facts(found)
    if value is None:
        assert found.reason
        assert math.isnan(lower)
        assert math.isnan(upper)
    elif math.isnan(lower):
        assert found.reason
    else:
        assert lower <= value + 1e-9
        assert value <= upper + 1e-9


@pytest.mark.parametrize("metric", METRICS)
def test_more_confidence_widens_the_bounds(metric, rows_by_chance):
    found = METRICS[metric](rows_by_chance(200, CLASSES), SAME)

    lower = [found.lower(confidence) for confidence in (0.8, 0.95, 0.99)]
    upper = [found.upper(confidence) for confidence in (0.8, 0.95, 0.99)]

    assert lower == sorted(lower, reverse=True)
    assert upper == sorted(upper)


@pytest.mark.parametrize("metric", OF_COUNTS)
def test_four_times_the_images_halve_the_bounds_around_the_same_value(metric):
    matrix = 3 * np.array([[80, 15, 5], [10, 85, 5], [2, 13, 85]])
    one = OF_COUNTS[metric](rows_from_counts(matrix), SAME)
    four = OF_COUNTS[metric](rows_from_counts(4 * matrix), SAME)

    ratio = (one.upper(0.95) - one.lower(0.95)) / (four.upper(0.95) - four.lower(0.95))

    assert four.value == pytest.approx(one.value)
    assert ratio == pytest.approx(2, abs=0.15)


@pytest.mark.parametrize("metric", METRICS)
def test_groups_change_the_bounds_and_not_the_value(metric, rows_by_chance):
    plain, grouped = rows_by_chance(400, CLASSES), rows_by_chance(400, CLASSES, per_group=4)

    one, other = METRICS[metric](plain, SAME), METRICS[metric](grouped, SAME)

    assert other.value == pytest.approx(one.value, abs=1e-12)
    assert facts(other)[1:] != facts(one)[1:] or "groups" in other.reason


@pytest.mark.parametrize("metric", METRICS)
def test_nothing_is_no_number(metric, rows_by_chance):
    nothing = rows_by_chance(10, CLASSES).where(np.zeros(10, dtype=bool))

    found = METRICS[metric](nothing, SAME)

    assert found.value is None
    assert found.reason
    assert math.isnan(found.lower(0.95))
    assert math.isnan(found.upper(0.95))


@pytest.mark.parametrize("metric", METRICS)
def test_a_numerator_means_that_the_value_is_its_exact_quotient(metric, rows_by_chance):
    found = METRICS[metric](rows_by_chance(150, CLASSES), SAME)

    if found.numerator is not None:
        assert found.value == found.numerator / found.denominator
