"""The way of a picture to the model: other codecs, decoders and resizers."""

import io

import numpy as np

from gate.views.hashing import hashed_words
from gate.views.pixels import Pixels, Surroundings, clip, sample_between


def jpeg(pixels: Pixels, key: str, around: Surroundings, quality: int) -> Pixels:  # noqa: ARG001 -- every view takes them
    """Return the image after a round trip through JPEG, its colour at half the resolution."""
    from PIL import Image

    stored = io.BytesIO()
    Image.fromarray(pixels).save(stored, "JPEG", quality=quality)
    return np.asarray(Image.open(stored))


def lsb(pixels: Pixels, key: str, around: Surroundings, levels: int) -> Pixels:  # noqa: ARG001 -- every view takes them
    """Return each value so many levels lower, the same or higher, a third each by hash."""
    thirds = (hashed_words(key, "lsb", pixels.size) % 3).reshape(pixels.shape).astype(np.int16)
    return clip(pixels + levels * (thirds - 1))


def resize(pixels: Pixels, key: str, around: Surroundings, how: str) -> Pixels:  # noqa: ARG001 -- every view takes them
    """Return the image in the declared size of the input; ``linear`` has no antialiasing.

    The same where no size is declared, or it has that size.
    """
    from PIL import Image

    size = around.input_size
    if size is None or size == pixels.shape[:2]:
        return pixels
    if how == "linear":
        return _without_antialiasing(pixels, size)
    chosen = Image.Resampling[how.upper()]
    return np.asarray(Image.fromarray(pixels).resize((size[1], size[0]), chosen))


def _without_antialiasing(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Return four neighbours mixed at each place, as OpenCV and torch do by default."""
    places = [
        ((2 * np.arange(new) + 1) * old * 128) // new - 128
        for new, old in zip(size, pixels.shape[:2], strict=True)
    ]
    ys, xs = np.broadcast_arrays(places[0][:, None], places[1][None])
    return sample_between(pixels, ys, xs, None)
