"""Measurements that rules need: one report, whoever makes them; nothing that nobody needs."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import gate.checks
from gate.measure.partials import work_units

FOLDER = Path(__file__).parents[1] / "third_party"
POLICY = """\
apiVersion: gate/v1
kind: Policy
metadata: {name: views, version: 1.0.0}
rules:
  - {check: accuracy, min: 0.80}
"""
VIEWS = "  - {check: answer-agreement, views: [mirror, invert], min: 0.5, severity: warn}\n"
# It counts the images of its forward passes; a model without state would be traced.
COUNTING = """\
from pathlib import Path

from nets import Brightness

HERE = Path(__file__).parent


class Counting(Brightness):
    batches = 0

    def forward(self, images):
        self.batches += 1
        with (HERE / "batches").open("a") as log:
            log.write("x")
        return super().forward(images)
"""


@pytest.fixture
def third_party(monkeypatch):
    """The check of another package, importable here and where processes are started."""
    monkeypatch.syspath_prepend(str(FOLDER))
    from answer_agreement import AnswerAgreement

    monkeypatch.setitem(gate.checks.REGISTRY, "answer-agreement", AnswerAgreement)
    return AnswerAgreement


@pytest.fixture
def subject(project, third_party, monkeypatch):
    """A project of pictures in several units, one of them unreadable, judged by two views."""
    monkeypatch.setattr(work_units, "ROWS", 32)
    project.folders("train", 20, seed=1)
    project.folders("test", 50, seed=2)
    (project.folder / "test/dark/007.png").write_bytes(b"no picture")
    project.gatefile["data"] = {"train": {"path": "train"}, "test": {"path": "test"}}
    project.write("policy.yaml", POLICY + VIEWS)
    project.write_gatefile()
    return project


def test_one_report(subject):
    whole = subject.command("run", "--no-cache")
    print(whole.out, whole.err, json.dumps(whole.report["measurements"], indent=1))
    assert 0
