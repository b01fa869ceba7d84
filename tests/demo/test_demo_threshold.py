"""A model with low scores passes by a threshold, and pays; one that knows no eights does not."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from gate.cli import main
from gate.evidence.operating_point import OperatingPoint, Threshold
from gate.evidence.store import load
from gate.run import judge


def report_in(folder):
    return json.loads((folder / "report.json").read_text(encoding="utf-8"))


def value_of(metrics, name):
    [found] = [
        each["value"]
        for each in metrics
        if (each["split"], each["name"], each.get("class")) == ("test", name, "eight")
    ]
    return found


@pytest.fixture
def case(demo, tmp_path, monkeypatch):
    """A folder of one's own with the case, and no operating point in its gate file."""
    folder = Path(shutil.copytree(demo.folder / "threshold", tmp_path / "threshold"))
    shutil.rmtree(folder / "gate-out")
    gatefile = folder / "gate.yaml"
    document = yaml.safe_load(gatefile.read_text(encoding="utf-8"))
    del document["operating_point"]
    gatefile.write_text(yaml.safe_dump(document), encoding="utf-8")
    monkeypatch.chdir(folder)
    return folder


def test_lines_that_thresholds_prints_turn_a_failure_into_a_pass(case, capsys):
    by_the_highest_score = main(["run", "gate.yaml"])
    capsys.readouterr()
    found = main(["thresholds", "gate-out", "--class", "eight", "--recall", "0.9"])
    lines = capsys.readouterr().out.partition("for the gate file:")[2]
    with (case / "gate.yaml").open("a", encoding="utf-8") as file:
        file.write(lines)

    pasted = main(["run", "gate.yaml"])

    assert (by_the_highest_score, found, pasted) == (1, 0, 0)
    assert "recall of eight 0.643 (here 1.000)" in " ".join(capsys.readouterr().out.split())


def test_the_pass_is_paid_for_with_precision(demo):
    report = demo.report("threshold")
    here, before = report["metrics"], report["operating_point"]["at_highest_score"]

    assert value_of(here, "recall") > value_of(before, "recall") + 0.3
    assert value_of(here, "precision") < value_of(before, "precision") - 0.3


def test_the_paradox_fails_at_its_own_best_threshold(demo, tmp_path, capsys):
    gatefile = str(demo.folder / "paradox" / "best-threshold.yaml")

    status = main(["run", gatefile, "--out", str(tmp_path)])

    assert status == 1
    failed = {each["key"] for each in report_in(tmp_path)["results"] if each["outcome"] == "failed"}
    assert "precision[class=eight]" in failed
    capsys.readouterr()


@pytest.mark.parametrize("policy", ["baseline", "threshold/policy.yaml"])
def test_no_threshold_makes_the_paradox_find_eights_without_calling_others_so(demo, policy):
    named = policy if policy == "baseline" else str(demo.folder / policy)
    measured = load(demo.folder / "paradox" / "gate-out")
    scores = next(each.rows for each in measured.splits.values() if each.split == "test").scores

    for least in sorted(set(scores[:, 1].tolist())):
        point = OperatingPoint((Threshold("eight", least, None),), otherwise="best")
        stated = replace(measured.configuration, operating_point=point)
        report = judge(replace(measured, configuration=stated), named)
        failed = {each.rule for each in report.results if each.outcome == "failed"}
        assert failed & {"recall", "precision", "accuracy"}, least
