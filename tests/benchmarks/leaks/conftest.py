"""Data to plant leaks in, read once; the files beside this one plant them."""

import sys
from pathlib import Path

import pytest

_HERE = str(Path(__file__).parent)
if _HERE not in sys.path:
    sys.path.append(_HERE)  # for `planting`, `planted_edits` and `planted_pictures`


@pytest.fixture(scope="session")
def fashion_mnist():
    """Train and test images, (60000, 28, 28) and (10000, 28, 28)."""
    import planted_pictures

    if not planted_pictures.FASHION_MNIST.is_dir():
        pytest.skip("Fashion-MNIST is not on this machine")
    return planted_pictures.fashion_mnist("train"), planted_pictures.fashion_mnist("t10k")


@pytest.fixture(scope="session")
def scenes():
    """Tiles of photographs, one array for each scene."""
    import planted_pictures

    paths = planted_pictures.wallpapers()
    if len(paths) < 40:
        pytest.skip("there are too few photographs among this machine's wallpapers")
    return [planted_pictures.tiles(path) for path in paths]
