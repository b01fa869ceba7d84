"""Reports on made-up evidence under the policy of the golden files."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from gate.decision import judge
from gate.evidence.records import Failure, Subject
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.policy.reading import read_policy
from gate.report.build import build

GOLDEN = Path(__file__).parents[1] / "golden"
CLASSES = ("background", "tumour")
FALLING = (0.65, 0.5, 0.4, 0.33, 0.28, 0.25, 0.23, 0.22)
RUN: Mapping[str, object] = {
    "started": "2026-01-01T00:00:00+00:00",
    "seconds": 1.5,
    "command": ["run"],
}


def _made(**numbers):
    evidence = synthetic_evidence(
        SyntheticRun(
            classes=CLASSES,
            critical=("tumour",),
            train=((970, 30), (30, 970)),
            copies=numbers.pop("copies", 0),
            probe=numbers.pop("probe", "sound"),
            **numbers,
        )
    )
    return replace(
        evidence,
        subject=Subject("ab" * 32, 123_456, "state_dict (zip)", "tumour.nets:build", 11_181_642),
        assumed=("no normalisation was declared: pixels are scaled to 0..1",),
        environment={"python": "3.11", "seed": "0"},
    )


def _unreached():
    found = Failure(
        "model.pt", "refused-unsafe", "the file wants to run os.system", "save the state_dict"
    )
    return replace(
        synthetic_evidence(SyntheticRun(classes=CLASSES, critical=("tumour",))), failures=(found,)
    )


EVIDENCE = {
    "pass": _made(test=((480, 20), (20, 480)), train_loss=FALLING),
    "fail": _made(
        test=((940, 10), (44, 6)), train_loss=(0.69,) * 8, validation_loss=(0.7,) * 8, copies=3
    ),
    "inconclusive": _made(test=((57, 3), (2, 18)), groups=0),
    "error": _unreached(),
}


@pytest.fixture(scope="session")
def policy():
    """Return the golden policy, read from its own folder so that reports name no machine."""
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(GOLDEN)
        return read_policy("policy.yaml")


@pytest.fixture(scope="session")
def report_on(policy):
    """Return a function that builds the report on evidence, or on the golden one of a verdict."""

    def of(evidence, *, enforced=True, run=RUN):
        if isinstance(evidence, str) and run is RUN:
            return golden(evidence, enforced)
        found = EVIDENCE[evidence] if isinstance(evidence, str) else evidence
        return built(found, enforced, run)

    @cache
    def golden(verdict, enforced):
        return built(EVIDENCE[verdict], enforced, RUN)

    def built(found, enforced, run):
        decision = judge(policy.policy.rules, found, enforced=enforced)
        return build(decision, found, policy, run)

    return of


@pytest.fixture
def golden_evidence():
    """Return the evidence of a golden report by its verdict."""
    return EVIDENCE
