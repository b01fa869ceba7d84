import json
from datetime import UTC, datetime, timedelta

import pytest
from measured import as_measured

from gate.cli import main
from gate.evidence.records import Subject
from gate.evidence.store import FILE_NAME, save
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun

TODAY = datetime.now(UTC).date()


@pytest.fixture
def saved(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.yaml").write_text(
        "apiVersion: gate/v1\nkind: Policy\nmetadata: {name: a, version: '1'}\n"
        "rules: [{check: accuracy, min: 0.9}]\n"
    )
    made = synthetic_evidence(SyntheticRun(test=((700, 300), (300, 700))))
    save(as_measured(made, Subject("a" * 64, 9, "safetensors")), tmp_path / FILE_NAME)
    return tmp_path


def _waiver(folder, expires):
    (folder / "w.yaml").write_text(
        "apiVersion: gate/v1\nkind: WaiverSet\nwaivers:\n"
        f"  - {{result: accuracy, checkpoint: {'a' * 64}, floor: 0.6, reason: a pilot,\n"
        f"     ticket: T-1, requested_by: ann, approved_by: bob,\n"
        f"     approved_on: {TODAY - timedelta(days=9)}, expires: {expires}}}\n"
    )


def _judged(capsys, *arguments):
    status = main(["judge", ".", "--policy", "policy.yaml", "--format", "json", *arguments])
    return status, json.loads(capsys.readouterr().out)


def test_a_waiver_that_holds_lets_a_failure_through_and_stands_in_the_report(saved, capsys):
    _waiver(saved, TODAY)

    status, report = _judged(capsys, "--waivers", "w.yaml")

    assert (status, report["verdict"]) == (0, "pass")
    assert report["results"][0]["waiver"] == "T-1"
    assert report["decision"]["counts"]["waived"] == 1


def test_a_waiver_that_expired_yesterday_changes_nothing_and_stands_in_the_report(saved, capsys):
    _waiver(saved, TODAY - timedelta(days=1))

    status, report = _judged(capsys, "--waivers", "w.yaml")

    assert (status, report["verdict"]) == (1, "fail")
    assert [waiver["ticket"] for waiver in report["waivers"]["expired"]] == ["T-1"]


def test_a_faulty_waiver_is_wrong_usage_before_anything_is_judged(saved, capsys):
    (saved / "w.yaml").write_text("apiVersion: gate/v1\nkind: WaiverSet\nwaiver: []\n")

    assert main(["judge", ".", "--policy", "policy.yaml", "--waivers", "w.yaml"]) == 2
    assert "w.yaml:3:1: unknown key 'waiver'; did you mean 'waivers'?" in capsys.readouterr().err
