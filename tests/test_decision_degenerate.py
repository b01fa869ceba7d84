"""What a perfect score proves: as much as its images can, and no more."""

from dataclasses import replace

import numpy as np
import pytest

from gate.checks import REGISTRY
from gate.checks.base import Outcome
from gate.decision import judge
from gate.evidence.records import Split
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun

PERFECT = synthetic_evidence(SyntheticRun(test=((20, 0), (0, 20)), confidence=(0.9, 0.6)))


def judged(check, **parameters):
    rule = REGISTRY[check].model_validate({"id": check, **parameters})
    return judge([rule], PERFECT).results[0]


METRICS = ["macro-f1", "mcc", "balanced-accuracy", "roc-auc", "average-precision"]


@pytest.mark.parametrize("check", METRICS)
@pytest.mark.parametrize(
    ("required", "outcome"), [(0.5, "passed"), (0.93, "inconclusive"), (0.999, "inconclusive")]
)
def test_a_perfect_score_proves_what_forty_images_can(check, required, outcome):
    found = judged(check, min=required)

    assert found.comparison.estimate.value == 1
    assert found.outcome == outcome


@pytest.mark.parametrize("check", METRICS)
def test_the_estimate_may_decide_the_rest_and_is_then_not_proven(check):
    found = judged(check, min=0.93, on_inconclusive="point")

    assert found.outcome is Outcome.PASSED
    assert not found.proven


@pytest.mark.parametrize(("required", "outcome"), [(0.86, "passed"), (0.87, "inconclusive")])
def test_an_exact_interval_of_20_of_20_proves_0861_and_no_more(required, outcome):
    assert judged("recall", min=required).outcome == outcome


def by_group(groups):
    """A perfect model on 80 images of so many groups."""
    evidence = synthetic_evidence(SyntheticRun(test=((40, 0), (0, 40))))
    test = evidence.splits[Split.TEST]
    names = (np.arange(80) % groups).astype(object)
    return replace(evidence, splits={Split.TEST: replace(test, rows=test.rows.with_groups(names))})


@pytest.mark.parametrize(("groups", "outcome"), [(9, "inconclusive"), (20, "passed")])
def test_skill_on_too_few_groups_is_open_and_not_denied(groups, outcome):
    rule = REGISTRY["no-skill"].model_validate({"id": "no-skill"})

    (found,) = judge([rule], by_group(groups)).results

    assert found.outcome == outcome
    assert found.comparison.estimate.value == 1
    assert ("1 more is needed" in found.comparison.estimate.reason) == (groups == 9)


@pytest.mark.parametrize("check", ["accuracy", "recall", "f1", "macro-f1", "mcc"])
def test_a_perfect_model_by_group_passes_what_its_groups_prove_and_no_more(check):
    easy, hard = (
        REGISTRY[check].model_validate({"id": check, "min": least}) for least in (0.6, 0.95)
    )

    evidence = by_group(20)

    assert judge([easy], evidence).results[0].outcome == "passed"
    assert judge([hard], evidence).results[0].outcome == "inconclusive"
