"""What a verdict rests on: which results are looked at, and what is said of the weakest."""

import numpy as np
import pytest

from gate.checks.base import Outcome
from gate.decision import judge
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun

NUMBERS = SyntheticRun(test=((495, 5), (8, 192)), confidence=(0.9, 0.6))


def fragile(rules, numbers=NUMBERS, **keys):
    """Return the results of the rule by the condition that they are on."""
    from gate.checks import REGISTRY

    made = REGISTRY["fragility"](id="fragility", **keys)
    found = judge([made, *rules], synthetic_evidence(numbers)).results
    return {each.comparison.scope.part: each for each in found if each.rule is made}


def test_the_result_that_the_fewest_labels_turn_is_named(rule):
    recall = rule("recall", min=0.9)

    found = fragile([rule("accuracy", min=0.9), recall])["labels"]

    assert "recall[class=dog]" in found.comparison.finding
    assert found.comparison.estimate.value < 20


@pytest.mark.parametrize("turn", ["just enough", "one too few"])
def test_so_many_labels_turn_the_verdict_and_one_less_does_not(turn, rule):
    """The labels are moved, and everything is judged again."""
    from dataclasses import replace

    from gate.evidence.records import Split

    accuracy = rule("accuracy", min=0.95)
    evidence = synthetic_evidence(NUMBERS)
    labels = int(fragile([accuracy])["labels"].comparison.estimate.value)
    test = evidence.splits[Split.TEST]
    wrong = labels if turn == "just enough" else labels - 1
    right = np.flatnonzero(test.rows.labels == test.rows.predictions)[:wrong]
    relabelled = test.rows.labels.copy()
    relabelled[right] = 1 - relabelled[right]
    moved = replace(test, rows=replace(test.rows, labels=relabelled))

    (before,) = judge([accuracy], evidence).results
    (after,) = judge([accuracy], replace(evidence, splits={Split.TEST: moved})).results

    assert (after.outcome is not before.outcome) is (turn == "just enough")


@pytest.mark.parametrize(
    "other",
    [
        {"check": "accuracy", "min": 0.95, "severity": "warn"},
        {"check": "accuracy", "min": 0.95, "decide_on": "point"},
        {"check": "macro-f1", "min": 0.5},
        {"check": "log-loss", "max": 2.0},
        {"check": "no-skill"},
        {"check": "data-requirements", "min_images": 3},
        {"check": "fragility"},
    ],
    ids=lambda other: other["check"] + str(other.get("severity") or other.get("decide_on") or ""),
)
def test_what_does_not_block_or_is_no_share_is_left_out_and_alone_it_is_open(other, rule):
    found = fragile([rule(**{"id": "other", **other})])["labels"]

    assert found.outcome is Outcome.INCONCLUSIVE
    assert "no blocking rule is decided by a share" in found.comparison.finding


def test_few_labels_pass_where_fewer_are_asked_and_the_noise_is_below(rule):
    accuracy = rule("accuracy", min=0.965)

    assert fragile([accuracy], min_labels=2, expect_noise=0.001)["labels"].outcome is (
        Outcome.PASSED
    )
    strict = fragile([accuracy], min_labels=2, expect_noise=0.05)
    assert strict["labels"].outcome is Outcome.PASSED
    assert strict["noise"].outcome is Outcome.FAILED
    assert fragile([accuracy], min_labels=500)["labels"].outcome is Outcome.FAILED


def test_as_a_warning_it_never_blocks(rule):
    accuracy = rule("accuracy", min=0.95)
    warns = rule("fragility", min_labels=400, severity="warn")

    decision = judge([warns, accuracy], synthetic_evidence(NUMBERS))

    assert decision.verdict == "pass"
    assert decision.rules_evaluated == 2
    assert Outcome.FAILED in {each.outcome for each in decision.results}


def test_a_failure_and_an_open_question_have_labels_too(rule):
    failed = fragile([rule("accuracy", min=0.995)])["labels"]
    open_ = fragile([rule("accuracy", min=0.975)])["labels"]

    assert failed.comparison.finding.count("failed")
    assert open_.comparison.finding.count("inconclusive")
