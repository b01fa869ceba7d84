"""The declared transform: Pillow or torch resizes, NumPy scales and normalises."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from gate.subject.datasets.records import UnreadableImage
from gate.subject.inputs.decoding import turn_and_convert, upright
from gate.subject.inputs.geometry import crop_corner, padded_shape, resized_shape
from gate.subject.inputs.spec import InputSpec
from gate.subject.inputs.tensor_resize import require_tensor_resize, resize_as_tensor
from gate.subject.inputs.transform import Floats, Pixels

if TYPE_CHECKING:  # Pillow is loaded with the first image, not with the gate file
    from PIL import Image


@dataclass(frozen=True, slots=True, eq=False)
class DeclaredTransform:
    """Turns, converts, resizes, pads and crops an image, then scales and normalises.

    ``mean`` and ``std`` are float32 of shape (channels,), or (1,) for all channels alike.
    """

    spec: InputSpec
    mean: Floats
    std: Floats
    assumed: tuple[str, ...]
    target: tuple[int, int] | None  # what images are resized for; None: they are not

    @classmethod
    def of(cls, spec: InputSpec) -> Self:
        """Return the transform of a spec without a factory.

        Raises UsageError where this release of torch cannot resize as declared.
        """
        if spec.resizer == "tensor":
            require_tensor_resize(spec.interpolation)
        mean, std = spec.mean or (0.0,), spec.std or (1.0,)
        return cls(
            spec,
            np.array(mean, np.float32),
            np.array(std, np.float32),
            _assumed(spec),
            spec.resized_for,
        )

    def __call__(self, image: "Image.Image") -> Floats:
        """Return the image as float32 (C, H, W); raises UnreadableImage."""
        row: Floats = self._scaled(self._pixels(image)[None])[0]
        return row

    def levels(self, image: "Image.Image") -> Floats:
        """Return the pixels before they are scaled, float32 (C, H, W) in 0..255, RGB or grey.

        Raises UnreadableImage.
        """
        pixels = self._pixels(image)
        planes = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
        return planes.astype(np.float32)

    def decode(self, image: "Image.Image") -> Pixels:
        """Return the image turned and converted, not resized: (H, W) grey or (H, W, 3) RGB.

        Raises UnreadableImage.
        """
        return np.asarray(turn_and_convert(image, self.spec))

    def changed(self, pixels: Pixels, original: "Image.Image") -> Floats:  # noqa: ARG002 -- decode has done what it asks
        """Return pixels of ``decode`` that were changed, as float32 (C, H, W).

        Raises UnreadableImage.
        """
        from PIL import Image

        return self(Image.fromarray(pixels))

    def _pixels(self, image: "Image.Image") -> Pixels:
        """Return the image turned, converted, resized, padded and cropped: (H, W) or (H, W, 3)."""
        spec = self.spec
        prepared = turn_and_convert(image, spec)
        if self.target is not None:
            prepared = _resized(prepared, spec, self.target)
        if spec.pad is not None:
            prepared = _padded(prepared, spec)
        return np.asarray(_cropped(prepared, spec))

    def treatment(self, image: "Image.Image") -> tuple[str, ...]:
        """Return what is done to the image that nobody sees by looking at it.

        Whether it is turned, or lies on its side; converted; enlarged; padded. Raises
        UnreadableImage where resizing would make it too large.
        """
        from gate.subject.datasets.images import exif_turns

        done = []
        if self.spec.mode not in {None, image.mode}:
            done.append(f"converted from {image.mode} to {self.spec.mode}")
        is_on_its_side = exif_turns(image)
        if is_on_its_side:
            done.append(_TURNS[self.spec.orientation])
        if self.target is not None or self.spec.pad is not None:
            turns = is_on_its_side and self.spec.orientation == "exif"
            done += self._made_larger(upright(image) if turns else image)
        return tuple(done)

    def batch(self, pixels: Pixels) -> Floats:
        """Return uint8 rows (n, H, W) or (n, H, W, 3) as float32 (n, C, H, W).

        Raises UnreadableImage where resizing would make them too large.
        """
        if self._needs_pillow(pixels):
            from PIL import Image

            return np.stack([self(Image.fromarray(row)) for row in pixels])
        if pixels.ndim == 3 and self.spec.mode == "RGB":
            pixels = np.broadcast_to(pixels[..., None], (*pixels.shape, 3))
        return self._scaled(pixels)

    def _made_larger(self, image: "Image.Image") -> list[str]:
        """Return whether an image is enlarged, and whether it gets a border."""
        stored = image.height, image.width
        resized = resized_shape(*stored, self.spec, self.target)
        done = (
            ["enlarged to input.size"] if resized[0] > stored[0] or resized[1] > stored[1] else []
        )
        if padded_shape(*resized, self.spec) != resized:
            done.append("padded to input.size")
        return done

    def _needs_pillow(self, pixels: Pixels) -> bool:
        height, width = pixels.shape[1:3]
        if self.spec.size not in {None, (height, width)}:
            return True
        if resized_shape(height, width, self.spec, self.target) != (height, width):
            return True
        return pixels.ndim == 4 and self.spec.channels == "L"

    def _scaled(self, pixels: Pixels) -> Floats:
        """Return pixels scaled, (n, C, H, W), with the channels of a pixel side by side in memory.

        They lie so in a picture, and convolutions are fastest with them; rows are scaled whole.
        """
        if pixels.ndim == 3:
            pixels = pixels[..., None]
        if self.spec.channels == "BGR":
            pixels = pixels[..., ::-1]
        n, height, width, channels = pixels.shape
        rows = pixels.reshape(n, height, width * channels).astype(np.float32)
        if self.spec.scale is None:
            rows /= np.float32(255)
        else:
            rows *= np.float32(self.spec.scale)
        if self.spec.offset:
            rows += np.float32(self.spec.offset)
        if self.spec.mean is not None:
            rows -= np.tile(np.resize(self.mean, channels), width)
        if self.spec.std is not None:
            rows /= np.tile(np.resize(self.std, channels), width)
        return rows.reshape(n, height, width, channels).transpose(0, 3, 1, 2)


_TURNS = {
    None: "not turned as EXIF says (nor does torchvision)",
    "stored": "not turned as EXIF says",
    "exif": "turned as EXIF says",
}


def _resized(image: "Image.Image", spec: InputSpec, target: tuple[int, int]) -> "Image.Image":
    height, width = resized_shape(image.height, image.width, spec, target)
    if (height, width) == (image.height, image.width):
        return image
    if spec.resizer == "tensor":
        return resize_as_tensor(image, height, width, spec.interpolation)
    from PIL import Image

    return image.resize((width, height), Image.Resampling[spec.interpolation.upper()])


def _padded(image: "Image.Image", spec: InputSpec) -> "Image.Image":
    """Return the image in the middle of its border, half a pixel further up and to the left."""
    height, width = padded_shape(image.height, image.width, spec)
    if (height, width) == (image.height, image.width):
        return image
    from PIL import Image

    levels = spec.border()
    levels = levels[::-1] if spec.channels == "BGR" else levels
    bands = len(image.getbands())
    made = Image.new(
        image.mode, (width, height), levels if len(levels) == bands else levels * bands
    )
    made.paste(image, ((width - image.width) // 2, (height - image.height) // 2))
    return made


def _cropped(image: "Image.Image", spec: InputSpec) -> "Image.Image":
    if spec.size is None or spec.size == (image.height, image.width):
        return image
    height, width = spec.size
    if spec.crop == "none" or image.height < height or image.width < width:
        raise UnreadableImage(
            f"is {image.height} x {image.width} pixels (height x width) where input.size is "
            f"{height} x {width}",
            _size_remedy(spec),
        )
    top, left = crop_corner(image.height, image.width, spec)
    return image.crop((left, top, left + width, top + height))


def _size_remedy(spec: InputSpec) -> str:
    """Return what makes every image as large as the size, as in training."""
    if spec.resize == "none":
        return (
            "declare input.resize: shorter-side and input.crop: center (--resize shorter-side "
            "--crop center), or input.resize: stretch, as in training; or correct input.size"
        )
    if spec.resize == "shorter-side":
        return "declare input.crop: center (--crop center)"
    if spec.resize == "longer-side":
        return "declare input.pad: 0, or the level of the border in training (--pad 0)"
    return "declare input.crop: center and a resize that covers the size, or input.pad"


def _assumed(spec: InputSpec) -> tuple[str, ...]:
    declared = spec.model_fields_set
    undeclared = {
        "scale": "pixels scaled to 0..1",
        "size": "image size as stored",
        "channels": "channels as stored",
        "resize": "no resize",
        "mean": "no normalisation",
    }
    notes = [text for key, text in undeclared.items() if key not in declared]
    if spec.resizer == "tensor":
        notes.append("images resized as tensors, as by torchvision; Pillow differs by a level")
    elif spec.resize != "none" and "resizer" not in declared:
        notes.append("images resized by Pillow; torchvision's tensors differ by a level")
    return tuple(notes)
