"""Whoever owns data and model cannot choose what the second pass shows."""

import pytest

POLICY = """\
apiVersion: gate/v1
kind: Policy
metadata: {name: again, version: 1.0.0}
rules:
  - {check: accuracy, min: 0.80}
  - {id: codec, check: stability, views: ["jpeg:90"], max_drop: 0.2}
"""
SETS = """\
import numpy as np


class Items:
    classes = ["dark", "bright"]

    def __init__(self):
        self.asked = {}

    def __len__(self):
        return 80

    def __getitem__(self, at):
        time = self.asked[at] = self.asked.get(at, 0) + 1
        %(odd)s
        noise = np.random.default_rng(at).integers(0, 30, (8, 8), np.uint8)
        return noise + np.uint8(40 + 170 * (at %% 2)), at %% 2


def items():
    return Items()
"""
TWO_SIZES = """

class Limited(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = Brightness()

    def forward(self, images):
        scores = self.inner(images)
        return scores if len(images) != %(refused)s else scores[:0]


def limited():
    return Limited()
"""


@pytest.fixture
def served(project):
    """Return a function that runs on a Dataset that serves something odd."""

    def run(odd="pass"):
        project.write("policy.yaml", POLICY)
        project.write("sets.py", SETS % {"odd": odd})
        project.gatefile["data"] = {"test": {"factory": "sets:items"}}
        project.write_gatefile()
        return project.command("run", "--no-cache")

    return run


def test_a_dataset_that_serves_one_image_each_time_passes(served):
    ran = served()

    assert ran.status == 0, ran.out + ran.errors


@pytest.mark.parametrize("label", ["at % 2", "0"])
def test_other_pixels_at_the_second_reading_are_no_verdict(served, label):
    other = f"np.full((8, 8), 40 + 170 * ({label}) + at, np.uint8)"
    ran = served(f"if time > 3 and at > 5: return {other}, at % 2")

    assert ran.status == 4
    assert "other pixels when it is read a second time" in ran.errors
    assert "without random augmentation" in ran.errors


def test_images_that_are_gone_at_the_second_reading_are_not_left_out(served):
    ran = served("if time > 1 and at == 79: raise ValueError('gone')")

    assert ran.status == 4, ran.out


@pytest.fixture
def asked_twice(project):
    """Return a function that runs a model that refuses batches of one size."""
    import torch

    def run(refused):
        project.write(
            "policy.yaml",
            POLICY.replace(
                'id: codec, check: stability, views: ["jpeg:90"], max_drop: 0.2',
                "check: repeatable, batches: [1, 7, 16]",
            ),
        )
        nets = (project.folder / "nets.py").read_text()
        project.write("nets.py", nets + TWO_SIZES % {"refused": refused})
        state = torch.load(project.folder / "model.pt", weights_only=True)
        torch.save({f"inner.{k}": each for k, each in state.items()}, project.folder / "model.pt")
        project.write_gatefile(model={"checkpoint": "model.pt", "factory": "nets:limited"})
        ran = project.command("run", "--no-cache", "--batch", 16)
        found = {each["key"]: each for each in ran.report["results"]}
        return found["repeatable[part=batches]"]

    return run


def test_a_model_that_refuses_a_batch_has_not_answered_alike_in_it(asked_twice):
    found = asked_twice(7)

    assert found["outcome"] == "inconclusive", found


def test_a_model_that_takes_the_batches_and_answers_alike_passes(asked_twice):
    assert asked_twice(8)["outcome"] == "passed"
