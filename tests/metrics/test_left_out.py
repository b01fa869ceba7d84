"""Images that a view cannot have may not decide what is said of it."""

import pytest

from gate.checks.region_evidence import Frame, RegionEvidence
from gate.checks.shift import Shift
from gate.checks.stability import Stability
from gate.decision import judge
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.evidence.view_answers import ASKED, NO_DONOR, TOO_SMALL

FRAME = "view swap:frame:0.2:{} v1 images=1000"


def runs(*pairs):
    return tuple(each for each in pairs if each[0])


def outcome(rule, keys, *, left_out, wrong=0, why=NO_DONOR):
    """Return the result on 1,000 images, the first of which are left out, and some wrong then.

    Wrong under the last view alone; all are right as they are.
    """
    state = runs((left_out, why), (1000 - left_out, ASKED))
    observed = {}
    for key in keys:
        lost = wrong if key == keys[-1] else 0
        told = runs((left_out, -1), (lost, 1), (500 - left_out - lost, 0), (500, 1))
        observed[key] = {"prediction": told, "state": state}
    run = SyntheticRun(test=((500, 0), (0, 500)), observations={"test": observed})
    [result] = judge([rule], synthetic_evidence(run)).results
    return result


def of_frame(most, **numbers):
    rule = RegionEvidence(frame=Frame(share=0.2, max=most), on_inconclusive="point")
    return outcome(rule, [FRAME.format("same"), FRAME.format("other")], **numbers)


@pytest.mark.parametrize("why", [NO_DONOR, TOO_SMALL])
def test_the_class_with_the_shortcut_is_not_left_out_to_pass(why):
    """An owner calls all images of one class in ten one group: none of the class may lend."""
    result = of_frame(0.05, left_out=100, why=why)

    assert (result.outcome, result.blocks) == ("inconclusive", True)
    assert "100 of 1,000 images were not asked, and could turn it" in (
        result.comparison.estimate.reason
    )


def test_a_few_rare_images_that_nothing_lends_to_are_left_out():
    """The honest twin: whatever they would have shown, the rule holds."""
    result = of_frame(0.05, left_out=40)

    assert result.outcome == "passed"
    assert "asked about 960 of 1,000" in result.comparison.detail


def test_what_is_owed_by_those_that_were_asked_counts_beside_those_that_were_not():
    assert of_frame(0.05, left_out=30, wrong=15).outcome == "passed"
    assert of_frame(0.05, left_out=30, wrong=25).outcome == "inconclusive"


def test_a_failure_is_none_the_less_one_for_images_that_were_left_out():
    assert of_frame(0.05, left_out=90, wrong=200).outcome == "failed"


@pytest.mark.parametrize(("left_out", "expected"), [(15, "passed"), (25, "inconclusive")])
def test_answers_that_were_not_given_agree_with_nothing(left_out, expected):
    rule = Stability(views=("pixelate:1",), min_agreement=0.98, on_inconclusive="point")

    found = outcome(rule, ["view pixelate:1 v1 images=1000"], left_out=left_out, why=TOO_SMALL)

    assert found.outcome == expected


@pytest.mark.parametrize(("left_out", "expected"), [(20, "passed"), (30, "inconclusive")])
def test_of_a_class_its_own_images_count(left_out, expected):
    rule = Stability(views=("pixelate:1",), metric="recall", max_drop=0.05, on_inconclusive="point")
    key = "view pixelate:1 v1 images=1000"
    state = runs((left_out, TOO_SMALL), (1000 - left_out, ASKED))
    told = runs((left_out, -1), (500 - left_out, 0), (500, 1))
    observed = {"test": {key: {"prediction": told, "state": state}}}
    run = SyntheticRun(test=((500, 0), (0, 500)), observations=observed)

    first, second = judge([rule], synthetic_evidence(run)).results

    assert (first.outcome, second.outcome) == (expected, "passed")


def test_a_shift_is_held_to_the_same():
    rule = Shift(min_agreement=0.95, on_inconclusive="point")
    keys = ["view shift:1 v1 images=1000"]

    assert outcome(rule, keys, left_out=40, why=TOO_SMALL).outcome == "passed"
    assert outcome(rule, keys, left_out=60, why=TOO_SMALL).outcome == "inconclusive"
