"""A rise of a held-out loss is not hidden by its name, by its end, or by another one beside it."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.checks.base import Outcome
from gate.decision import judge
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.policy.reading import read_policy
from gate.rehearsal import synthetic_evidence_for

TRAIN = tuple(2.0 * 0.6**epoch + 0.01 for epoch in range(15))
FALLING = tuple(2.0 * 0.62**epoch + 0.02 for epoch in range(15))
RISING = (1.5, 1.0, 0.7, *(0.6 + 0.15 * epoch for epoch in range(12)))
RELEASE = read_policy("release").policy.rules
SOUND = SyntheticRun(
    train=((1960, 40), (40, 1960)),
    test=((485, 15), (12, 488)),
    copies=0,
    duplicates=0,
    probe="sound",
    groups=0,
    broken=2,
    repaired=4,
    train_loss=TRAIN,
    validation_loss=FALLING,
    views={},
)


def evidence(*validation, unread=(), train=TRAIN, **numbers):
    """Return evidence with several validation losses, named a, b, c."""
    run = replace(SOUND, train_loss=train, validation_loss=None, **numbers)
    made = synthetic_evidence_for(RELEASE, run)
    epochs = tuple(float(epoch) for epoch in range(len(train)))
    series = {
        name: (*values, *(None,) * (len(epochs) - len(values)))
        for name, values in zip("abc", validation, strict=False)
    }
    history = replace(
        made.history,
        epochs=epochs,
        series={"train_loss": train, **series},
        validation_losses=tuple(series),
        unread=unread,
    )
    return replace(made, history=history)


def by_part(rule, found):
    return {each.comparison.scope.part: each for each in judge([rule], found).results}


def test_of_several_validation_losses_the_worst_decides(rule):
    found = by_part(rule("loss-curve"), evidence(FALLING, RISING))

    assert found["val-rising:a"].outcome is Outcome.PASSED
    assert found["val-rising:b"].outcome is Outcome.FAILED
    assert "validation loss 'b'" in found["val-rising:b"].comparison.what


def test_one_validation_loss_needs_no_name(rule):
    found = by_part(rule("loss-curve"), evidence(RISING))

    assert found["val-rising"].outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("hidden", "part"),
    [
        ({"validation": (FALLING,), "unread": ("holdout_loss",)}, "unread"),
        ({"validation": (RISING[:4],)}, "validation-end"),
    ],
    ids=["another name", "empty cells after the minimum"],
)
def test_what_may_hide_a_rise_warns_and_where_it_is_refused_it_blocks(hidden, part, rule):
    found = evidence(*hidden["validation"], unread=hidden.get("unread", ()))

    warned = judge([rule("loss-curve")], found)
    refused = judge([rule("loss-curve", unread="refuse")], found)

    [warning] = [each for each in warned.results if each.comparison.scope.part == part]
    assert (warning.outcome, warning.severity) == (Outcome.INCONCLUSIVE, "warn")
    assert warned.verdict == "pass"
    assert refused.verdict == "inconclusive"
    assert refused.reasons == (f"loss-curve[part={part}]",)


@pytest.mark.parametrize(
    "validation",
    [
        tuple(FALLING[epoch] if epoch % 5 == 4 else None for epoch in range(15)),
        tuple(FALLING[epoch] if epoch % 4 == 0 else None for epoch in range(15)),
        (*FALLING[:14], None),
    ],
    ids=["every fifth", "every fourth", "stopped in its last epoch"],
)
def test_who_validates_less_often_is_not_blocked(validation):
    decision = judge(RELEASE, evidence(validation))

    assert decision.verdict == "pass", decision.reasons


def test_release_passes_a_history_that_hides_nothing():
    assert judge(RELEASE, synthetic_evidence_for(RELEASE, SOUND)).verdict == "pass"


def test_release_asks_for_a_validation_loss():
    run = replace(SOUND, validation_loss=None)
    decision = judge(RELEASE, synthetic_evidence_for(RELEASE, run))

    assert decision.verdict == "inconclusive"
    assert decision.reasons == ("loss-curve[part=val-rising]",)


values = st.lists(st.floats(0.01, 3), max_size=16).map(tuple)
falling = st.sampled_from([TRAIN, FALLING, FALLING[:8], FALLING[:4]])


@settings(max_examples=60)
@given(
    train=st.one_of(values, falling, st.just(RISING)),
    validation=st.one_of(values, falling, st.just(RISING)),
    deleted=st.sets(st.sampled_from(["train_loss", "val_loss", "train_accuracy"]), min_size=1),
    accuracy=st.sampled_from([None, 0.97]),
)
def test_deleting_columns_of_the_history_opens_nothing_under_release(
    train, validation, deleted, accuracy
):
    whole = synthetic_evidence(
        replace(SOUND, train_loss=train, validation_loss=validation, logged_train_accuracy=accuracy)
    )

    assert judge(RELEASE, whole).verdict == "pass" or (
        judge(RELEASE, without(whole, deleted)).verdict != "pass"
    )


def without(evidence, columns):
    """Return the evidence of a history in which columns were deleted, as if never logged."""
    history = evidence.history
    if history is None:
        return evidence
    left = {name: values for name, values in history.series.items() if name not in columns}
    history = replace(
        history,
        series=left,
        train_loss="train_loss" if "train_loss" in left else None,
        validation_losses=("val_loss",) if "val_loss" in left else (),
        train_accuracy="train_accuracy" if "train_accuracy" in left else None,
    )
    return replace(evidence, history=history if left else None)
