"""Confusion matrices whose flags were worked out elsewhere, through the real checks."""

import json
from pathlib import Path

import pytest

from gate.checks.base import Outcome
from gate.decision import judge
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun

CASES = json.loads((Path(__file__).parent / "reference" / "paradox.json").read_text())
WORST = {"fail": Outcome.FAILED, "suspected": Outcome.INCONCLUSIVE, "clean": Outcome.PASSED}

cases = pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES])


def evidence_of(case):
    matrix = tuple(tuple(row) for row in case["matrix_rows_true"])
    return synthetic_evidence(
        SyntheticRun(classes=tuple(f"c{label}" for label in range(len(matrix))), test=matrix)
    )


@cases
def test_the_paradox_is_seen_where_there_is_one(case, rule):
    made = rule(
        "accuracy-paradox",
        min_accuracy=case["A"],
        min_recall=case["R"],
        one_sided_confidence=1 - case["alpha"],
    )

    found = judge([made], evidence_of(case)).results[0].outcome

    assert found is WORST[case["expected"]["accuracy_paradox"]]


@cases
def test_collapsed_classes_are_named(case, rule):
    results = judge([rule("prediction-collapse")], evidence_of(case)).results
    collapsed = [
        int(result.comparison.scope.class_name[1:])
        for result in results
        if result.outcome is not Outcome.PASSED
    ]

    assert sorted(collapsed) == case["expected"]["collapsed_classes"]


@cases
def test_no_skill_is_seen_where_there_is_none(case, rule):
    [result] = judge([rule("no-skill")], evidence_of(case)).results

    assert (result.outcome is Outcome.FAILED) == case["expected"]["no_skill"]


@pytest.mark.parametrize("classes", [2, 3, 10])
@pytest.mark.parametrize("rare", [5, 50])
def test_a_constant_answer_is_flagged_at_any_class_mix(classes, rare, outcome):
    names = tuple(f"c{label}" for label in range(classes))
    matrix = [[0] * classes for _ in range(classes)]
    matrix[0][0] = 1000
    for label in range(1, classes):
        matrix[label][0] = rare
    numbers = SyntheticRun(classes=names, test=tuple(tuple(row) for row in matrix))

    assert outcome("prediction-collapse", numbers) is Outcome.FAILED
    assert outcome("no-skill", numbers) is Outcome.FAILED


@pytest.mark.parametrize("sizes", [(500, 500), (950, 50), (9990, 10), (40, 40, 40)])
def test_a_model_without_a_mistake_is_never_flagged(sizes, outcome):
    matrix = tuple(
        tuple(size if row == column else 0 for column in range(len(sizes)))
        for row, size in enumerate(sizes)
    )
    numbers = SyntheticRun(classes=tuple(f"c{label}" for label in range(len(sizes))), test=matrix)

    for check in ("accuracy-paradox", "prediction-collapse", "no-skill"):
        assert outcome(check, numbers) is Outcome.PASSED


@cases
def test_more_images_of_the_same_mix_confirm_and_never_clear_a_flag(case, rule):
    ranks = [Outcome.FAILED, Outcome.INCONCLUSIVE, Outcome.PASSED]
    larger = dict(case, matrix_rows_true=[[9 * n for n in row] for row in case["matrix_rows_true"]])
    for check in ("accuracy-paradox", "prediction-collapse"):
        once, nine_times = (
            judge([rule(check)], evidence_of(each)).results[0].outcome for each in (case, larger)
        )

        assert ranks.index(nine_times) <= ranks.index(once)


def abstaining(matrix, abstained):
    classes = ("common", "other", "rare")
    return SyntheticRun(classes=classes, test=matrix, abstained=abstained)


@pytest.mark.parametrize("rare", [(38, 0, 2), (0, 0, 40)], ids=["missed", "found"])
def test_who_abstains_from_easy_images_hides_no_missed_class(rare, outcome):
    """Accuracy is 0.95; without an answer to 250 images of the commonest class it is 0.73."""
    found = Outcome.FAILED if rare[0] else Outcome.PASSED
    answers = ((600, 0, 0), (0, 360, 0), rare)

    assert outcome("accuracy-paradox", abstaining(answers, (0, 0, 0))) is found
    shy = ((350, 0, 0), *answers[1:])
    assert outcome("accuracy-paradox", abstaining(shy, (250, 0, 0))) is found


def test_a_class_that_is_handed_on_is_not_missed_where_accuracy_is_low(outcome):
    unsure = abstaining(((350, 0, 0), (0, 360, 0), (0, 0, 15)), (250, 0, 25))

    assert outcome("accuracy-paradox", unsure) is Outcome.PASSED


def test_who_answers_nothing_has_no_accuracy_that_hides_anything(outcome):
    nothing = abstaining(((0, 0, 0),) * 3, (600, 360, 40))

    assert outcome("accuracy-paradox", nothing) is Outcome.PASSED
