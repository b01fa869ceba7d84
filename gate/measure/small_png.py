"""A small PNG of an image, for people to look at."""

import io
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

SIDE = 96  # pixels of the longer side, at most
_LARGE = 3_000  # bytes of one picture; a larger one is kept in few colours
_COLOURS = 32


def png_of(image: "Image.Image") -> bytes:
    """Return a small PNG of an image: grey or RGB, and nothing of its metadata.

    Where it is more than three kilobytes, it has 32 colours of its own: a page shows many.
    """
    from PIL import Image

    if image.mode.startswith(("I", "F")):  # deep pixels: stretched, or all would be white
        pixels = np.asarray(image, dtype=np.float64)
        low, high = pixels.min(), pixels.max()
        stretched = (pixels - low) * (255 / (high - low) if high > low else 0.0)
        image = Image.fromarray(np.rint(stretched).astype(np.uint8))
    shown = image.convert("L" if image.mode in ("1", "L", "LA") else "RGB")
    shown.thumbnail((SIDE, SIDE))
    bare = Image.frombytes(shown.mode, shown.size, shown.tobytes())
    whole = _as_png(bare)
    if len(whole) <= _LARGE:
        return whole
    return _as_png(bare.quantize(_COLOURS, dither=Image.Dither.NONE))


def _as_png(image: "Image.Image") -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG", optimize=True)
    return stream.getvalue()
