"""The share of edited copies of photographs that is found, as measured at four sizes.

``copies_found.csv`` beside this file is written by ``tests/benchmarks/leaks``.
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from gate.wording import pluralize

SMALLEST = 64  # pixels of the shorter side; below, no copy is aligned
NOT_TURNED = "copies that were turned, moved or cropped were not looked for"
_FRAMES = "if they are frames of one video, or views of one thing, group them"
IF_SMALL = f"of images with a side below {SMALLEST} pixels, {NOT_TURNED}"


def describe_look_alikes(count: int, b: str, a: str) -> str:
    """Return that so many images of ``b`` could not be judged, and what to do about it."""
    images = pluralize(count, "image")
    has, them = ("has", "it") if count == 1 else ("have", "them")
    alike = f"{images} of {b} {has} so many look-alikes in {a}"
    return f"{alike} that copies cannot be told from {them}: {_FRAMES}"


@dataclass(frozen=True, slots=True)
class CopiesFound:
    """Shares of copies found, 0 to 1: a row an edit, a column a size of square images in pixels."""

    sizes: tuple[int, ...]
    rows: tuple[tuple[str, tuple[float, ...]], ...]


@cache
def copies_found() -> CopiesFound:
    """Return what was measured."""
    said = files("gate.report").joinpath("copies_found.csv").read_text("utf-8")
    (_, *sizes), *rows = csv.reader(said.splitlines())
    return CopiesFound(
        tuple(map(int, sizes)),
        tuple((edit, tuple(map(float, found))) for edit, *found in rows),
    )
