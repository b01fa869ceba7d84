"""What to do about a curve depends on what was found."""

from dataclasses import replace

import pytest

from gate.checks.base import Outcome
from gate.decision import judge
from gate.evidence.made_up import MadeUp
from gate.report.messages import message, remedy

FALLING = (2.2, 1.6, 1.2, 0.9, 0.7, 0.55, 0.45, 0.4, 0.36, 0.33)
OVERFITTED = (1.4, 0.9, 0.6, 0.5, 0.55, 0.62, 0.7, 0.8, 0.9, 1.0)
NAN = float("nan")


def found(rule, numbers, part):
    results = judge([rule("loss-curve")], numbers.evidence()).results
    return next(each for each in results if each.comparison.scope.part == part)


@pytest.mark.parametrize(
    ("numbers", "part", "said"),
    [
        (MadeUp(train_loss=(0.69,) * 10), "decreasing", "train longer or with a higher"),
        (
            MadeUp(train_loss=tuple(0.7 * 1.1**epoch for epoch in range(10))),
            "decreasing",
            "lower the learning rate, and train again",
        ),
        (MadeUp(train_loss=(2.0, 1.0, NAN, NAN)), "non-finite", "leave the cell empty"),
        (
            MadeUp(train_loss=FALLING, validation_loss=OVERFITTED),
            "val-rising",
            "write that as checkpoint_epoch under history",
        ),
    ],
    ids=["flat", "diverged", "NaN", "overfitted"],
)
def test_the_remedy_is_that_of_the_finding(rule, numbers, part, said):
    result = found(rule, numbers, part)

    assert result.outcome is Outcome.FAILED
    assert said in remedy(result)


def test_without_a_history_it_is_asked_for(rule):
    [result] = judge([rule("loss-curve")], MadeUp().evidence()).results

    assert remedy(result) == "give the log of the training as history in the gate file"


def test_a_count_that_is_open_is_not_said_to_be_near_or_to_want_images(rule):
    made = replace(MadeUp(train_loss=FALLING), unread_losses=("holdout_loss",))

    [result] = [
        each
        for each in judge([rule("loss-curve", unread="refuse")], made.evidence()).results
        if each.comparison.scope.part == "unread"
    ]

    assert result.outcome is Outcome.INCONCLUSIVE
    assert "near" not in message(result)
    assert "would decide" not in message(result)
