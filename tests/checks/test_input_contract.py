"""Evidence without the trial of other preparations is judged where there is nothing to explain."""

import pytest
from measured import as_measured

from gate.checks.base import Outcome
from gate.checks.input_contract import InputContract
from gate.decision import judge
from gate.evidence.records import Subject
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun


def outcome(train):
    """Return what the rule says of evidence of another policy, which asked for no trial."""
    numbers = SyntheticRun(train=train, test=((40, 10), (10, 40)), probe="sound")
    evidence = as_measured(synthetic_evidence(numbers), Subject("1" * 64, 1, "safetensors"))
    found = judge([InputContract(id="input-contract")], evidence).results
    return {each.outcome for each in found}


def test_a_model_above_the_floor_is_judged_without_the_trial():
    assert outcome(((45, 5), (10, 40))) == {Outcome.PASSED}


@pytest.mark.parametrize("train", [((20, 30), (30, 20)), ((36, 14), (14, 36))])
def test_a_model_below_the_floor_is_measured_again(train):
    assert outcome(train) == {Outcome.INCONCLUSIVE}
