import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gate.demo.cases import CASES
from gate.run import Settings, validate

TRAINER = Path(__file__).with_name("train_demo.py")
DECISIVE = {
    "good": "accuracy",
    "paradox": "accuracy-paradox[class=eight]",
    "threshold": "recall[class=eight]",
    "overfitted": "train-test-gap",
    "leaky": "train-test-overlap[part=exact]",
    "shortcut": "region-evidence[part=cell:4:0]",
}


def outcome(report, key: str) -> str:
    return next(result["outcome"] for result in report["results"] if result["key"] == key)


def accuracies(report) -> dict[str, float]:
    """Return the accuracy on train and on test."""
    return {
        metric["split"]: metric["value"]
        for metric in report["metrics"]
        if metric["name"] == "accuracy"
    }


pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    subprocess.run([sys.executable, str(TRAINER), str(folder)], check=True)
    return folder


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_models_trained_anew_behave_as_the_shipped_ones(demo, trained, case, tmp_path):
    shipped = demo.report(case.name)
    shutil.copytree(demo.folder / case.name, tmp_path / "case")
    for name in ("model.pt", "history.csv"):
        shutil.copy(trained / case.name / name, tmp_path / "case" / name)

    report = validate(tmp_path / "case" / "gate.yaml", settings=Settings(out=tmp_path / "out"))

    assert report.verdict == shipped["verdict"]
    assert outcome(json.loads(report.to_json()), DECISIVE[case.name]) == outcome(
        shipped, DECISIVE[case.name]
    )
    assert accuracies(json.loads(report.to_json())) == pytest.approx(accuracies(shipped), abs=0.05)


def test_training_twice_gives_the_same_histories(trained, tmp_path):
    subprocess.run([sys.executable, str(TRAINER), str(tmp_path)], check=True)

    for case in CASES:
        again = (tmp_path / case.name / "history.csv").read_bytes()
        assert again == (trained / case.name / "history.csv").read_bytes()
