"""The `input:` of a gate file: all that is done to an image before the model sees it."""

import math
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

MOST_PIXELS = 2**26  # of an image that is made: three channels of it in float32 are 800 MB
_LARGEST = 1e6  # numbers beyond it belong to no pixel

Length = Annotated[int, Field(gt=0, le=16_384)]
Deviation = Annotated[float, Field(gt=0, le=_LARGEST)]
Level = Annotated[int, Field(ge=0, le=255)]
Size = Annotated[tuple[Length, Length], Field(strict=False)]
Number = Annotated[float, Field(ge=-_LARGEST, le=_LARGEST)]


class InputSpec(BaseModel):
    """How a decoded image becomes the model's input; what is left out is not done.

    In this order: turn, convert, resize, pad, crop, scale, add the offset, normalise.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    size: Size | None = Field(None, description="Height and width of the model's input, in pixels.")
    channels: Literal["L", "RGB", "BGR"] | None = Field(
        None,
        description="Grey (L), RGB, or RGB with the channels in reverse order (BGR). Images of "
        "another mode are converted as by Pillow: alpha is dropped, palette colours are looked up, "
        "CMYK is converted without a colour profile.",
    )
    orientation: Literal["exif", "stored"] | None = Field(
        None,
        description="`exif` turns an image as its EXIF data says, as transformers and Ultralytics "
        "do; `stored` leaves it as its pixels are stored, as torchvision and timm do. By default "
        "as the library of the model does it, and stored where no library is known.",
    )
    resize: Literal["none", "stretch", "shorter-side", "longer-side"] | Length | Size = Field(
        "none",
        description="`stretch` to the size; `shorter-side`: keep the shape, scale to the smallest "
        "image that covers the size; `longer-side`: keep the shape, scale to the largest image "
        "that fits into the size; an integer scales the shorter side to that many pixels; [height, "
        "width] stretches to these.",
    )
    crop_ratio: Annotated[float, Field(gt=0, le=2)] | None = Field(
        None,
        description="Resize for a larger size, of which the crop takes this part: height and width "
        "of the size are divided by it and rounded down. timm and ConvNeXT call it crop_pct.",
    )
    rounding: Literal["floor", "round"] = Field(
        "floor",
        description="How the length of the other side is made a whole number when the shape is "
        "kept: rounded down as by torchvision and transformers, or to the nearest as by timm's "
        "ResizeKeepRatio.",
    )
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"] = Field(
        "bilinear", description="How pixels are computed when resizing, with antialiasing."
    )
    resizer: Literal["pillow", "tensor"] = Field(
        "pillow",
        description="Who resizes: `pillow` as torchvision and timm do with PIL images, `tensor` as "
        "torchvision does with uint8 tensors, and transformers where torchvision is installed. "
        "Pixels differ by a level here and there.",
    )
    pad: Literal["mean"] | Level | Annotated[tuple[Level, ...], Field(strict=False)] | None = Field(
        None,
        description="Add a border, in equal parts on both sides, where the image is smaller than "
        "the size after resizing: of one level 0..255, of a level for each channel, or of round("
        "255 * mean). It is added before scaling and normalising. Without it such an image is "
        "refused.",
    )
    crop: Literal["none", "center", "center-floor"] = Field(
        "none",
        description="`center` cuts the size from the middle, after resizing; half a pixel is "
        "rounded as by the library of the model: to even by torchvision and timm, and where no "
        "library is known. `center-floor` rounds it down, as transformers does.",
    )
    scale: Annotated[float, Field(gt=0, le=1000)] | None = Field(
        None,
        description="What pixel values 0..255 are multiplied by; 1/255 by default. transformers "
        "calls it rescale_factor; 1 keeps 0..255.",
    )
    offset: Number = Field(0.0, description="Added after scaling, such as -1 for values in -1..1.")
    mean: Annotated[tuple[Number, ...] | None, Field(strict=False)] = Field(
        None, description="Per channel, in the order of channels, subtracted after scaling."
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

    @property
    def mode(self) -> Literal["L", "RGB"] | None:
        """What Pillow calls images of these channels; None: as they are stored."""
        return "RGB" if self.channels == "BGR" else self.channels

    @property
    def resized_for(self) -> tuple[int, int] | None:
        """Height and width that images are scaled to, to cover, or to fit into; None: neither."""
        match self.resize:
            case int(side):
                return side, side
            case (int(height), int(width)):
                return height, width
        if self.resize == "none" or self.size is None:
            return None
        if self.crop_ratio is None:
            return self.size
        height, width = (math.floor(min(side / self.crop_ratio, 1e15)) for side in self.size)
        return height, width

    @property
    def doubt(self) -> str:
        """What of it is hardly meant, in a sentence; nothing where nothing is.

        It is no fault: a model may have been trained so.
        """
        if self.mean is None or self.std is None or self.scale is not None or self.offset:
            return ""
        if max(self.mean) <= 1:
            return ""
        mean, std = ([round(value / 255, 4) for value in each] for each in (self.mean, self.std))
        return (
            f"the mean {max(self.mean):g} seems to be on the scale 0..255, and pixels are scaled "
            f"to 0..1 before it is subtracted: unless training did so, write mean: {mean}, "
            f"std: {std}, or scale: 1"
        )

    def border(self) -> tuple[int, ...]:
        """Return the levels of the border, one for all channels or one each, in their order."""
        if self.pad == "mean":
            return tuple(round(255 * value) for value in self.mean or ())
        return (self.pad,) if isinstance(self.pad, int) else self.pad or ()

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
    def _numbers_are_not_0_in_float32(self) -> Self:
        for name, values in (("scale", (self.scale,)), ("std", self.std or ())):
            for value in values:
                if value is not None and np.float32(value) == 0:
                    raise ValueError(f"{name} {value:g} is 0 in float32: write it larger")
        return self

    @model_validator(mode="after")
    def _resizing_needs_a_size(self) -> Self:
        if self.size is not None:
            return self
        if self.resize != "none" or self.crop != "none":
            raise ValueError("resize and crop need a size: [height, width]")
        if self.pad is not None or self.crop_ratio is not None:
            raise ValueError("pad and crop_ratio need a size: [height, width]")
        return self

    @model_validator(mode="after")
    def _images_can_be_held(self) -> Self:
        for name, made in (("size", self.size), ("resize", self.resized_for)):
            if made is not None and not 0 < made[0] * made[1] <= MOST_PIXELS:
                raise ValueError(
                    f"{name} makes images of {made[0]} x {made[1]} pixels, and {MOST_PIXELS:,} are "
                    "the most: write the size that the model was trained with"
                )
        return self

    @model_validator(mode="after")
    def _the_ratio_has_something_to_cut(self) -> Self:
        if self.crop_ratio is None:
            return self
        if self.resize not in {"stretch", "shorter-side", "longer-side"}:
            raise ValueError(
                "crop_ratio says what resize aims at: declare resize: stretch, shorter-side or "
                "longer-side, or delete crop_ratio"
            )
        if self.crop == "none":
            raise ValueError("crop_ratio leaves a rim to cut: declare crop: center, or delete it")
        return self

    @model_validator(mode="after")
    def _resizing_is_done_in_one_way(self) -> Self:
        declared = self.model_fields_set
        keeps_shape = isinstance(self.resize, int) or self.resize in {"shorter-side", "longer-side"}
        if "rounding" in declared and not keeps_shape:
            raise ValueError(
                "rounding is of a resize that keeps the shape: declare resize: shorter-side, "
                "longer-side or an integer, or delete rounding"
            )
        if "resizer" in declared and self.resize == "none":
            raise ValueError("resizer resizes nothing: declare resize, or delete resizer")
        if self.resizer == "tensor" and self.interpolation in {"box", "hamming"}:
            raise ValueError(
                f"torch has no interpolation {self.interpolation} for tensors: write resizer: "
                "pillow, or another interpolation"
            )
        return self

    @model_validator(mode="after")
    def _the_border_has_a_colour(self) -> Self:
        if self.pad is None:
            if self.resize == "longer-side" and "factory" not in self.model_fields_set:
                raise ValueError(
                    "resize: longer-side leaves a border: declare its colour, such as pad: 0 or "
                    "pad: mean"
                )
            return self
        if self.pad == "mean" and (self.mean is None or self.scale is not None or self.offset):
            raise ValueError(
                "pad: mean is round(255 * mean), of a mean of values in 0..1: declare mean and no "
                "scale or offset, or write the levels of the colour"
            )
        levels = self.border()
        if len(levels) > 1 and len(levels) != len(self.channels or ""):
            raise ValueError(
                f"pad has {len(levels)} levels, and channels are {self.channels or 'not declared'}"
                ": write one level for each channel, or one for all"
            )
        if not levels or not all(0 <= level <= 255 for level in levels):
            raise ValueError(f"pad gives the levels {list(levels)}: write levels in 0..255")
        return self
