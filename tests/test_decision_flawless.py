"""A model without a mistake on ample data passes everything, and is told so with proof."""

from dataclasses import replace

import numpy as np
import pytest

from gate.checks import REGISTRY
from gate.decision import Outcome, Verdict, judge
from gate.evidence.records import Split
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.evidence.synthetic_views import ask_again
from gate.policy.needs import needs_of
from gate.policy.reading import read_policy

VIEWS = {"shuffle:4": 4000}  # without its shapes nobody knows it
EACH, GROUPS = 1000, 200  # images of each class; groups, each of which holds every class
GAPS = (
    "accuracy", "balanced-accuracy", "recall", "precision", "f1", "macro-f1", "specificity", "mcc",
    "roc-auc", "average-precision", "log-loss",
)  # fmt: skip
CHANGES = ("accuracy", "balanced-accuracy", "macro-f1", "recall")
OF_ALL_CLASSES = ("precision", "f1")  # a whole group of other classes may be taken for one
SLOW = pytest.param(5, marks=pytest.mark.slow)
OTHERS = (
    *({"check": name, "min": 0.85} for name in (
        "balanced-accuracy", "f1", "macro-f1", "mcc", "roc-auc", "average-precision",
        "specificity", "top-k-accuracy",
    )),
    {"check": "balanced-accuracy", "min": 0.85, "by": "site"},
    {"check": "macro-f1", "min": 0.85, "by": "site"},
    {"check": "roc-auc", "min": 0.85, "by": "site"},
    {"check": "false-positive-rate", "max": 0.15},
    {"check": "log-loss", "max": 0.15},
    {"check": "calibration-error"},
    {"check": "negative-flips", "max": 0.02},
    *({"check": "train-test-gap", "metric": name, "max": 0.15} for name in GAPS),
    *({"check": "regression", "metric": name, "margin": 0.02} for name in CHANGES),
    *({"check": "regression", "metric": name, "margin": 0.15} for name in OF_ALL_CLASSES),
)  # fmt: skip


def flawless(classes, *, grouped, images=EACH):
    """Return evidence of a model that is right on all images, with a champion that is too."""
    names = tuple(f"class {index}" for index in range(classes))
    matrix = tuple(tuple(row) for row in (images * np.eye(classes, dtype=int)).tolist())
    evidence = synthetic_evidence(
        SyntheticRun(
            classes=names,
            critical=names[:1],
            test=matrix,
            train=matrix,
            confidence=(0.98, 0.5),
            copies=0,
            duplicates=0,
            groups=0,
            broken=0,
            probe="sound",
            train_loss=(1.0, 0.5, 0.2, 0.1),
            validation_loss=(1.1, 0.6, 0.3, 0.2),
        )
    )
    splits = {}
    for split, measured in evidence.splits.items():
        rows = measured.rows
        here = np.arange(len(rows))
        rows = replace(rows, slices={"site": np.where(here % 2, "A", "B").astype(object)})
        if grouped:
            number = here % GROUPS  # the images of a class lie together
            rows = rows.with_groups(np.array([f"{split} {each}" for each in number], dtype=object))
        splits[split] = replace(measured, rows=rows)
    champion = {Split.TEST: splits[Split.TEST].rows}
    return replace(evidence, splits=splits, baseline=replace(evidence.baseline, rows=champion))


def undecided(decision):
    return {
        result.key: result.comparison.estimate.reason
        for result in decision.results
        if result.outcome is not Outcome.PASSED or not (result.proven or _needs_no_proof(result))
    }


def _needs_no_proof(result):
    return result.rule.check in ("calibration-error", "loss-curve")


@pytest.mark.parametrize("grouped", [False, True], ids=["images", "groups"])
@pytest.mark.parametrize("classes", [2, SLOW])
@pytest.mark.parametrize(
    "policy", ["baseline", "behaviour", "smoke", "recall-first", "precision-first", "release"]
)
def test_it_passes_each_shipped_policy_with_nothing_left_open(policy, classes, grouped):
    rules = read_policy(policy).policy.rules
    needed = [each.measurement for each in needs_of(rules)]
    evidence = ask_again(
        flawless(classes, grouped=grouped), SyntheticRun(views=VIEWS, told_by="nothing"), needed
    )
    decision = judge(rules, evidence)

    assert {result.outcome for result in decision.results} == {Outcome.PASSED}
    assert decision.verdict is Verdict.PASS


@pytest.mark.parametrize("grouped", [False, True], ids=["images", "groups"])
@pytest.mark.parametrize("classes", [2, SLOW])
def test_it_passes_what_no_shipped_policy_asks_for(classes, grouped):
    rules = [
        REGISTRY[rule["check"]].model_validate({"id": f"rule {number}", **rule, **more})
        for number, rule in enumerate(OTHERS)
        for more in ({"k": 1} if rule["check"] == "top-k-accuracy" else {},)
    ]

    decision = judge(rules, flawless(classes, grouped=grouped))

    assert undecided(decision) == {}
