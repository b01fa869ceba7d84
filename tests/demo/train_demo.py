"""Train the six models of the demo, and write their checkpoints and histories into the package.

    python tests/demo/train_demo.py [FOLDER]

The pictures are those of ``gate.demo.digits``, so that the demo judges each model on what it was
trained on. On one machine the result is the same every time; on another it may differ in the last
digits of a weight, and behaves the same.
"""

import csv
import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad

import gate.demo
from gate.demo.digits import IS_IT_AN_EIGHT, WORDS, Picture, pictures

FILES = Path(gate.demo.__file__).parent / "files"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How one model is trained."""

    epochs: int
    classes: Sequence[str] = WORDS
    batch: int
    rate: float = 1e-2  # at the start; it falls to zero along a cosine
    shifts: int = 0  # moves each batch by up to so many pixels: the network must generalise
    network: str = "build"  # of nets.py
    weights: tuple[float, ...] | None = None  # of the classes in the loss


RECIPES = {
    "good": Recipe(epochs=90, batch=32, shifts=1),
    "paradox": Recipe(epochs=80, batch=64, rate=5e-3, classes=IS_IT_AN_EIGHT),
    "threshold": Recipe(epochs=90, batch=64, shifts=1, classes=IS_IT_AN_EIGHT, weights=(1, 0.15)),
    "overfitted": Recipe(epochs=100, batch=16),
    "leaky": Recipe(epochs=60, batch=32),
    "shortcut": Recipe(epochs=40, batch=32, rate=5e-3, shifts=2, network="build_in_colour"),
}


def train(case: str, folder: Path, shown: Sequence[Picture] | None = None) -> None:
    """Leave model.pt and history.csv of a case, or of other pictures for it, in ``folder``."""
    recipe = RECIPES[case]
    shown = pictures(case) if shown is None else shown
    learned = _tensors(shown, "train", recipe.classes)
    unseen = _tensors(shown, "validation", recipe.classes)
    torch.manual_seed(0)
    model = _build(recipe.network, len(recipe.classes))
    optimizer = torch.optim.Adam(model.parameters(), recipe.rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.epochs)
    history = []
    for epoch in range(1, recipe.epochs + 1):
        loss = _epoch(model, optimizer, *learned, recipe)
        schedule.step()
        history.append((epoch, loss, _loss(model, *unseen)))
    torch.save(model.state_dict(), folder / "model.pt")
    _write(history, folder / "history.csv")


def _tensors(shown: Sequence[Picture], split: str, classes: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Return images (n, C, H, W) in 0..1, as the gate gives them, and labels (n,)."""
    chosen = [picture for picture in shown if picture.split == split]
    images = np.stack([np.atleast_3d(picture.pixels).transpose(2, 0, 1) for picture in chosen])
    labels = [classes.index(picture.label) for picture in chosen]
    return torch.from_numpy(images).float() / 255, torch.tensor(labels)


def _build(network: str, classes: int) -> nn.Module:
    """Return a network of the demo's own nets.py, which is data there and no module of ours."""
    spec = importlib.util.spec_from_file_location("demo_nets", FILES / "nets.py")
    assert spec is not None
    assert spec.loader is not None
    nets = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(nets)
    model = getattr(nets, network)(classes)
    assert isinstance(model, nn.Module)
    return model


def _epoch(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    images: Tensor,
    labels: Tensor,
    recipe: Recipe,
) -> float:
    """Return the mean loss of one pass over the images, in nats."""
    total = 0.0
    weights = None if recipe.weights is None else torch.tensor(recipe.weights)
    for rows in torch.randperm(len(labels)).split(recipe.batch):
        batch = _shifted(images[rows], recipe.shifts) if recipe.shifts else images[rows]
        loss = cross_entropy(model(batch), labels[rows], weights)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(rows)
    return total / len(labels)


def _shifted(images: Tensor, most: int) -> Tensor:
    down, right = torch.randint(0, 2 * most + 1, (2,)).tolist()
    height, width = images.shape[2:]
    padded = pad(images, (most,) * 4)
    return padded[:, :, down : down + height, right : right + width]


@torch.inference_mode()
def _loss(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    return cross_entropy(model(images), labels).item()


def _write(history: Sequence[tuple[int, float, float]], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("epoch", "train_loss", "val_loss"))
        writer.writerows((epoch, f"{a:.4f}", f"{b:.4f}") for epoch, a, b in history)


def main() -> None:
    """Train all six into the folder that was named, or into the package."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else FILES
    torch.set_num_threads(1)  # sums are added up in one order
    for case in RECIPES:
        (target / case).mkdir(parents=True, exist_ok=True)
        train(case, target / case)


if __name__ == "__main__":
    main()
