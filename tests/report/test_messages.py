"""Sentences that teach: the number, the counts, the bound, the requirement, and what would help."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gate.checks import REGISTRY
from gate.decision import Outcome, judge
from gate.evidence.records import Split
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.metrics.estimates import Count
from gate.report.messages import bound_digits, digits, message, percent, remedy, requirement


def said(check, numbers, key=None, **parameters):
    rule = REGISTRY[check].model_validate({"id": check, **parameters})
    results = {each.key: each for each in judge([rule], synthetic_evidence(numbers)).results}
    return message(results[key or next(iter(results))])


def advised(check, numbers, **parameters):
    rule = REGISTRY[check].model_validate({"id": check, **parameters})
    return remedy(judge([rule], synthetic_evidence(numbers)).results[0])


def tumours(found, missed):
    return SyntheticRun(
        classes=("background", "tumour"),
        critical=("tumour",),
        test=((950, 50), (missed, found)),
    )


def test_the_sentence_of_the_product_page():
    sentence = said("recall", tumours(54, 7), min=0.9, classes="$critical")

    assert sentence == (
        "recall of tumour on test is 0.885 (54/61; at least 0.795 with 95 % confidence); "
        "required 0.90. About 280 more tumour images would decide it if the true recall is 0.95"
    )


def test_a_pass_says_the_same():
    assert said("recall", tumours(60, 1), min=0.9, classes="$critical") == (
        "recall of tumour on test is 0.984 (60/61; at least 0.924 with 95 % confidence); "
        "required 0.90"
    )


def test_a_failure_says_how_high_it_may_be():
    assert said("recall", tumours(30, 31), min=0.9, classes="$critical") == (
        "recall of tumour on test is 0.492 (30/61; at most 0.604 with 95 % confidence); "
        "required 0.90"
    )


def test_a_failure_among_many_names_the_stricter_confidence():
    sentence = said("recall", tumours(30, 31), "recall[class=tumour]", min=0.9)

    assert "at most 0.624 with 97.5 % confidence" in sentence


def test_what_the_estimate_decided_is_called_not_proven():
    sentence = said("recall", tumours(56, 5), min=0.9, classes="$critical", on_inconclusive="point")

    assert sentence.endswith("required 0.90; not proven")


def test_an_absent_class_says_how_many_images_could_prove_it():
    assert said("recall", tumours(0, 0), "recall[class=tumour]", min=0.85) == (
        "recall of tumour on test was not checked: the class has no images "
        "(19 tumour images could prove 0.85)"
    )


def test_too_few_images_to_prove_anything_ask_for_more():
    sentence = said("recall", tumours(10, 0), min=0.85, classes="$critical")

    assert "(10/10; at least 0.741 with 95 % confidence)" in sentence
    assert re.search(r"About \d+ more tumour images would decide it", sentence)


def test_a_log_that_cannot_pass_asks_for_the_train_split_and_not_for_images():
    numbers = SyntheticRun(test=((240, 10), (10, 240)), logged_train_accuracy=0.97)

    sentence = said("train-test-gap", numbers, max=0.1)

    assert sentence.endswith("can fail and not pass")
    assert advised("train-test-gap", numbers, max=0.1) == (
        "give the train split, so that the gate measures accuracy on it"
    )


def test_a_calibration_claims_no_bound():
    numbers = SyntheticRun(test=((480, 20), (20, 480)), confidence=(0.95, 0.95))

    assert said("calibration-error", numbers) == (
        "calibration error on test is 0.010; allowed 0.05; perfect calibration would show as much "
        "with p = 0.19"
    )


def test_a_change_says_how_many_images_changed_sides():
    numbers = SyntheticRun(test=((480, 20), (20, 480)), broken=4, repaired=6)

    assert said("regression", numbers, margin=0.02) == (
        "change of accuracy on test against the champion is 0.002 (at least -0.005 with 95 % "
        "confidence); required -0.02. 4 broken and 6 repaired of 1,000 (McNemar's exact p = 0.75, "
        "Tango's limits -0.004 to 0.008)"
    )


def test_exchanged_classes_are_named():
    numbers = SyntheticRun(test=((5, 45), (47, 3)))

    sentence = said("class-order", numbers)

    assert sentence == (
        "Another order of the classes raises balanced accuracy on test by 0.840. The output called "
        "dog seems to be cat, the output called cat seems to be dog"
    )


@pytest.mark.parametrize(
    ("value", "required", "shown"),
    [
        (0.9, 0.9, "0.900"),
        (0.8999, 0.9, "0.8999"),
        (0.89996, 0.9, "0.89996"),
        (0.90004, 0.9, "0.90004"),
        (0.85 - 1e-12, 0.85, "0.849999999999"),
        (-0.0004, 0.0, "-0.0004"),
    ],
)
def test_a_value_never_looks_like_a_requirement_that_it_is_not(value, required, shown):
    assert digits(value, required) == shown


@given(st.floats(0, 1), st.floats(0, 1))
def test_two_numbers_that_differ_are_shown_to_differ(value, required):
    assume(value != required)

    assert float(digits(value, required)) != float(digits(required, value))


@pytest.mark.parametrize(
    ("bound", "required", "down", "shown"),
    [
        (0.92457, 0.9, True, "0.924"),
        (0.60312, 0.9, False, "0.604"),
        (0.85, 0.85, True, "0.850"),
        (0.85004, 0.85, True, "0.85004"),
        (0.84996, 0.85, False, "0.84996"),
        (-0.0041, -0.02, True, "-0.005"),
        (1.0, 0.9, False, "1.000"),
        (0.0, 0.9, True, "0.000"),
        (-0.0004, 0.9, False, "0.000"),
    ],
)
def test_a_bound_is_rounded_to_the_side_that_claims_less(bound, required, down, shown):
    assert bound_digits(bound, required, down=down) == shown


@given(st.floats(-1, 1), st.floats(0, 1), st.booleans())
def test_a_shown_bound_never_claims_more_than_is_proven(bound, required, down):
    shown = float(bound_digits(bound, required, down=down))

    assert shown <= bound if down else shown >= bound


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0.9, "0.90"), (0.85, "0.85"), (0.005, "0.005"), (12, "12"), (0, "0"), (1, "1"),
     (-0.02, "-0.02")],
)  # fmt: skip
def test_a_requirement_is_shown_as_a_policy_writes_it(number, shown):
    assert requirement(number) == shown


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0.95, "95 %"), (0.975, "97.5 %"), (0.9975, "99.75 %"), (0.99995, "99.995 %"),
     (1 - 1e-7, "99.99999 %")],
)  # fmt: skip
def test_a_confidence_is_never_rounded_to_certainty(share, shown):
    assert percent(share) == shown


def test_a_confidence_shared_by_a_thousand_classes_is_below_100_percent():
    names = tuple(f"c{index}" for index in range(1000))
    counts = tuple(tuple(5 * (row == column) for column in range(1000)) for row in range(1000))
    wrong = ((0, 500, *counts[0][2:]), *counts[1:])

    sentence = said("recall", SyntheticRun(classes=names, test=wrong), "recall[class=c0]", min=0.9)

    assert "with 99.995 % confidence" in sentence


@pytest.mark.parametrize("check", ["macro-f1", "balanced-accuracy"])
def test_a_mean_over_classes_names_those_that_have_no_images(check):
    numbers = SyntheticRun(classes=("cat", "dog", "emu"), test=((90, 10, 0), (5, 95, 0), (0, 0, 0)))

    sentence = said(check, numbers, min=0.8)

    assert "; over 2 of 3 classes; without images: emu. Images of the absent classes" in sentence
    assert "without images" not in said(check, numbers, min=0.8, over=("cat", "dog"))


def test_the_value_of_absent_classes_cannot_pass_a_rule_that_decides_on_the_point():
    numbers = SyntheticRun(classes=("cat", "dog", "emu"), test=((90, 10, 0), (5, 95, 0), (0, 0, 0)))
    rule = REGISTRY["macro-f1"].model_validate({"id": "macro-f1", "min": 0.8, "decide_on": "point"})

    (result,) = judge([rule], synthetic_evidence(numbers)).results

    assert result.comparison.estimate.value > 0.9
    assert result.outcome == "failed"


def test_a_count_is_never_called_too_near_to_decide():
    numbers = SyntheticRun(test=((90, 10), (5, 95)), duplicates=3)
    rule = REGISTRY["duplicate-images"].model_validate({"id": "copies", "max": 2})
    counted = judge([rule], synthetic_evidence(numbers)).results[0]

    left_open = replace(counted, outcome=Outcome.INCONCLUSIVE, proven=False)

    assert isinstance(counted.comparison.estimate, Count)
    assert "images to decide" not in message(left_open)
    assert "oo near" not in message(left_open)


def test_rows_of_the_same_value_say_what_they_would_prove():
    evidence = synthetic_evidence(tumours(60, 0))
    test = evidence.splits[Split.TEST]
    patients = np.array([f"p{index // 5}" for index in range(len(test.rows))], dtype=object)
    grouped = replace(test, rows=test.rows.with_groups(patients))
    rule = REGISTRY["recall"].model_validate({"id": "r", "min": 0.9, "classes": ("tumour",)})

    (result,) = judge([rule], replace(evidence, splits={Split.TEST: grouped})).results

    assert result.outcome is Outcome.INCONCLUSIVE
    assert "Judged as given (as given, each image by itself: passed)" in message(result)
