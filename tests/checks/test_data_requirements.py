"""What a policy asks of its data: train images for each of test, and classes with images left."""

from dataclasses import replace

import pytest
from pydantic import ValidationError

from gate.checks.base import Outcome
from gate.decision import judge
from gate.evidence.records import Split
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.policy.diff import diff
from gate.policy.reading import read_policy
from gate.report.messages import message

TEST = ((45, 5), (3, 47))
CHILD = (
    "apiVersion: gate/v1\nkind: Policy\nmetadata: {name: child, version: '1'}\n"
    "extends: release\ndata: {train: {min_per_test_image: 0.5}}\n"
)


def beside_test(numbers, rule, each, split="train"):
    asked = rule("data-requirements", split=split, min_per_test_image=each)
    return next(
        result
        for result in judge([asked], synthetic_evidence(numbers)).results
        if result.comparison.scope.part == "images-per-test-image"
    )


@pytest.mark.parametrize(
    ("train", "outcome"),
    [(((49, 0), (0, 50)), Outcome.INCONCLUSIVE), (((50, 0), (0, 50)), Outcome.PASSED)],
)
def test_as_many_train_images_as_test_images_are_enough_and_one_less_is_not(train, outcome, rule):
    found = beside_test(SyntheticRun(train=train, test=TEST), rule, 1)

    assert found.outcome is outcome
    assert "(required: 100, 1 for each of 100 test images)" in message(found)


def test_a_share_is_taken_as_it_is_written(rule):
    found = beside_test(SyntheticRun(train=((29, 0), (0, 0)), test=TEST), rule, 0.29)

    assert found.outcome is Outcome.PASSED


def test_without_test_there_is_nothing_to_compare_with(rule):
    found = beside_test(SyntheticRun(train=TEST), rule, 1)

    assert found.outcome is Outcome.INCONCLUSIVE
    assert "no test split (add `test:` under `data:`)" in message(found)


def test_test_is_not_compared_with_itself(rule):
    with pytest.raises(ValidationError, match="ask it of train"):
        rule("data-requirements", min_per_test_image=1)


def test_a_policy_that_asks_for_less_than_release_says_so_and_is_told_to_loosen(tmp_path):
    (tmp_path / "child.yaml").write_text(CHILD)
    release = read_policy("release").policy
    child = read_policy("child.yaml", base=tmp_path).policy

    (found,) = [each for each in diff(release, child) if each.rule == "data-train"]

    assert str(found) == "loosened  data-train: min_per_test_image: 1.0 -> 0.5"


def test_a_class_that_is_left_without_images_is_open_and_no_error(rule):
    evidence = synthetic_evidence(SyntheticRun(test=TEST))
    test = evidence.splits[Split.TEST]
    cats = replace(test, rows=test.rows.where(test.rows.labels == 0))

    def worst(split):
        splits = {Split.TEST: split}
        return judge([rule("dataset-integrity")], replace(evidence, splits=splits)).results[0]

    assert worst(cats).outcome is Outcome.ERROR
    assert worst(replace(cats, given=test.rows)).outcome is Outcome.INCONCLUSIVE
