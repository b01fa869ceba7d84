"""The network of the demo. The gate file names `nets:build`; the gate calls it for a module."""

from torch import nn


def build(classes: int = 10) -> nn.Module:
    """Return a small convolutional network for grey images of 8 x 8 pixels.

    Input (N, 1, 8, 8), 0..1; output (N, classes), one score a class, not yet probabilities.
    """
    return nn.Sequential(
        nn.Conv2d(1, 8, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * 2 * 2, classes),
    )
