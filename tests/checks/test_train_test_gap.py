"""The gap between train and test: on every metric, class by class, and from a training log."""

import typing
from dataclasses import replace

import numpy as np
import pytest

from gate.checks import REGISTRY
from gate.checks.base import Outcome
from gate.decision import judge
from gate.evidence.records import History, Split
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.report.messages import message

METRICS = typing.get_args(REGISTRY["train-test-gap"].model_fields["metric"].annotation)
PER_CLASS = {"recall", "precision", "f1", "specificity"}

GOOD = ((970, 30), (30, 970))
POOR = ((700, 300), (300, 700))
NEARLY = ((955, 45), (45, 955))


def scored(evidence, seed=0):
    """Return the evidence with scores as spread as those of a model, fitting its answers."""
    random = np.random.default_rng(seed)
    splits = {}
    for name, split in evidence.splits.items():
        rows = split.rows
        top = random.uniform(0.6, 0.99, len(rows))
        scores = np.where(np.arange(2) == rows.predictions[:, None], top[:, None], 1 - top[:, None])
        right = rows.labels == rows.predictions
        changed = replace(
            rows,
            confidence=top,
            true_score=np.where(right, top, 1 - top),
            scores=scores.astype(np.float32),
        )
        splits[name] = replace(split, rows=changed)
    return replace(evidence, splits=splits)


def results(numbers, rule, **parameters):
    evidence = scored(synthetic_evidence(numbers))
    return judge([rule("train-test-gap", **parameters)], evidence).results


def logged(train_accuracy, test=POOR, **more):
    evidence = synthetic_evidence(SyntheticRun(test=test))
    history = History(
        path="log.csv",
        format="csv",
        epochs=(1.0, 2.0, 3.0),
        series={"acc": train_accuracy},
        train_accuracy="acc",
        **more,
    )
    return replace(evidence, history=history)


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_tells_a_model_that_memorised_from_one_that_did_not(metric, rule):
    limit = 0.3 if metric in ("log-loss", "mcc") else 0.1
    memorised = results(SyntheticRun(train=GOOD, test=POOR), rule, metric=metric, max=limit)
    sound = results(SyntheticRun(train=GOOD, test=NEARLY), rule, metric=metric, max=limit)

    assert {each.outcome for each in memorised} == {Outcome.FAILED}
    assert {each.outcome for each in sound} == {Outcome.PASSED}
    assert len(sound) == (2 if metric in PER_CLASS else 1)


@pytest.mark.parametrize("metric", METRICS)
def test_a_better_test_split_is_no_gap(metric, rule):
    found = results(SyntheticRun(train=POOR, test=GOOD), rule, metric=metric, max=0.05)

    assert all(each.outcome is Outcome.PASSED for each in found)
    assert all(each.comparison.estimate.value < 0 for each in found)


@pytest.mark.parametrize("metric", METRICS)
def test_without_a_test_split_nothing_passes(metric, rule):
    (found,) = judge(
        [rule("train-test-gap", metric=metric)], synthetic_evidence(SyntheticRun(train=GOOD))
    ).results

    assert found.outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize("metric", sorted(set(METRICS) - {"accuracy"}))
def test_a_log_of_accuracy_says_nothing_of_another_metric(metric, rule):
    (found,) = judge([rule("train-test-gap", metric=metric)], logged((0.5, 0.9, 0.99))).results

    assert found.outcome is Outcome.INCONCLUSIVE
    assert found.comparison.estimate.value is None


def test_the_gap_of_one_class_is_found_behind_an_even_accuracy(rule):
    numbers = SyntheticRun(train=((980, 20), (20, 980)), test=((980, 20), (200, 300)))

    found = {each.key: each.outcome for each in results(numbers, rule, metric="recall", max=0.15)}

    assert found == {
        "train-test-gap[class=cat]": Outcome.PASSED,
        "train-test-gap[class=dog]": Outcome.FAILED,
    }


@pytest.mark.parametrize("on_inconclusive", ["block", "point"])
@pytest.mark.parametrize("decide_on", ["interval", "point"])
@pytest.mark.parametrize("severity", ["block", "warn"])
@pytest.mark.parametrize(
    ("train", "outcome"),
    [(0.99, Outcome.FAILED), (0.71, Outcome.INCONCLUSIVE), (0.3, Outcome.INCONCLUSIVE)],
)
def test_a_training_log_can_fail_and_never_pass(
    train, outcome, decide_on, on_inconclusive, severity, rule
):
    asked = rule(
        "train-test-gap",
        max=0.1,
        decide_on=decide_on,
        on_inconclusive=on_inconclusive,
        severity=severity,
    )

    (found,) = judge([asked], logged((0.1, 0.2, train))).results

    assert found.outcome is outcome


def test_the_log_is_read_at_the_epoch_of_the_checkpoint(rule):
    at_2 = logged((0.5, 0.71, 0.99), checkpoint_epoch=2.0)
    at_the_end = logged((0.5, 0.71, 0.99))

    outcomes = [
        judge([rule("train-test-gap", max=0.1)], each).results[0].outcome
        for each in (at_2, at_the_end)
    ]

    assert outcomes == [Outcome.INCONCLUSIVE, Outcome.FAILED]


@pytest.mark.parametrize("train", [(None, None, None), (0.5, 0.9, 1.7), (0.5, 0.9, float("nan"))])
def test_a_log_without_an_accuracy_in_0_to_1_says_nothing(train, rule):
    (found,) = judge([rule("train-test-gap", max=0.1)], logged(train)).results

    assert found.outcome is Outcome.INCONCLUSIVE
    assert found.comparison.estimate.value is None


def test_a_measured_train_split_goes_before_the_log(rule):
    numbers = SyntheticRun(train=NEARLY, test=NEARLY, logged_train_accuracy=1.0)

    (found,) = judge([rule("train-test-gap", max=0.1)], synthetic_evidence(numbers)).results

    assert found.outcome is Outcome.PASSED
    assert found.comparison.estimate.first.denominator == sum(map(sum, NEARLY))
    assert Split.TRAIN in synthetic_evidence(numbers).splits


@pytest.mark.parametrize(
    ("train", "test", "said"),
    [
        (((995, 5), (5, 995)), ((300, 200), (200, 300)), "learned its images by heart"),
        (((995, 5), (5, 995)), ((480, 20), (20, 480)), ""),  # no gap worth the name
        (((980, 20), (20, 980)), ((300, 200), (200, 300)), ""),  # wide, and train is not perfect
        (((995, 5), (5, 995)), ((8, 2), (2, 8)), ""),  # twenty images prove no gap
        (((800, 200), (200, 800)), ((480, 20), (20, 480)), "test is easier than train: a leak"),
        (((800, 200), (200, 800)), ((405, 95), (95, 405)), ""),
    ],
    ids=["by heart", "good", "not perfect", "few", "easier", "as easy"],
)
def test_a_gap_that_looks_like_something_is_called_that(train, test, said, rule):
    [result] = judge(
        [rule("train-test-gap")], synthetic_evidence(SyntheticRun(train=train, test=test))
    ).results

    assert said in result.comparison.detail
    assert bool(said) is bool(result.comparison.detail)


FEW = ((5, 0), (0, 5))


@pytest.mark.parametrize("parameters", [{}, {"on_inconclusive": "point"}, {"decide_on": "point"}])
def test_a_few_train_images_that_suit_prove_no_gap_away(parameters, rule):
    (found,) = results(SyntheticRun(train=FEW, test=GOOD), rule, **parameters)

    assert found.outcome is Outcome.INCONCLUSIVE
    assert "train has 10 images, 271 are needed to pass" in message(found)


def test_a_few_train_images_can_fail(rule):
    (found,) = results(SyntheticRun(train=((100, 0), (0, 100)), test=POOR), rule)

    assert found.outcome is Outcome.FAILED


@pytest.mark.parametrize(("images", "outcome"), [(270, "inconclusive"), (272, "passed")])
def test_so_many_as_the_gap_asks_for_pass(images, outcome, rule):
    half = images // 2
    numbers = SyntheticRun(train=((half, 0), (0, images - half)), test=GOOD)

    (found,) = results(numbers, rule, on_inconclusive="point")

    assert found.outcome == outcome


def test_as_many_as_test_has_are_enough(rule):
    same = ((48, 2), (2, 48))

    (found,) = results(SyntheticRun(train=same, test=same), rule, on_inconclusive="point")

    assert found.outcome is Outcome.PASSED


def test_a_metric_of_classes_needs_images_of_each(rule):
    numbers = SyntheticRun(train=((970, 30), (0, 10)), test=GOOD)

    found = {
        each.comparison.scope.class_name: each for each in results(numbers, rule, metric="recall")
    }

    assert found["cat"].outcome is Outcome.PASSED
    assert found["dog"].outcome is Outcome.INCONCLUSIVE
    assert "rain has 10 images of dog, 271 are needed to pass" in message(found["dog"])


def test_the_gap_is_judged_on_every_combination_of_rows():
    gap = REGISTRY["train-test-gap"](id="gap", against="validation")
    assert gap.compared_splits() == ("train", "validation")
    assert REGISTRY["recall"](id="recall", min=0.5).compared_splits() == ()
