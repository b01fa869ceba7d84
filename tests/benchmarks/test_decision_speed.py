# ruff: noqa: T201 - a benchmark prints its times
"""How long judging takes by itself, on the evidence of 70,000 images (Fashion-MNIST whole).

Run with ``pytest -m benchmark -s``; nothing here asserts a time.
"""

import time
from dataclasses import replace

import numpy as np
import pytest

from gate.checks import REGISTRY
from gate.decision import judge
from gate.evidence.records import Baseline, Evidence, Split, SplitEvidence, rows_from_counts

pytestmark = pytest.mark.benchmark

CLASSES = tuple(f"c{index}" for index in range(10))
RULES = {
    "accuracy": {"min": 0.8},
    "balanced-accuracy": {"min": 0.8},
    "recall": {"min": 0.7},
    "precision": {"min": 0.7},
    "f1": {"min": 0.7},
    "macro-f1": {"min": 0.7},
    "specificity": {"min": 0.7},
    "mcc": {"min": 0.7},
    "roc-auc": {"min": 0.7},
    "average-precision": {"min": 0.7},
    "top-k-accuracy": {"min": 0.7, "k": 3},
    "log-loss": {"max": 2.0},
    "calibration-error": {},
    "accuracy-paradox": {},
    "prediction-collapse": {},
    "no-skill": {},
    "class-order": {},
    "train-test-gap": {"metric": "recall"},
    "regression": {"metric": "macro-f1"},
    "negative-flips": {},
}


def split(name, images, seed, groups=None):
    """Return rows of a good model with scores, ``images`` of each class."""
    random = np.random.default_rng(seed)
    counts = random.multinomial(images, [0.1 / 9] * 9 + [0.9], size=10)
    counts = np.stack([np.insert(row[:9], label, row[9]) for label, row in enumerate(counts)])
    rows = rows_from_counts(counts.tolist())
    scores = random.dirichlet([0.2] * 10, len(rows))
    top = scores.argmax(axis=1)
    here = np.arange(len(rows))
    swapped = scores[here, rows.predictions]
    scores[here, rows.predictions] = scores[here, top]
    scores[here, top] = np.where(top == rows.predictions, scores[here, top], swapped)
    rows = replace(
        rows,
        confidence=scores.max(axis=1),
        true_score=scores[here, rows.labels],
        true_rank=(scores > scores[here, rows.labels][:, None]).sum(axis=1).astype(np.int32),
        scores=scores.astype(np.float32),
        groups=None if groups is None else (here // groups).astype(object),
    )
    return SplitEvidence(name, str(name), "made-up", len(rows), "0" * 64, rows)


def fresh(groups=None):
    """Return evidence that no cache knows."""
    test, train = split(Split.TEST, 1000, 1, groups), split(Split.TRAIN, 6000, 2, groups)
    before = split(Split.TEST, 1000, 3, groups)
    return Evidence(
        classes=CLASSES,
        splits={Split.TRAIN: train, Split.TEST: test},
        baseline=Baseline("champion", None, {Split.TEST: before.rows}),
    )


@pytest.mark.parametrize("groups", [None, 5])
def test_judging_70_000_rows_by_every_check_of_metrics(groups):
    rules = {name: REGISTRY[name].model_validate({"id": name, **RULES[name]}) for name in RULES}
    judge(list(rules.values()), fresh(groups))  # loads what is loaded once
    evidence = fresh(groups)
    began = time.perf_counter()
    decision = judge(list(rules.values()), evidence)
    together = time.perf_counter() - began

    alone = {}
    for name, rule in rules.items():
        began = time.perf_counter()
        judge([rule], evidence)
        alone[name] = time.perf_counter() - began

    assert len(decision.results) > len(rules)
    assert not [result.crash for result in decision.results if result.crash]
    images = sum(len(each.rows) for each in evidence.splits.values())
    print(f"\n{len(rules)} rules on {images:,} rows, groups of {groups}: {together:.2f} s; the")
    slow = sorted(alone.items(), key=lambda pair: -pair[1])[:5]
    print("slowest alone:", ", ".join(f"{name} {seconds:.2f} s" for name, seconds in slow))


COLUMNS = [f"column {at}" for at in range(8)]
DECISIONS = {
    "recall-at-fpr": {"class": "c0", "fpr": 0.05, "min": 0.5},
    "abstention": {"min_coverage": 0.8},
    "unknown-accepted": {"max": 0.05},
    "slice-gap": {"by": "$slices", "metric": "recall", "max": 0.1},
    "equalised-odds": {"by": "$slices", "max": 0.1},
    "weak-slice": {"min_recall": 0.8, "search": "$slices"},
    "severe-error": {"max": 0.1},
    "weighted-kappa": {"min": 0.5},
    "parent-recall": {"min": 0.5, "parents": {"low": CLASSES[:5], "high": CLASSES[5:]}},
    "fragility": {"min_labels": 5},
}


@pytest.mark.parametrize("groups", [None, 5])
def test_judging_70_000_rows_and_8_slice_columns_by_the_ten_checks_of_decisions(groups):
    rules = [REGISTRY[name].model_validate({"id": name, **DECISIONS[name]}) for name in DECISIONS]

    def sliced(name, images, seed):
        made, random = split(name, images, seed, groups), np.random.default_rng(seed)
        values = random.integers(0, 4, (len(COLUMNS), len(made.rows))).astype(str).astype(object)
        slices = dict(zip(COLUMNS, values, strict=True))
        return replace(made, rows=replace(made.rows, slices=slices))

    splits = {Split.VALIDATION: (3000, 1), Split.TEST: (7000, 2)}
    measured = {name: sliced(name, *how) for name, how in splits.items()}
    evidence = Evidence(classes=CLASSES, splits=measured)
    began = time.process_time()
    decision = judge(rules, evidence)
    together = time.process_time() - began

    assert not [result.crash for result in decision.results if result.crash]
    print(f"\n10 rules on 70,000 rows of test, 8 columns, groups of {groups}: {together:.2f} s")
