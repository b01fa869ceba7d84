"""Which classes and slices a classification check judges, and by which requirement."""

import json
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from gate.checks import REGISTRY
from gate.checks.base import Outcome
from gate.decision import judge
from gate.evidence.records import Evidence, Split, SplitEvidence, rows_from_counts
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun

THREE = SyntheticRun(
    classes=("cat", "dog", "fox"),
    critical=("fox",),
    test=((95, 5, 0), (10, 90, 0), (0, 20, 80)),
)


def requirements(rule, numbers=THREE):
    """Return what a rule requires, by the key of its result."""
    results = judge([rule], synthetic_evidence(numbers)).results
    return {result.key: result.comparison.required for result in results}


def sliced(columns):
    rows = rows_from_counts(((8, 2), (1, 9)))
    slices = {name: np.array(values, dtype=object) for name, values in columns.items()}
    rows = type(rows)(**{name: getattr(rows, name) for name in rows.__slots__} | {"slices": slices})
    split = SplitEvidence(Split.TEST, "made-up", "made-up", len(rows), "0" * 64, rows)
    return Evidence(classes=("cat", "dog"), splits={Split.TEST: split})


def test_a_class_of_its_own_requirement_goes_before_the_roles_and_those_before_the_common_one(rule):
    made = rule("recall", min=0.5, per_class={"$critical": 0.9, "dog": 0.7})

    assert requirements(made) == {
        "recall[class=cat]": 0.5,
        "recall[class=dog]": 0.7,
        "recall[class=fox]": 0.9,
    }


def test_only_the_named_classes_are_judged(rule):
    assert requirements(rule("recall", min=0.5, classes="$critical")) == {"recall[class=fox]": 0.5}


def test_the_others_are_those_that_are_not_critical(rule):
    made = rule("recall", min=0.5, classes="$others")

    assert list(requirements(made)) == ["recall[class=dog]", "recall[class=cat]"]


def test_a_class_with_a_requirement_is_judged_even_where_classes_leaves_it_out(rule):
    made = rule("recall", min=0.5, classes=["dog"], per_class={"cat": 0.9})

    assert requirements(made) == {"recall[class=cat]": 0.9, "recall[class=dog]": 0.5}


def test_per_class_alone_judges_nothing_else(rule):
    assert requirements(rule("recall", per_class={"fox": 0.9})) == {"recall[class=fox]": 0.9}


def test_a_metric_of_the_split_can_also_be_asked_of_a_class(rule):
    made = rule("accuracy", min=0.5, per_class={"fox": 0.7})

    assert requirements(made) == {"accuracy": 0.5, "accuracy[class=fox]": 0.7}


@pytest.mark.parametrize("check", ["accuracy", "recall", "precision", "f1", "macro-f1"])
@pytest.mark.parametrize("impossible", [-0.5, 95])
def test_a_requirement_that_cannot_be_missed_or_met_is_refused(check, impossible, rule):
    with pytest.raises(ValidationError, match=r"per_class\.cat"):
        rule(check, per_class={"cat": impossible})


@pytest.mark.parametrize("check", ["accuracy", "recall", "precision", "f1", "macro-f1"])
def test_a_rule_that_requires_nothing_is_refused(check, rule):
    with pytest.raises(ValidationError, match="nothing is required"):
        rule(check)


@pytest.mark.parametrize("key", ["min", "one_sided_confidence"])
@pytest.mark.parametrize("value", ["0.9", True, [0.9]])
def test_a_number_is_written_as_a_number(key, value):
    with pytest.raises(ValidationError):
        REGISTRY["recall"].model_validate_json(json.dumps({"min": 0.5, key: value}))


def test_every_slice_must_meet_the_requirement(rule):
    evidence = sliced({"scanner": ["A"] * 10 + ["B"] * 10})

    results = judge([rule("accuracy", min=0.5, by="scanner")], evidence).results

    assert {result.key: result.comparison.estimate.numerator for result in results} == {
        "accuracy[slice=scanner=A]": 8,
        "accuracy[slice=scanner=B]": 9,
    }


def test_an_image_without_a_value_is_in_a_slice_of_its_own(rule):
    evidence = sliced({"scanner": ["A"] * 15 + [None] * 5})

    results = judge([rule("accuracy", min=0.5, by="scanner")], evidence).results

    assert {result.key for result in results} == {
        "accuracy[slice=scanner=A]",
        "accuracy[slice=scanner=(none)]",
    }


def test_two_columns_are_crossed(rule):
    evidence = sliced({"scanner": ["A", "B"] * 10, "site": ["1"] * 10 + ["2"] * 10})

    results = judge([rule("accuracy", min=0.5, by=["scanner", "site"])], evidence).results

    assert "accuracy[slice=scanner=A, site=1]" in {result.key for result in results}
    assert len(results) == 4


def test_a_column_that_the_data_does_not_have_is_inconclusive(rule):
    decision = judge(
        [rule("accuracy", min=0.0, by="scanner")],
        synthetic_evidence(SyntheticRun(test=((9, 1), (1, 9)))),
    )

    assert [result.outcome for result in decision.results] == [Outcome.INCONCLUSIVE]
    assert decision.exit_status == 3


def test_a_class_without_images_is_inconclusive_and_never_zero_or_one(rule):
    numbers = SyntheticRun(classes=("cat", "dog", "fox"), test=((90, 0, 0), (0, 90, 0), (0, 0, 0)))

    decision = judge([rule("recall", min=0.0)], synthetic_evidence(numbers))

    assert {result.key: result.outcome for result in decision.results} == {
        "recall[class=cat]": Outcome.PASSED,
        "recall[class=dog]": Outcome.PASSED,
        "recall[class=fox]": Outcome.INCONCLUSIVE,
    }


def test_the_precision_of_an_absent_class_that_is_predicted_is_inconclusive(rule, outcome):
    numbers = SyntheticRun(test=((900, 64), (0, 0)))

    assert outcome("precision", numbers, min=0.5, classes=["dog"]) is Outcome.INCONCLUSIVE


@pytest.mark.parametrize("limit", [1.0, 2.0])
@pytest.mark.parametrize("key", ["max_exact", "max_near", "max_label_conflicts"])
def test_two_point_zero_copies_is_not_read_as_twice_the_split(key, limit, rule):
    with pytest.raises(ValidationError, match="no fraction below 1"):
        rule("train-test-overlap", **{key: limit})


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(10, Outcome.PASSED), (0.1, Outcome.PASSED), (9, Outcome.FAILED), (0.09, Outcome.FAILED)],
)
def test_copies_are_limited_by_count_or_by_fraction(limit, expected, outcome):
    numbers = SyntheticRun(train=((90, 10), (5, 95)), test=((45, 5), (3, 47)), copies=10)

    assert outcome("train-test-overlap", numbers, max_exact=limit) is expected


@pytest.mark.parametrize("check", ["macro-f1", "balanced-accuracy"])
def test_a_slice_is_averaged_over_the_classes_of_the_whole_split(check):
    from gate.metrics.combined import absent_of

    # 60 dogs, all at site A; no emu anywhere.
    evidence = synthetic_evidence(
        SyntheticRun(classes=("cat", "dog", "emu"), test=((120, 0, 0), (0, 60, 0), (0, 0, 0)))
    )
    test = evidence.splits[Split.TEST]
    site = np.where(np.arange(180) < 60, "B", "A").astype(object)
    rows = replace(test.rows, slices={"site": site})
    evidence = replace(evidence, splits={Split.TEST: replace(test, rows=rows)})

    rule = REGISTRY[check].model_validate({"id": check, "min": 0.6, "by": "site"})
    both, cats = (each.estimate for each in rule.evaluate(evidence))

    assert absent_of(both) == ((), 0)
    assert absent_of(cats) == ((1,), 2)
    assert cats.value == 1.0
    assert cats.lower(0.95) < 0.5 < both.lower(0.95)


def test_over_names_the_classes_that_a_slice_is_averaged_over():
    evidence = synthetic_evidence(SyntheticRun(classes=("cat", "dog"), test=((120, 0), (0, 60))))
    test = evidence.splits[Split.TEST]
    site = np.where(np.arange(180) < 60, "B", "A").astype(object)
    rows = replace(test.rows, slices={"site": site})
    evidence = replace(evidence, splits={Split.TEST: replace(test, rows=rows)})

    rule = REGISTRY["macro-f1"].model_validate(
        {"id": "cats", "min": 0.6, "by": "site", "over": ("cat",)}
    )

    assert all(each.estimate.lower(0.95) > 0.9 for each in rule.evaluate(evidence))
