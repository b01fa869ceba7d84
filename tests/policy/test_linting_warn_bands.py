import pytest
from pydantic import ValidationError

from gate.checks import REGISTRY
from gate.checks.base import Outcome
from gate.decision import Verdict, judge
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.report.messages import message


def _judged(matrix, **parameters):
    rule = REGISTRY[parameters.pop("check", "accuracy")](id="rule", **parameters)
    decision = judge([rule], synthetic_evidence(SyntheticRun(test=matrix)))
    return decision, {result.key: result for result in decision.results}


def test_a_value_in_the_band_warns_and_passes():
    decision, results = _judged(((9200, 800), (700, 9300)), min=0.90, warn_below=0.93)

    assert decision.verdict is Verdict.PASS
    assert results["rule"].outcome is Outcome.PASSED
    assert results["rule[part=warn-below]"].outcome is Outcome.FAILED
    assert results["rule[part=warn-below]"].severity == "warn"
    assert "warns below 0.93" in message(results["rule[part=warn-below]"])


def test_a_value_above_the_band_passes_both():
    _, results = _judged(((9800, 200), (200, 9800)), min=0.90, warn_below=0.93)

    assert {result.outcome for result in results.values()} == {Outcome.PASSED}


def test_the_band_follows_the_estimate_however_few_images_there_are():
    _, results = _judged(((19, 1), (1, 19)), min=0.5, warn_below=0.93)

    assert results["rule[part=warn-below]"].outcome is Outcome.PASSED


def test_a_band_does_not_soften_the_bound_that_failing_needs():
    without, _ = _judged(((9200, 800), (700, 9300)), min=0.90)
    _, results = _judged(((9200, 800), (700, 9300)), min=0.90, warn_below=0.93)

    assert without.results[0].bounds == results["rule"].bounds


def test_an_upper_limit_has_its_band_above():
    _, results = _judged(
        ((960, 40), (40, 960)), check="false-positive-rate", max=0.1, warn_above=0.02
    )

    assert results["rule[class=cat]"].outcome is Outcome.PASSED
    assert results["rule[class=cat,part=warn-above]"].outcome is Outcome.FAILED


def test_classes_that_must_reach_more_than_the_band_have_none():
    _, results = _judged(
        ((960, 40), (40, 960)), check="recall", min=0.9, per_class={"dog": 0.95}, warn_below=0.93
    )

    assert "rule[class=dog,part=warn-below]" not in results
    assert "rule[class=cat,part=warn-below]" in results


@pytest.mark.parametrize(
    ("check", "parameters", "fact"),
    [
        ("accuracy", {"min": 0.9, "warn_below": 0.9}, "can never warn"),
        ("accuracy", {"min": 0.9, "warn_above": 0.95}, "write warn_below"),
        ("false-positive-rate", {"max": 0.1, "warn_above": 0.2}, "can never warn"),
        ("false-positive-rate", {"max": 0.1, "warn_below": 0.05}, "write warn_above"),
    ],
)
def test_a_band_that_makes_no_sense_is_refused(check, parameters, fact):
    with pytest.raises(ValidationError, match=fact):
        REGISTRY[check](id="a", **parameters)
