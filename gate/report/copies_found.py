"""The share of edited copies of photographs that is found, as measured at four sizes.

``copies_found.csv`` beside this file is written by ``tests/benchmarks/leaks``.
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

SMALLEST = 64  # pixels of the shorter side; below, no copy is aligned
NOT_TURNED = "copies that were turned, moved or cropped were not looked for"
IF_SMALL = f"of images with a side below {SMALLEST} pixels, {NOT_TURNED}"


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
