"""Classes in an order and under parents: against the reference, scikit-learn and simulations."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from gate.evidence.records import rows_from_counts
from gate.metrics.estimates import Undefined
from gate.metrics.ordinal import gravity, ordinal_kappa, parent_recall, severe_error

ENTRIES = json.loads(
    (Path(__file__).parent / "reference" / "slices_and_order.json").read_text(encoding="utf-8")
)["entries"]


def of_kind(kind):
    found = [each for each in ENTRIES if each["kind"] == kind]
    return pytest.mark.parametrize("entry", found, ids=lambda entry: entry["id"])


def with_answers(rows, answers):
    return replace(rows, predictions=np.asarray(answers, np.int32))


@of_kind("severe_error")
def test_severe_errors_are_those_of_the_reference(entry):
    inputs = entry["inputs"]
    grades = tuple(range(len(inputs["matrix"])))

    found = severe_error(rows_from_counts(inputs["matrix"]), None, grades, inputs["distance"])

    bound = found.upper(inputs["conf"])
    assert (found.value, bound) == pytest.approx(entry["expected"], abs=entry["tol"])


@of_kind("hierarchical_recall")
def test_recall_of_a_parent_is_that_of_the_reference(entry):
    inputs = entry["inputs"]
    members = [at for at, parent in enumerate(inputs["parents"]) if parent == inputs["parent"]]

    found = parent_recall(rows_from_counts(inputs["matrix"]), members)

    bound = found.lower(inputs["conf"])
    assert (found.value, bound) == pytest.approx(entry["expected"], abs=entry["tol"])


@pytest.mark.parametrize("weights", ["linear", "quadratic"])
@pytest.mark.parametrize("order", [(0, 1, 2, 3), (2, 0, 3, 1)])
def test_weighted_kappa_is_scikit_learns_of_the_grades(weights, order):
    random = np.random.default_rng(5)
    rows = rows_from_counts(random.integers(0, 30, (4, 4)) + 20 * np.eye(4, dtype=int))
    grades = np.array(order)

    found = ordinal_kappa(rows, order, weights)

    expected = cohen_kappa_score(
        grades[rows.labels], grades[rows.predictions], labels=[0, 1, 2, 3], weights=weights
    )
    assert found.value == pytest.approx(expected, abs=1e-12)


def test_a_severe_error_counts_grades_and_not_places():
    rows = rows_from_counts([[50, 0, 5], [0, 50, 0], [0, 0, 50]])

    assert severe_error(rows, None, (0, 1, 2), 2).numerator == 5
    assert severe_error(rows, None, (0, 2, 1), 2).numerator == 0
    assert severe_error(rows, 2, (0, 1, 2), 2).numerator == 0
    assert severe_error(rows, 0, (0, 1, 2), 2).denominator == 55


def test_a_class_that_nothing_is_far_from_has_no_severe_errors_to_count():
    rows = rows_from_counts([[50, 0, 5], [0, 50, 0], [0, 0, 50]])

    assert isinstance(severe_error(rows, 1, (0, 1, 2), 2), Undefined)
    assert isinstance(severe_error(rows, None, (0, 1, 2), 3), Undefined)


def test_without_an_answer_an_image_is_missed_and_as_wrong_as_it_can_be_for_kappa():
    rows = rows_from_counts([[50, 0, 0], [0, 50, 0], [0, 0, 50]])
    silent = with_answers(rows, np.where(np.arange(150) < 10, -1, rows.predictions))
    worst = with_answers(rows, np.where(np.arange(150) < 10, 2, rows.predictions))
    grades = (0, 1, 2)

    assert severe_error(silent, None, grades, 1).numerator == 0
    assert parent_recall(silent, [0, 1]).value == 0.9
    assert ordinal_kappa(silent, grades, "quadratic").value == (
        ordinal_kappa(worst, grades, "quadratic").value
    )
    assert ordinal_kappa(silent, grades, "linear").lower(0.95) == (
        ordinal_kappa(worst, grades, "linear").lower(0.95)
    )


def test_images_of_patients_prove_less():
    rows = rows_from_counts([[95, 3, 2], [0, 100, 0], [2, 3, 95]])
    patients = rows.with_groups(np.array([f"p{at // 5}" for at in range(300)], dtype=object))
    for metric in (
        lambda r: -severe_error(r, None, (0, 1, 2), 2).upper(0.95),
        lambda r: parent_recall(r, [0, 1]).lower(0.95),
        lambda r: ordinal_kappa(r, (0, 1, 2), "quadratic").lower(0.95),
    ):
        assert metric(patients) < metric(rows)


def test_weights_are_grades_apart_or_their_square():
    grades = np.array([0, 2, 1])

    assert gravity(grades, "linear").tolist() == [[0, 2, 1], [2, 0, 1], [1, 1, 0]]
    assert gravity(grades, "quadratic").tolist() == [[0, 4, 1], [4, 0, 1], [1, 1, 0]]


@pytest.mark.slow
@pytest.mark.parametrize("weights", ["linear", "quadratic"])
def test_kappa_is_proven_wrongly_at_most_5_times_in_100(weights):
    """By simulation: 3 grades, 300 images, the requirement exactly at the truth, 2,000 runs."""
    random = np.random.default_rng(11)
    chances = np.array([[0.9, 0.08, 0.02], [0.06, 0.88, 0.06], [0.02, 0.08, 0.9]]) / 3
    many = rows_from_counts(np.rint(chances * 30_000).astype(int))
    truth = ordinal_kappa(many, (0, 1, 2), weights).value
    passed = failed = 0
    runs = 2000
    for _ in range(runs):
        matrix = random.multinomial(300, chances.ravel()).reshape(3, 3)
        found = ordinal_kappa(rows_from_counts(matrix), (0, 1, 2), weights)
        passed += found.lower(0.95) >= truth
        failed += found.upper(0.95) < truth

    assert passed / runs <= 0.05
    assert failed / runs <= 0.05
