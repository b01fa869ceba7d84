"""The eight ways to turn a picture without losing a pixel.

An orientation is a number from 0 to 7, read as three bits: transpose (4), then mirror top to bottom
(2), then mirror left to right (1).
"""

from typing import Any

from numpy.typing import NDArray

ORIENTATIONS = range(8)

NAMES: tuple[str | None, ...] = (
    None,  # as it is
    "mirrored left to right",
    "mirrored top to bottom",
    "rotated by 180 degrees",
    "mirrored along the main diagonal",
    "rotated by 90 degrees clockwise",
    "rotated by 90 degrees counter-clockwise",
    "mirrored along the other diagonal",
)


def turn(pictures: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return a view of ``pictures``, (n, H, W, ...), each turned by ``orientation``."""
    if orientation & 4:
        pictures = pictures.swapaxes(1, 2)
    if orientation & 2:
        pictures = pictures[:, ::-1]
    if orientation & 1:
        pictures = pictures[:, :, ::-1]
    return pictures


def compose(then: int, first: int) -> int:
    """Return the orientation that is ``first``, followed by ``then``."""
    mirrors = _swap_mirrors(first) if then & 4 else first
    return then ^ mirrors


def inverse(orientation: int) -> int:
    """Return the orientation that undoes ``orientation``."""
    return _swap_mirrors(orientation) if orientation & 4 else orientation


def _swap_mirrors(orientation: int) -> int:
    # Past a transpose, top to bottom becomes left to right.
    return orientation & 4 | (orientation & 1) << 1 | (orientation & 2) >> 1
