"""Confidence that means what it says: what passes, what fails, and what stays open."""

from dataclasses import replace

import numpy as np
import pytest

from gate.checks.base import Outcome
from gate.decision import judge
from gate.evidence.records import Split
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun

RIGHT = SyntheticRun(test=((475, 25), (25, 475)), confidence=(0.95, 0.95))
SURE = SyntheticRun(test=((400, 100), (100, 400)), confidence=(0.99, 0.99))


def judged(evidence, rule, **parameters):
    return judge([rule("calibration-error", **parameters)], evidence).results


def test_a_confidence_that_is_right_passes_and_is_not_called_proven(rule):
    (found,) = judged(synthetic_evidence(RIGHT), rule)

    assert found.outcome is Outcome.PASSED
    assert not found.proven


def test_too_much_confidence_fails_and_is_proven(rule):
    (found,) = judged(synthetic_evidence(SURE), rule)

    assert found.outcome is Outcome.FAILED
    assert found.proven


def test_an_error_that_a_calibrated_model_would_show_is_open(rule):
    few = SyntheticRun(test=((90, 10), (10, 90)), confidence=(0.95, 0.95))

    (found,) = judged(synthetic_evidence(few), rule, max=0.01, one_sided_confidence=0.9999)

    assert found.outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("images", "outcome"), [(199, Outcome.INCONCLUSIVE), (200, Outcome.PASSED)]
)
def test_below_min_images_nothing_is_said(images, outcome, rule):
    numbers = SyntheticRun(test=((images, 0), (0, 0)), confidence=(0.99, 0.99))

    (found,) = judged(synthetic_evidence(numbers), rule)

    assert found.outcome is outcome


def test_without_scores_nothing_is_said(rule):
    (found,) = judged(synthetic_evidence(SyntheticRun(test=((475, 25), (25, 475)))), rule)

    assert found.outcome is Outcome.INCONCLUSIVE


def test_a_class_can_be_asked_by_itself(rule):
    numbers = SyntheticRun(test=((500, 0), (100, 400)), confidence=(0.99, 0.99))

    found = {
        each.key: each.outcome
        for each in judged(
            synthetic_evidence(numbers), rule, max=0.2, per_class={"cat": 0.05, "dog": 0.05}
        )
    }

    assert found == {
        "calibration-error": Outcome.PASSED,
        "calibration-error[class=cat]": Outcome.PASSED,
        "calibration-error[class=dog]": Outcome.FAILED,
    }


def test_images_in_groups_are_not_accused(rule):
    evidence = synthetic_evidence(SURE)
    test = evidence.splits[Split.TEST]
    groups = (np.arange(len(test.rows)) // 4).astype(object)
    grouped = replace(test, rows=test.rows.with_groups(groups))

    (found,) = judged(replace(evidence, splits={Split.TEST: grouped}), rule)

    assert found.outcome is Outcome.INCONCLUSIVE
    assert "no test of their calibration" in found.comparison.detail
