"""A worker that opens the data again finds what was planned, or says what it found instead."""

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from gate.errors import DataError
from gate.evidence.records import Split
from gate.measure.engines.worker_task import datasets_of, measure_unit
from gate.measure.partials.work_units import WorkUnit
from gate.measure.planning import plan_measurement
from gate.measure.settings import MeasureSettings
from gate.subject.gatefile import read_gatefile
from gate.subject.splits import open_splits

SETS = """\
import json
from pathlib import Path

HERE = Path(__file__).parent


class Listed:
    def __init__(self, said):
        self.classes = said["classes"]
        self.count = said["count"]

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        raise IndexError


def made():
    return Listed(json.loads((HERE / "said.json").read_text()))
"""


@pytest.fixture
def job(tmp_path):
    """Return a function that plans to measure a model on a test split."""
    random = np.random.default_rng(0)
    for index in range(12):
        path = tmp_path / "test" / "ab"[index % 2] / f"{index:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (8, 8), dtype=np.uint8)).save(path)
    files = [f"test/{'ab'[index % 2]}/{index:02}.png" for index in range(12)]
    rows = [f"{file},{file[5]},p{at // 3},{'ns'[at % 2]}" for at, file in enumerate(files)]
    (tmp_path / "test.csv").write_text("\n".join(["image,label,patient,site", *rows]) + "\n")
    (tmp_path / "sets.py").write_text(SETS)
    (tmp_path / "said.json").write_text(json.dumps({"classes": ["a", "b"], "count": 12}))
    shutil.copy(tmp_path / "test/a/00.png", tmp_path / "more.png")
    torch.save(nn.Linear(1, 1).state_dict(), tmp_path / "model.pt")

    def made(test, classes=None):
        document = {
            "apiVersion": "gate/v1",
            "kind": "Validation",
            "model": {"checkpoint": "model.pt", "factory": "sets:none"},
            "input": {"channels": "L"},
            "data": {"test": test},
            "policy": "baseline",
        }
        if classes:
            document["classes"] = classes
        (tmp_path / "gate.yaml").write_text(json.dumps(document))
        gatefile = read_gatefile(tmp_path / "gate.yaml")
        datasets, found = open_splits(gatefile)
        return plan_measurement(gatefile, datasets, found, MeasureSettings(cache=None))[1]

    return made


TABLE = {"path": "test.csv", "group": "patient", "slices": ["site"]}


def replaced(old, new):
    def change(folder):
        text = (folder / "test.csv").read_text()
        assert old in text
        (folder / "test.csv").write_text(text.replace(old, new, 1))

    return change


def reordered(folder):
    facts, first, second, *rest = (folder / "test.csv").read_text().splitlines()
    (folder / "test.csv").write_text("\n".join([facts, second, first, *rest]) + "\n")


def test_the_same_data_is_opened_again(job, tmp_path):
    planned_job = job(TABLE)

    assert len(datasets_of(planned_job)[Split.TEST].entries) == 12


@pytest.mark.parametrize(
    "change",
    [
        replaced("00.png,a,", "00.png,b,"),
        replaced("00.png,a,p0", "00.png,a,p9"),
        replaced(",p0,n", ",p0,s"),
        replaced("test/a/00.png", "more.png"),
        reordered,
    ],
    ids=["label", "group", "slice", "name", "order"],
)
def test_as_many_other_images_are_refused_in_words(change, job, tmp_path):
    planned_job = job(TABLE)
    change(tmp_path)

    with pytest.raises(DataError) as caught:
        datasets_of(planned_job)

    assert caught.value.where == "test.csv"
    assert caught.value.fact == (
        "a worker finds other images of test than were listed, or others of their labels, groups "
        "or slices"
    )
    assert caught.value.remedy.startswith("all workers must see the same data at the same path")


def test_another_number_of_images_is_said(job, tmp_path):
    planned_job = job({"factory": "sets:made"})
    (tmp_path / "said.json").write_text(json.dumps({"classes": ["a", "b"], "count": 11}))

    with pytest.raises(DataError, match="a worker finds 11 images where 12 were listed"):
        datasets_of(planned_job)


@pytest.mark.parametrize("classes", [["b", "a"], ["a", "b", "c"]])
def test_a_factory_that_names_other_classes_in_a_worker_is_refused(classes, job, tmp_path):
    planned_job = job({"factory": "sets:made"})
    (tmp_path / "said.json").write_text(json.dumps({"classes": classes, "count": 12}))

    said = f"a worker finds {', '.join(classes)} where a, b were planned"
    with pytest.raises(DataError, match=said):
        datasets_of(planned_job)


def test_an_engine_gives_the_refusal_as_the_outcome_of_its_unit(job, tmp_path):
    planned_job = job(TABLE)
    reordered(tmp_path)

    outcome = measure_unit(planned_job, WorkUnit(Split.TEST, 0, 12))

    assert isinstance(outcome, DataError)
