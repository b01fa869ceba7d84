"""What changed against the champion is told on the images that both answered."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, recall_score

from gate.evidence.records import Split
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.metrics.changes import champion_changes

RUN = SyntheticRun(
    classes=("cat", "dog", "owl"),
    test=((40, 6, 4), (3, 45, 2), (9, 1, 20)),
    broken=5,
    repaired=9,
)


@pytest.fixture(scope="module")
def evidence():
    return synthetic_evidence(RUN)


def answers(evidence):
    """Return labels, the champion's answers and the model's, image by image."""
    rows, before = evidence.splits[Split.TEST].rows, evidence.baseline.rows[Split.TEST]
    found = dict(zip(before.ids, before.predictions, strict=True))
    return rows.labels, np.array([found[name] for name in rows.ids]), rows.predictions


def macro_f1(truth, answer):
    return f1_score(truth, answer, average="macro")


ORACLES = {
    "accuracy": accuracy_score,
    "balanced-accuracy": balanced_accuracy_score,
    "macro-f1": macro_f1,
}


@pytest.mark.parametrize("name", ORACLES)
def test_before_after_and_difference_are_those_of_scikit_learn(name, evidence):
    [change] = [each for each in champion_changes(evidence) if each.name == name]
    truth, old, new = answers(evidence)

    before, after = ORACLES[name](truth, old), ORACLES[name](truth, new)

    assert change.before.value == pytest.approx(before)
    assert change.after.value == pytest.approx(after)
    assert change.difference.value == pytest.approx(after - before)
    assert change.difference.lower(0.95) <= after - before <= change.difference.upper(0.95)


def test_the_class_that_is_now_recalled_least_is_compared(evidence):
    *_, change = champion_changes(evidence)
    truth, old, new = answers(evidence)
    recalls = recall_score(truth, new, average=None)

    worst = int(np.argmin(recalls))

    assert change.class_name == RUN.classes[worst]
    assert change.after.value == pytest.approx(recalls[worst])
    assert change.before.value == pytest.approx(recall_score(truth, old, average=None)[worst])


def test_leaked_images_count_for_neither():
    leaky = synthetic_evidence(replace(RUN, copies=20, train=((50, 0, 0), (0, 50, 0), (0, 0, 50))))

    accuracy, *_ = champion_changes(leaky)

    assert accuracy.after.denominator == 130 - 20
    assert accuracy.before.denominator == 130 - 20


def test_a_champion_of_other_images_is_not_compared(evidence):
    rows = evidence.baseline.rows[Split.TEST]
    other = replace(evidence.baseline, rows={Split.TEST: rows.where(rows.labels == 0)})

    assert list(champion_changes(replace(evidence, baseline=other))) == []


def test_without_a_champion_nothing_changed(evidence):
    assert list(champion_changes(replace(evidence, baseline=None))) == []
