"""What holds for every command: help, version, streams and exit statuses."""

import json
import threading
from dataclasses import replace

import click
import pytest

import gate
from gate.cli import main
from gate.evidence.records import Failure
from gate.evidence.store import save
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun

POLICY = """\
apiVersion: gate/v1
kind: Policy
metadata: {name: accuracy-only, version: 1.0.0}
rules: [{check: accuracy, min: 0.90}]
"""
GOOD = synthetic_evidence(SyntheticRun(test=((490, 10), (10, 490))))
BAD = synthetic_evidence(SyntheticRun(test=((400, 100), (100, 400))))
FEW = synthetic_evidence(SyntheticRun(test=((19, 1), (1, 19))))
REFUSED = replace(GOOD, failures=(Failure("model.pt", "corrupt", "is empty", "copy it again"),))


@pytest.fixture
def judged(tmp_path, monkeypatch, capsys):
    """Return a function that judges saved evidence and gives (status, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.yaml").write_text(POLICY)

    def judge(evidence, *arguments):
        save(evidence, tmp_path / "evidence.sqlite")
        capsys.readouterr()
        status = main(["judge", ".", "--policy", "policy.yaml", *arguments])
        return status, *capsys.readouterr()

    return judge


@pytest.mark.parametrize(
    ("evidence", "status"), [(GOOD, 0), (BAD, 1), (FEW, 3), (REFUSED, 4)], ids=["0", "1", "3", "4"]
)
@pytest.mark.parametrize("form", ["text", "json"])
def test_the_exit_status_is_that_of_the_verdict_in_every_format(evidence, status, form, judged):
    assert judged(evidence, "--format", form)[0] == status


@pytest.mark.parametrize(("evidence", "status"), [(GOOD, 0), (BAD, 0), (FEW, 0), (REFUSED, 4)])
def test_audit_mode_exits_0_unless_nothing_was_evaluated(evidence, status, judged):
    assert judged(evidence, "--mode", "audit")[0] == status


def test_standard_output_carries_one_json_document_and_standard_error_nothing(judged):
    _, out, err = judged(GOOD, "--format", "json")

    assert json.loads(out)["verdict"] == "pass"
    assert err == ""


def test_standard_output_carries_one_text(judged):
    _, out, err = judged(BAD)

    assert out.count("exit status") == 1
    assert err == ""


def test_renderings_may_repeat(judged, tmp_path):
    judged(GOOD, "-o", "json=a.json", "-o", "text=b.txt", "-o", "json=c.json")

    assert (tmp_path / "a.json").read_text() == (tmp_path / "c.json").read_text()
    assert "PASS" in (tmp_path / "b.txt").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "a.json", "b.txt", "c.json", "evidence.sqlite", "policy.yaml",
    ]  # fmt: skip


def test_a_wrong_policy_is_2_and_says_its_line(judged, tmp_path):
    (tmp_path / "policy.yaml").write_text(POLICY.replace("accuracy,", "acuracy,"))

    status, out, err = judged(GOOD)

    assert (status, out) == (2, "")
    assert err.startswith("Error: policy.yaml:4:")


def test_a_class_that_the_evidence_does_not_have_is_2(judged, tmp_path):
    (tmp_path / "policy.yaml").write_text(POLICY.replace("accuracy,", "recall, classes: [bird],"))

    status, _, err = judged(GOOD)

    assert status == 2
    assert "the model has no class 'bird'" in err


def test_missing_evidence_is_4(judged, capsys):
    status = main(["judge", "nowhere", "--policy", "policy.yaml"])

    assert status == 4
    assert capsys.readouterr().err.startswith("Error: nowhere: there is no saved evidence")


def test_a_rule_that_crashes_is_4_and_the_report_says_which(judged, monkeypatch):
    def crash(self, evidence):
        raise RuntimeError("out of cheese")

    monkeypatch.setattr("gate.checks.accuracy.Accuracy.evaluate", crash)

    status, out, _ = judged(GOOD, "--format", "json")

    report = json.loads(out)
    assert (status, report["verdict"]) == (4, "error")
    assert [error["kind"] for error in report["errors"]] == ["rule-crashed"]
    assert "RuntimeError: out of cheese" in report["errors"][0]["message"]


def test_a_bug_of_ours_is_70_with_the_traceback_in_a_file(judged, monkeypatch, tmp_path):
    def broken(*_, **__):
        raise AssertionError("this cannot happen")

    monkeypatch.setattr("gate.report.judgement.build", broken)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    status, out, err = judged(GOOD)

    [crash] = tmp_path.glob("validate-model-crash-*.txt")
    assert (status, out) == (70, "")
    assert str(crash) in err
    assert "Traceback" not in err
    assert "this cannot happen" in crash.read_text()


def test_a_bug_of_ours_is_70_where_nothing_temporary_can_be_written_too(
    judged, monkeypatch, tmp_path
):
    def broken(*_, **__):
        raise AssertionError("this cannot happen")

    monkeypatch.setattr("gate.report.judgement.build", broken)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))

    status, out, err = judged(GOOD)

    assert (status, out) == (70, "")
    assert err.startswith("Error: an internal error of validate-model (AssertionError); please")
    assert "this cannot happen" in err


def interrupted(*_, **__):
    raise KeyboardInterrupt


def interrupted_with_a_lock(*_, **__):
    try:
        raise KeyboardInterrupt
    finally:
        threading.Lock().release()


def interrupted_in_a_callback(*_, **__):
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt as error:
        raise ValueError("a callback raised") from error


@pytest.mark.parametrize(
    "interrupted", [interrupted, interrupted_with_a_lock, interrupted_in_a_callback]
)
def test_an_interrupt_is_130(interrupted, judged, monkeypatch):
    monkeypatch.setattr("gate.report.judgement.build", interrupted)

    status, out, err = judged(GOOD)

    assert (status, out) == (130, "")
    assert err.strip() == "Interrupted; no report was written."


def test_a_full_disk_leaves_the_old_rendering(judged, monkeypatch, tmp_path):
    judged(GOOD, "-o", "json=a.json")
    before = (tmp_path / "a.json").read_text()

    def full(self, *_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    status, _, err = judged(BAD, "-o", "json=a.json")

    assert status == 4
    assert "a.json: cannot be written (No space left on device); make room there" in err
    assert (tmp_path / "a.json").read_text() == before


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["run", "--help"], ["judge", "-h"]])
def test_help_is_on_standard_output_and_exits_0(arguments, capsys):
    assert main(arguments) == 0
    assert "Usage: validate-model" in capsys.readouterr().out


def test_the_help_names_every_command_and_every_exit_status(capsys):
    main(["--help"])
    out = capsys.readouterr().out

    for command in ("run", "judge", "demo", "explain", "policy"):
        assert f"  {command} " in out
    for status in ("0 pass", "1 fail", "2 wrong usage", "3 inconclusive", "4 not evaluated", "70 "):
        assert status in " ".join(out.split())


def test_every_command_of_the_help_can_be_loaded(capsys):
    from gate.cli import program

    for command in program.list_commands(click.Context(program)):
        assert main([command, "--help"]) == 0


def test_the_version_is_the_packages(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"validate-model, version {gate.__version__}\n"


@pytest.mark.parametrize(
    "arguments", [["rnu"], ["run", "--chekpoint", "a"], ["judge"], ["judge", "a"], ["policy", "x"]]
)
def test_wrong_usage_is_2_on_standard_error(arguments, capsys):
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Error" in err


@pytest.mark.parametrize(("word", "said"), [("treshold", "did you mean 'thresholds'?"), ("x", "")])
def test_a_misspelt_command_is_told_with_the_one_that_is_near(word, said, capsys):
    assert main([word]) == 2

    told = capsys.readouterr().err.splitlines()[-1]
    assert told == f"Error: No such command '{word}'. {said}".strip()
