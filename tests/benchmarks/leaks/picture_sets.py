"""The sets that the command of this folder evaluates on: in one, copies; in another, none."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import planted_pictures
from PIL import Image
from planted_pictures import Pictures, digits, on_ground, scans

PARTS = ("photos", "tiles", "objects", "fashion")
_ON_GROUNDS = ((28, 128, 0), (40, 128, 0), (40, 96, 255))  # a digit's pixels, the frame's, ground


@dataclass(frozen=True, slots=True)
class PictureSet:
    """Pictures of one size, and others that are copies of none of them."""

    name: str
    pictures: Pictures
    others: Pictures


class LackOfPicturesError(Exception):
    """A set cannot be made on this machine; the message says why."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What sets are to be made of."""

    sizes: Sequence[int]
    seed: int
    photos: Path | None  # a folder; None is what the machine has
    most: int | None  # pictures of either side of a set


def picture_sets(part: str, wishes: Wishes) -> Iterator[PictureSet]:
    """Yield the sets of one of ``PARTS``; raises LackOfPicturesError where there is none."""
    makers: dict[str, Callable[[Wishes], Iterator[PictureSet]]] = {
        "photos": partial(_photographs, name="whole photographs", cut=planted_pictures.whole),
        "tiles": partial(_photographs, name="tiles of photographs", cut=planted_pictures.tiles),
        "objects": _objects,
        "fashion": _fashion_mnist,
    }
    for each in makers[part](wishes):
        fewer = (side[: wishes.most] for side in (each.pictures, each.others))
        yield PictureSet(each.name, *fewer)


def _photographs(
    wishes: Wishes, name: str, cut: Callable[[Path], Pictures]
) -> Iterator[PictureSet]:
    """Yield photographs, no scene of which is on both sides."""
    folder = wishes.photos
    paths = planted_pictures.photographs_below(folder) if folder else planted_pictures.wallpapers()
    rng = np.random.default_rng(wishes.seed)
    cuts = [cut(paths[place]) for place in rng.permutation(len(paths))]
    halves = [np.concatenate(cuts[side::2]) if cuts[side::2] else np.zeros(0) for side in (0, 1)]
    if min(map(len, halves)) < 2:
        where = str(folder) if folder else "this machine's wallpapers"
        raise LackOfPicturesError(f"{len(paths)} photographs of 100 kB or more in {where}: too few")
    halves = [rng.permutation(half) for half in halves]
    for size in wishes.sizes:
        yield PictureSet(f"{name}, {size} pixels", *(_reduced(half, size) for half in halves))


def _reduced(pictures: Pictures, size: int) -> Pictures:
    whole = (Image.fromarray(each) for each in pictures)
    return np.stack(
        [np.asarray(each.resize((size, size), Image.Resampling.LANCZOS)) for each in whole]
    )


def _objects(wishes: Wishes) -> Iterator[PictureSet]:
    """Yield small objects on plain ground."""
    every = digits(wishes.seed)
    for side, frame, ground in _ON_GROUNDS:
        shown = on_ground(every, side, frame)
        shown = 255 - shown if ground else shown
        name = f"digits of {side} pixels on {frame}"
        yield PictureSet(name, shown[:1200], shown[1200:])
    seeds = (wishes.seed, wishes.seed + 10_000)
    yield PictureSet("made-up scans", *(scans(300, each) for each in seeds))
    if planted_pictures.FASHION_MNIST.is_dir():
        garments = [
            on_ground(planted_pictures.fashion_mnist(name)[:2000], 28, 96)
            for name in ("train", "t10k")
        ]
        yield PictureSet("garments of 28 pixels on 96", *garments)


def _fashion_mnist(wishes: Wishes) -> Iterator[PictureSet]:
    if not planted_pictures.FASHION_MNIST.is_dir():
        raise LackOfPicturesError(f"Fashion-MNIST is not in {planted_pictures.FASHION_MNIST}")
    sides = [planted_pictures.fashion_mnist(name) for name in ("train", "t10k")]
    yield PictureSet("Fashion-MNIST, 28 pixels", *sides)
