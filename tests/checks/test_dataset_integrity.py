"""Which splits dataset-integrity asks for images of each class."""

from gate.checks.base import Outcome
from gate.decision import judge
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun

GOOD = ((45, 5), (3, 47))


def outcomes(rule, **numbers):
    judged = judge([rule("dataset-integrity")], synthetic_evidence(SyntheticRun(**numbers)))
    return {each.comparison.scope.part: each.outcome for each in judged.results}


def test_pictures_of_no_class_are_not_asked_for_images_of_each(rule):
    found = outcomes(rule, test=GOOD, unknown=(2, 98))

    assert set(found.values()) == {Outcome.PASSED}
    assert "unknown-unreadable" in found
    assert "unknown-classes" not in found


def test_a_class_that_is_missing_is_an_error_beside_them_all_the_same(rule):
    found = outcomes(rule, test=((45, 5), (0, 0)), unknown=(2, 98))

    assert found["test-classes"] is Outcome.ERROR
