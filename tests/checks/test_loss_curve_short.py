"""A history that is too short to tell is never worse than none, and never hides what it shows."""

import pytest

from gate.checks.base import Outcome
from gate.decision import Verdict, judge
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.report.messages import message

COUNTS = ((45, 5), (3, 47))
SHORT = [
    SyntheticRun(test=COUNTS, train_loss=(0.7,)),
    SyntheticRun(test=COUNTS, train_loss=(0.7, 0.3)),
    SyntheticRun(test=COUNTS, train_loss=(0.7, 0.9), validation_loss=(0.7, 0.9)),
    SyntheticRun(test=COUNTS, train_loss=(0.7, 0.5, 0.4), validation_loss=(0.7,)),
]


def judged(rule, numbers, **parameters):
    rules = [rule("accuracy", min=0.5), rule("loss-curve", **parameters)]
    return judge(rules, synthetic_evidence(numbers))


@pytest.mark.parametrize("numbers", SHORT, ids=["one", "two", "two that rise", "three"])
def test_a_short_history_blocks_only_where_one_is_required(rule, numbers):
    assert judged(rule, numbers, history="optional").verdict is Verdict.PASS
    assert judged(rule, numbers, history="required").verdict is Verdict.INCONCLUSIVE


def test_a_short_history_says_how_many_epochs_would_tell(rule):
    results = judged(rule, SHORT[1], history="optional").results
    said = [message(each) for each in results if each.outcome is Outcome.INCONCLUSIVE]

    assert any("2 epochs are too few to tell, 4 are needed" in each for each in said)


@pytest.mark.parametrize("losses", [(0.7, float("nan")), (0.7, 0.8, 0.9)], ids=["NaN", "diverged"])
def test_what_a_short_history_does_show_still_fails(rule, losses):
    numbers = SyntheticRun(test=COUNTS, train_loss=losses)

    assert judged(rule, numbers, history="optional").verdict is Verdict.FAIL


def test_a_validation_loss_that_a_rule_requires_is_not_made_up_for_by_an_optional_history(rule):
    numbers = SyntheticRun(test=COUNTS, train_loss=(2.2, 1.6, 1.2, 0.9, 0.7, 0.5))
    decision = judged(rule, numbers, history="optional", validation="required")

    assert decision.verdict is Verdict.INCONCLUSIVE
