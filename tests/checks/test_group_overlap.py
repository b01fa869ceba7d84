"""What a missing, a shared and a differently spelled group does to group-overlap."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.checks import REGISTRY
from gate.checks.base import Outcome
from gate.decision import judge
from gate.evidence.records import Configuration, Split
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.report.messages import message, remedy

IMAGES = 100  # of each split


def evidence(train, test):
    """Return evidence whose splits have these groups: a list, None where none are declared."""
    made = synthetic_evidence(SyntheticRun(train=((50, 0), (0, 50)), test=((50, 0), (0, 50))))
    splits = dict(made.splits)
    for split, groups in ((Split.TRAIN, train), (Split.TEST, test)):
        column = None if groups is None else np.array([*groups, None], dtype=object)[:-1]
        splits[split] = replace(
            splits[split], rows=replace(splits[split].rows, groups=column), group_column="patient"
        )
    return replace(made, splits=splits)


def named(prefix, count=IMAGES):
    return [f"{prefix}{index // 5}" for index in range(count)]


@pytest.fixture
def judged(rule):
    def of(train, test, **parameters):
        (result,) = judge([rule("group-overlap", **parameters)], evidence(train, test)).results
        return result

    return of


def without(groups, *rows):
    return [None if row in rows else group for row, group in enumerate(groups)]


def test_one_grouped_image_a_split_is_not_enough(judged):
    result = judged(
        ["a", *[None] * 99],
        ["b", *[None] * 99],
    )

    assert result.outcome is Outcome.INCONCLUSIVE
    assert "99 of 100 images of train and 99 of 100 images of test have no group" in message(result)


def test_the_honest_twin_with_all_groups_passes(judged):
    assert judged(named("a"), named("b")).outcome is Outcome.PASSED


@pytest.mark.parametrize("which", ["train", "test"])
def test_one_image_without_a_group_is_named_with_its_split_and_blocks(judged, which):
    groups = {"train": named("a"), "test": named("b")}
    groups[which] = without(groups[which], 7)

    result = judged(**groups)

    assert (result.outcome, result.severity) == (Outcome.INCONCLUSIVE, "block")
    assert f"1 of 100 images of {which} has no group" in message(result)
    assert "max_ungrouped" in remedy(result)


def test_a_policy_may_allow_a_few(judged):
    groups = without(named("b"), 1, 2, 3, 4, 5)

    assert judged(named("a"), groups, max_ungrouped=0.05).outcome is Outcome.PASSED
    assert judged(named("a"), groups, max_ungrouped=0.04).outcome is Outcome.INCONCLUSIVE
    assert judged(named("a"), groups, max_ungrouped=5).outcome is Outcome.PASSED
    assert judged(named("a"), groups, max_ungrouped=4).outcome is Outcome.INCONCLUSIVE


def test_a_count_is_of_both_splits_together(judged):
    train, test = without(named("a"), 1, 2, 3), without(named("b"), 1, 2, 3)

    assert judged(train, test, max_ungrouped=5).outcome is Outcome.INCONCLUSIVE
    assert judged(train, test, max_ungrouped=6).outcome is Outcome.PASSED


def test_a_fraction_holds_in_each_split(judged):
    test = without(named("b"), *range(8))

    assert judged(named("a"), test, max_ungrouped=0.05).outcome is Outcome.INCONCLUSIVE


def test_a_split_of_which_no_image_has_a_group_is_never_allowed(judged):
    assert judged(named("a"), [None] * 100, max_ungrouped=500).outcome is Outcome.INCONCLUSIVE


def test_a_shared_group_fails_even_where_others_are_missing(judged):
    result = judged(without(named("a"), *range(50)), ["a19", *[None] * 99])

    assert result.outcome is Outcome.FAILED
    assert "such as a19" in message(result)
    assert "99 of 100 images of test have no group" in message(result)


def test_optional_groups_warn_only_where_no_split_declares_any(judged):
    assert judged(None, None, groups="optional").severity == "warn"
    for train, test in (
        (named("a"), None),
        (None, named("b")),
        (without(named("a"), 1), named("b")),
        ([None] * 100, [None] * 100),
    ):
        result = judged(train, test, groups="optional")
        assert (result.outcome, result.severity) == (Outcome.INCONCLUSIVE, "block")


def test_groups_that_are_all_missing_are_said_to_be_missing_and_not_undeclared(judged):
    said = message(judged([None] * 100, named("b")))

    assert "100 of 100 images of train have no group" in said
    assert "no group column" not in said


@pytest.mark.parametrize(
    ("train", "test"),
    [("P007", "p7"), ("1000.0", "1000"), ("\u0430nn", "ann"), ("0012", "12")],
)
def test_a_group_that_is_spelled_otherwise_is_shared_unless_the_policy_matches_exactly(
    judged, train, test
):
    pair = [train] * 100, [test] * 100

    assert judged(*pair).outcome is Outcome.FAILED
    assert judged(*pair, match="exact").outcome is Outcome.PASSED
    assert f"such as {train} in train, which looks like {test} in test" in message(judged(*pair))


@given(st.lists(st.sampled_from(["p1", "p2", "q1", "q2", None]), min_size=100, max_size=100))
def test_removing_groups_never_helps(groups):
    from gate.checks import REGISTRY

    check = REGISTRY["group-overlap"].model_validate_json('{"id": "g"}')
    train = named("p")
    full = [group or "q3" for group in groups]

    (given_all,) = judge([check], evidence(train, full)).results
    (removed,) = judge([check], evidence(train, groups)).results

    if given_all.outcome is not Outcome.PASSED or None in groups:
        assert removed.outcome is not Outcome.PASSED


def formed(numbers, train, test):
    evidence = synthetic_evidence(numbers)
    groups = {Split.TRAIN: train, Split.TEST: test}
    return replace(evidence, configuration=Configuration(groups=groups))


PATIENTS = SyntheticRun(train=((50, 0), (0, 50)), test=((45, 5), (3, 47)), groups=0)
SHARED = SyntheticRun(train=((50, 0), (0, 50)), test=((45, 5), (3, 47)), groups=3)


@pytest.mark.parametrize("other", [{"column": "scan"}, {"pattern": "(.+)"}])
def test_patients_are_not_looked_for_among_the_scans_of_the_other_split(other):
    rule = REGISTRY["group-overlap"](id="groups")
    allowed = REGISTRY["group-overlap"](id="groups", columns="any")
    otherwise = formed(PATIENTS, other, {"column": "patient"})

    [result] = judge([rule], otherwise).results
    assert result.outcome is Outcome.INCONCLUSIVE
    assert "test by column 'patient'" in result.comparison.detail
    assert judge([allowed], otherwise).results[0].outcome is Outcome.PASSED


def test_groups_that_are_formed_alike_pass_and_shared_ones_fail_either_way():
    rule = REGISTRY["group-overlap"](id="groups")
    patient = {"column": "patient"}

    assert judge([rule], formed(PATIENTS, patient, patient)).results[0].outcome is Outcome.PASSED
    found = judge([rule], formed(SHARED, {"column": "scan"}, patient)).results
    assert found[0].outcome is Outcome.FAILED
