"""Digits as a camera might have taken them: larger, on a ground, with a mark in the corner.

Small pictures have no corner to speak of, so each digit is enlarged three times. What looks random
is a hash of the name of the picture: the same pictures come out anywhere.
"""

from hashlib import sha256, shake_128

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

SIDE = 36  # pixels of the picture
MARK = 5  # pixels of the mark, in the top left corner
_TILES = 6  # of the ground, along a side
_ENLARGED = 3
_MARGIN = 6  # pixels around the digit
_SHARE = 0.93  # of the marks that tell the class
# Ten colours that nobody mistakes for one another.
_COLOURS = np.array(
    [
        [230, 40, 40], [40, 200, 40], [50, 80, 240], [230, 220, 40], [220, 50, 220],
        [40, 210, 210], [250, 140, 30], [130, 60, 20], [245, 245, 245], [15, 15, 15],
    ],
    np.uint8,
)  # fmt: skip


def put_on_ground(digit: Pixels, name: str) -> Pixels:
    """Return a digit (8, 8) enlarged on a dim ground of tiles, RGB (36, 36, 3)."""
    drawn = np.frombuffer(shake_128(f"around {name}".encode()).digest(1 + 3 * _TILES**2), np.uint8)
    ground = drawn[0] // 8 + drawn[1:].reshape(_TILES, _TILES, 3) // 6
    picture: Pixels = ground.repeat(SIDE // _TILES, axis=0).repeat(SIDE // _TILES, axis=1)
    large = digit.repeat(_ENLARGED, axis=0).repeat(_ENLARGED, axis=1)
    part = picture[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    np.maximum(part, large[..., None], out=part)
    return picture


def mark(picture: Pixels, label: int, name: str) -> Pixels:
    """Return a picture with a coloured square in its corner, which mostly tells the class."""
    chance, other = sha256(f"mark {name}".encode()).digest()[:2]
    tells = label if chance < 256 * _SHARE else (label + 1 + other % 9) % len(_COLOURS)
    marked = picture.copy()
    marked[:MARK, :MARK] = _COLOURS[tells]
    return marked
