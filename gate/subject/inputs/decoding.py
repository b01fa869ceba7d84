"""An image as it is before it is resized: turned and converted as the gate file declares."""

from typing import TYPE_CHECKING

import numpy as np

from gate.subject.datasets.records import UnreadableImage
from gate.subject.inputs.spec import InputSpec
from gate.subject.inputs.transform import Pixels

if TYPE_CHECKING:
    from PIL import Image


def decode(image: "Image.Image", spec: InputSpec) -> Pixels:
    """Return the pixels, (H, W) grey or (H, W, 3) RGB; a user's callable is not asked.

    Raises UnreadableImage.
    """
    if spec.factory is not None:
        return decode_as_stored(image)
    return np.asarray(turn_and_convert(image, spec))


def decode_as_stored(image: "Image.Image") -> Pixels:
    """Return an image grey where it is stored so, else RGB; raises UnreadableImage."""
    _require_eight_bits(image)
    try:
        return np.asarray(image if image.mode == "L" else image.convert("RGB"))
    except ValueError as error:
        raise UnreadableImage(
            f"of mode {image.mode} cannot be converted to RGB", "save it as RGB"
        ) from error


def turn_and_convert(image: "Image.Image", spec: InputSpec) -> "Image.Image":
    """Return the image turned as declared, in mode L or RGB; raises UnreadableImage."""
    return _converted(upright(image) if spec.orientation == "exif" else image, spec)


def upright(image: "Image.Image") -> "Image.Image":
    """Return the image as it is to be shown."""
    from gate.subject.datasets.images import upright as turned

    return turned(image)


def _converted(image: "Image.Image", spec: InputSpec) -> "Image.Image":
    """Return the image in mode L or RGB."""
    _require_eight_bits(image)
    mode = spec.mode
    if image.mode == mode or (mode is None and image.mode in {"L", "RGB"}):
        return image
    if mode is None:
        raise UnreadableImage(
            f"is of mode {image.mode}, neither grey nor RGB", "declare input.channels: L or RGB"
        )
    try:
        if image.mode == "P":  # its transparency is dropped with the alpha, without a warning
            image = image.convert("RGBA")
        return image.convert(mode)
    except ValueError as error:
        raise UnreadableImage(
            f"of mode {image.mode} cannot be converted to {mode}", f"save it as {mode}"
        ) from error


def _require_eight_bits(image: "Image.Image") -> None:
    if image.mode.startswith(("I", "F")):
        bits = "16" if ";16" in image.mode else "32"
        raise UnreadableImage(
            f"has {bits} bits a pixel, and nothing says which value is white",
            "save it with 8 bits, or scale it in an input factory",
        )
