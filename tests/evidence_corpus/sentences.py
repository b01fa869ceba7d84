"""The sentences that people read: one for each check and outcome, and for what may be missing."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from gate.checks import REGISTRY
from gate.decision import Result, judge
from gate.evidence.records import Evidence, Failure, Split
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.report.messages import message, remedy

_TEST = ((45, 5), (3, 47))
_MATRIX = ((240, 10), (10, 240))
_FALLING = (2.2, 1.6, 1.2, 0.9, 0.7, 0.55, 0.45, 0.4, 0.36, 0.33)
_NOISY = (1.0, 0.5, 0.9, 0.5, 0.95, 0.5, 0.9, 0.7, 0.5, 0.8)

# Of each check what its own examples leave out.
_MORE = {
    "accuracy": [
        ({"min": 0.9}, SyntheticRun(test=((90, 0), (10, 0)))),
        ({"min": 0.9, "on_inconclusive": "point"}, SyntheticRun(test=((46, 4), (3, 47)))),
        ({"min": 0.9, "warn_below": 0.97}, SyntheticRun(test=_MATRIX)),
        ({"min": 0.9, "by": "scanner"}, SyntheticRun(test=_MATRIX)),
        ({"min": 0.92}, SyntheticRun(test=((46, 4), (4, 46)))),
    ],
    "recall": [({"min": 0.85}, SyntheticRun(test=((45, 5), (0, 0))))],
    "macro-f1": [
        ({"min": 0.8}, SyntheticRun(classes=("cat", "cow", "dog"),
                                    test=((90, 0, 10), (0, 0, 0), (5, 0, 95)))),
        ({"min": 0.9}, SyntheticRun(test=((46, 4), (3, 47)))),
    ],
    "precision": [({"min": 0.5, "classes": ["dog"]}, SyntheticRun(test=((95, 0), (0, 0))))],
    "mcc": [({"min": 0.5}, SyntheticRun(test=((95, 5), (0, 0))))],
    "prediction-collapse": [({}, SyntheticRun(test=((0, 0), (0, 0))))],
    "no-skill": [({}, SyntheticRun(test=((2, 0), (0, 2))))],
    "train-test-overlap": [
        ({"max_near": 0.05, "warn_near": 1},
         SyntheticRun(train=_MATRIX, test=_TEST, copies=1, conflicts=1, near_copies=3)),
        ({}, SyntheticRun(train=((50, 0), (0, 0)), test=_TEST, copies=0)),
    ],
    "group-overlap": [
        ({}, SyntheticRun(train=_MATRIX, test=_TEST, groups=1)),
        ({}, SyntheticRun(test=_TEST)),
    ],
    "duplicate-images": [({}, SyntheticRun())],
    "dataset-integrity": [
        ({}, SyntheticRun(test=_TEST, hidden=2)),
        ({"min_support": 60}, SyntheticRun(test=_TEST)),
        ({}, SyntheticRun(classes=("cat", "cow", "dog"), test=((5, 0, 0), (0, 0, 0), (0, 0, 0)))),
    ],
    "data-requirements": [
        ({"min_groups": 30}, SyntheticRun(test=_TEST, groups=0)),
        ({"min_groups": 30}, SyntheticRun(test=_TEST, groups=0, ungrouped=4)),
    ],
    "train-test-gap": [
        ({}, SyntheticRun(train=((700, 300), (300, 700)), test=((240, 10), (10, 240)))),
        ({"metric": "recall"}, SyntheticRun(train=((700, 3), (3, 5)), test=_TEST)),
    ],
    "regression": [
        ({"metric": "precision"}, SyntheticRun(test=_TEST, broken=3, repaired=2)),
    ],
    "calibration-error": [({}, SyntheticRun(test=_MATRIX))],
    "log-loss": [({"max": 0.3}, SyntheticRun(test=_MATRIX))],
    "loss-curve": [
        ({}, SyntheticRun(train_loss=(*_FALLING[:5], float("nan")))),
        ({}, SyntheticRun(train_loss=_FALLING[:3])),
        ({}, SyntheticRun(train_loss=_FALLING, validation_loss=_NOISY)),
        ({}, SyntheticRun(train_loss=(0.1,) * 8, train=_MATRIX)),
        ({}, SyntheticRun(train_loss=(0.69,) * 8, train=_MATRIX)),
        ({"validation": "required"}, SyntheticRun(train_loss=_FALLING)),
        ({}, SyntheticRun(train_loss=_FALLING, unread_losses=("holdout", "dev_loss"))),
        ({}, SyntheticRun(train_loss=_FALLING, validation_loss=_FALLING[:4])),
    ],
    "deployment-precision": [
        ({"min": 0.5, "prevalence": {"dog": 0.1}}, SyntheticRun(test=((95, 5), (0, 0)))),
    ],
}  # fmt: skip


@dataclass(frozen=True)
class Said:
    """What is said of one result."""

    check: str
    result: Result
    message: str
    remedy: str

    @property
    def outcome(self) -> str:
        """Return the word for its outcome."""
        outcome = "warn" if self.result.severity == "warn" else str(self.result.outcome)
        left = ("passed", "waived", "not-applicable")
        return str(self.result.outcome) if self.result.outcome in left else outcome

    @property
    def pattern(self) -> str:
        """Return the message with N, CLASS and IMAGE for numbers, classes and images."""
        text = re.sub(r"\b(cat|cow|dog)\b", "CLASS", self.message)
        text = re.sub(r"\b\d{9}\b|\.hidden-\d+\.png|unreadable-\d+", "IMAGE", text)
        return re.sub(r"-?\b\d[\d,]*(\.\d+)?(e-?\d+)?\b", "N", text)


def everything_said() -> list[Said]:
    """Return what is said of each example of each check, of what they leave out, and of nothing."""
    return [said for check in REGISTRY for said in _of_check(check)]


def _of_check(check: str) -> Iterator[Said]:
    examples = REGISTRY[check].examples
    for each in examples:
        yield from _judge(check, each.parameters, synthetic_evidence(each.evidence), each.beside)
    for parameters, numbers in _MORE.get(check, []):
        yield from _judge(check, parameters, synthetic_evidence(numbers))
    parameters, numbers = examples[0].parameters, examples[0].evidence
    nothing = synthetic_evidence(SyntheticRun())
    yield from _judge(check, parameters, nothing)
    broken = (Failure("runs.csv", "history", "is empty", "write it"),)
    yield from _judge(check, parameters, replace(nothing, failures=broken))
    for evidence in (_repeated(synthetic_evidence(numbers)), _grouped(synthetic_evidence(numbers))):
        yield from _judge(check, parameters, evidence)


def _judge(
    check: str, parameters: object, evidence: Evidence, beside: tuple[dict, ...] = ()
) -> Iterator[Said]:
    rule = REGISTRY[check].model_validate_json(json.dumps({"id": check, **dict(parameters)}))
    others = [
        REGISTRY[each["check"]].model_validate_json(json.dumps({"id": each["check"], **each}))
        for each in beside
    ]
    for result in judge([rule, *others], evidence).results:
        if result.rule is rule:
            yield Said(check, result, message(result), remedy(result))


def _grouped(evidence: Evidence) -> Evidence:
    """Return evidence in which five test images are of one patient each."""
    if Split.TEST not in evidence.splits:
        return evidence
    test = evidence.splits[Split.TEST]
    patients = np.array([f"p{place // 5}" for place in range(len(test.rows))], dtype=object)
    grouped = replace(test, rows=test.rows.with_groups(patients))
    return replace(evidence, splits={**evidence.splits, Split.TEST: grouped})


def _repeated(evidence: Evidence) -> Evidence:
    """Return evidence in which some test images are copies of train images, or of each other."""
    if Split.TEST not in evidence.splits:
        return evidence
    numbers = SyntheticRun(train=_TEST, test=_TEST, copies=20, duplicates=5)
    other = synthetic_evidence(numbers)
    return replace(evidence, overlaps=other.overlaps) if evidence.classes == other.classes else (
        evidence
    )  # fmt: skip
