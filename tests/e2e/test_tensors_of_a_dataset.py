"""Tensors of a user's Dataset are compared by their bytes, and with images by nothing."""

DATASET = """\
import numpy as np
import torch


class Tensors(torch.utils.data.Dataset):
    classes = ["dark", "bright"]

    def __init__(self, name):
        found = np.load(name)
        self.images = torch.from_numpy(found["images"]).float()[:, None] / 255
        self.labels = found["labels"]

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return self.images[index], int(self.labels[index])


def made(name):
    return Tensors(name)
"""
POLICY = """\
apiVersion: gate/v1
kind: Policy
metadata: {name: leaks, version: 1.0.0}
rules:
  - {check: train-test-overlap, max_near: 0}
"""


def overlap(project, train, test):
    project.write("tensors.py", DATASET)
    project.write("policy.yaml", POLICY)
    return project.run(data={"train": train, "test": test})


def tensors(name):
    return {"factory": "tensors:made", "kwargs": {"name": name}}


def test_images_and_tensors_are_not_compared_and_do_not_pass(project):
    ran = overlap(project, {"path": "train.npz"}, tensors("train.npz"))

    assert ran.status == 3
    assert {result["outcome"] for result in ran.report["results"]} == {"inconclusive"}


def test_equal_tensors_are_found_and_near_ones_are_not_claimed(project):
    ran = overlap(project, tensors("train.npz"), tensors("train.npz"))

    outcomes = {result["scope"]["part"]: result["outcome"] for result in ran.report["results"]}
    assert outcomes["exact"] == "failed"
    assert outcomes["near"] == "inconclusive"
