"""What a rule on regions is held to: classes by themselves, and grey pictures."""

from dataclasses import replace

import numpy as np
import pytest

from gate.checks.region_evidence import RegionEvidence
from gate.decision import Outcome, judge
from gate.evidence.records import Split
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.views.names import outer_cells

CLASSES, EACH = 10, 100
CORNER = "cell:4:15"


def evidence_of(lost, critical=("class 0",)):
    """Return evidence in which a corner of another class costs so many answers of the first."""
    owed = {}
    for region in ("frame:0.2", *(f"cell:4:{cell}" for cell in outer_cells(4)), "tint"):
        wrong = lost if region == CORNER else 0
        for donor, costs in (("same", 0), ("other", wrong)):
            answers = [(costs, 1), (EACH - costs, 0), *((EACH, n) for n in range(1, CLASSES))]
            owed[f"view swap:{region}:{donor} v1 images=1000"] = {
                "prediction": tuple(run for run in answers if run[0]),
                "state": ((EACH * CLASSES, 1),),
            }
    matrix = tuple(tuple(row) for row in (EACH * np.eye(CLASSES, dtype=int)).tolist())
    names = tuple(f"class {index}" for index in range(CLASSES))
    return synthetic_evidence(
        SyntheticRun(classes=names, critical=critical, test=matrix, observations={"test": owed})
    )


def results(evidence, **fields):
    rule = RegionEvidence(id="r", check="region-evidence", **fields)
    return judge([rule], evidence).results


def test_a_mark_of_a_rare_class_hides_in_the_mean_and_fails_the_class():
    evidence = evidence_of(lost=60)

    unnamed, named = results(evidence), results(evidence, classes=("$critical",))

    assert {each.outcome for each in unnamed} == {Outcome.PASSED}
    [failed] = [each for each in named if each.outcome is Outcome.FAILED]
    assert failed.comparison.scope.class_name == "class 0"
    assert failed.comparison.scope.part == CORNER
    assert failed.comparison.estimate.value == pytest.approx(0.6)


def test_a_class_to_which_no_region_contributes_is_not_accused():
    named = results(evidence_of(lost=0), classes=("class 0", "class 1"))

    assert not [each for each in named if each.outcome is Outcome.FAILED]
    assert len(named) == 3 * 14  # of all images and of two classes: 12 cells, frame and tint


def test_where_no_class_is_critical_all_images_are_judged_together():
    found = results(evidence_of(lost=0, critical=()), classes=("$critical",))

    assert {each.comparison.scope.class_name for each in found} == {None}


@pytest.mark.parametrize(
    ("channels", "lost", "outcome"),
    [
        ("L", 75, Outcome.PASSED),  # a sound net on clothes: a dark coat is dark
        ("L", 900, Outcome.FAILED),  # a net that reads the exposure
        ("RGB", 75, Outcome.FAILED),  # a cast of colour is no property of what is shown
        (None, 75, Outcome.FAILED),
    ],
)
def test_the_brightness_of_grey_pictures_has_a_limit_of_its_own(channels, lost, outcome):
    evidence = evidence_of(lost=0)
    rows = evidence.splits[Split.TEST].rows
    tint = "view swap:tint:other v1 images=1000"
    answers = rows.predictions.astype(np.int64)
    answers[:lost] = (answers[:lost] + 1) % CLASSES
    rows = replace(rows, observations={**rows.observations, (tint, "prediction"): answers})
    split = replace(evidence.splits[Split.TEST], rows=rows)
    rests_on = replace(evidence.configuration, input={"channels": channels})
    evidence = replace(
        evidence, splits={**evidence.splits, Split.TEST: split}, configuration=rests_on
    )

    [found] = [each for each in results(evidence) if each.comparison.scope.part == "tint"]

    assert found.outcome is outcome
