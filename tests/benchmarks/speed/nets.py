"""The two networks that are judged: a small one for Fashion-MNIST, and a ResNet-18."""

from itertools import pairwise

from torch import Tensor, nn

PHOTO_CLASSES = 10


def small() -> nn.Module:
    """Return a network for (n, 1, 28, 28): two convolutions and two layers, 10 classes."""
    return nn.Sequential(
        *(nn.Conv2d(1, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(64 * 7 * 7, 128), nn.ReLU(), nn.Linear(128, 10)),
    )


class Block(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut (He and others, 2016, figure 2)."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(after)
        self.second = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(after)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or before != after:
            projection = nn.Conv2d(before, after, 1, stride, bias=False)
            self.shortcut = nn.Sequential(projection, nn.BatchNorm2d(after))
        self.active = nn.ReLU(inplace=True)

    def forward(self, images: Tensor) -> Tensor:
        """Return features (n, after, H / stride, W / stride)."""
        inner = self.active(self.first_norm(self.first(images)))
        return self.active(self.second_norm(self.second(inner)) + self.shortcut(images))


def resnet18(classes: int = PHOTO_CLASSES) -> nn.Module:
    """Return an 18-layer residual network for (n, 3, 224, 224) (He and others, 2016, table 1)."""
    widths = (64, 64, 128, 256, 512)
    blocks = [
        Block(before if place == 0 else after, after, 2 if place == 0 and before != after else 1)
        for before, after in pairwise(widths)
        for place in range(2)
    ]
    return nn.Sequential(
        *(nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True)),
        nn.MaxPool2d(3, 2, 1),
        *blocks,
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, classes)),
    )
