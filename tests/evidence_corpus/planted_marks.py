"""Nets trained on digits with a planted mark, and what they lose where it means nothing."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cross_entropy

SIDE = 36
CLASSES = tuple(f"c{each}" for each in range(10))
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
CORNERS = {"top left": (0, 0), "top": (0, 12), "bottom right": (SIDE, SIDE)}
CELLS = {"top left": 0, "top": 1, "bottom right": 15}  # of 4 x 4


@dataclass(frozen=True)
class Mark:
    """A square in a corner whose colour tells the class, and the net that may read it."""

    place: str | None  # None: there is no mark
    side: int  # pixels
    share: float  # of the marks tell the class; the others, some class
    network: str
    channels: int

    def __str__(self):
        colour = "colour" if self.channels == 3 else "grey"
        if self.place is None:
            return f"no mark, {self.network}, {colour}"
        return f"{self.place}, {self.side} px, {self.share:.0%}, {self.network}, {colour}"


@dataclass(frozen=True)
class Planted:
    """A trained net, and the test images it is judged on."""

    mark: Mark
    model: nn.Module
    images: np.ndarray  # (n, 36, 36, C), levels
    labels: np.ndarray
    without_meaning: np.ndarray  # the same images; no mark tells the class

    def accuracy(self, images):
        with torch.inference_mode():
            answers = self.model(_inputs(images)).argmax(dim=1).numpy()
        return float((answers == self.labels).mean())


def plant(mark):
    """Return a net that is trained on every third picture, with the next of each as test images."""
    images, labels = pictures(mark)
    model = _train(mark, images[::3], labels[::3])
    meaningless, _ = pictures(replace(mark, share=0.0))
    return Planted(mark, model, images[1::3], labels[1::3], meaningless[1::3])


def pictures(mark):
    """Return images (n, 36, 36, C) of digits on a dim ground, marked or not, and their labels."""
    bunch = load_digits()
    draws = np.random.default_rng(7)
    large = (bunch.images * 15).astype(np.uint8).repeat(3, axis=1).repeat(3, axis=2)
    tiles = draws.integers(5, 45, (len(large), 6, 6, mark.channels)).astype(np.uint8)
    images = tiles.repeat(6, axis=1).repeat(6, axis=2)
    images[:, 6:30, 6:30] = np.maximum(images[:, 6:30, 6:30], large[..., None])
    if mark.place is not None:
        top, left = (min(each, SIDE - mark.side) for each in CORNERS[mark.place])
        for image, label in zip(images, bunch.target, strict=True):
            tells = label if draws.random() < mark.share else draws.integers(10)
            square = image[top : top + mark.side, left : left + mark.side]
            square[:] = _level(int(tells), mark.channels)
    return images, bunch.target


def write_project(planted, folder, policy):
    """Write the net, its test images, a policy and the gate file into a folder."""
    mark = planted.mark
    torch.save(planted.model.state_dict(), folder / "model.pt")
    for row, (image, label) in enumerate(zip(planted.images, planted.labels, strict=True)):
        path = Path(folder, "test", CLASSES[label], f"{row}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image.squeeze()).save(path)
    (folder / "nets.py").write_text(NETS)
    (folder / "policy.yaml").write_text(policy)
    (folder / "gate.yaml").write_text(
        "apiVersion: gate/v1\nkind: Validation\n"
        f"model: {{checkpoint: model.pt, factory: 'nets:{mark.network}', "
        f"kwargs: {{channels: {mark.channels}}}}}\n"
        f"classes: [{', '.join(CLASSES)}]\n"
        f"input: {{size: [36, 36], channels: {'RGB' if mark.channels == 3 else 'L'}}}\n"
        "data: {test: {path: test}}\npolicy: policy.yaml\n"
    )
    return folder / "gate.yaml"


def _level(label, channels):
    """Return the colour of a class, or its grey."""
    if channels == 1:
        return np.array([25 * label + 15])
    return np.array([60 * (label % 5) + 10, 120 * (label % 3) + 10, 200 * (label % 2) + 20])


def _train(mark, images, labels):
    module: dict[str, object] = {}
    exec(NETS, module)
    torch.manual_seed(0)
    model = module[mark.network](mark.channels)
    assert isinstance(model, nn.Module)
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)
    inputs = _inputs(images)
    for _ in range(25):
        for rows in torch.randperm(len(labels)).split(32):
            loss = cross_entropy(model(inputs[rows]), torch.from_numpy(labels)[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model.eval()


def _inputs(images):
    return torch.from_numpy(images.transpose(0, 3, 1, 2).copy()).float() / 255
