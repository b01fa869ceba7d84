"""Small nets that are really trained, on digits of five colours and on Fashion-MNIST."""

import gzip
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

FASHION = Path("/usr/share/datasets/fashion-mnist")
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
CLOTHES = (
    "shirt", "trouser", "pullover", "dress", "coat", "sandal", "blouse", "sneaker", "bag", "boot",
)  # fmt: skip
IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
# Of the ink, for a digit and that which is five above it: red and blue tell some of them apart.
_INKS = np.array(
    [[240, 90, 30], [30, 90, 240], [90, 240, 60], [220, 200, 20], [20, 200, 220]], np.float64
)

NETS = """\
import torch
from torch import nn
from torch.nn import functional


class ByBatch(nn.BatchNorm2d):
    def forward(self, images):
        return functional.batch_norm(
            images, None, None, self.weight, self.bias, training=True, eps=self.eps
        )


def conv(channels, width=8, norm=nn.BatchNorm2d):
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1), norm(width), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(width, 2 * width, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(3),
        nn.Flatten(), nn.Linear(18 * width, 10),
    )


def build(kind="conv", channels=3, pixels=64):
    if kind == "linear":
        return nn.Sequential(nn.Flatten(), nn.Linear(channels * pixels, 10))
    if kind == "perceptron":
        return nn.Sequential(
            nn.Flatten(), nn.Linear(channels * pixels, 32), nn.ReLU(), nn.Dropout(0.3),
            nn.Linear(32, 10),
        )
    if kind == "narrow":
        return conv(channels, width=3)
    if kind == "wide":
        return conv(channels, width=24)
    if kind == "plain":
        return conv(channels, norm=nn.Identity)
    if kind == "by batch":
        return conv(channels, norm=ByBatch)
    return conv(channels)
"""


@dataclass(frozen=True)
class Pictures:
    """Images (n, height, width) or (n, height, width, 3) of uint8, and their labels, (n,)."""

    images: np.ndarray
    labels: np.ndarray

    def __len__(self):
        return len(self.labels)

    def take(self, chosen):
        return Pictures(self.images[chosen], self.labels[chosen])

    def save(self, path):
        np.savez(path, images=self.images, labels=self.labels)


@cache
def digits(split, noise=0):
    """Return the digits of scikit-learn, each in the ink of its class; half of them are train."""
    from sklearn.datasets import load_digits

    loaded = load_digits()
    chosen = np.arange(len(loaded.target)) % 2 == (split == "test")
    labels = loaded.target[chosen].astype(np.int64)
    ink = loaded.images[chosen][..., None] / 16 * _INKS[labels % 5][:, None, None]
    random = np.random.default_rng(len(split))
    noisy = ink + random.normal(0, noise, ink.shape)
    return Pictures(noisy.clip(0, 255).astype(np.uint8), labels)


@cache
def clothes(split):
    """Return the first 1,000 images of a split of Fashion-MNIST."""
    name = "train" if split == "train" else "t10k"

    def read(kind, header):
        with gzip.open(FASHION / f"{name}-{kind}-ubyte.gz") as file:
            return np.frombuffer(file.read(), np.uint8, offset=header)

    images = read("images-idx3", 16).reshape(-1, 28, 28)[:1000]
    return Pictures(images, read("labels-idx1", 8)[:1000].astype(np.int64))


def prepare(images, spec):
    """Return images (n, C, H, W) as a loop of training gives them to a net, by hand."""
    levels = images.astype(np.float32)
    levels = levels[..., None] if levels.ndim == 3 else levels
    if spec.get("channels") == "BGR":
        levels = levels[..., ::-1]
    scaled = levels * spec.get("scale", 1 / 255)
    made = (scaled - np.array(spec.get("mean", 0.0))) / np.array(spec.get("std", 1.0))
    return np.ascontiguousarray(made.transpose(0, 3, 1, 2), np.float32)


def train(path, pictures, *, spec=None, kind="conv", steps=150, rate=1e-2, seed=0, weights=None):
    """Train a net on pictures prepared by ``spec`` and leave its weights at ``path``."""
    import torch
    from torch.nn.functional import cross_entropy

    names = {}
    exec(NETS, names)
    torch.manual_seed(seed)
    shown = torch.from_numpy(prepare(pictures.images, spec or {}))
    truth = torch.from_numpy(pictures.labels)
    net = names["build"](kind, shown.shape[1], shown.shape[2] * shown.shape[3])
    optimizer = torch.optim.Adam(net.parameters(), rate)
    weight = None if weights is None else torch.tensor(weights)
    for _ in range(steps):
        chosen = torch.randint(len(shown), (64,))
        optimizer.zero_grad()
        cross_entropy(net(shown[chosen]), truth[chosen], weight=weight).backward()
        optimizer.step()
    torch.save(net.state_dict(), path)
