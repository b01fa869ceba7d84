"""The examples that the field tells of models that looked good, judged by the real checks."""

import math

import pytest

from gate.checks.base import Outcome
from gate.decision import judge
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.report.messages import message

CAT_DOG = SyntheticRun(test=((45, 5), (3, 47)))
MOSTLY_HEALTHY = SyntheticRun(classes=("healthy", "tumour"), test=((4888, 12), (88, 12)))
ALWAYS_BACKGROUND = SyntheticRun(classes=("background", "tumour"), test=((950, 0), (50, 0)))
COIN_FLIP = SyntheticRun(test=((250, 250), (250, 250)))


@pytest.fixture
def judged(rule):
    """Return a function that judges one rule and returns its results by class."""

    def of(check, numbers, **parameters):
        results = judge([rule(check, **parameters)], synthetic_evidence(numbers)).results
        return {result.comparison.scope.class_name: result for result in results}

    return of


def test_recall_of_cat_is_45_of_50_and_of_dog_47_of_50(judged):
    results = judged("recall", CAT_DOG, min=0.85)
    cat, dog = (results[name].comparison.estimate for name in ("cat", "dog"))

    assert (cat.numerator, cat.denominator, cat.value) == (45, 50, 0.90)
    assert (dog.numerator, dog.denominator, dog.value) == (47, 50, 0.94)


def test_precision_of_cat_is_45_of_48_and_of_dog_47_of_52(judged):
    results = judged("precision", CAT_DOG, min=0.85)
    cat, dog = (results[name].comparison.estimate for name in ("cat", "dog"))

    assert (cat.numerator, cat.denominator) == (45, 48)
    assert (dog.numerator, dog.denominator) == (47, 52)


def test_45_of_50_leaves_085_open_and_47_of_50_proves_it(judged):
    results = judged("recall", CAT_DOG, min=0.85)

    assert results["cat"].outcome is Outcome.INCONCLUSIVE
    assert results["dog"].outcome is Outcome.PASSED
    assert results["cat"].bounds.low == pytest.approx(0.801, abs=5e-4)
    assert results["dog"].bounds.low == pytest.approx(0.852, abs=5e-4)


def test_both_precisions_and_the_accuracy_of_cat_and_dog_are_open(judged):
    precisions = judged("precision", CAT_DOG, min=0.85)
    accuracy = judged("accuracy", CAT_DOG, min=0.90)[None]

    assert {each.outcome for each in precisions.values()} == {Outcome.INCONCLUSIVE}
    assert accuracy.outcome is Outcome.INCONCLUSIVE
    assert (accuracy.bounds.low, accuracy.bounds.high) == pytest.approx((0.860, 0.960), abs=6e-4)


def test_cat_and_dog_pass_on_the_estimate_and_are_not_proven(judged):
    cat = judged("recall", CAT_DOG, min=0.85, on_inconclusive="point")["cat"]

    assert (cat.outcome, cat.proven) == (Outcome.PASSED, False)
    assert message(cat).endswith("; not proven")


def test_98_percent_accuracy_with_12_percent_recall_fails_and_says_why(judged):
    tumour = judged("accuracy-paradox", MOSTLY_HEALTHY)["tumour"]

    assert tumour.outcome is Outcome.FAILED
    assert message(tumour) == (
        "Accuracy is 0.980, but tumour is found in only 12 of 100 images (required: 0.50)"
    )
    assert (tumour.proven, tumour.bounds.failing_confidence) == (True, 0.95)
    assert tumour.bounds.high == pytest.approx(0.187, abs=5e-4)


def test_always_background_is_a_paradox_a_collapse_and_no_skill(judged):
    assert judged("accuracy-paradox", ALWAYS_BACKGROUND)["tumour"].outcome is Outcome.FAILED
    assert judged("prediction-collapse", ALWAYS_BACKGROUND)["tumour"].outcome is Outcome.FAILED
    assert judged("no-skill", ALWAYS_BACKGROUND)[None].outcome is Outcome.FAILED


def test_always_background_passes_an_accuracy_of_090_which_is_why_there_are_traps(judged):
    assert judged("accuracy", ALWAYS_BACKGROUND, min=0.90)[None].outcome is Outcome.PASSED


def test_a_coin_flip_has_no_skill_and_is_no_paradox(judged):
    assert judged("no-skill", COIN_FLIP)[None].outcome is Outcome.FAILED
    assert judged("accuracy-paradox", COIN_FLIP)[None].outcome is Outcome.PASSED


def test_099_on_train_against_070_on_test_fails_the_gap(judged):
    numbers = SyntheticRun(train=((495, 5), (5, 495)), test=((350, 150), (150, 350)))

    gap = judged("train-test-gap", numbers, max=0.10)[None]

    assert gap.outcome is Outcome.FAILED
    assert gap.comparison.estimate.value == pytest.approx(0.29)


@pytest.mark.parametrize(
    "losses",
    [
        pytest.param((0.693,) * 12, id="flat"),
        pytest.param(tuple(0.7 * 1.08**epoch for epoch in range(12)), id="rising"),
        pytest.param((2.3, 1.8, math.nan, 1.2, 1.0, 0.9), id="NaN in the middle"),
        pytest.param((2.3, 1.8, math.inf, 1.2, 1.0, 0.9), id="infinite in the middle"),
    ],
)
def test_a_loss_that_did_not_fall_fails(losses, outcome):
    assert outcome("loss-curve", SyntheticRun(train_loss=losses)) is Outcome.FAILED


def test_a_loss_that_fell_passes(outcome):
    falling = tuple(2.3 * 0.8**epoch for epoch in range(12))

    assert outcome("loss-curve", SyntheticRun(train_loss=falling)) is Outcome.PASSED


def test_an_average_hides_a_class_of_recall_037_and_the_check_of_each_class_does_not(judged):
    numbers = SyntheticRun(
        classes=tuple("abcde"),
        test=(
            (990, 10, 0, 0, 0),
            (0, 990, 10, 0, 0),
            (0, 0, 990, 10, 0),
            (0, 0, 0, 990, 10),
            (0, 0, 0, 630, 370),
        ),
    )

    assert judged("balanced-accuracy", numbers, min=0.85)[None].outcome is Outcome.PASSED
    assert judged("recall", numbers, min=0.85)["e"].outcome is Outcome.FAILED


def test_500_of_1000_test_images_copied_into_train_are_a_finding(outcome):
    numbers = SyntheticRun(test=((480, 20), (20, 480)), copies=500)

    assert outcome("train-test-overlap", numbers) is Outcome.FAILED


def test_memorised_answers_are_left_out_of_the_metrics(judged):
    clean_and_copied = SyntheticRun(test=((600, 0), (300, 100)), copies=500)

    accuracy = judged("accuracy", clean_and_copied, min=0.5)[None].comparison.estimate

    assert accuracy.denominator == 500


@pytest.mark.parametrize("matrix", [((2, 0), (0, 2)), ((2, 0), (1, 1))])
def test_no_model_fails_for_images_too_few_to_show_any_skill(judged, matrix):
    result = judged("no-skill", SyntheticRun(test=matrix))[None]

    assert result.outcome is Outcome.INCONCLUSIVE
    assert "too few images or groups" in result.comparison.estimate.reason


@pytest.mark.parametrize("matrix", [((1, 2), (1, 2)), ((0, 2), (0, 2)), ((25, 25), (25, 25))])
def test_a_guess_fails_however_few_its_images_are(judged, matrix):
    assert judged("no-skill", SyntheticRun(test=matrix))[None].outcome is Outcome.FAILED
