"""What is judged: a folder each, with a gate file, a checkpoint, data and ``job.json``.

    python jobs.py fashion FOLDER
    python jobs.py tenfold FOLDER
    python jobs.py photos FOLDER IMAGES

A process of its own, so that the one that measures stays small: on Linux the peak memory of a
process is never below what its parent held when it started it.
"""

import gzip
import json
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nets
import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_sample_images
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

FASHION = Path("/usr/share/datasets/fashion-mnist")
FASHION_CLASSES = [
    *("T-shirt", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Boot"),
]
FASHION_INPUT = {"channels": "L"}
PHOTO_CLASSES = [f"class-{number}" for number in range(nets.PHOTO_CLASSES)]
PHOTO_INPUT = {
    "channels": "RGB",
    "resize": "shorter-side",
    "size": [224, 224],
    "crop": "center",
    "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225],
}
WIDTH, HEIGHT = 500, 375
EVERY = 5  # one photo of so many is for testing


def fashion(folder: Path) -> None:
    """Write the job of Fashion-MNIST, 60,000 and 10,000 images, with a network trained here."""
    model = _trained()
    data = {split: _idx_files(FASHION, name, ".gz") for split, name in _FASHION_SPLITS.items()}
    _write(folder, model, "small", FASHION_CLASSES, FASHION_INPUT, data, 70_000, (1, 28, 28))


def tenfold(folder: Path) -> None:
    """Write Fashion-MNIST ten times: each image as it is, and blended with nine others."""
    for name in _FASHION_SPLITS.values():
        images, labels = _fashion(name)
        with (folder / f"{name}-images-idx3-ubyte").open("wb") as file:
            file.write(_idx_head(3, 10 * len(images), 28, 28))
            for copy in range(10):
                other = np.roll(images, 997 * copy, axis=0)
                file.write(((3 * images.astype(np.uint16) + other) // 4).astype(np.uint8).tobytes())
        head = _idx_head(1, 10 * len(labels))
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(head + 10 * labels.tobytes())
    data = {split: _idx_files(folder, name, "") for split, name in _FASHION_SPLITS.items()}
    _write(folder, _trained(), "small", FASHION_CLASSES, FASHION_INPUT, data, 700_000, (1, 28, 28))


def photos(folder: Path, count: int) -> None:
    """Write ``count`` JPEG files of 500 x 375 pixels, and a ResNet-18 with weights by chance."""
    for split in ("train", "test"):
        for name in PHOTO_CLASSES:
            (folder / split / name).mkdir(parents=True)
    sources = [Image.fromarray(picture) for picture in load_sample_images().images]

    def paint(number: int) -> None:
        split = "train" if number % EVERY else "test"
        name = PHOTO_CLASSES[number // EVERY % len(PHOTO_CLASSES)]
        _photo(sources, number).save(folder / split / name / f"{number:06d}.jpg", quality=88)

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as painters:
        list(painters.map(paint, range(count)))
    model = _by_chance([_photo(sources, -1 - number) for number in range(32)])
    data = {split: {"path": str(folder / split)} for split in ("train", "test")}
    _write(folder, model, "resnet18", PHOTO_CLASSES, PHOTO_INPUT, data, count, (3, 224, 224))


_FASHION_SPLITS = {"train": "train", "test": "t10k"}


def _idx_files(folder: Path, name: str, end: str) -> dict[str, str]:
    return {
        "images": str(folder / f"{name}-images-idx3-ubyte{end}"),
        "labels": str(folder / f"{name}-labels-idx1-ubyte{end}"),
    }


def _idx_head(kind: int, *shape: int) -> bytes:
    return np.array([0x0800 + kind, *shape], ">i4").tobytes()


def _fashion(name: str) -> tuple[np.ndarray, np.ndarray]:
    files = _idx_files(FASHION, name, ".gz")
    images = np.frombuffer(gzip.decompress(Path(files["images"]).read_bytes()), np.uint8, offset=16)
    labels = np.frombuffer(gzip.decompress(Path(files["labels"]).read_bytes()), np.uint8, offset=8)
    return images.reshape(-1, 28, 28), labels


def _trained() -> nn.Module:
    """Return the small network after one epoch, about 0.9 accurate; the seed is fixed."""
    torch.manual_seed(0)
    model = nets.small()
    images, labels = (torch.from_numpy(each.copy()) for each in _fashion("train"))
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-3)
    for rows in torch.randperm(len(images)).split(256):
        optimiser.zero_grad()
        answer = model(images[rows].unsqueeze(1).float() / 255)
        nn.functional.cross_entropy(answer, labels[rows].long()).backward()
        optimiser.step()
    return model.eval()


def _by_chance(pictures: list[Image.Image]) -> nn.Module:
    """Return a ResNet-18 that nobody trained, and that gives every class to some pictures.

    Its normalisations are those of ``pictures``; the mean of each class's scores is taken away.
    """
    torch.manual_seed(0)
    model = nets.resnet18()
    small = [np.asarray(picture.resize((224, 224)), np.float32) for picture in pictures]
    images = torch.from_numpy((np.stack(small) / 255 - 0.45) / 0.225).permute(0, 3, 1, 2)
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = None  # the plain mean of what is seen
    with torch.no_grad():
        model.train()(images)
        model.eval()[-1].bias -= model(images).mean(dim=0)
    return model


def _photo(sources: list[Image.Image], number: int) -> Image.Image:
    """Return a picture like no other: two pieces of photographs mixed unevenly, with noise."""
    random = np.random.default_rng(abs(number) * 2 + (number < 0))
    pieces = [np.asarray(_piece(sources, random), np.float32) for _ in range(2)]
    coarse = Image.fromarray(random.integers(0, 256, (4, 5), np.uint8))
    share = np.asarray(coarse.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC), np.float32)
    share = share[..., None] / 255
    mixed = share * pieces[0] + (1 - share) * pieces[1]
    mixed += random.standard_normal((HEIGHT, WIDTH, 1), np.float32) * random.uniform(4, 14)
    return Image.fromarray(mixed.clip(0, 255).astype(np.uint8))


def _piece(sources: list[Image.Image], random: np.random.Generator) -> Image.Image:
    source = sources[random.integers(len(sources))]
    width = int(random.integers(150, 520))
    height = width * HEIGHT // WIDTH
    left = int(random.integers(source.width - width))
    top = int(random.integers(source.height - height))
    box = (left, top, left + width, top + height)
    turned = source.transpose(Image.Transpose(int(random.integers(2))))
    return turned.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC, box=box)


def _write(
    folder: Path,
    model: nn.Module,
    builder: str,
    classes: list[str],
    transform: dict[str, object],
    data: dict[str, dict[str, str]],
    images: int,
    shape: tuple[int, int, int],
) -> None:
    shutil.copy(nets.__file__, folder / "nets.py")
    torch.save(model.state_dict(), folder / "model.pt")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(1, *shape))
    gatefile = {
        "apiVersion": "gate/v1",
        "kind": "Validation",
        "model": {"checkpoint": "model.pt", "factory": f"nets:{builder}"},
        "classes": classes,
        "input": transform,
        "data": data,
        "policy": "baseline",
    }
    (folder / "gate.yaml").write_text(json.dumps(gatefile, indent=1))
    job = {"images": images, "flops": counter.get_total_flops(), "builder": builder, "data": data}
    (folder / "job.json").write_text(json.dumps(job, indent=1))  # last: with it the job is whole


if __name__ == "__main__":
    if sys.argv[1] == "photos":
        photos(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        {"fashion": fashion, "tenfold": tenfold}[sys.argv[1]](Path(sys.argv[2]))
