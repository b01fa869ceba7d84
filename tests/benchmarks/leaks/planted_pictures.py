"""Pictures to plant copies of, or to raise no alarm: photographs, garments, objects on a ground."""

import gzip
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")
FOLDERS = (Path("/usr/share/backgrounds"), Path("/usr/share/wallpapers"))
TILE = 192  # pixels
_ENDINGS = (".jpg", ".jpeg", ".png", ".webp")
_SMALLEST = 100_000  # bytes: below are previews and drawings
_LONGEST = 1200  # pixels: at full size a tile of a wallpaper is a piece of sky
# One picture comes in many sizes and hours: 800x600.jpg beside others, Name_3840x2160.jpg, Name-d.
_VARIANT = re.compile(r"[-_]?(\d+x\d+|l|d|day|night|light|dark)?$", re.IGNORECASE)

Pictures = NDArray[np.uint8]  # (n, H, W) or (n, H, W, 3)


def wallpapers() -> list[Path]:
    """Return the paths of photographs that this machine has, one for each scene."""
    from sklearn import datasets

    found = sorted((Path(datasets.__file__).parent / "images").glob("*.jpg"))
    return found + one_of_each_scene(path for folder in FOLDERS for path in folder.rglob("*.jpg"))


def photographs_below(folder: Path) -> list[Path]:
    """Return the paths of all photographs below a folder, one for each scene."""
    return one_of_each_scene(p for p in folder.rglob("*") if p.suffix.lower() in _ENDINGS)


def one_of_each_scene(paths: Sequence[Path]) -> list[Path]:
    """Return the largest file of each scene, without previews and darkened variants."""
    scenes: dict[Path, Path] = {}
    for path in sorted(paths):
        if path.stat().st_size >= _SMALLEST and "dark" not in str(path.parent):
            scene = path.parent / _VARIANT.sub("", path.stem)
            scenes[scene] = max(path, scenes.get(scene, path), key=lambda p: p.stat().st_size)
    return sorted(set(scenes.values()))


def tiles(path: Path) -> Pictures:
    """Return disjoint tiles, (n, 192, 192, 3), of a photograph reduced to 1200 pixels."""
    pixels = np.asarray(_reduced(path))
    rows, columns = pixels.shape[0] // TILE, pixels.shape[1] // TILE
    grid = pixels[: rows * TILE, : columns * TILE].reshape(rows, TILE, columns, TILE, 3)
    return grid.swapaxes(1, 2).reshape(-1, TILE, TILE, 3)


def whole(path: Path) -> Pictures:
    """Return the middle of a photograph as the only one of (1, 192, 192, 3)."""
    return np.asarray(ImageOps.fit(_reduced(path), (TILE, TILE), Image.Resampling.LANCZOS))[None]


def _reduced(path: Path) -> Image.Image:
    image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    image.thumbnail((_LONGEST, _LONGEST))
    return image


def fashion_mnist(name: str) -> Pictures:
    """Return the images (n, 28, 28) of "train" or "t10k"; raises OSError where they are not."""
    return np.frombuffer(
        gzip.decompress((FASHION_MNIST / f"{name}-images-idx3-ubyte.gz").read_bytes()),
        np.uint8,
        offset=16,
    ).reshape(-1, 28, 28)


def digits(seed: int = 0) -> Pictures:
    """Return the 1,797 digits of scikit-learn, (n, 8, 8), in a random order."""
    from sklearn.datasets import load_digits

    levels = (load_digits().images * (255 / 16)).astype(np.uint8)
    return levels[np.random.default_rng(seed).permutation(len(levels))]


def scans(count: int, seed: int) -> Pictures:
    """Return made-up scans, (count, 128, 128): an oval with two dark chambers, small on black."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1:1:128j, -1:1:128j]
    found = np.zeros((count, 128, 128), np.uint8)
    for scan in found:
        middle, radii = rng.normal(0, 0.03, 2), (0.36, 0.3) * rng.uniform(0.9, 1.1, 2)
        down, right = (y - middle[0]) / radii[0], (x - middle[1]) / radii[1]
        away = np.hypot(down, right)
        chambers = (np.abs(right) - 0.18 * rng.uniform(0.8, 1.3)) ** 2 / 0.008 + down**2 / 0.1
        soft = enlarged(rng.integers(0, 256, (1, 9, 9), np.uint8), 128)[0] / 255 - 0.5
        level = 120 + 60 * np.clip(1 - away, 0, 1) + 60 * soft - 70 * np.exp(-chambers)
        scan[:] = np.where(away < 1, level.clip(0, 255), 0)
    return found


def enlarged(pictures: Pictures, side: int = 64) -> Pictures:
    """Return pictures brought to ``side`` pixels both ways."""
    return np.stack([np.asarray(Image.fromarray(each).resize((side, side))) for each in pictures])


def on_ground(pictures: Pictures, side: int, frame: int) -> Pictures:
    """Return pictures, enlarged or reduced to ``side`` pixels, amid black frames."""
    margin = (frame - side) // 2
    rest = frame - side - margin
    return np.pad(enlarged(pictures, side), ((0, 0), (margin, rest), (margin, rest)))
