"""The error of failing by chance is shared by all comparisons of a kind; that of passing is not.

Passing needs every comparison to be proven, so it needs no correction (Berger, 1982). Failing needs
one, so with many it would come by chance (Bonferroni).
"""

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest

from gate.checks import REGISTRY
from gate.checks.base import Comparison, Outcome, Rule, Scope
from gate.decision import judge
from gate.evidence.records import Split
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.metrics.proportions import Proportion

EVIDENCE = synthetic_evidence(SyntheticRun(test=((90, 10), (10, 90)), confidence=(0.9, 0.9)))


def rule(check, **parameters):
    return REGISTRY[check].model_validate({"id": check, **parameters})


def sliced(evidence, columns):
    """Return the evidence with columns of values, one an image."""
    test = evidence.splits[Split.TEST]
    slices = {name: np.array(values, dtype=object) for name, values in columns.items()}
    rows = replace(test.rows, slices=slices)
    return replace(evidence, splits={Split.TEST: replace(test, rows=rows)})


def shares(rules, evidence=EVIDENCE):
    """Return, for each rule, among how many its error of failing is divided."""
    return {
        result.rule.id: round(0.05 / (1 - result.bounds.failing_confidence))
        for result in judge(rules, evidence).results
    }


def test_each_class_of_a_rule_counts():
    assert shares([rule("recall", min=0.5)]) == {"recall": 2}


def test_rules_of_one_kind_count_together():
    rules = [rule("recall", min=0.5), rule("recall", id="critical", classes=("dog",), min=0.6)]

    assert shares(rules) == {"recall": 3, "critical": 3}


def test_rules_of_another_kind_do_not_count():
    rules = [rule("recall", min=0.5), rule("precision", min=0.5), rule("accuracy", min=0.5)]

    assert shares(rules) == {"recall": 2, "precision": 2, "accuracy": 1}


def test_every_slice_counts():
    evidence = sliced(EVIDENCE, {"scanner": list("ABCD") * 50})

    assert shares([rule("accuracy", min=0.5, by="scanner")], evidence) == {"accuracy": 4}
    assert shares([rule("recall", min=0.5, by="scanner")], evidence) == {"recall": 8}


def test_a_calibration_of_many_slices_shares_too():
    evidence = sliced(EVIDENCE, {"scanner": list("AB") * 100})
    checked = rule("calibration-error", by="scanner", min_images=50)

    assert shares([checked], evidence) == {"calibration-error": 2}


@pytest.mark.parametrize("check", ["accuracy-paradox", "prediction-collapse", "no-skill"])
def test_a_trap_speaks_of_each_class_by_itself(check):
    assert shares([rule(check)]) == {check: 1}


def test_passing_is_the_same_however_many_there_are():
    evidence = sliced(EVIDENCE, {"scanner": ["A"] * 100 + list("BCDEFGHIJK") * 10})
    alone = rule("accuracy", min=0.8, by="scanner", slices=("A",))
    among = rule("accuracy", min=0.8, by="scanner")

    low = {
        checked.slices: next(
            result.bounds.low
            for result in judge([checked], evidence).results
            if result.comparison.scope.slice_name == "scanner=A"
        )
        for checked in (alone, among)
    }

    assert low[("A",)] == low[None]


@pytest.mark.parametrize("slices", [10, 20])
def test_slices_that_are_all_just_good_enough_hardly_ever_fail(slices):
    random = np.random.default_rng(0)
    names = np.repeat([f"{index:02}" for index in range(slices)], 200)
    test = EVIDENCE.splits[Split.TEST]
    failed = 0
    runs = 200
    for _ in range(runs):
        right = random.random(len(names)) < 0.85
        counts = ((int(right.sum()), int((~right).sum())), (0, 0))
        drawn = synthetic_evidence(SyntheticRun(test=counts)).splits[Split.TEST].rows
        order = np.argsort(~right, kind="stable")  # the right ones come first in ``drawn``
        rows = replace(drawn, slices={"slice": names[order].astype(object)})
        evidence = replace(EVIDENCE, splits={Split.TEST: replace(test, rows=rows)})
        found = judge([rule("accuracy", min=0.85, by="slice")], evidence)
        failed += any(result.outcome is Outcome.FAILED for result in found.results)

    # At most 5 % are promised; 200 runs of a true 5 % exceed 19 once in a hundred times.
    assert failed <= 19


def test_rows_that_differ_in_words_alone_are_one_question():
    class Wordy(Rule):
        check: Literal["wordy"] = "wordy"

        def evaluate(self, evidence):
            images = len(evidence.splits[Split.TEST].rows)
            return [
                Comparison(
                    what="half",
                    estimate=Proportion(5, 10),
                    operator=">=",
                    required=0.9,
                    scope=Scope("test"),
                    finding=f"half of {images} images",
                )
            ]

    copied = synthetic_evidence(SyntheticRun(test=((90, 10), (10, 90)), duplicates=20))

    (result,) = judge([Wordy(id="wordy")], copied).results

    assert result.others == ()
    assert round(0.05 / (1 - result.bounds.failing_confidence)) == 1


def test_both_shown_bounds_are_at_the_confidence_of_the_rule():
    for result in judge([rule("recall", min=0.5)], EVIDENCE).results:
        estimate, shown = result.comparison.estimate, result.bounds.interval

        assert shown == (estimate.lower(0.95), estimate.upper(0.95))
        assert result.bounds.low == shown[0]
        assert result.bounds.high > shown[1]
