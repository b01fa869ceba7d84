"""Where the model runs: full precision on every device, and transfers that wait for nobody."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from gate.measure.inference.torch_runner import TorchRunner, require_exact_products

KINDS = ("cuda.matmul", "cudnn.conv", "cudnn.rnn", "mkldnn.matmul", "mkldnn.conv", "mkldnn.rnn")


def setting(name):
    place = torch.backends
    for part in name.split("."):
        place = getattr(place, part)
    return place


@pytest.fixture
def careless():
    """Set torch as a user's training code may, and leave it as the gate does."""
    backends = torch.backends
    backends.fp32_precision = "tf32"
    torch.set_float32_matmul_precision("medium")
    backends.mkldnn.conv.fp32_precision = "bf16"
    backends.cudnn.benchmark, backends.cudnn.deterministic = True, False
    yield
    require_exact_products()  # half of it undone would trip whoever asks by torch's older names


def test_torchs_older_names_still_answer(careless):
    TorchRunner.start(network(), ("a", "b"), "cpu")

    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(288, 2))


def images(count=5):
    return np.random.default_rng(0).random((count, 1, 8, 8), dtype=np.float32)


@pytest.mark.parametrize("kind", KINDS)
def test_no_product_is_rounded_whatever_the_users_code_chose(careless, kind):
    TorchRunner.start(network(), ("a", "b"), "cpu")

    assert setting(kind).fp32_precision == "ieee"


def test_algorithms_are_not_chosen_by_a_stopwatch(careless):
    TorchRunner.start(network(), ("a", "b"), "cpu")

    assert (torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic) == (False, True)


def test_images_for_cuda_are_pinned_and_sent_without_waiting(monkeypatch):
    done = []
    runner = replace(TorchRunner.start(network(), ("a", "b"), "cpu"), place=torch.device("cuda"))

    def to(tensor, place, *, non_blocking):
        done.append((place.type, non_blocking))
        return tensor

    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: done.append("pinned") or tensor)
    monkeypatch.setattr(torch.Tensor, "to", to)

    runner.outputs(images())

    assert done == ["pinned", ("cuda", True)]


@pytest.mark.parametrize(
    ("device", "there"),
    [("cuda", torch.cuda.is_available()), ("mps", torch.backends.mps.is_available())],
)
def test_a_device_answers_as_the_cpu_does(device, there):
    if not there:
        pytest.skip(f"this machine has no {device}")
    expected = TorchRunner.start(network(), ("a", "b"), "cpu").outputs(images())

    found = TorchRunner.start(network(), ("a", "b"), device).outputs(images())

    assert found == pytest.approx(expected, abs=1e-5)
    assert found.argmax(axis=1).tolist() == expected.argmax(axis=1).tolist()
