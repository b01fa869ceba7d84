"""The image processors of transformers, their keys turned into the keys of `input:`.

A processor's file leaves out what its class has by default, and classes differ, so the defaults of
the classes are held here, with the few steps that some classes do in a way of their own.
"""

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from gate.subject.checkpoints.refusals import corrupt, mismatch
from gate.subject.sources.transformers_config import Config, parse
from gate.wording import plain, quote

PREPROCESSOR, PROCESSOR = "preprocessor_config.json", "processor_config.json"

_RESAMPLE = ("nearest", "lanczos", "bilinear", "bicubic", "box", "hamming")  # by Pillow's number
_HALF = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
_IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
_CLIP = {
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
}
_BILINEAR, _BICUBIC = {"resample": 2}, {"resample": 3}
_EVERY = {
    "do_resize": True,
    "do_center_crop": False,
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "default_to_square": True,
}


def _square(side: int) -> dict[str, Any]:
    return {"size": {"height": side, "width": side}}


def _shorter(side: int) -> dict[str, Any]:
    return {"size": {"shortest_edge": side}, "default_to_square": False}


def _crop(side: int) -> dict[str, Any]:
    return {"do_center_crop": True, "crop_size": {"height": side, "width": side}}


# Image processor, without its last word -> what it does where its file says nothing.
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "Beit": {**_square(224), **_BICUBIC, **_HALF, **_crop(224), "do_center_crop": False},
    "Bit": {**_shorter(224), **_BICUBIC, **_CLIP, **_crop(224)},
    "CLIP": {**_shorter(224), **_BICUBIC, **_CLIP, **_crop(224)},
    "ConvNext": {**_shorter(384), **_BICUBIC, **_HALF, "crop_pct": 224 / 256},
    "DeiT": {**_square(256), **_BICUBIC, **_HALF, **_crop(224)},
    "EfficientNet": {
        **_square(346),
        **_BICUBIC,
        **_HALF,
        **_crop(289),
        "do_center_crop": False,
        "rescale_offset": False,
        "include_top": True,
    },
    "Levit": {**_shorter(224), **_BICUBIC, **_IMAGENET, **_crop(224)},
    "MobileNetV1": {**_shorter(256), **_BILINEAR, **_HALF, **_crop(224)},
    "MobileNetV2": {**_shorter(256), **_BILINEAR, **_HALF, **_crop(224)},
    "MobileViT": {
        **_shorter(224),
        **_BICUBIC,
        **_crop(256),
        "do_normalize": False,
        "do_flip_channel_order": True,
    },
    "PoolFormer": {**_shorter(224), **_BICUBIC, **_IMAGENET, **_crop(224), "crop_pct": 0.9},
    "Pvt": {**_square(224), **_BICUBIC, **_IMAGENET},
    "Segformer": {**_square(512), **_BILINEAR, **_IMAGENET},
    "Siglip": {**_square(224), **_BICUBIC, **_HALF, "default_to_square": False},
    "ViT": {**_square(224), **_BILINEAR, **_HALF},
}

# Kind of model -> the image processor that transformers takes where the file names none.
_OF_MODEL = {
    **dict.fromkeys(("beit", "data2vec-vision"), "Beit"),
    **dict.fromkeys(("bit", "dinov2", "focalnet", "hiera"), "Bit"),
    **dict.fromkeys(("clip", "metaclip_2"), "CLIP"),
    **dict.fromkeys(("convnext", "convnextv2", "cvt", "regnet", "resnet"), "ConvNext"),
    "deit": "DeiT",
    "efficientnet": "EfficientNet",
    "levit": "Levit",
    "mobilenet_v1": "MobileNetV1",
    "mobilenet_v2": "MobileNetV2",
    **dict.fromkeys(("mobilevit", "mobilevitv2"), "MobileViT"),
    "poolformer": "PoolFormer",
    **dict.fromkeys(("pvt", "pvt_v2"), "Pvt"),
    "segformer": "Segformer",
    "siglip": "Siglip",
    **dict.fromkeys(("dinat", "ijepa", "swiftformer", "swin", "swinv2", "vit", "vit_msn"), "ViT"),
}
_LONGEST = 1 << 31  # pixels of a side, far above what is measured
_LEAST_PART = 1e-6  # of a side that a crop leaves
_CONVNEXT_STRETCHES = 384  # the side from which ConvNext stretches and crops nothing


class UnsaidError(Exception):
    """What a processor's file does not say, or `input:` cannot: the fact of a question."""


@dataclass(frozen=True, slots=True)
class Processor:
    """A processor's file that was read, and the class that transformers takes for it."""

    file: str
    name: str  # of the class, as the file has it or as the kind of model implies it
    values: Mapping[str, Any]  # its class's defaults, and over them what the file says


def read_processor(configs: Mapping[str, bytes], config: Config) -> Processor | None:
    """Return the processor of a folder, of its configurations by name; None where it has none.

    Raises RefusedError for a file that cannot be read, and UnsaidError for a processor that is not
    known here.
    """
    file, values = PROCESSOR, _nested(configs)
    if values is None:
        if PREPROCESSOR not in configs:
            return None
        file, values = PREPROCESSOR, parse(PREPROCESSOR, configs[PREPROCESSOR])
    if values.get("auto_map"):
        raise UnsaidError(f"{file} names code of the folder's own (auto_map), which is never run")
    name = _class_of(values, config)
    known = DEFAULTS.get(_bare(name))
    if known is None:
        raise UnsaidError(f"{file}: the image processor {quote(name)} is not known here")
    said = {key: value for key, value in values.items() if value is not None}
    return Processor(file, name, {**_EVERY, **known, **said})


def input_keys(processor: Processor, config: Config) -> dict[str, Any]:
    """Return what a processor does as keys of `input:`.

    Raises UnsaidError for what those cannot say, RefusedError for values of another kind.
    """
    if config.channels != 3:
        fact = (
            f"the model takes {config.channels} channels, and transformers prepares images as RGB"
        )
        raise UnsaidError(fact)
    values, bare = _Values(processor), _bare(processor.name)
    if values.flag("do_pad"):
        raise UnsaidError(f"{processor.file}: do_pad pads by a size, which input: does not say")
    is_flipped = bare == "MobileViT" and values.flag("do_flip_channel_order")
    keys = {"channels": "BGR" if is_flipped else "RGB", "orientation": "exif"}
    geometry = _GEOMETRY.get(bare, _plain_geometry)(values)
    if geometry.get("resize", "none") != "none":
        keys["interpolation"] = values.resample
        is_tensor = resizes_tensors() or _leaves_a_border(geometry)
        keys["resizer"] = "tensor" if is_tensor else "pillow"
    return {**keys, **geometry, **_scaling(values, bare), **_statistics(values, bare)}


def source_of(processor: Processor, keys: Mapping[str, Any]) -> str:
    """Return who says the keys of an input, with the way in which images are resized."""
    ways = {
        "tensor": ", resizing tensors as with torchvision",
        "pillow": ", resizing with Pillow as without torchvision",
    }
    return f"{processor.file}: {plain(processor.name)}{ways.get(keys.get('resizer', ''), '')}"


def resizes_tensors() -> bool:
    """Return whether transformers would resize tensors with torchvision, and not with Pillow."""
    return importlib.util.find_spec("torchvision") is not None


def _leaves_a_border(geometry: Mapping[str, Any]) -> bool:
    """Return whether the crop may be larger than what is resized.

    The two ways of transformers put an odd pixel of the border on opposite sides, and `input:`
    knows that of tensors.
    """
    size, resize = geometry.get("size"), geometry["resize"]
    if geometry.get("crop") is None or size is None or resize == "shorter-side":
        return False
    sides = resize if isinstance(resize, list) else [resize, resize]
    return any(side < cut for side, cut in zip(sides, size, strict=True))


def release() -> str | None:
    """Return the release of transformers that is installed; None: there is none."""
    try:
        return version("transformers")
    except PackageNotFoundError:
        return None


def _nested(configs: Mapping[str, bytes]) -> Mapping[str, Any] | None:
    """Return what processor_config.json says of images, which transformers takes first."""
    if PROCESSOR not in configs:
        return None
    found = parse(PROCESSOR, configs[PROCESSOR]).get("image_processor")
    return found if isinstance(found, dict) else None


def _class_of(values: Mapping[str, Any], config: Config) -> str:
    for key in ("image_processor_type", "feature_extractor_type"):
        named = values.get(key)
        if isinstance(named, str):
            return named
    implied = _OF_MODEL.get(config.model_type)
    return f"{implied}ImageProcessor" if implied else "of no name"


def _bare(name: str) -> str:
    """Return the name of a processor without what tells its age and backend.

    >>> _bare("ViTFeatureExtractor"), _bare("ConvNextImageProcessorFast")
    ('ViT', 'ConvNext')
    """
    name = name.removesuffix("Fast").removesuffix("Pil")
    for suffix in ("ImageProcessor", "FeatureExtractor"):
        if name.endswith(suffix):
            return name.removesuffix(suffix)
    return ""


@dataclass(frozen=True, slots=True)
class _Values:
    """The values of a processor, each of the kind that it must have."""

    processor: Processor

    def flag(self, key: str) -> bool:
        """Return a truth value; False where there is none."""
        return bool(self._of_kind(key, bool, "true or false", absent=False))

    def number(self, key: str) -> float:
        """Return a number."""
        found: float = self._of_kind(key, int | float, "a number")
        return self._float(key, found)

    def per_channel(self, key: str) -> list[float]:
        """Return a number for each of the three channels."""
        found: Any = self.processor.values.get(key)
        numbers = found if isinstance(found, list) else [found] * 3
        if not all(isinstance(each, int | float) for each in numbers):
            raise self._wrong(key, "numbers")
        return [self._float(key, each) for each in numbers]

    @property
    def resample(self) -> str:
        """The name of the interpolation that Pillow has a number for."""
        number = self._of_kind("resample", int, "a number of Pillow's")
        if not 0 <= number < len(_RESAMPLE):
            raise self._wrong("resample", "a number of Pillow's, 0 to 5")
        return _RESAMPLE[number]

    def sides(self, key: str) -> list[int] | int:
        """Return height and width, or the length of the shorter side.

        Raises UnsaidError for sizes of another kind.
        """
        found = self.processor.values.get(key)
        if isinstance(found, list) and len(found) == 2:
            found = {"height": found[0], "width": found[1]}
        elif isinstance(found, int):
            is_square = key == "crop_size" or self.flag("default_to_square")
            found = {"height": found, "width": found} if is_square else {"shortest_edge": found}
        if not isinstance(found, dict):
            raise self._wrong(key, "a size")
        lengths = {name: length for name, length in found.items() if length is not None}
        if not all(isinstance(each, int) and 0 < each <= _LONGEST for each in lengths.values()):
            raise self._wrong(key, "whole numbers of pixels")
        match lengths:
            case {"height": int(height), "width": int(width)} if len(lengths) == 2:
                return [height, width]
            case {"shortest_edge": int(side)} if len(lengths) == 1:
                return side
        raise UnsaidError(
            f"{self.processor.file}: {key} is by {plain(', '.join(sorted(lengths)))}, which input: "
            "does not say"
        )

    @property
    def crop(self) -> list[int]:
        """Height and width of the crop."""
        sides = self.sides("crop_size")
        return sides if isinstance(sides, list) else [sides, sides]

    def _float(self, key: str, number: float) -> float:
        try:
            return float(number)
        except OverflowError:  # an integer of JSON has as many digits as its writer likes
            raise self._wrong(key, "a number that a float can hold") from None

    def _of_kind(self, key: str, kind: Any, said: str, *, absent: Any = None) -> Any:  # noqa: ANN401
        found: Any = self.processor.values.get(key, absent)
        if not isinstance(found, kind) or (kind is not bool and isinstance(found, bool)):
            raise self._wrong(key, said)
        return found

    def _wrong(self, key: str, said: str) -> Exception:
        found = plain(self.processor.values.get(key))
        return corrupt(
            f"{self.processor.file}: {key} is {found}, not {said}",
            "save the image processor again: processor.save_pretrained(FOLDER)",
        )


def _plain_geometry(values: _Values) -> dict[str, Any]:
    resize = values.sides("size") if values.flag("do_resize") else None
    return _resized_and_cropped(values, resize)


def _resized_and_cropped(values: _Values, resize: list[int] | int | None) -> dict[str, Any]:
    if values.flag("do_center_crop"):
        cut = {"size": values.crop, "crop": "center-floor", "pad": 0}
        return cut if resize is None else {**cut, "resize": resize}
    if resize is None:
        return {}
    if isinstance(resize, int):
        raise UnsaidError(
            f"{values.processor.file}: images keep their shape and are not cropped, so their sizes "
            "differ, and a size of the model's input is needed"
        )
    return {"size": resize, "resize": "stretch"}


def _convnext(values: _Values) -> dict[str, Any]:
    if not values.flag("do_resize"):
        return _plain_geometry(values)
    side = values.sides("size")
    if not isinstance(side, int):
        fact = f"{values.processor.file}: size has no shortest_edge, which its class needs"
        raise mismatch(fact, 'write size: {"shortest_edge": PIXELS}')
    if values.flag("do_center_crop"):
        raise UnsaidError(f"{values.processor.file}: images are cropped twice (do_center_crop)")
    if side >= _CONVNEXT_STRETCHES:
        return {"size": [side, side], "resize": "stretch"}
    ratio = values.number("crop_pct")
    cut = {"crop_ratio": ratio, "crop": "center-floor", "pad": 0}
    return {"size": [side, side], "resize": "shorter-side", **cut}


def _poolformer(values: _Values) -> dict[str, Any]:
    if not values.flag("do_resize"):
        return _plain_geometry(values)
    sides, ratio = values.sides("size"), values.number("crop_pct")
    if not ratio >= _LEAST_PART:
        fact = (
            f"{values.processor.file}: crop_pct is {ratio:g}, and a part of an image is at least "
            f"{_LEAST_PART:g}"
        )
        raise mismatch(fact, "write the part that the model was trained with")
    if isinstance(sides, list) and sides[0] == sides[1]:
        sides = sides[0]  # keeps the shape all the same
    if isinstance(sides, int):
        return _resized_and_cropped(values, int(sides / ratio))
    return _resized_and_cropped(values, [int(side / ratio) for side in sides])


def _levit(values: _Values) -> dict[str, Any]:
    sides = values.sides("size") if values.flag("do_resize") else None
    return _resized_and_cropped(
        values, int((256 / 224) * sides) if isinstance(sides, int) else sides
    )


def _segformer(values: _Values) -> dict[str, Any]:
    """Return the geometry of a class that crops nothing, whatever its file says."""
    resize = values.sides("size") if values.flag("do_resize") else None
    if isinstance(resize, int):
        return _plain_geometry(values)
    return {} if resize is None else {"size": resize, "resize": "stretch"}


_GEOMETRY: Mapping[str, Callable[[_Values], dict[str, Any]]] = {
    "ConvNext": _convnext,
    "Levit": _levit,
    "PoolFormer": _poolformer,
    "Segformer": _segformer,
}


def _scaling(values: _Values, bare: str) -> dict[str, Any]:
    if not values.flag("do_rescale"):
        return {"scale": 1.0}
    factor = values.number("rescale_factor")
    keys = {} if factor == 1 / 255 else {"scale": factor}
    if bare == "EfficientNet" and values.flag("rescale_offset"):
        keys["offset"] = -1.0
    return keys


def _statistics(values: _Values, bare: str) -> dict[str, Any]:
    is_normalised = bare != "MobileViT" and values.flag("do_normalize")
    divides_again = bare == "EfficientNet" and values.flag("include_top")
    if not is_normalised and not divides_again:
        return {}
    std = values.per_channel("image_std")
    if not divides_again:
        return {"mean": values.per_channel("image_mean"), "std": std}
    if not is_normalised:
        return {"mean": [0.0] * 3, "std": std}
    return {"mean": values.per_channel("image_mean"), "std": [each * each for each in std]}
