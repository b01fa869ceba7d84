"""The declared input transform: a decoded image to the numbers that the model is given."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from gate.errors import FactoryError
from gate.subject.datasets.records import UnreadableImage
from gate.subject.guard import Guard, describe_error, in_reach, kind_of, require_theirs
from gate.subject.usercode import call, load_callable
from gate.wording import list_names, quote

if TYPE_CHECKING:  # Pillow is loaded with the first image, not with the gate file
    from PIL import Image

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]
Length = Annotated[int, Field(gt=0)]
Deviation = Annotated[float, Field(gt=0)]


class InputSpec(BaseModel):
    """How a decoded image becomes the model's input; what is left out is not done."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    size: Annotated[tuple[Length, Length] | None, Field(strict=False)] = Field(
        None, description="Height and width of the model's input, in pixels."
    )
    channels: Literal["L", "RGB"] | None = Field(
        None,
        description="Grey (L) or RGB. Images of another mode are converted as by Pillow: alpha is "
        "dropped, palette colours are looked up, CMYK is converted without a colour profile.",
    )
    resize: Literal["none", "stretch", "shorter-side"] | Length = Field(
        "none",
        description="`stretch` to the size; `shorter-side`: keep the shape, scale to the smallest "
        "image that covers the size; an integer scales the shorter side to that many pixels.",
    )
    crop: Literal["none", "center"] = Field(
        "none", description="`center` cuts the size from the middle, after resizing."
    )
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos"] = Field(
        "bilinear", description="How pixels are computed when resizing, with antialiasing."
    )
    mean: Annotated[tuple[float, ...] | None, Field(strict=False)] = Field(
        None, description="Per channel, subtracted after scaling to 0..1."
    )
    std: Annotated[tuple[Deviation, ...] | None, Field(strict=False)] = Field(
        None, description="Per channel, divided by after the mean is subtracted."
    )
    factory: str | None = Field(
        None,
        min_length=1,
        description="`package.module:function` that returns a callable which turns a PIL image "
        "into a float tensor (C, H, W); it stands alone.",
    )

    @model_validator(mode="after")
    def _factory_alone(self) -> Self:
        if self.factory is not None and len(self.model_fields_set) > 1:
            raise ValueError("a factory does all of the input: give it alone")
        return self

    @model_validator(mode="after")
    def _statistics_fit_the_channels(self) -> Self:
        if (self.mean is None) != (self.std is None):
            raise ValueError("mean and std belong together: give both or neither")
        if self.mean is None or self.std is None:
            return self
        if self.channels is None:
            raise ValueError("mean and std need channels: L or RGB")
        expected = len(self.channels)
        if not len(self.mean) == len(self.std) == expected:
            raise ValueError(
                f"channels {self.channels} need {expected} of mean and std, "
                f"given are {len(self.mean)} and {len(self.std)}"
            )
        return self

    @model_validator(mode="after")
    def _resizing_needs_a_size(self) -> Self:
        if self.size is None and (self.resize != "none" or self.crop != "none"):
            raise ValueError("resize and crop need a size: [height, width]")
        return self


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

    def batch(self, pixels: Pixels) -> Floats:
        """Return uint8 rows (n, H, W) or (n, H, W, 3) as float32 (n, C, H, W).

        Bit-equal to calling the transform on each row; raises as that does.
        """


def build_transform(spec: InputSpec, *, base: Path) -> Transform:
    """Return the transform that the gate file declares; raises FactoryError.

    ``base`` is the folder of the gate file, from which a user's factory is imported.
    """
    if spec.factory is not None:
        return _user_transform(spec.factory, base)
    mean, std = spec.mean or (0.0,), spec.std or (1.0,)
    return DeclaredTransform(
        spec, np.array(mean, np.float32), np.array(std, np.float32), _assumed(spec)
    )


@dataclass(frozen=True, slots=True, eq=False)
class DeclaredTransform:
    """Converts, resizes and crops with Pillow, then scales and normalises.

    ``mean`` and ``std`` are float32 of shape (channels,), or (1,) for all channels alike.
    """

    spec: InputSpec
    mean: Floats
    std: Floats
    assumed: tuple[str, ...]

    def __call__(self, image: "Image.Image") -> Floats:
        """Return the image as float32 (C, H, W); raises UnreadableImage."""
        prepared = _cropped(_resized(_converted(image, self.spec), self.spec), self.spec)
        row: Floats = self._scaled(np.asarray(prepared)[None])[0]
        return row

    def treatment(self, image: "Image.Image") -> tuple[str, ...]:
        """Return whether the image is converted, and whether it lies on its side."""
        from gate.subject.datasets.images import exif_turns

        done = []
        if self.spec.channels not in {None, image.mode}:
            done.append(f"converted from {image.mode} to {self.spec.channels}")
        if exif_turns(image):
            done.append("not turned as EXIF says (nor does torchvision)")
        return tuple(done)

    def batch(self, pixels: Pixels) -> Floats:
        """Return uint8 rows (n, H, W) or (n, H, W, 3) as float32 (n, C, H, W)."""
        if self._needs_pillow(pixels):
            from PIL import Image

            return np.stack([self(Image.fromarray(row)) for row in pixels])
        if pixels.ndim == 3 and self.spec.channels == "RGB":
            pixels = np.broadcast_to(pixels[..., None], (*pixels.shape, 3))
        return self._scaled(pixels)

    def _needs_pillow(self, pixels: Pixels) -> bool:
        if self.spec.size is not None and self.spec.size != pixels.shape[1:3]:
            return True
        if isinstance(self.spec.resize, int) and self.spec.resize != min(pixels.shape[1:3]):
            return True
        return pixels.ndim == 4 and self.spec.channels == "L"

    def _scaled(self, pixels: Pixels) -> Floats:
        """Return pixels scaled, (n, C, H, W), with the channels of a pixel side by side in memory.

        They lie so in a picture, and convolutions are fastest with them; rows are scaled whole.
        """
        if pixels.ndim == 3:
            pixels = pixels[..., None]
        n, height, width, channels = pixels.shape
        rows = pixels.reshape(n, height, width * channels).astype(np.float32)
        rows /= np.float32(255)
        if self.spec.mean is not None:
            rows -= np.tile(np.resize(self.mean, channels), width)
        if self.spec.std is not None:
            rows /= np.tile(np.resize(self.std, channels), width)
        return rows.reshape(n, height, width, channels).transpose(0, 3, 1, 2)


def _converted(image: "Image.Image", spec: InputSpec) -> "Image.Image":
    """Return the image in mode L or RGB."""
    if image.mode.startswith(("I", "F")):
        bits = "16" if ";16" in image.mode else "32"
        raise UnreadableImage(
            f"has {bits} bits a pixel, and nothing says which value is white",
            "save it with 8 bits, or scale it in an input factory",
        )
    if image.mode == spec.channels or (spec.channels is None and image.mode in {"L", "RGB"}):
        return image
    if spec.channels is None:
        raise UnreadableImage(
            f"is of mode {image.mode}, neither grey nor RGB", "declare input.channels: L or RGB"
        )
    try:
        if image.mode == "P":  # its transparency is dropped with the alpha, without a warning
            image = image.convert("RGBA")
        return image.convert(spec.channels)
    except ValueError as error:
        raise UnreadableImage(
            f"of mode {image.mode} cannot be converted to {spec.channels}",
            f"save it as {spec.channels}",
        ) from error


def _resized(image: "Image.Image", spec: InputSpec) -> "Image.Image":
    target = _target(image.height, image.width, spec)
    if target == (image.height, image.width):
        return image
    from PIL import Image

    return image.resize((target[1], target[0]), Image.Resampling[spec.interpolation.upper()])


def _target(height: int, width: int, spec: InputSpec) -> tuple[int, int]:
    """Return height and width after resizing; the longer side is rounded down, as torchvision does.

    "shorter-side" covers the declared size, and with a square one is torchvision's Resize(side).
    """
    match spec.resize:
        case "none":
            return height, width
        case "stretch":
            assert spec.size is not None, "the spec was validated"
            return spec.size
        case "shorter-side":
            assert spec.size is not None, "the spec was validated"
            wanted_height, wanted_width = spec.size
        case int(side):
            wanted_height = wanted_width = side
    if height * wanted_width <= width * wanted_height:
        return wanted_height, wanted_height * width // height
    return wanted_width * height // width, wanted_width


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
    top = round((image.height - height) / 2)
    left = round((image.width - width) / 2)
    return image.crop((left, top, left + width, top + height))


def _size_remedy(spec: InputSpec) -> str:
    if spec.resize == "none":
        return "declare input.resize: stretch or shorter-side, or correct input.size"
    return "declare input.crop: center and a resize that covers the size"


def _assumed(spec: InputSpec) -> tuple[str, ...]:
    declared = spec.model_fields_set
    said = {
        "size": "image size as stored",
        "channels": "channels as stored",
        "resize": "no resize",
        "mean": "no normalisation",
    }
    return (
        "pixel values of images scaled to 0..1",
        *(text for key, text in said.items() if key not in declared),
    )


def _user_transform(factory: str, base: Path) -> "FactoryTransform":
    where = f"input.factory {quote(factory)}"
    with np.errstate():  # what the user's code sets is not for our own numbers
        function = call(
            load_callable(factory, base=base, purpose="input.factory"), {}, base=base, where=where
        )
    if not callable(function):
        raise FactoryError(
            where,
            f"returned {kind_of(function)}, nothing that can be called",
            "return a callable that turns a PIL image into a float tensor (C, H, W)",
        )
    return FactoryTransform(function, where, base)


@dataclass(frozen=True, slots=True, eq=False)
class FactoryTransform:
    """A user's own callable, and a check of what it gives.

    It is called from several threads at once, as torchvision's transforms may be.
    """

    function: Callable[[Any], Any]
    where: str
    base: Path
    assumed: tuple[str, ...] = ()

    def __call__(self, image: "Image.Image") -> Floats:
        """Return the tensor as float32 (C, H, W); raises UnreadableImage or FactoryError."""
        try:
            with in_reach():
                made = self.function(image)
        except Exception as error:  # user code may raise anything, and the next image may do
            require_theirs(error)
            raise UnreadableImage(
                f"{self.where} raised {describe_error(error, self.base)}"
            ) from error
        except BaseException as error:  # it ends the process, or means to: no image is to blame
            raise Guard(self.where, self.base).refusal(error) from error
        try:
            array = _as_array(made)
            is_image = isinstance(array, np.ndarray) and array.ndim == 3 and array.dtype.kind == "f"
            if is_image and array.size:
                return np.ascontiguousarray(array, np.float32)
        except BaseException as error:  # of a tensor without values, or an object that is odd
            require_theirs(error)
        raise FactoryError(
            self.where,
            f"gave {_described(made)} for an image",
            "its callable returns a float tensor (C, H, W)",
        )

    def treatment(self, image: "Image.Image") -> tuple[str, ...]:  # noqa: ARG002 -- as all have it
        """Return nothing: what the user's callable does is the user's to know."""
        return ()

    def batch(self, pixels: Pixels) -> Floats:
        """Return uint8 rows (n, H, W) or (n, H, W, 3) as float32 (n, C, H, W)."""
        from PIL import Image

        made = [self(Image.fromarray(row)) for row in pixels]
        shapes = sorted({each.shape for each in made})
        if len(shapes) > 1:
            raise FactoryError(
                self.where,
                f"gave tensors of different shapes for images of one size: {list_names(shapes)}",
                "take random steps out of it",
            )
        return np.stack(made)


def _as_array(made: Any) -> Any:  # noqa: ANN401 - it is the user's object, looked at by the caller
    """Return the NumPy array of a torch tensor without knowing torch, and all else as it is."""
    if not hasattr(made, "detach"):
        return made
    tensor = made.detach().cpu()
    return (tensor.float() if tensor.is_floating_point() else tensor).numpy()


def _described(made: object) -> str:
    """Return what an object says of itself, as far as it does."""
    try:
        shape = getattr(made, "shape", None)
        if shape is not None:
            kind = getattr(made, "dtype", "?")
            return f"{kind_of(made)} of shape {tuple(shape)} and type {kind}"
    except BaseException as error:
        require_theirs(error)
    return kind_of(made)
