"""Accuracy says whether another preparation explains the errors; batch norm, which of several."""

from dataclasses import replace

import numpy as np
import pytest

from gate.evidence.input_trial import AS_DECLARED, PREPARATIONS, TRIED, InputTrial
from gate.evidence.records import Split
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.metrics.input_trial import explanations, in_words, trial_of

TRIAL = InputTrial(0.5)
IMAGES = 150
NAMES = [each.name for each in PREPARATIONS]


def evidence_of(right, nats):
    """Return evidence of a model that is wrong on train, but right in some preparations.

    ``right`` and ``nats`` are by the name of a preparation; "as declared" of nats too.
    """
    made = synthetic_evidence(SyntheticRun(train=((0, IMAGES), (0, 0)), probe="sound"))
    bits = np.full(IMAGES, TRIED)
    for name, count in right.items():
        bits[:count] |= 1 << (NAMES.index(name) + 1)
    columns = {"answers": bits, AS_DECLARED: np.full(IMAGES, nats.get("as declared", np.nan))}
    for each in PREPARATIONS:
        columns[each.divergence] = np.full(IMAGES, nats.get(each.name, np.nan))
    train = made.splits[Split.TRAIN]
    observations = {(TRIAL.key, name): values for name, values in columns.items()}
    rows = replace(train.rows, observations=observations)
    return replace(made, splits={Split.TRAIN: replace(train, rows=rows)})


def named(evidence):
    found = explanations(evidence, TRIAL, min_gain=0.2)
    return [each.preparation.name for each in found]


@pytest.mark.parametrize("better", ["imagenet", "-1..1"])
def test_of_two_that_explain_the_errors_alike_the_running_statistics_name_the_likelier(better):
    nats = {"as declared": 9.0, "imagenet": 2.0, "-1..1": 2.0, better: 0.1}
    evidence = evidence_of({"imagenet": 148, "-1..1": 147}, nats)

    assert named(evidence)[0] == better
    assert "0.10 nats from its running statistics so prepared with" in in_words(
        trial_of(evidence, TRIAL), explanations(evidence, TRIAL, min_gain=0.2)
    )


def test_running_statistics_do_not_outdo_an_accuracy_that_is_provably_better():
    evidence = evidence_of({"imagenet": 148, "-1..1": 120}, {"imagenet": 2.0, "-1..1": 0.1})

    assert named(evidence) == ["imagenet"]


@pytest.mark.parametrize("right", [{}, {"imagenet": 60}])
def test_running_statistics_alone_do_not_tell_a_weak_model_that_its_input_is_wrong(right):
    evidence = evidence_of(right, {"as declared": 900.0, "imagenet": 0.01})

    assert named(evidence) == []


def test_statistics_of_the_owner_that_fit_the_declared_input_best_do_not_hide_the_cause():
    evidence = evidence_of({"imagenet": 148}, {"as declared": 0.0, "imagenet": 50.0})
    found = explanations(evidence, TRIAL, min_gain=0.2)

    assert [each.preparation.name for each in found] == ["imagenet"]
    assert "; but what reaches the first batch norm is 50.00 nats" in in_words(
        trial_of(evidence, TRIAL), found
    )


def test_without_batch_norm_the_accuracy_decides_alone():
    evidence = evidence_of({"imagenet": 148, "-1..1": 147}, {})
    found = explanations(evidence, TRIAL, min_gain=0.2)

    assert [each.preparation.name for each in found] == ["imagenet", "-1..1"]
    assert "batch norm" not in in_words(trial_of(evidence, TRIAL), found)
