"""The small network that the corpus holds weights of."""

import torch


class SmallCnn(torch.nn.Module):
    """Two convolutions with batch normalisation, and a head for 16x16 images."""

    def __init__(self, channels: int = 1, classes: int = 10, size: int = 16) -> None:
        super().__init__()
        self.conv1 = torch.nn.Conv2d(channels, 8, 3, padding=1)
        self.bn1 = torch.nn.BatchNorm2d(8)
        self.conv2 = torch.nn.Conv2d(8, 8, 3, padding=1)
        self.pool = torch.nn.MaxPool2d(4)
        self.fc = torch.nn.Linear(8 * (size // 4) ** 2, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        hidden = torch.relu(self.bn1(self.conv1(images)))
        return self.fc(self.pool(self.conv2(hidden)).flatten(1))


def small_cnn(channels: int = 1, classes: int = 10, size: int = 16, seed: int = 0) -> SmallCnn:
    """Return the network with weights that the seed decides, ready to be evaluated."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = SmallCnn(channels, classes, size)
        torch.nn.init.uniform_(model.bn1.running_mean)
        torch.nn.init.uniform_(model.bn1.running_var, 0.5, 1.5)
    return model.eval()


def state(seed: int = 1, **kwargs: int) -> dict[str, torch.Tensor]:
    """Return a plain state_dict of the network."""
    return {
        name: value.clone() for name, value in small_cnn(seed=seed, **kwargs).state_dict().items()
    }
