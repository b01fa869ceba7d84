"""Slices by measured properties: where they are cut, and what does not let a rule pass."""

from dataclasses import replace

import pytest

from gate.checks.base import Outcome
from gate.decision import judge
from gate.evidence.image_properties import KEY
from gate.evidence.records import Split
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun

PASSED, FAILED, OPEN = Outcome.PASSED, Outcome.FAILED, Outcome.INCONCLUSIVE
# Of 800 images, cats first: brightness 0..399 and again 0..399; the darkest dogs are missed.
DARK_MISSED = ((400, 0), (80, 320))


def ramp(images):
    return tuple((1, float(at % (images // 2))) for at in range(images))


def run(test=DARK_MISSED, *, brightness=None, validation=None, **numbers):
    """Return a run whose test, and validation of 200, have these values."""
    images = sum(map(sum, test))
    observed = {"test": {KEY: {"brightness": brightness or ramp(images)}}}
    if validation is not None:
        observed["validation"] = {KEY: {"brightness": validation}}
        numbers["validation"] = ((100, 0), (0, sum(count for count, _ in validation) - 100))
    return SyntheticRun(test=test, observations=observed, **numbers)


OF_TEST = tuple((1, float(at * 2)) for at in range(200))  # quartiles 98, 198, 298


def outcomes(rule, numbers):
    results = judge([rule], synthetic_evidence(numbers)).results
    return {each.comparison.scope.slice_name: each.outcome for each in results}


def test_the_dark_quarter_fails_where_the_dark_dogs_are_missed(rule):
    by_light = rule("recall", classes=["dog"], min=0.8, by="brightness")

    assert outcomes(by_light, run(validation=OF_TEST)) == {
        "brightness=lowest quarter": FAILED,
        "brightness=second quarter": PASSED,
        "brightness=third quarter": PASSED,
        "brightness=highest quarter": PASSED,
    }
    assert outcomes(by_light, run(((400, 0), (0, 400)), validation=OF_TEST)).keys() == {
        f"brightness={each} quarter" for each in ("lowest", "second", "third", "highest")
    }


def test_a_gap_by_light_is_seen_and_so_is_one_crossed_with_a_column(rule):
    numbers = run(validation=OF_TEST, slices={"test": {"site": ((800, "A"),)}})
    rules = {"metric": "recall", "class": "dog", "max": 0.1}

    assert outcomes(rule("slice-gap", by="brightness", **rules), numbers) == {"brightness": FAILED}
    assert outcomes(rule("slice-gap", by=["site", "brightness"], **rules), numbers) == {
        "site, brightness": FAILED
    }
    assert set(outcomes(rule("slice-gap", by="$slices", **rules), numbers)) == {"site"}


# --- what never passes


GOOD = ((400, 0), (2, 398))
EVEN = {
    "no earlier split": {},
    "validation of 39 images": {"validation": OF_TEST[:139][-39:]},
    "validation as bright as no test image": {
        "validation": tuple((1, 5000.0 + at) for at in range(200))
    },
    "validation that nobody observed": {"validation": ((200, None),)},
    "test that nobody observed": {"brightness": ((800, None),), "validation": OF_TEST},
}


@pytest.mark.parametrize("numbers", EVEN.values(), ids=EVEN)
@pytest.mark.parametrize("check", ["recall", "slice-gap", "equalised-odds"])
def test_a_property_that_cannot_be_cut_is_open(check, numbers, outcome):
    limit = {"min": 0.5} if check == "recall" else {"max": 0.5}
    if "validation" in numbers and len(numbers["validation"]) == 39:
        numbers = {**numbers, "validation": ((161, None), *numbers["validation"])}

    assert outcome(check, run(GOOD, **numbers), by="brightness", **limit) is OPEN


def test_a_property_that_all_images_share_is_one_slice(outcome):
    alike = {"brightness": ((800, 7.0),), "validation": ((200, 7.0),)}

    assert outcome("recall", run(GOOD, **alike), by="brightness", min=0.9) is PASSED
    assert outcome("slice-gap", run(GOOD, **alike), by="brightness", max=0.5) is OPEN


def test_a_declared_column_does_not_stand_in_for_the_measured_property(rule):
    numbers = run(validation=OF_TEST, slices={"test": {"brightness": ((800, "all alike"),)}})

    (result,) = judge(
        [rule("recall", min=0.8, by="brightness", classes=["dog"])], synthetic_evidence(numbers)
    ).results

    assert result.outcome is OPEN
    assert "call the column of test otherwise" in result.comparison.estimate.remedy


def test_images_without_the_property_are_a_slice_of_their_own(rule):
    missing = ((400, 50.0), (80, None), (320, 300.0))
    numbers = run(brightness=missing, validation=OF_TEST)

    found = outcomes(rule("recall", classes=["dog"], min=0.8, by="brightness"), numbers)

    assert found["brightness=(none)"] is FAILED


def test_train_says_where_to_cut_where_validation_is_not_given(rule):
    evidence = synthetic_evidence(run(validation=OF_TEST))
    train = replace(evidence.splits[Split.VALIDATION], split=Split.TRAIN)
    moved = replace(evidence, splits={Split.TEST: evidence.splits[Split.TEST], Split.TRAIN: train})
    by_light = rule("recall", classes=["dog"], min=0.8, by="brightness")

    found = judge([by_light], moved).results

    assert [each.outcome for each in found] == [
        each.outcome for each in judge([by_light], evidence).results
    ]


def test_a_property_is_needed_only_where_a_column_is_one(rule):
    assert rule("recall", min=0.8, by="site").needs() == ()
    assert rule("recall", min=0.8, by="$slices").needs() == ()
    assert [each.key for each in rule("recall", min=0.8, by=["site", "bytes"]).needs()] == [KEY]
