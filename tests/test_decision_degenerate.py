"""An interval without width is no evidence, however good the value looks (STATISTICS 1.3)."""

import pytest

from gate.checks import REGISTRY
from gate.checks.base import Outcome
from gate.decision import judge
from gate.evidence.made_up import MadeUp

PERFECT = MadeUp(test=((20, 0), (0, 20)), confidence=(0.9, 0.6)).evidence()


def judged(check, **parameters):
    rule = REGISTRY[check].model_validate({"id": check, **parameters})
    return judge([rule], PERFECT).results[0]


@pytest.mark.parametrize("check", ["macro-f1", "mcc", "roc-auc", "average-precision"])
@pytest.mark.parametrize("required", [0.5, 0.85, 0.999])
def test_a_perfect_score_on_forty_images_whose_resamples_are_all_alike_proves_nothing(
    check, required
):
    found = judged(check, min=required)

    assert found.comparison.estimate.value == 1
    assert found.outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize("check", ["macro-f1", "mcc", "roc-auc", "average-precision"])
def test_the_estimate_may_decide_it_and_is_then_not_proven(check):
    found = judged(check, min=0.5, on_inconclusive="point")

    assert found.outcome is Outcome.PASSED
    assert not found.proven


@pytest.mark.parametrize(("required", "outcome"), [(0.86, "passed"), (0.87, "inconclusive")])
def test_an_exact_interval_of_20_of_20_proves_0861_and_no_more(required, outcome):
    assert judged("recall", min=required).outcome == outcome
