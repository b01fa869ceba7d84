"""The two critical ways in which a pass was bought, on real images, end to end.

A model that is wrong on a third of its digits is judged, then again with its wrong test images
given as validation, and with near copies of them put into train. No metric is without them.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

from gate.cli import main

NETS = """\
import torch
from torch import nn


class Corner(nn.Module):
    \"\"\"Reads the class from the brightness of a corner; the digit beneath plays no part.\"\"\"

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.full((1,), 20.0))

    def forward(self, images):
        bright = (images[:, 0, :4, :4].mean(dim=(1, 2)) - 0.5) * self.scale
        return torch.stack([-bright, bright], dim=1)


def build():
    return Corner()
"""
GATE = """\
apiVersion: gate/v1
kind: Validation
model: {checkpoint: model.pt, factory: "nets:build"}
classes: [even, odd]
input: {size: [32, 32], channels: L}
data:
  train: {path: data/train}
%(validation)s  test: {path: data/test}
history: history.csv
policy: baseline
"""
CLASSES = ("even", "odd")


class Project:
    """A folder with a model, real digits, and what its owner rearranges."""

    def __init__(self, folder):
        self.folder = folder
        digits, self.labels = load_digits(return_X_y=True)
        self.pictures = [self._large(each) for each in digits.reshape(-1, 8, 8)]
        (folder / "nets.py").write_text(NETS)
        torch.save({"scale": torch.full((1,), 20.0)}, folder / "model.pt")
        curve = "".join(f"{e},{2 * 0.7**e + 0.05},{2 * 0.72**e + 0.08}\n" for e in range(12))
        (folder / "history.csv").write_text("epoch,train_loss,val_loss\n" + curve)

    @staticmethod
    def _large(digit):
        return np.asarray(
            Image.fromarray((digit * 15).astype(np.uint8)).resize(
                (32, 32), Image.Resampling.BICUBIC
            )
        )

    def marked(self, index, answer):
        """Return a digit that the model takes for the class ``answer``."""
        picture = self.pictures[index].copy()
        picture[:4, :4] = 235 if answer else 15
        return picture

    def put(self, split, index, *, right, picture=None):
        truth = int(self.labels[index] % 2)
        made = self.marked(index, truth if right else 1 - truth) if picture is None else picture
        path = self.folder / "data" / split / CLASSES[truth] / f"{split}-{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(made).save(path)
        return path

    def run(self, out="gate-out", *, validation=False):
        given = "  validation: {path: data/validation}\n" if validation else ""
        (self.folder / "gate.yaml").write_text(GATE % {"validation": given})
        return main(["run", "gate.yaml", "--verbose", "--out", out])

    def report(self, out="gate-out"):
        return json.loads((self.folder / out / "report.json").read_text("utf-8"))


@pytest.fixture
def weak(tmp_path, monkeypatch):
    """A model that is right on every train image, and on two thirds of the test images."""
    monkeypatch.chdir(tmp_path)
    project = Project(tmp_path)
    for index in range(600):
        project.put("train", index, right=True)
    project.wrong = [index for index in range(600, 900) if index % 3 == 0]
    for index in range(600, 900):
        project.put("test", index, right=index not in project.wrong)
    return project


def hidden_in_validation(project):
    for index in project.wrong:
        project.put("validation", index, right=False)


def hidden_in_train(project):
    for index in project.wrong:
        brighter = project.marked(index, 1 - project.labels[index] % 2).astype(int) + 2
        picture = np.clip(brighter, 0, 255).astype(np.uint8)
        project.put("train", index, right=False, picture=picture)


@pytest.mark.parametrize(
    ("attack", "validation"), [(hidden_in_validation, True), (hidden_in_train, False)]
)
def test_wrong_answers_that_stand_in_another_split_still_count(attack, validation, weak, capsys):
    assert weak.run("before") == 1
    attack(weak)
    capsys.readouterr()

    assert weak.run("after", validation=validation) == 1

    report = weak.report("after")
    [accuracy] = [each for each in report["results"] if each["key"] == "accuracy"]
    assert accuracy["outcome"] == "failed"
    assert accuracy["rows"] == "as given"
    assert accuracy["measured"]["value"] == pytest.approx(2 / 3)
    [clean] = [each for each in accuracy["readings"] if each["rows"] != "as given"]
    assert clean["measured"]["value"] > 0.9  # what it was bought up to
    said = " ".join(capsys.readouterr().out.split())
    assert "accuracy on test is 0.667 (200/300" in said
    assert "; judged as given (without leaked and repeated images: " in said


def test_a_door_refuses_what_was_rearranged(weak, capsys):
    hidden_in_validation(weak)
    weak.run(validation=True)
    capsys.readouterr()
    assert (
        main(["keygen", "ci.key", "--name", "ci", "--role", "runner", "--policy", "baseline"]) == 0
    )
    trust = "apiVersion: gate/v1\nkind: TrustRoot\napprovals: 0\nkeys:\n" + capsys.readouterr().out
    Path("trust.yaml").write_text(trust)
    attest = ["attest", "gate-out", "--checkpoint", "model.pt", "--key", "ci.key"]
    assert main([*attest, "-o", "model.intoto.jsonl"]) == 0  # as FAILED

    verify = ["verify", "model.pt", "--attestation", "model.intoto.jsonl", "--policy", "baseline"]
    assert main([*verify, "--trust", "trust.yaml"]) == 5

    assert "REFUSED verdict-not-passed" in capsys.readouterr().out


def test_a_good_model_with_a_few_near_copies_in_train_passes(weak, capsys):
    shutil.rmtree(weak.folder / "data" / "test")
    for index in range(600, 900):
        weak.put("test", index, right=True)
    for index in range(600, 609):  # 3 %
        picture = np.clip(weak.marked(index, weak.labels[index] % 2).astype(int) + 2, 0, 255)
        weak.put("train", index, right=True, picture=picture.astype(np.uint8))

    assert weak.run() == 0

    assert weak.report()["leakage"]["unjudged"]  # near copies, which baseline does not judge
    assert "nearly equal" in capsys.readouterr().out
