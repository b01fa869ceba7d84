"""The networks of the demo. A gate file names `nets:build`; the gate calls it for a module."""

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


def build_in_colour(classes: int = 10) -> nn.Module:
    """Return a small convolutional network for RGB images of 36 x 36 pixels.

    Input (N, 3, 36, 36), 0..1; output (N, classes), one score a class, not yet probabilities.
    """
    return nn.Sequential(
        nn.Conv2d(3, 8, kernel_size=5, stride=2, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * 4 * 4, classes),
    )
