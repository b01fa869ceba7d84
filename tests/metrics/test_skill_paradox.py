import json
from pathlib import Path

import pytest

from gate.evidence.records import rows_from_counts
from gate.metrics import rates, skill

CASES = json.loads(
    (Path(__file__).parent / "reference" / "paradox.json").read_text(encoding="utf-8")
)


@pytest.fixture(params=CASES, ids=lambda case: case["id"])
def case(request):
    return request.param


@pytest.fixture
def classes(case):
    return len(case["matrix_rows_true"])


@pytest.fixture
def rows(case):
    return rows_from_counts(case["matrix_rows_true"])


def test_balanced_accuracy_is_the_references(case, rows, classes):
    found = rates.balanced_accuracy(rows, classes)

    assert found.value == pytest.approx(case["expected"]["balanced_accuracy"], abs=1e-6)


def test_no_skill_is_a_balanced_accuracy_that_chance_could_give(case, rows, classes):
    present = sum(1 for row in case["matrix_rows_true"] if sum(row))

    unproven = rates.balanced_accuracy(rows, classes).lower(1 - case["alpha"]) <= 1 / present

    assert unproven == case["expected"]["no_skill"]


def test_an_uninformative_accuracy_does_not_beat_the_most_frequent_class(case, rows, classes):
    uninformative = skill.p_no_information(rows, classes) > case["alpha"]

    assert uninformative == case["expected"]["accuracy_uninformative"]


def test_a_collapsed_class_has_images_and_is_never_predicted(case, rows, classes):
    collapsed = [
        of
        for of in range(classes)
        if rates.precision(rows, of, classes).reason == rates.NEVER_PREDICTED
    ]

    assert collapsed == case["expected"]["collapsed_classes"]


def test_the_worst_recall_says_whether_accuracy_misleads(case, rows, classes):
    recalls = [rates.recall(rows, of, classes) for of in range(classes)]
    hidden = [each for each in recalls if each.value is not None and each.value < case["R"]]
    confirmed = [each for each in hidden if each.upper(1 - case["alpha"]) < case["R"]]

    if rates.accuracy(rows).value < case["A"] or not hidden:
        found = "clean"
    else:
        found = "fail" if confirmed else "suspected"

    assert found == case["expected"]["accuracy_paradox"]
