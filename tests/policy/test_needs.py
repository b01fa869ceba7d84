"""What policies have measured, and made-up measurements for their examples and fixtures."""

from dataclasses import replace
from pathlib import Path

import pytest

import gate.checks
from gate.checks import REGISTRY
from gate.checks.reference import numbers
from gate.checks.repeatable import Repeatable
from gate.cli import main
from gate.decision import judge
from gate.errors import DocumentError, UsageError
from gate.evidence.records import MeasurementFacts, Split
from gate.evidence.store import load, save
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.policy.fixtures import read_fixtures
from gate.policy.needs import lacking, needs_of
from gate.rehearsal import synthetic_evidence_for

POLICY = """\
apiVersion: gate/v1
kind: Policy
metadata: {name: views, version: 1.0.0}
rules:
  - {check: answer-agreement}
"""
FIXTURES = """\
apiVersion: gate/v1
kind: PolicyFixtures
policy: policy.yaml
measured: {test: [[50, 0], [0, 50]]}
fixtures:
  - name: answers stay
    measured: {observations: {test: {mirror/1: {prediction: [[50, 0], [50, 1]]}}}}
    expect: {answer-agreement: passed}
  - name: answers turn over
    measured: {observations: {test: {mirror/1: {prediction: [[100, 0]]}}}}
    expect: {answer-agreement: failed}
  - name: nothing was mirrored
    expect: {answer-agreement: inconclusive}
"""


@pytest.fixture(autouse=True)
def third_party(monkeypatch, tmp_path):
    """A policy and fixtures of checks of another package, in the current folder."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "third_party"))
    from answer_agreement import AnswerAgreement
    from odd_measurements import Needy

    for check in (AnswerAgreement, Needy):
        name = check.model_fields["check"].default
        monkeypatch.setitem(gate.checks.REGISTRY, name, check)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "fixtures.yaml").write_text(FIXTURES)
    return tmp_path


def agreement(**parameters):
    return REGISTRY["answer-agreement"](**parameters)


def test_each_key_is_needed_once_for_all_rules_and_their_splits():
    rules = [
        agreement(id="a", views=("mirror",)),
        agreement(id="b", views=("invert", "mirror")),
        REGISTRY["needy"](id="c"),
    ]

    needs = needs_of(rules)

    assert [(each.key, each.rules, each.splits) for each in needs] == [
        ("invert/1", ("b",), ("test",)),
        ("level/1", ("c",), ("train", "test")),
        ("mirror/1", ("a", "b"), ("test",)),
    ]


def test_two_measurements_of_one_key_are_refused():
    rules = [REGISTRY["needy"](id="a"), REGISTRY["needy"](id="b", level=0.25)]

    with pytest.raises(UsageError, match="need two different measurements under the key 'level/1'"):
        needs_of(rules)


def test_examples_state_what_was_measured_and_come_out_as_documented():
    check = REGISTRY["answer-agreement"]

    outcomes = [
        judge([check(**each.parameters)], synthetic_evidence(each.evidence)).results[0].outcome
        for each in check.examples
    ]

    assert outcomes == [each.outcome for each in check.examples]
    assert numbers(check.examples[0].evidence) == (
        "test 50 0 / 0 50; observations prediction by mirror/1 on test: 0 of 50 and 1 of 50"
    )


def test_made_up_observations_are_saved_and_read_like_measured_ones(tmp_path):
    made = synthetic_evidence(REGISTRY["answer-agreement"].examples[0].evidence)
    save(made, tmp_path / "evidence.sqlite")

    read = load(tmp_path / "evidence.sqlite")

    for evidence in (made, read):
        assert judge([agreement()], evidence).results[0].outcome == "passed"


def test_fixtures_state_what_was_measured(capsys):
    assert main(["policy", "test", "fixtures.yaml"]) == 0
    assert "3 fixtures, 0 surprises; of 1 rules 1 are shown passing, 1 failing" in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("mirror/1: {prediction: [[100", "miror/1: {prediction: [[100",
         "no rule of views needs the measurement 'miror/1'; did you mean 'mirror/1'?"),
        ("[[100, 0]]", "[[99, 0]]", "prediction by mirror/1 is of 99 images, and test has 100"),
        ("[[100, 0]]", "[[101, 0], [-1, 0]]",
         "the images of prediction by mirror/1 must be 0 or more"),
        ("{prediction: [[100, 0]]}", "{}", "mirror/1 of test must have a column"),
        ("{test: {mirror/1: {prediction: [[100", "{train: {mirror/1: {prediction: [[100",
         "observations of train need its counts, and there are none"),
    ],
)  # fmt: skip
def test_observations_that_no_run_can_leave_are_told(old, new, said, third_party):
    (third_party / "fixtures.yaml").write_text(FIXTURES.replace(old, new))

    with pytest.raises(DocumentError) as caught:
        read_fixtures("fixtures.yaml")

    assert said in str(caught.value)


REPEATED = Repeatable(id="repeatable")


def with_summary_off_by(difference):
    """Evidence of answers that repeat but for noise, its mean or largest told so much wrongly."""
    (measurement,) = REPEATED.needs()
    made = synthetic_evidence_for(
        [REPEATED], SyntheticRun(test=((50, 0), (0, 50)), views={}, unrepeatable=1)
    )
    test = made.splits[Split.TEST]
    rows = replace(test.rows, observations={})
    summary = dict(measurement.summarise(test.rows.observed(measurement.key), rows))
    summary["gap between two calls"] += difference
    facts = {measurement.key: MeasurementFacts(measurement.plan_facts(), summary)}
    told = replace(test, format="folder", measurements=facts)
    return replace(made, splits={Split.TEST: told})


def test_a_sum_that_another_processor_rounds_otherwise_is_the_same():
    assert lacking(REPEATED, with_summary_off_by(1e-14)) is None


def test_a_summary_that_does_not_follow_from_the_answers_is_not_believed():
    assert "is not that of its answers" in lacking(REPEATED, with_summary_off_by(1e-3)).fact
