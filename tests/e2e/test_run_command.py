"""The whole path from files to a verdict, through the command line."""

import json
import re
import sqlite3
from contextlib import closing

import jsonschema
import numpy as np
import pytest

from gate.report.model import report_schema

LAST = {"report": ".json", "judged": ".json", "evidence": ".sqlite"}  # kept under other names

STRICT = """\
apiVersion: gate/v1
kind: Policy
metadata: {name: strict, version: 1.0.0}
rules:
  - {check: accuracy, min: 0.999}
"""


def test_a_good_model_passes(project):
    ran = project.run()

    assert ran.status == 0, ran.out
    assert ran.report["verdict"] == "pass"
    assert ran.out.endswith("PASS  exit status 0\n")
    assert ran.err == "Report: gate-out/report.json\n"


def test_a_bad_model_fails(project):
    project.npz("test.npz", 50, seed=2, wrong=20)

    ran = project.run()

    assert ran.status == 1
    assert ran.report["decision"]["exit_status"] == 1
    assert "accuracy" in ran.report["decision"]["reasons"]


def test_too_few_images_are_inconclusive(project):
    project.npz("test.npz", 5, seed=2)

    ran = project.run()

    assert ran.status == 3
    assert "more images would decide it" in " ".join(ran.out.split())


def test_a_checkpoint_that_is_no_checkpoint_is_not_evaluated_and_still_reported(project):
    project.write("model.pt", "not a checkpoint")

    ran = project.run()

    assert ran.status == 4
    assert ran.report["verdict"] == "error"
    assert ran.report["subject"]["sha256"] is not None
    assert ran.kinds == ["corrupt"]


def test_a_typo_in_the_policy_costs_a_second_and_leaves_nothing(project):
    project.write("policy.yaml", STRICT.replace("accuracy,", "acuracy,"))

    ran = project.run()

    assert ran.status == 2
    assert "policy.yaml:5:13: unknown check 'acuracy'; did you mean 'accuracy'?" in ran.err
    assert ran.out == ""
    assert not (project.folder / "gate-out").exists()


def test_audit_mode_reports_everything_and_exits_0(project):
    project.write("policy.yaml", STRICT)

    ran = project.run("--mode", "audit")

    assert ran.status == 0
    assert ran.report["verdict"] != "pass"
    assert ran.report["decision"]["enforced"] is False


def test_audit_mode_does_not_forgive_what_was_not_evaluated(project):
    project.write("model.pt", "not a checkpoint")

    assert project.run("--mode", "audit").status == 4


def test_the_report_meets_its_schema_and_has_no_nan(project):
    ran = project.run()
    text = (project.folder / "gate-out" / "report.json").read_text()

    assert list(jsonschema.Draft202012Validator(report_schema()).iter_errors(ran.report)) == []
    assert not re.search(r"\b(NaN|Infinity)\b", text)


def test_two_runs_differ_only_under_run(project):
    first, second = project.run().report, project.run().report

    first.pop("run")
    second.pop("run")
    assert json.dumps(first) == json.dumps(second)


def test_the_same_verdict_stands_in_every_format(project):
    as_text = project.run()
    as_json = project.run("--format", "json", "-o", "text=verdict.txt", "-o", "json=copy.json")

    printed = json.loads(as_json.out)
    assert as_json.status == as_text.status == 0
    assert printed == json.loads((project.folder / "copy.json").read_text())
    assert (project.folder / "verdict.txt").read_text().endswith("PASS  exit status 0\n")
    assert printed["verdict"] == "pass"


def test_standard_output_carries_one_document_even_where_user_code_prints(project):
    noisy = (project.folder / "nets.py").read_text() + "\nprint('loading')\n"
    noisy = noisy.replace("def build(", "print('module')\n\ndef build(")
    project.write(
        "noisy_nets.py", noisy.replace("return self.head", "print('x'); return self.head")
    )

    ran = project.run(
        "--format", "json", model={"checkpoint": "model.pt", "factory": "noisy_nets:build"}
    )

    assert json.loads(ran.out)["verdict"] == "pass"
    assert "loading" in ran.err


def test_flags_stand_in_for_a_gate_file(project):
    ran = project.command(
        "run", "--checkpoint", "model.pt", "--model", "nets:build", "--train", "train.npz",
        "--test", "test.npz", "--policy", "policy.yaml", "--size", "8x8", "--channels", "L",
    )  # fmt: skip

    assert ran.status == 0, ran.err
    assert ran.report["subject"]["classes"] == ["0", "1"]


def test_a_flag_goes_before_the_gate_file(project):
    project.npz("bad.npz", 50, seed=2, wrong=20)

    assert project.run("--test", "bad.npz").status == 1


def test_a_gate_file_elsewhere_finds_its_files_beside_it(project, monkeypatch, tmp_path_factory):
    project.run()
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))

    assert project.command("run", project.folder / "gate.yaml").status == 0


def test_a_shipped_policy_is_found_by_its_name(project):
    ran = project.run(policy="baseline")

    assert ran.report["policy"]["name"] == "baseline"
    assert ran.report["results"][0]["location"]["file"] == "gate/policies/baseline.yaml"


def test_saved_evidence_is_judged_again_without_model_and_data(project):
    measured = project.run().report
    for name in ("model.pt", "train.npz", "test.npz", "nets.py", "gate.yaml"):
        (project.folder / name).unlink()

    ran = project.command("judge", "gate-out", "--policy", "policy.yaml", "--format", "json")

    judged = json.loads(ran.out)
    judged.pop("run")
    measured.pop("run")
    assert ran.status == 0
    assert judged == measured


def test_saved_evidence_can_be_judged_by_a_stricter_policy(project):
    project.run()
    project.write("strict.yaml", STRICT)

    assert project.command("judge", "gate-out", "--policy", "strict.yaml").status == 3


def test_evidence_of_a_refused_checkpoint_stays_an_error_when_it_is_judged_again(project):
    project.write("model.pt", "not a checkpoint")
    project.run()

    assert project.command("judge", "gate-out", "--policy", "policy.yaml").status == 4


def test_evidence_without_any_data_stays_an_error_when_it_is_judged_again(project):
    project.run(classes=None, data={"test": {"path": "nowhere.npz"}})

    assert project.command("judge", "gate-out", "--policy", "policy.yaml").status == 4


def test_the_old_report_does_not_outlive_a_run_that_did_not_end(project, monkeypatch):
    project.run()

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("gate.measure.subject_evidence.measure_subject", interrupted)
    ran = project.run()

    assert ran.status == 130
    left = {each.name for each in (project.folder / "gate-out").iterdir()}
    assert left == {f"{name}.previous{suffix}" for name, suffix in LAST.items()}


def test_a_crash_of_ours_is_70_and_leaves_no_report(project, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr("gate.report.judgement.Judgement.report_on", broken)
    monkeypatch.setattr("tempfile.tempdir", str(project.folder))
    ran = project.run()

    assert ran.status == 70
    assert ran.report is None
    assert "internal error of validate-model (ZeroDivisionError)" in ran.err
    assert "Traceback" not in ran.err


def test_what_was_not_declared_stands_in_the_report(project):
    ran = project.run(input={"channels": "L"})

    assert any("normalis" in note for note in ran.report["environment"]["assumed"])


def test_a_copy_between_train_and_test_is_found_whatever_its_label(project):
    images, labels = project.images(50, seed=2)
    train, _ = project.images(60, seed=1)
    np.savez("test.npz", images=np.concatenate([images, train[:3]]), labels=[*labels, 1, 1, 1])
    project.write("policy.yaml", STRICT.replace("accuracy, min: 0.999", "train-test-overlap"))

    ran = project.run()

    assert ran.status == 1
    assert ran.report["leakage"]["counts"]["bytes"] == 3
    assert ran.report["decision"]["counts"]["failed"] == 2


def test_the_confusion_matrix_is_that_of_scikit_learn(project):
    from sklearn.metrics import confusion_matrix

    project.npz("test.npz", 50, seed=2, wrong=7)
    ran = project.run()
    with closing(sqlite3.connect("gate-out/evidence.sqlite")) as database:
        rows = database.execute(
            "SELECT label, prediction FROM rows WHERE split = 'test'"
        ).fetchall()

    truth, predicted = zip(*rows, strict=True)
    assert ran.report["confusion"]["test"]["counts"] == confusion_matrix(truth, predicted).tolist()
    assert ran.report["confusion"]["test"]["counts"] == [[43, 7], [7, 43]]


def test_from_python_the_report_is_an_object_with_the_same_verdict(project):
    project.run()

    from gate import judge, validate

    report = validate("gate.yaml")

    assert (report.verdict, report.passed) == ("pass", True)
    assert judge("gate-out", "policy.yaml").results == report.results


def test_saved_predictions_are_judged_without_a_model(project):
    lines = [f"{2 * index},dark,0.9,0.1\n{2 * index + 1},bright,0.2,0.8" for index in range(50)]
    project.write("scores.csv", "\n".join(["id,label,dark,bright", *lines]) + "\n")

    ran = project.run(model=None, input=None, data={"test": {"predictions": "scores.csv"}})

    assert ran.status == 0, ran.err
    assert ran.report["subject"]["sha256"] is None
    assert any("no checkpoint was run" in note for note in ran.report["environment"]["assumed"])


@pytest.mark.parametrize("batch", [1, 7, 64])
def test_the_batch_size_does_not_change_the_report(batch, project):
    whole = project.run().report

    cut = project.run("--no-cache", "--batch", str(batch)).report

    del whole["run"], cut["run"]
    assert json.dumps(cut) == json.dumps(whole)
