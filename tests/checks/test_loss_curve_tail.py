"""What the train loss does at its end is a warning, and never more."""

from dataclasses import replace

from gate.checks.base import Outcome
from gate.decision import judge
from gate.evidence.records import Failure
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun

FALLING = (2.0, 1.5, 1.2, 1.0, 0.8, 0.65, 0.5, 0.4, 0.3, 0.25)
TURNING = (2.0, 1.0, 0.5, 0.3, 0.2, 0.2, 0.25, 0.3, 0.35, 0.4)


def test_a_history_that_could_not_be_read_is_not_said_to_be_missing(rule):
    broken = replace(
        synthetic_evidence(SyntheticRun()),
        failures=(Failure("runs.csv", "history", "is empty", "write it"),),
    )

    [result] = judge([rule("loss-curve")], broken).results

    assert result.comparison.estimate.reason == "the training history could not be read"


def judged(losses, rule):
    decision = judge(
        [rule("loss-curve", loss="other")], synthetic_evidence(SyntheticRun(train_loss=losses))
    )
    return decision, {each.comparison.scope.part: each for each in decision.results}


def test_a_loss_that_rises_at_its_end_warns_and_does_not_block(rule):
    decision, found = judged(TURNING, rule)

    assert found["tail"].outcome is Outcome.FAILED
    assert found["tail"].severity == "warn"
    assert decision.verdict == "pass"


def test_a_loss_that_still_falls_passes_and_says_so(rule):
    _, found = judged(FALLING, rule)

    assert found["tail"].outcome is Outcome.PASSED
    assert "still falls" in found["tail"].comparison.finding


def test_a_short_history_has_no_end_to_speak_of(rule):
    _, found = judged(FALLING[:7], rule)

    assert "tail" not in found
