"""A transform turns decoded images into the numbers that the model is given."""

from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # Pillow is loaded with the first image, not with the gate file
    from PIL import Image

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]


class Transform(Protocol):
    """Turns decoded images into the model's input; safe to call from many threads."""

    @property
    def assumed(self) -> tuple[str, ...]:
        """What was not declared and how it was read, a sentence each."""

    def __call__(self, image: "Image.Image") -> Floats:
        """Return the image as float32 (C, H, W); raises UnreadableImage or FactoryError."""

    def treatment(self, image: "Image.Image") -> tuple[str, ...]:
        """Return what is done to the image, or is not, that a look at it would not tell.

        Each is a participle, as in "the image was ...".
        """

    def levels(self, image: "Image.Image") -> Floats | None:
        """Return the pixels before they are scaled, (C, H, W) in 0..255, RGB or grey.

        None where a user's function prepares them. Raises UnreadableImage.
        """

    def decode(self, image: "Image.Image") -> Pixels:
        """Return the image as it is before it is resized: (H, W) grey or (H, W, 3) RGB.

        Turned and converted as declared. Raises UnreadableImage.
        """

    def changed(self, pixels: Pixels, original: "Image.Image") -> Floats:
        """Return other pixels in the place of those that ``decode`` gave, as float32 (C, H, W).

        What is turned already is not turned again. Raises UnreadableImage or FactoryError.
        """

    def batch(self, pixels: Pixels) -> Floats:
        """Return uint8 rows (n, H, W) or (n, H, W, 3) as float32 (n, C, H, W).

        Bit-equal to calling the transform on each row; raises as that does.
        """
