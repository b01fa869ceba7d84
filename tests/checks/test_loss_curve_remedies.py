"""What to do about a curve depends on what was found."""

import re
from dataclasses import replace

import numpy as np
import pytest

from gate.checks.base import Outcome
from gate.decision import judge
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.report.messages import message, remedy

FALLING = (2.2, 1.6, 1.2, 0.9, 0.7, 0.55, 0.45, 0.4, 0.36, 0.33)
OVERFITTED = (1.4, 0.9, 0.6, 0.5, 0.55, 0.62, 0.7, 0.8, 0.9, 1.0)
NAN = float("nan")


def found(rule, numbers, part):
    results = judge([rule("loss-curve")], synthetic_evidence(numbers)).results
    return next(each for each in results if each.comparison.scope.part == part)


@pytest.mark.parametrize(
    ("numbers", "part", "said"),
    [
        (SyntheticRun(train_loss=(0.69,) * 10), "decreasing", "train longer or with a higher"),
        (
            SyntheticRun(train_loss=tuple(0.7 * 1.1**epoch for epoch in range(10))),
            "decreasing",
            "lower the learning rate, and train again",
        ),
        (SyntheticRun(train_loss=(2.0, 1.0, NAN, NAN)), "non-finite", "leave the cell empty"),
        (
            SyntheticRun(train_loss=FALLING, validation_loss=OVERFITTED),
            "val-rising",
            "ship the checkpoint of epoch 4, where it was lowest, and write it as `checkpoint",
        ),
    ],
    ids=["flat", "diverged", "NaN", "overfitted"],
)
def test_the_remedy_is_that_of_the_finding(rule, numbers, part, said):
    result = found(rule, numbers, part)

    assert result.outcome is Outcome.FAILED
    assert said in remedy(result)


@pytest.mark.parametrize(
    ("numbers", "part", "said"),
    [
        (SyntheticRun(train_loss=(0.7,)), "decreasing", "give the history of all epochs"),
        (SyntheticRun(train_loss=(0.7, 0.9)), "decreasing", "give the history of all epochs"),
        (SyntheticRun(train_loss=(2.0, 1.0, NAN, NAN)), "decreasing", "leave the cell empty"),
        (SyntheticRun(train_loss=FALLING), "val-rising", "log it in every epoch"),
        (
            SyntheticRun(train_loss=FALLING, validation_loss=(1.4,)),
            "val-rising",
            "give the history of all epochs",
        ),
    ],
    ids=["one epoch", "two epochs", "NaN", "no validation", "one validation"],
)
def test_what_cannot_be_told_asks_for_what_would_tell_it(rule, numbers, part, said):
    results = judge(
        [rule("loss-curve", validation="required")], synthetic_evidence(numbers)
    ).results
    (result,) = [each for each in results if each.comparison.scope.part == part]

    assert result.outcome is Outcome.INCONCLUSIVE
    assert said in remedy(result)


def test_the_epoch_that_is_named_leads_to_a_pass(rule):
    random = np.random.default_rng(3)
    followed = 0
    for _ in range(40):
        level = 0.4 + np.exp(-np.arange(20) / 2) + 0.03 * np.maximum(0, np.arange(20) - 6)
        noisy = level * np.exp(random.normal(0, 0.1, 20))
        evidence = synthetic_evidence(
            SyntheticRun(train_loss=FALLING * 2, validation_loss=tuple(noisy))
        )
        result = _rising(rule, evidence)
        if result.outcome is Outcome.PASSED:
            continue
        epoch = re.search(r"the checkpoint of epoch (\d+), where", remedy(result))[1]
        shipped = replace(evidence.history, checkpoint_epoch=float(epoch))
        assert _rising(rule, replace(evidence, history=shipped)).outcome is Outcome.PASSED
        followed += 1

    assert followed > 20


def _rising(rule, evidence):
    results = judge([rule("loss-curve")], evidence).results
    return next(each for each in results if each.comparison.scope.part == "val-rising")


def test_without_a_history_it_is_asked_for(rule):
    [result] = judge([rule("loss-curve")], synthetic_evidence(SyntheticRun())).results

    assert remedy(result) == "give the log of the training as `history:` in the gate file"


def test_a_count_that_is_open_is_not_said_to_be_near_or_to_want_images(rule):
    made = replace(SyntheticRun(train_loss=FALLING), unread_losses=("holdout_loss",))

    [result] = [
        each
        for each in judge([rule("loss-curve", unread="refuse")], synthetic_evidence(made)).results
        if each.comparison.scope.part == "unread"
    ]

    assert result.outcome is Outcome.INCONCLUSIVE
    assert "near" not in message(result)
    assert "would decide" not in message(result)
