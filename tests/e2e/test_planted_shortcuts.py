"""Nets that read a mark are found by the region it stands in; the same nets without one pass."""

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cross_entropy

from gate.run import Settings, validate

pytestmark = pytest.mark.slow

SIDE = 36
NETS = """\
from torch import nn


def plain(channels):
    return nn.Sequential(
        nn.Conv2d(channels, 8, 5, stride=2, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(256, 10))


def narrow(channels):
    return nn.Sequential(
        nn.Conv2d(channels, 12, 3, stride=2, padding=1), nn.BatchNorm2d(12), nn.ReLU(),
        nn.Conv2d(12, 16, 3, stride=2, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
        nn.AvgPool2d(3), nn.Flatten(), nn.Linear(144, 10))
"""
POLICY = """\
apiVersion: gate/v1
kind: Policy
metadata: {name: regions, version: 1.0.0}
rules:
  - {check: accuracy, min: 0.80}
  - {check: dataset-integrity}
  - {check: region-evidence, cells: {grid: 4, which: outer, max: 0.10}}
"""
# place, side, share of marks that tell the class, network, channels; the cell that is to be named
MARKS = [
    ("top left", 5, 1.0, "plain", 3, 0),
    ("bottom right", 3, 1.0, "narrow", 3, 15),
    ("top", 5, 1.0, "narrow", 1, 1),
]
CORNERS = {"top left": (0, 0), "bottom right": (SIDE, SIDE), "top": (0, 12)}


def level(label, channels):
    """Return the colour of a class, or its grey."""
    if channels == 1:
        return np.array([25 * label + 15])
    return np.array([60 * (label % 5) + 10, 120 * (label % 3) + 10, 200 * (label % 2) + 20])


def pictures(place, side, share, channels):
    """Return images (n, 36, 36, C) of digits on a dim ground, marked or not, and their labels."""
    bunch = load_digits()
    draws = np.random.default_rng(7)
    large = (bunch.images * 15).astype(np.uint8).repeat(3, axis=1).repeat(3, axis=2)
    tiles = draws.integers(5, 45, (len(large), 6, 6, channels)).astype(np.uint8)
    images = tiles.repeat(6, axis=1).repeat(6, axis=2)
    images[:, 6:30, 6:30] = np.maximum(images[:, 6:30, 6:30], large[..., None])
    if place is not None:
        top, left = (min(each, SIDE - side) for each in CORNERS[place])
        for image, label in zip(images, bunch.target, strict=True):
            tells = label if draws.random() < share else draws.integers(10)
            image[top : top + side, left : left + side] = level(int(tells), channels)
    return images, bunch.target


def train(network, channels, images, labels):
    module: dict[str, object] = {}
    exec(NETS, module)
    torch.manual_seed(0)
    model = module[network](channels)
    assert isinstance(model, nn.Module)
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)
    inputs = torch.from_numpy(images.transpose(0, 3, 1, 2).copy()).float() / 255
    for _ in range(25):
        for rows in torch.randperm(len(labels)).split(32):
            loss = cross_entropy(model(inputs[rows]), torch.from_numpy(labels)[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model.eval()


def judge(folder, mark, share=None):
    """Return the outcome of each region of a net trained on such pictures."""
    place, side, told, network, channels, _ = mark
    images, labels = pictures(None if share == 0 else place, side, told, channels)
    model = train(network, channels, images[::3], labels[::3])
    torch.save(model.state_dict(), folder / "model.pt")
    for row in range(1, len(images), 3):
        path = folder / "test" / f"c{labels[row]}" / f"{row}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(images[row].squeeze()).save(path)
    (folder / "nets.py").write_text(NETS)
    (folder / "policy.yaml").write_text(POLICY)
    (folder / "gate.yaml").write_text(
        "apiVersion: gate/v1\nkind: Validation\n"
        f"model: {{checkpoint: model.pt, factory: 'nets:{network}', "
        f"kwargs: {{channels: {channels}}}}}\n"
        f"classes: [{', '.join(f'c{each}' for each in range(10))}]\n"
        f"input: {{size: [36, 36], channels: {'RGB' if channels == 3 else 'L'}}}\n"
        "data: {test: {path: test}}\npolicy: policy.yaml\n"
    )
    report = validate(folder / "gate.yaml", settings=Settings(out=folder / "out"))
    return report, {
        each.scope.part: each.outcome for each in report.results if each.rule == "region-evidence"
    }


@pytest.mark.parametrize("mark", MARKS, ids=lambda each: "-".join(map(str, each)))
def test_a_net_that_reads_a_mark_fails_for_its_cell(mark, tmp_path):
    report, outcomes = judge(tmp_path, mark)

    assert outcomes[f"cell:4:{mark[-1]}"] == "failed"
    assert report.verdict == "fail"


@pytest.mark.parametrize("mark", MARKS, ids=lambda each: "-".join(map(str, each)))
def test_the_same_net_without_a_mark_does_not_fail(mark, tmp_path):
    _, outcomes = judge(tmp_path, mark, share=0)

    assert "failed" not in outcomes.values()
