"""Hashes of what a picture shows, of its object set upright, and of what its border holds."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gate.measure.fingerprints.perceptual_hash import SIDE, hashes, thumbnails
from gate.measure.fingerprints.plain_ground import (
    Grounds,
    are_small,
    cut_out,
    enlarge_boxes,
    find_grounds,
    put_on_ground,
    without_blend,
)
from gate.measure.fingerprints.upright import set_upright

SMALLEST = 16  # pixels a side; the hash has 16 x 16 coefficients, and a smaller image fewer pixels
LOOK = 16  # pixels a side of the least picture
_LEAST = 8  # pixels of an object's longer side; of fewer, a hash says nothing
_BYTES = 32  # of a hash
_MANY = 128  # pixels of a side; of so many, one at the edge hardly counts
_CHUNK = 64  # pictures at a time, so that the intermediates stay in the processor's cache


class Looks(NamedTuple):
    """How n pictures look; the fields are those of ``Fingerprints``."""

    near: NDArray[np.uint8]
    featureless: NDArray[np.bool_]
    upright: NDArray[np.uint8]
    bare: NDArray[np.uint8]
    looks: NDArray[np.uint8] | None
    thumbnails: NDArray[np.uint8] | None


def look_at(grey: NDArray[np.uint8], small: NDArray[np.uint8]) -> Looks:
    """Return how pictures, (n, H, W), with the thumbnails ``small``, (n, 64, 64), look.

    What is plain around a picture is left out, see ``plain_ground``.
    """
    count, height, width = grey.shape
    nothing = np.zeros((count, _BYTES), np.uint8)
    if min(height, width) < SMALLEST:
        return Looks(hashes(small)[0], np.ones(count, np.bool_), nothing, nothing, None, None)
    # Of larger pictures the thumbnail tells as much, and noise less.
    exact, large = max(height, width) < SIDE, min(height, width) >= SIDE
    grounds = find_grounds(grey if exact else small, thumbnails=not exact)
    if not exact and grounds.framed.any():
        grounds = grounds._replace(boxes=enlarge_boxes(grounds.boxes, height, width))
    objects = are_small(grounds, height, width) if grounds.framed.any() else grounds.framed
    shown = _shown(grey, small, grounds, objects)
    near, featureless = hashes(shown)
    return Looks(
        near=near,
        featureless=featureless | _are_dots(grounds),
        upright=_upright_hashes(grey if exact else shown, grounds),
        bare=_hashes_without_border(grey, grounds, grounds.framed & ~grounds.hollow & ~objects),
        looks=_looks(shown, objects | grounds.hollow if large else grounds.plain),
        thumbnails=shown if large else None,
    )


def _shown(
    grey: NDArray[np.uint8],
    small: NDArray[np.uint8],
    grounds: Grounds,
    objects: NDArray[np.bool_],
) -> NDArray[np.uint8]:
    """Return thumbnails, those of small objects without most of the ground around them."""
    rows = np.flatnonzero(objects)
    if not len(rows):
        return small
    shown = small.copy()
    for row in rows.tolist():
        cut = cut_out(grey[row], grounds, row)
        shown[row] = thumbnails(put_on_ground(cut, int(grounds.level[row]))[None])[0]
    return shown


def _hashes_without_border(
    grey: NDArray[np.uint8], grounds: Grounds, bordered: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Return (n, 32): the hashes of ``bordered`` pictures without it; zero of all others."""
    bare = np.zeros((len(grey), _BYTES), np.uint8)
    for row in np.flatnonzero(bordered).tolist():
        inside = cut_out(grey[row], grounds, row)
        if max(inside.shape) < _MANY:
            inside = without_blend(inside, int(grounds.level[row]))
        found, faint = hashes(thumbnails(inside[None]))
        if not faint[0]:
            bare[row] = found[0]
    return bare


def _are_dots(grounds: Grounds) -> NDArray[np.bool_]:
    """Return which pictures show a mere dot on plain ground."""
    top, bottom, left, right = grounds.boxes.T
    dots: NDArray[np.bool_] = grounds.framed & (np.maximum(bottom - top, right - left) < _LEAST)
    return dots


def _upright_hashes(pictures: NDArray[np.uint8], grounds: Grounds) -> NDArray[np.uint8]:
    """Return (n, 32): the hashes of the objects set upright, and zero where there is no object."""
    upright = np.zeros((len(pictures), _BYTES), np.uint8)
    rows = np.flatnonzero(grounds.hollow)
    if len(rows):
        objects = set_upright(pictures[rows], grounds.level[rows], grounds.peak[rows])
        found, faint = hashes(objects)
        upright[rows[~faint]] = found[~faint]
    return upright


def _looks(small: NDArray[np.uint8], chosen: NDArray[np.bool_]) -> NDArray[np.uint8] | None:
    """Return thumbnails (n, 64, 64) as (n, 16, 16) means, black ones of all but the ``chosen``."""
    rows = np.flatnonzero(chosen)
    if not len(rows):
        return None
    looks = np.zeros((len(small), LOOK, LOOK), np.uint8)
    for start in range(0, len(rows), _CHUNK):
        some = rows[start : start + _CHUNK]
        # Four pixels of a row are one number; each half of one holds the sums of two of them.
        four = small[some].view(np.uint32)
        sums = four & 0x00FF00FF
        four >>= 8
        four &= 0x00FF00FF
        sums += four
        rows_of_four = sums.reshape(-1, SIDE // LOOK, LOOK)
        sums = rows_of_four[:, 0] + rows_of_four[:, 1]
        sums += rows_of_four[:, 2]
        sums += rows_of_four[:, 3]
        total = (sums & 0xFFFF) + (sums >> 16)
        looks[some] = (total + 8 >> 4).reshape(-1, LOOK, LOOK)  # the mean, rounded half up
    return looks
