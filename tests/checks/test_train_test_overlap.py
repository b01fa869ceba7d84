"""Copies between splits: every pair with test, and what a split must be to prove anything."""

from dataclasses import replace

import pytest

from gate.checks.base import Outcome
from gate.decision import judge
from gate.evidence.records import Split
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.report.messages import message

TEST = ((45, 5), (3, 47))
TRAIN = ((90, 10), (5, 95))


def results(numbers, rule, **parameters):
    found = judge([rule("train-test-overlap", **parameters)], synthetic_evidence(numbers)).results
    return {result.comparison.scope.part: result for result in found}


def outcomes(numbers, rule, **parameters):
    return {part: each.outcome for part, each in results(numbers, rule, **parameters).items()}


def test_copies_of_validation_fail_without_being_asked_for(rule):
    numbers = SyntheticRun(train=TRAIN, validation=TEST, test=TEST, copies=0, validation_copies=3)

    assert outcomes(numbers, rule) == {
        "exact": Outcome.PASSED,
        "label-conflict": Outcome.PASSED,
        "validation-exact": Outcome.FAILED,
        "validation-label-conflict": Outcome.PASSED,
    }


def test_a_validation_split_that_shares_nothing_is_no_reason_to_block(rule):
    numbers = SyntheticRun(train=TRAIN, validation=TEST, test=TEST, copies=0)

    assert set(outcomes(numbers, rule).values()) == {Outcome.PASSED}


def test_near_limits_and_warnings_speak_of_both_pairs(rule):
    numbers = SyntheticRun(train=TRAIN, validation=TEST, test=TEST, copies=0, near_copies=2)

    found = outcomes(numbers, rule, max_near=1, warn_near=0)

    assert found["near"] is found["near-warning"] is Outcome.FAILED
    assert found["validation-near"] is found["validation-near-warning"] is Outcome.PASSED


def test_a_named_pair_is_judged_alone(rule):
    numbers = SyntheticRun(train=TRAIN, validation=TEST, test=TEST, copies=0, validation_copies=3)

    assert outcomes(numbers, rule, between=["train", "test"]) == {
        "exact": Outcome.PASSED,
        "label-conflict": Outcome.PASSED,
    }
    named = outcomes(numbers, rule, between=["validation", "test"])
    assert named == {"exact": Outcome.FAILED, "label-conflict": Outcome.PASSED}


def test_without_train_nothing_passes_whatever_validation_shares(rule):
    numbers = SyntheticRun(validation=TEST, test=TEST)

    assert set(outcomes(numbers, rule).values()) == {Outcome.INCONCLUSIVE}


@pytest.mark.parametrize(
    ("train", "outcome"),
    [
        (((4, 0), (0, 5)), Outcome.INCONCLUSIVE),
        (((5, 0), (0, 5)), Outcome.PASSED),
        (((9, 0), (0, 1)), Outcome.PASSED),
    ],
)
def test_train_needs_five_images_a_class_on_average_to_pass(train, outcome, rule):
    found = outcomes(SyntheticRun(train=train, test=TEST, copies=0), rule)

    assert set(found.values()) == {outcome}


@pytest.mark.parametrize("parameters", [{}, {"on_inconclusive": "point"}, {"decide_on": "point"}])
def test_how_many_are_needed_is_said_and_no_estimate_decides_instead(parameters, rule):
    found = results(SyntheticRun(train=((1, 0), (0, 1)), test=TEST, copies=0), rule, **parameters)

    assert {each.outcome for each in found.values()} == {Outcome.INCONCLUSIVE}
    assert "train has 2 images, 10 are needed to pass" in message(found["exact"])


def test_a_copy_fails_however_small_train_is(rule):
    found = results(SyntheticRun(train=((1, 0), (0, 1)), test=TEST, copies=1), rule)

    assert found["exact"].outcome is Outcome.FAILED
    assert found["label-conflict"].outcome is Outcome.INCONCLUSIVE


def test_train_needs_every_class_of_test(rule):
    found = results(SyntheticRun(train=((90, 10), (0, 0)), test=TEST, copies=0), rule)

    assert found["exact"].outcome is Outcome.INCONCLUSIVE
    assert "train has no image of dog, which test has" in message(found["exact"])


def test_a_class_that_test_lacks_too_is_not_missed(rule):
    numbers = SyntheticRun(train=((90, 10), (0, 0)), test=((45, 5), (0, 0)), copies=0)

    assert set(outcomes(numbers, rule).values()) == {Outcome.PASSED}


@pytest.mark.parametrize(("validation", "copies"), [(((2, 0), (0, 2)), 0), (TEST, None)])
def test_a_validation_split_that_proves_nothing_blocks_only_where_the_policy_names_it(
    validation, copies, rule
):
    made = SyntheticRun(train=TRAIN, validation=validation, test=TEST, copies=copies)

    given = results(made, rule)
    named = results(made, rule, between=["validation", "test"])

    assert given["validation-exact"].outcome is Outcome.INCONCLUSIVE
    assert not given["validation-exact"].blocks
    assert named["exact"].outcome is Outcome.INCONCLUSIVE
    assert named["exact"].blocks


def test_a_limit_that_is_a_fraction_is_one_of_all_images_also_where_some_are_left_out(rule):
    evidence = synthetic_evidence(SyntheticRun(train=TRAIN, test=TEST, copies=10))
    test = evidence.splits[Split.TEST]
    part = replace(test, rows=test.rows.take(list(range(10, 100))), given=test.rows)
    left = replace(evidence, splits={**evidence.splits, Split.TEST: part})

    (found, _) = judge([rule("train-test-overlap", max_exact=0.1)], left).results

    assert found.comparison.required == 10
    assert found.outcome is Outcome.PASSED


def test_a_rule_knows_which_copies_it_judges(rule):
    default = rule("train-test-overlap")
    near = rule("train-test-overlap", between=["train", "validation"], warn_near=0)

    assert default.judges_copies("train", "test", "exact")
    assert default.judges_copies("validation", "test", "exact")
    assert not default.judges_copies("train", "validation", "exact")
    assert not default.judges_copies("train", "test", "near")
    assert near.judges_copies("train", "validation", "near")
    assert not near.judges_copies("train", "test", "exact")
