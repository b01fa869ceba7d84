"""The plain ground around an object, or the border around a picture, says nothing of either.

Ground is what the pixels of the rim are: of one level, give or take what JPEG and noise do. What
stands out from it by a quarter of the picture's contrast lies in a box. Where the box touches no
side and is small, the picture is looked at as if it were the box alone: small objects on black
would all be black with a dot. Where it is large, it may be a picture in a border.

Everything here is made of whole numbers and commutes with the eight orientations of a picture.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gate.measure.fingerprints.perceptual_hash import SIDE, flat_product

_CONTRAST = 4  # a pixel stands out by this part of the highest deviation, or by _FAINT at least
_FAINT = 8  # grey levels: what JPEG does to a plain border
_SAME = 12  # grey levels from the ground's that still are ground, and what it may vary by outside
_RIM = 4  # a quarter of the rim at least, and a fifth of the picture, is ground
_PICTURE = 5
_EVEN = 4  # grey levels that the ground around an object of a thumbnail may vary by: not a sky
_HOLLOW = 0.15  # of the pixels in the box are ground, where it holds an object and no picture
_SMALL = 0.75  # of the frame's sides; an object that is smaller both ways is seen by itself
_LEAST = 24  # pixels of that square's side; the hash of fewer has frequencies that are always zero
_MARGIN = 16  # of an object's longer side, the part that is left around it
_ENTIRE = 8  # eighths of a line
_LEAST_CUT = 12  # pixels of a side whose outer lines are looked at
_CHUNK = 128  # pictures at a time, so that the intermediates stay in the processor's cache

Greys = NDArray[np.uint8]
Flags = NDArray[np.bool_]


class Grounds(NamedTuple):
    """What lies around what n pictures show."""

    level: NDArray[np.uint8]  # (n,) the median of the rim
    peak: NDArray[np.uint8]  # (n,) the highest deviation from it
    plain: Flags  # (n,) whether there is a ground at all
    boxes: NDArray[np.intp]  # (n, 4) top, bottom, left, right of what stands out
    framed: Flags  # (n,) whether ground lies on all four sides of the box
    hollow: Flags  # (n,) whether ground lies within the box too: it is no picture in a border


def find_grounds(grey: Greys, *, thumbnails: bool = False) -> Grounds:
    """Return the grounds of pictures, (n, H, W), of at least 3 pixels a side.

    ``thumbnails``: they are means over larger pictures, which leave less noise.
    """
    count, height, width = grey.shape
    rim = np.concatenate([grey[:, 0], grey[:, -1], grey[:, 1:-1, 0], grey[:, 1:-1, -1]], axis=1)
    middle = (rim.shape[1] - 1) // 2
    level = np.partition(rim, middle, axis=1)[:, middle]
    away = _deviation(rim, level)
    plain = (away <= _SAME).sum(axis=1) * _RIM > rim.shape[1]
    even = (away <= (_EVEN if thumbnails else _SAME)).sum(axis=1) * _RIM > rim.shape[1]
    peak = np.zeros(count, np.uint8)
    boxes = np.empty((count, 4), np.intp)
    boxes[:] = (0, height, 0, width)
    framed, hollow = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    candidates = np.flatnonzero(plain)
    for start in range(0, len(candidates), _CHUNK):
        rows = candidates[start : start + _CHUNK]
        away = _deviation(grey[rows], level[rows])
        peak[rows] = away.reshape(len(rows), -1).max(axis=1)
        # Numbers of pixels, which a float holds exactly: a product counts them the fastest.
        ground = (away <= _SAME).astype(np.float32)
        much = flat_product(ground, np.ones((width, 1), np.float32)).sum(axis=(1, 2)) * _PICTURE
        plain[rows] = (much > height * width) & (peak[rows] > _SAME)
        limit = np.maximum(peak[rows] // _CONTRAST, _FAINT)[:, None, None]
        stands_out = (away > limit).astype(np.float32)
        down = flat_product(stands_out, np.ones((width, 1), np.float32))[..., 0]
        across = np.ones((1, height), np.float32) @ stands_out
        top, bottom = _first_and_last(down > 0)
        left, right = _first_and_last(across[:, 0] > 0)
        boxes[rows] = np.stack([top, bottom, left, right], axis=1)
        inside = (top > 0) & (left > 0) & (bottom < height) & (right < width)
        framed[rows] = inside & (peak[rows] > _SAME)
        hollow[rows] = _ground_within(ground, boxes[rows]) > _HOLLOW
    for row in np.flatnonzero(framed).tolist():
        framed[row] = _is_empty_outside(grey[row], int(level[row]), *boxes[row].tolist())
    return Grounds(level, peak, plain, boxes, framed, hollow & plain & even)


def enlarge_boxes(boxes: NDArray[np.intp], height: int, width: int) -> NDArray[np.intp]:
    """Return boxes of thumbnails, (n, 4), in pixels of their pictures, outwards to whole ones."""
    top, bottom, left, right = boxes.T
    enlarged: NDArray[np.intp] = np.stack(
        [
            top * height // SIDE,
            -(-bottom * height // SIDE),
            left * width // SIDE,
            -(-right * width // SIDE),
        ],
        axis=1,
    )
    return enlarged


def are_small(grounds: Grounds, height: int, width: int) -> Flags:
    """Return which pictures are of an object so small in its frame that ground is most of it."""
    top, bottom, left, right = grounds.boxes.T
    small: Flags = (bottom - top < _SMALL * height) & (right - left < _SMALL * width)
    return grounds.framed & small


def cut_out(grey: Greys, grounds: Grounds, row: int) -> Greys:
    """Return what the box of a ``row`` shows of its picture (H, W), to the pixel."""
    top, bottom, left, right = grounds.boxes[row].tolist()
    cut = grey[top:bottom, left:right]
    limit = max(int(grounds.peak[row]) // _CONTRAST, _FAINT)
    stands_out = _deviation(cut[None], grounds.level[row : row + 1])[0] > limit
    down, across = (np.flatnonzero(stands_out.any(axis=axis)) for axis in (1, 0))
    if len(down):  # of a thumbnail, the box ends between its pixels
        cut = cut[down[0] : down[-1] + 1, across[0] : across[-1] + 1]
    return np.ascontiguousarray(cut)


def without_blend(cut: Greys, level: int) -> Greys:
    """Return what a border of ``level`` leaves of a small picture, (H, W), up to its very edge.

    Where the border ends within a pixel, that pixel shows some of both: of the picture as much as
    it stands out from the border, beside the pixel further in. Such outer lines become what the
    picture has there, and as thin as it is there; for that, all others are given eight times.
    """
    for axis in (0, 1):
        lines = np.moveaxis(cut, axis, 0)
        if len(lines) < _LEAST_CUT:
            continue
        first, last = (_eighths(*_sums_away(pair, level)) for pair in (lines[:2], lines[:-3:-1]))
        if min(first, last) >= _ENTIRE:
            continue
        own = lines.astype(np.int64)
        for place, eighths in ((0, first), (-1, last)):
            own[place] = np.clip(level + (own[place] - level) * _ENTIRE // max(eighths, 1), 0, 255)
        counts = np.full(len(lines), _ENTIRE)
        counts[[0, -1]] = first, last
        cut = np.moveaxis(np.repeat(own.astype(np.uint8), counts, axis=0), 0, axis)
    return np.ascontiguousarray(cut)


def _sums_away(lines: Greys, level: int) -> tuple[int, int]:
    outer, beside = np.abs(lines.astype(np.int64) - level).sum(axis=1).tolist()
    return outer, beside


def _eighths(outer: int, beside: int) -> int:
    """Return how many eighths of an outer line the picture covers; hardly any is none."""
    eighths = (2 * _ENTIRE * outer + beside) // max(2 * beside, 1)  # rounded
    return 0 if eighths <= 1 else _ENTIRE if eighths >= _ENTIRE - 1 else eighths


def put_on_ground(cut: Greys, level: int) -> Greys:
    """Return an object amid a square of ground, so that it keeps its proportions."""
    longest = max(cut.shape)
    wanted = max(longest + 2 * (longest // _MARGIN), _LEAST)
    down, across = ((wanted - side) // 2 for side in cut.shape)
    return np.pad(cut, ((down, down), (across, across)), constant_values=level)


def _deviation(grey: Greys, level: NDArray[np.uint8]) -> Greys:
    """Return how far pixels, (n, ...), are from the level of their picture's ground, (n,)."""
    ground = level.reshape(-1, *[1] * (grey.ndim - 1))
    return np.maximum(grey, ground) - np.minimum(grey, ground)


def _first_and_last(found: Flags) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the first place of each row of (n, m) that is true, and the one behind the last."""
    return found.argmax(axis=1), found.shape[1] - found[:, ::-1].argmax(axis=1)


def _ground_within(ground: NDArray[np.float32], boxes: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the share of ``ground``, (n, H, W), within each of the boxes, (n, 4)."""
    _, height, width = ground.shape
    top, bottom, left, right = boxes.T[:, :, None]
    down, across = np.arange(height), np.arange(width)
    rows = ((top <= down) & (down < bottom)).astype(np.float32)
    columns = ((left <= across) & (across < right)).astype(np.float32)
    within = rows[:, None, :] @ ground @ columns[:, :, None]
    area = ((bottom - top) * (right - left))[:, 0]
    return np.asarray(within[:, 0, 0] / np.maximum(area, 1))


def _is_empty_outside(
    grey: Greys, level: int, top: int, bottom: int, left: int, right: int
) -> bool:
    """Return whether what is outside of the box, on average, is no more than _SAME off ground."""
    away = np.abs(grey.astype(np.int64) - level)
    outside = int(away.sum()) - int(away[top:bottom, left:right].sum())
    return outside <= _SAME * (grey.size - (bottom - top) * (right - left))
