"""Write which share of edited copies of photographs is found at four sizes of images.

``python tests/benchmarks/leaks/write_copies_found.py FOLDER ...`` takes folders of photographs of
500 pixels and more, and writes ``gate/report/copies_found.csv``. Copies of 200 tiles are planted,
one edit at a time; a copy counts as found when its own original is named.
"""

import csv
import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from gate.evidence.records import Split
from gate.measure.duplicates.find_overlap import FingerprintedSplit, find_overlap
from gate.measure.fingerprints.fingerprint import fingerprint_batch

OUT = Path(__file__).parents[3] / "gate" / "report" / "copies_found.csv"
SIZES = (28, 32, 64, 96)
PLANTED, TILE, MOST_OF_ONE = 200, 256, 12
CUBIC = Image.Resampling.BICUBIC
Edit = Callable[[Image.Image], Image.Image]


def cropped(share: float) -> Edit:
    def edit(image: Image.Image) -> Image.Image:
        side = round(image.width * share)
        left = (image.width - side) // 2
        return image.crop((left, left, left + side, left + side)).resize(image.size, CUBIC)

    return edit


def moved(share: float) -> Edit:
    def edit(image: Image.Image) -> Image.Image:
        step = round(image.width * share)
        return image.transform(
            image.size, Image.Transform.AFFINE, (1, 0, -step, 0, 1, -step), fillcolor=0
        )

    return edit


def framed(share: float, level: int) -> Edit:
    return lambda image: ImageOps.expand(image, max(1, round(image.width * share)), level).resize(
        image.size, CUBIC
    )


def covered(share: float) -> Edit:
    def edit(image: Image.Image) -> Image.Image:
        side = round(image.width * share)
        copy = image.copy()
        copy.paste(128, (0, 0, side, side))
        return copy

    return edit


def noisy(image: Image.Image) -> Image.Image:
    values = np.asarray(image) + np.random.default_rng(0).normal(0, 10, (image.height, image.width))
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


EDITS: dict[str, Edit] = {
    "brighter by 40 %": lambda image: ImageEnhance.Brightness(image).enhance(1.4),
    "half of the contrast": lambda image: ImageEnhance.Contrast(image).enhance(0.5),
    "noise of 10 levels": noisy,
    "blurred by 1 %": lambda image: image.filter(ImageFilter.GaussianBlur(image.width / 100)),
    "mirrored": ImageOps.mirror,
    "turned by 90°": lambda image: image.rotate(90),
    "inverted": ImageOps.invert,
    "in a border of 8 %": framed(0.08, 0),
    "turned by 2°": lambda image: image.rotate(2, CUBIC),
    "turned by 5°": lambda image: image.rotate(5, CUBIC),
    "turned by 10°": lambda image: image.rotate(10, CUBIC),
    "turned by 95°": lambda image: image.rotate(95, CUBIC),
    "moved by 6 %": moved(1 / 16),
    "moved by 12 %": moved(1 / 8),
    "cropped to 90 %": cropped(0.9),
    "cropped to 75 %": cropped(0.75),
    "mirrored, cropped to 90 %": lambda image: cropped(0.9)(ImageOps.mirror(image)),
    "a quarter covered": covered(0.5),
}


def scenes(folders: list[Path]) -> list[Path]:
    """Return one file of each scene: the same picture comes in many sizes, by day and by night."""
    found: dict[str, Path] = {}
    for path in sorted(path for folder in folders for path in folder.rglob("*")):
        if path.suffix in (".jpg", ".jpeg", ".png", ".webp") and path.stat().st_size >= 100_000:
            parts = path.parts
            name = parts[parts.index("contents") - 1] if "contents" in parts else path.stem
            name = re.sub(r"[-_.]?(l|d|day|night|dark|light|\d+x\d+)?$", "", name.lower())
            found.setdefault(name, path)
    return list(found.values())


def tiles(folders: list[Path]) -> list[Image.Image]:
    """Return tiles of photographs, which do not overlap and show more than a sky."""
    random = np.random.default_rng(41)
    found = []
    for path in scenes(folders):
        photo = Image.open(path).convert("L")
        photo.thumbnail((1800, 1800))
        corners = [
            (left, top)
            for top in range(0, photo.height - TILE + 1, TILE)
            for left in range(0, photo.width - TILE + 1, TILE)
        ]
        kept = 0
        for place in random.permutation(len(corners)).tolist():
            left, top = corners[place]
            tile = photo.crop((left, top, left + TILE, top + TILE))
            levels = np.asarray(tile.resize((64, 64), Image.Resampling.BOX)).astype(float)
            varied = sum(np.abs(np.diff(levels, axis=axis)).mean() for axis in (0, 1))
            if varied > 6 and kept < MOST_OF_ONE:
                found.append(tile)
                kept += 1
    return found


def side(split: Split, images: list[Image.Image]) -> FingerprintedSplit:
    pixels = np.stack([np.asarray(each) for each in images])
    ids = np.array([f"{row:05d}" for row in range(len(pixels))], dtype=object)
    prints = fingerprint_batch([each.tobytes() for each in pixels], pixels)
    return FingerprintedSplit(split, ids, np.array(["?"] * len(ids), dtype=object), prints)


def main() -> None:
    originals = tiles([Path(each) for each in sys.argv[1:]])
    planted = np.random.default_rng(43).permutation(len(originals))[:PLANTED]
    shares: dict[str, list[str]] = {name: [] for name in EDITS}
    for size in SIZES:
        small = [each.resize((size, size), Image.Resampling.LANCZOS) for each in originals]
        train = side(Split.TRAIN, small)
        for name, edit in EDITS.items():
            overlap = find_overlap(train, side(Split.TEST, [edit(small[row]) for row in planted]))
            right = {pair.b for pair in overlap.pairs if int(pair.a) == planted[int(pair.b)]}
            shares[name].append(f"{len(right) / len(planted):.2f}")
            sys.stdout.write(f"{size:3d} px  {name:28} {shares[name][-1]}\n")
            sys.stdout.flush()
    with OUT.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["edit", *SIZES])
        writer.writerows([name, *found] for name, found in shares.items())


if __name__ == "__main__":
    main()
