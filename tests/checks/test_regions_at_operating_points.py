"""What scores are owed to is judged by the highest score, too: no threshold hides a shortcut."""

from dataclasses import replace

import numpy as np
import pytest

from gate.checks.base import Outcome
from gate.decision import judge
from gate.evidence.kept_scores import KeptScores, keep
from gate.evidence.operating_point import OperatingPoint, Threshold
from gate.evidence.records import Split
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.metrics.operating_point import at_operating_point

PASSED, FAILED = Outcome.PASSED, Outcome.FAILED
UNCUT, CUT = 0.99, 0.9  # the scores of the answers to pictures, and to those with a swapped region
BOTH_SURE = OperatingPoint(
    (Threshold("cat", 0.95), Threshold("dog", 0.95)), otherwise="abstain"
)  # which no picture with a cut reaches
DOG_SURE = OperatingPoint((Threshold("dog", 0.95),))


def evidence_of(point, *, lost=0, cut_up=300):
    """Return evidence of 600 images.

    So many are ``lost`` to the tint of another class, and so many are right when they are cut up.
    """
    half = cut_up // 2
    numbers = SyntheticRun(
        test=((300, 0), (0, 300)),
        observations={
            "test": {
                "view shuffle:4 v1 images=1000": {
                    "prediction": ((half, 0), (300 - half, 1), (300 - half, 0), (half, 1)),
                    "confidence": ((600, float(np.float32(CUT))),),
                    "state": ((600, 1),),
                }
            }
            | {
                f"view swap:tint:{donor} v1 images=1000": {
                    "prediction": ((300 - cost, 0), (cost, 1), (cost, 0), (300 - cost, 1)),
                    "confidence": ((600, float(np.float32(CUT))),),
                    "state": ((600, 1),),
                }
                for donor, cost in (("same", 0), ("other", lost // 2))
            }
        },
    )
    evidence = synthetic_evidence(numbers)
    test = evidence.splits[Split.TEST]
    kept = {
        (measurement, "scores"): KeptScores.spread(
            keep(scores_of(values, CUT)), np.arange(600), 600
        )
        for (measurement, name), values in test.rows.observations.items()
        if name == "prediction"
    }
    rows = replace(test.rows, kept=kept, scores=scores_of(test.rows.predictions, UNCUT))
    stated = replace(
        evidence,
        splits={**evidence.splits, Split.TEST: replace(test, rows=rows)},
        configuration=replace(evidence.configuration, operating_point=point),
    )
    return at_operating_point(stated)


def scores_of(answers, sure):
    return np.where(np.arange(2) == answers[:, None], sure, 1 - sure).astype(np.float32)


def outcomes(made, evidence):
    return {each.comparison.scope.part: each.outcome for each in judge([made], evidence).results}


@pytest.mark.parametrize("point", [BOTH_SURE, DOG_SURE], ids=["abstains", "best"])
def test_a_threshold_that_no_cut_picture_reaches_hides_no_mark(point, rule):
    regions = rule("region-evidence", tint={"max": 0.1})

    assert outcomes(regions, evidence_of(None, lost=240)) == {"tint": FAILED}
    hidden = outcomes(regions, evidence_of(point, lost=240))
    assert hidden == {"tint": PASSED, "score tint": FAILED}


@pytest.mark.parametrize("point", [BOTH_SURE, DOG_SURE], ids=["abstains", "best"])
def test_a_threshold_that_no_shuffled_picture_reaches_hides_no_texture(point, rule):
    shuffled = rule("patch-shuffle")

    assert outcomes(shuffled, evidence_of(None, cut_up=560)) == {None: FAILED}
    assert outcomes(shuffled, evidence_of(point, cut_up=560)) == {None: PASSED, "score": FAILED}


@pytest.mark.parametrize("point", [BOTH_SURE, DOG_SURE], ids=["abstains", "best"])
def test_a_model_that_owes_nothing_to_regions_or_texture_passes_at_any_threshold(point, rule):
    regions = rule("region-evidence", tint={"max": 0.1})

    evidence = evidence_of(point)

    assert outcomes(regions, evidence) == {"tint": PASSED, "score tint": PASSED}
    assert outcomes(rule("patch-shuffle"), evidence) == {None: PASSED, "score": PASSED}
