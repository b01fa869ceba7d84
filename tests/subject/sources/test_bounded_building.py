"""A configuration builds no module that is larger than its weights, and an honest one builds."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from gate.errors import CheckpointError
from gate.subject.checkpoints import open_checkpoint
from gate.subject.sources.bounded_building import build_bounded, too_large


def network(width=4, depth=2):
    return nn.Sequential(nn.Linear(4, width), *[nn.Linear(width, width) for _ in range(depth)])


@pytest.fixture
def checkpoint(tmp_path):
    save_file(network().state_dict(), tmp_path / "weights.safetensors")
    return open_checkpoint(tmp_path / "weights.safetensors")


def build(make, checkpoint):
    return build_bounded(make, checkpoint, what="a network")


def test_a_network_of_the_weights_is_built_on_the_cpu_for_evaluation(checkpoint):
    model = build(network, checkpoint)

    assert {each.device.type for each in model.parameters()} == {"cpu"}
    assert not model.training


@pytest.mark.parametrize(
    "make",
    [
        lambda: network(width=65_536),
        lambda: network(depth=60_000),
        lambda: nn.Sequential(*[nn.Identity() for _ in range(60_000)]),
        lambda: nn.Linear(10**6, 10**6),
    ],
)
def test_a_network_that_is_larger_than_its_weights_is_not(make, checkpoint):
    with pytest.raises(CheckpointError, match="larger than the weights are"):
        build(make, checkpoint)


def test_what_reads_numbers_while_it_builds_is_built_under_the_same_count(checkpoint):
    def reads(width=4):
        float(torch.linspace(0, 1, 3)[1])
        return network(width)

    assert build(reads, checkpoint)[0].out_features == 4
    with pytest.raises(CheckpointError, match="larger than the weights are"):
        build(lambda: reads(65_536), checkpoint)


def test_what_the_library_raises_is_told_in_words(checkpoint):
    with pytest.raises(CheckpointError, match=r"a network cannot be built .*'width'"):
        build(lambda: {}["width"], checkpoint)


def test_no_hook_is_left_behind(checkpoint):
    with pytest.raises(CheckpointError):
        build(lambda: network(width=65_536), checkpoint)

    assert nn.Linear(10_000, 10_000, device="meta").out_features == 10_000


@pytest.mark.parametrize("value", [10**9, -(10**9), float("inf"), float("nan"), [[{"a": 70_000}]]])
def test_numbers_beyond_reason_are_found_wherever_they_stand(value):
    assert too_large({"depths": [2, value]}) is not None


def test_numbers_of_networks_are_not():
    assert too_large({"depths": [2, 65_536], "drop": 0.1, "flag": True, "name": "x" * 99}) is None
