"""Names and shapes propose an architecture, whatever the number of classes."""

import pytest
import torch

from gate.subject.checkpoints import inspect
from gate.subject.checkpoints.proposing import proposed_architecture

# SqueezeNet 1.1: place of each fire module -> inputs, squeezed, expanded by each half.
FIRES = {
    3: (64, 16, 64),
    4: (128, 16, 64),
    6: (128, 32, 128),
    7: (256, 32, 128),
    9: (256, 48, 192),
    10: (384, 48, 192),
    11: (384, 64, 256),
    12: (512, 64, 256),
}


def squeezenet(classes, prefix=""):
    """Return tensors with the names that torchvision gives, and the shapes of the paper."""
    shapes = {"features.0": (64, 3, 3, 3)}
    for place, (inputs, squeezed, expanded) in FIRES.items():
        shapes[f"features.{place}.squeeze"] = (squeezed, inputs, 1, 1)
        shapes[f"features.{place}.expand1x1"] = (expanded, squeezed, 1, 1)
        shapes[f"features.{place}.expand3x3"] = (expanded, squeezed, 3, 3)
    shapes["classifier.1"] = (classes, 512, 1, 1)
    state = {}
    for name, shape in shapes.items():
        state[f"{prefix}{name}.weight"] = torch.zeros(shape)
        state[f"{prefix}{name}.bias"] = torch.zeros(shape[0])
    return state


@pytest.mark.parametrize(("classes", "prefix"), [(7, ""), (1000, ""), (12, "module.")])
def test_an_architecture_of_torchvision_is_proposed(classes, prefix, tmp_path):
    torch.save(squeezenet(classes, prefix), tmp_path / "weights.pt")

    assert proposed_architecture(inspect(tmp_path / "weights.pt")) == "squeezenet1_1"


def test_another_shape_is_proposed_nothing(tmp_path):
    state = {**squeezenet(7), "features.0.weight": torch.zeros(64, 1, 3, 3)}
    torch.save(state, tmp_path / "weights.pt")

    assert proposed_architecture(inspect(tmp_path / "weights.pt")) is None


def test_a_file_that_is_refused_is_proposed_nothing(tmp_path):
    (tmp_path / "weights.pt").write_bytes(b"no checkpoint")

    assert proposed_architecture(inspect(tmp_path / "weights.pt")) is None
