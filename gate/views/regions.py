"""A region is swapped with that of another picture, or all regions change places.

The gain of a region is what the answers lose when it comes from a picture of another class, beyond
what they lose when it comes from one of the same class: the cost of the cut itself is in both.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gate.views.hashing import hashed_normals, hashed_words
from gate.views.pixels import (
    Pixels,
    Surroundings,
    clip,
    fill_of,
    mean_colour,
    smooth,
    to_levels,
)

_SPREAD = 48  # levels of one standard deviation of the noise that covers
_BLURRED = 0.1  # of the shorter side


def frame_mask(height: int, width: int, share: float) -> NDArray[np.bool_]:
    """Return where the frame of this share of the area lies: as wide a share of every side."""
    of_side = (1 - math.sqrt(1 - share)) / 2
    y, x = max(1, round(of_side * height)), max(1, round(of_side * width))
    mask = np.ones((height, width), bool)
    mask[y : height - y, x : width - x] = False
    return mask


def cell_of(height: int, width: int, grid: int, cell: int) -> tuple[slice, slice]:
    """Return the rows and columns of a cell, counted by row from the top left."""
    ys = [round(each * height / grid) for each in range(grid + 1)]
    xs = [round(each * width / grid) for each in range(grid + 1)]
    row, column = divmod(cell, grid)
    return slice(ys[row], ys[row + 1]), slice(xs[column], xs[column + 1])


def swap(
    pixels: Pixels, key: str, around: Surroundings, region: str, *arguments: str | float
) -> Pixels:
    """Return the image with a region, or the mean colour, of its donor.

    Raises ValueError where there is no donor.
    """
    del key
    if around.donor is None:
        raise ValueError("no image lends a region")
    donor = fit(around.donor, pixels)
    if region == "tint":
        return clip(pixels.astype(np.int64) - mean_colour(pixels) + mean_colour(donor))
    swapped = pixels.copy()
    place = _place(pixels.shape, region, arguments)
    swapped[place] = donor[place]
    return swapped


def border(pixels: Pixels, key: str, around: Surroundings, share: float, filling: str) -> Pixels:
    """Return the image with its frame alone; for a diagnosis, since no such picture exists."""
    hidden = ~frame_mask(pixels.shape[0], pixels.shape[1], share)
    return _cover(pixels, key, around, hidden, filling)


def centre(pixels: Pixels, key: str, around: Surroundings, share: float, filling: str) -> Pixels:
    """Return the image without its frame; for a diagnosis, since no such picture exists."""
    hidden = frame_mask(pixels.shape[0], pixels.shape[1], share)
    return _cover(pixels, key, around, hidden, filling)


def blank(pixels: Pixels, key: str, around: Surroundings) -> Pixels:  # noqa: ARG001 -- every view takes them
    """Return the mean colour of the sample alone."""
    covered = np.empty_like(pixels)
    covered[...] = fill_of(pixels, around.fill)
    return covered


def _cover(
    pixels: Pixels,
    key: str,
    around: Surroundings,
    hidden: NDArray[np.bool_],
    filling: str,
) -> Pixels:
    """Return the image, a part of it hidden by the mean colour, by noise, or blurred away."""
    covered = pixels.copy()
    fill = fill_of(pixels, around.fill)
    covered[hidden] = fill
    match filling:
        case "blur":  # of the picture with the hidden part covered: nothing of it shows through
            covered[hidden] = smooth(covered, _BLURRED * min(pixels.shape[:2]))[hidden]
        case "noise":
            spread = _SPREAD * hashed_normals(key, "fill", pixels.shape)
            covered[hidden] = to_levels(fill + spread)[hidden]
    return covered


def _place(
    shape: Sequence[int], region: str, arguments: Sequence[str | float]
) -> NDArray[np.bool_] | tuple[slice, slice]:
    height, width = shape[:2]
    if region == "frame":
        return frame_mask(height, width, float(arguments[0]))
    return cell_of(height, width, int(arguments[0]), int(arguments[1]))


def fit(donor: Pixels, pixels: Pixels) -> Pixels:
    """Return a donor in the shape of an image: converted and stretched where they differ."""
    from PIL import Image

    if donor.ndim != pixels.ndim:
        mode = "RGB" if pixels.ndim == 3 else "L"
        donor = np.asarray(Image.fromarray(donor).convert(mode))
    if donor.shape != pixels.shape:
        size = (pixels.shape[1], pixels.shape[0])
        donor = np.asarray(Image.fromarray(donor).resize(size, Image.Resampling.BILINEAR))
    return donor


def shuffle(pixels: Pixels, key: str, around: Surroundings, grid: int) -> Pixels:  # noqa: ARG001 -- every view takes them
    """Return the equal patches of a grid in another order by hash, none in its own place.

    What is left over at the sides is cut; the same where the image is too small for the grid.
    """
    height, width = pixels.shape[0] // grid, pixels.shape[1] // grid
    if not height or not width:
        return pixels
    order = np.argsort(hashed_words(key, "shuffle", grid * grid), kind="stable")
    lender = np.empty(grid * grid, np.int64)
    lender[order] = np.roll(order, 1)  # one cycle through all of them: none stays
    whole = pixels[: height * grid, : width * grid]
    patches = whole.reshape(grid, height, grid, width, -1).swapaxes(1, 2)
    moved = patches.reshape(grid * grid, height, width, -1)[lender]
    back = moved.reshape(grid, grid, height, width, -1).swapaxes(1, 2)
    return np.ascontiguousarray(back.reshape(whole.shape))
