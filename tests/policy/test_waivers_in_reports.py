"""What a run says of its waivers, whether they hold or not."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gate.decision import judge
from gate.evidence.records import Subject
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.policy.reading import read_policy
from gate.policy.waivers import Acceptance, read_waivers
from gate.report.build import build
from gate.report.renderings.text import text

GOLDEN = Path(__file__).parent / "golden" / "waivers-in-reports"


@pytest.fixture
def report(monkeypatch):
    monkeypatch.chdir(GOLDEN)
    document = read_policy("policy.yaml")
    made = synthetic_evidence(SyntheticRun(test=((950, 50), (400, 600)), copies=3))
    evidence = replace(made, subject=Subject("a" * 64, 1000, "safetensors"))
    now = datetime(2026, 8, 1, tzinfo=UTC)
    acceptance = Acceptance(read_waivers(["waivers.yaml"]), document.policy, now)
    decision = judge(document.policy.rules, evidence, acceptance=acceptance)
    return build(decision, evidence, document, {})


def test_every_waiver_stands_in_one_list_with_the_reason(report):
    found = {
        name: [waiver.ticket for waiver in getattr(report.waivers, name)]
        for name in ("applied", "expired", "unused", "rejected")
    }

    assert found == {
        "applied": ["SAFE-1"],
        "expired": ["SAFE-2"],
        "unused": ["SAFE-3", "SAFE-4"],
        "rejected": ["SAFE-5"],
    }


def test_a_waived_result_names_its_waiver(report):
    (waived,) = [result for result in report.results if result.outcome == "waived"]

    assert (waived.key, waived.waiver) == ("recall[class=dog]", "SAFE-1")
    assert waived.message.endswith("accepted by @bob until 2026-09-01 (SAFE-1)")


def test_the_text_says_what_became_of_waivers_that_do_not_hold(report, golden):
    golden(GOLDEN / "report.txt", text(report))
