"""What a view shows of a sample: nothing, where too many images could not have it."""

import pytest

from gate.checks.region_evidence import RegionEvidence, Tint
from gate.checks.stability import Stability
from gate.decision import judge
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.evidence.view_answers import ASKED, NO_DONOR, NO_PIXELS, NOT_SAMPLED, TOO_SMALL

VIEW = "view jpeg:90 v1 images=1000"
TINT = "view swap:tint:{} v1 images=1000"


def judged(*, left_out, why, predictions=None):
    """Return the result of 1,000 images that a view leaves alike, some of them left out."""
    states = tuple(run for run in ((1000 - left_out, ASKED), (left_out, why)) if run[0])
    known = ((500, 0), (500 - left_out, 1)) if left_out < 500 else ((1000 - left_out, 0),)
    told = predictions or (*known, *([(left_out, -1)] if left_out else []))
    columns = {"prediction": told, "state": states}
    evidence = synthetic_evidence(
        SyntheticRun(test=((500, 0), (0, 500)), observations={"test": {VIEW: columns}})
    )
    rule = Stability(views=("jpeg:90",), min_agreement=0.9)
    [result] = judge([rule], evidence).results
    return result


@pytest.mark.parametrize("why", [TOO_SMALL, NO_DONOR, NO_PIXELS])
def test_a_few_images_that_cannot_have_the_view_are_left_out(why):
    result = judged(left_out=100, why=why)

    assert result.outcome == "passed"
    assert "asked about 900 of 1,000" in result.comparison.detail


@pytest.mark.parametrize("why", [TOO_SMALL, NO_DONOR, NO_PIXELS])
@pytest.mark.parametrize("left_out", [101, 499, 600])
def test_who_makes_the_data_cannot_leave_out_those_that_would_fail(left_out, why):
    result = judged(left_out=left_out, why=why)

    assert (result.outcome, result.blocks) == ("inconclusive", True)
    assert f"{left_out} of 1,000 images were not asked" in result.comparison.estimate.reason


def test_where_hardly_an_image_is_large_enough_the_rule_only_warns():
    result = judged(left_out=950, why=TOO_SMALL)

    assert (result.outcome, result.blocks) == ("inconclusive", False)


def test_tensors_alone_block():
    assert judged(left_out=1000, why=NO_PIXELS).blocks


@pytest.mark.parametrize(
    "predictions",
    [((500, 0), (400, 1), (100, -1)), ((500, 0), (400, 1), (100, 2)), ((900, 0), (100, -7))],
)
def test_answers_that_no_model_can_have_given_show_nothing(predictions):
    result = judged(left_out=0, why=ASKED, predictions=predictions)

    assert (result.outcome, result.blocks) == ("inconclusive", True)
    assert "contradict themselves" in result.comparison.estimate.reason


@pytest.mark.parametrize("state", [9, -3, NOT_SAMPLED])
def test_an_answer_without_a_state_shows_nothing(state):
    result = judged(left_out=100, why=state, predictions=((500, 0), (500, 1)))

    assert (result.outcome, result.blocks) == ("inconclusive", True)


def test_the_regions_of_a_picture_are_held_to_the_same():
    columns = {"prediction": ((500, 0), (100, 1), (400, -1)), "state": ((600, 1), (400, TOO_SMALL))}
    evidence = synthetic_evidence(
        SyntheticRun(
            test=((500, 0), (0, 500)),
            observations={"test": {TINT.format(each): columns for each in ("same", "other")}},
        )
    )

    [result] = judge([RegionEvidence(tint=Tint())], evidence).results

    assert (result.outcome, result.blocks) == ("inconclusive", True)


@pytest.mark.parametrize(("flips", "blocks"), [(0, False), (30, False), (31, True), (300, True)])
def test_a_view_that_changes_few_images_is_harmless_only_where_their_answers_stay(flips, blocks):
    """Marks on a part of the images are no less a shortcut."""
    told = tuple(run for run in ((flips, 1), (500 - flips, 0), (500, 1)) if run[0])
    columns = {"prediction": told, "state": ((300, ASKED), (700, 0))}
    as_it_is = {"prediction": ((500, 0), (500, 1)), "state": ((300, ASKED), (700, 0))}
    seen = {TINT.format("same"): as_it_is, TINT.format("other"): columns}
    evidence = synthetic_evidence(
        SyntheticRun(test=((500, 0), (0, 500)), observations={"test": seen})
    )

    [result] = judge([RegionEvidence(tint=Tint())], evidence).results

    assert (result.outcome, result.blocks) == ("inconclusive", blocks)
