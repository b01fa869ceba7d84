"""The meaning of timm's configurations: the model that one builds, and how images are prepared."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from gate.subject.sources.bounded_building import too_large
from gate.subject.sources.libraries import import_library
from gate.subject.sources.unknown import UnknownError, input_from
from gate.wording import list_names, quote

if TYPE_CHECKING:
    from torch import nn

    from gate.subject.inputs import InputSpec

ADD_FACTORY = (
    "name the code that builds the model: under model: add factory: package.module:function, or "
    "use --model"
)
ADD_INPUT = (
    "add input: {size: [H, W], channels: RGB, resize: shorter-side, crop: center, mean: [...], "
    "std: [...]}, as in training"
)
ADD_CLASSES = "add classes: [first, second, ...], in the order of the outputs"
_ARCHITECTURE = re.compile(r"[a-z0-9_]{1,100}(\.[a-z0-9_]{1,100})?")  # with the tag of its weights
# Arguments that make timm read a file, reach for the network, or build another thing.
_FORBIDDEN = frozenset(
    {"pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "pretrained_strict"}
    | {"pretrained_model_args", "pretrained_filter_fn", "checkpoint_path", "cache_dir"}
    | {"features_only", "out_indices", "feature_cfg", "scriptable", "exportable", "no_jit"}
    | {"device", "dtype", "model_name", "kwargs_filter"}
)
_OUTSIDE = ("url", "file", "hf_hub_id", "state_dict")  # of a pretrained_cfg: where weights lie
_INTERPOLATIONS = frozenset({"nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"})
_CROP_PCT = 0.875  # timm's DEFAULT_CROP_PCT
_CHANNELS = {1: "L", 3: "RGB"}


@dataclass(frozen=True, slots=True)
class Build:
    """A model of timm by its name, and the plain arguments that it is built with."""

    architecture: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The model in words."""
        return f"timm {self.architecture}"

    def maker(self, where: str) -> Callable[[], "nn.Module"]:
        """Return a function that builds the module with random weights.

        Raises UsageError where timm is not installed, or cannot be imported. The function raises
        whatever timm does.
        """
        timm = import_library("timm", where)
        return partial(timm.create_model, self.architecture, pretrained=False, **self.arguments)


def require_safe_build(architecture: object, arguments: object) -> Build:
    """Return a build of a name and arguments that an artefact states.

    Raises UnknownError where timm would look for the name elsewhere than among its own models, for
    arguments that make it read or fetch, and for sizes beyond reason.
    """
    if not isinstance(architecture, str) or not _ARCHITECTURE.fullmatch(architecture):
        raise UnknownError(f"{quote(architecture)} is no name of a model inside timm")
    if not isinstance(arguments, Mapping):
        raise UnknownError("the arguments of the model are no mapping")
    given = {name: value for name, value in arguments.items() if value is not None}
    forbidden = sorted(name for name in _FORBIDDEN & given.keys() if given[name])
    if forbidden:
        raise UnknownError(
            f"the arguments {list_names(forbidden)} make timm read or build something else"
        )
    excess = too_large(given)
    if excess is not None:
        raise UnknownError(f"{excess} in the arguments of the model is beyond reason")
    return Build(
        architecture, {name: value for name, value in given.items() if name not in _FORBIDDEN}
    )


def require_within(pretrained_cfg: Mapping[str, Any]) -> None:
    """Raise UnknownError for a pretrained_cfg that says where else weights lie."""
    outside = [name for name in _OUTSIDE if pretrained_cfg.get(name)]
    if outside:
        raise UnknownError(f"{list_names(outside)} names weights outside, and none are fetched")


def default_cfg(architecture: str, where: str) -> Mapping[str, Any]:
    """Return the pretrained_cfg that the installed timm has for an architecture.

    Raises UsageError where timm is not installed, or cannot be imported, and UnknownError for a
    name that it does not have.
    """
    timm = import_library("timm", where)
    if not timm.is_model(architecture):
        raise UnknownError(f"timm {timm.__version__} has no model {quote(architecture)}")
    try:
        found = timm.get_pretrained_cfg(architecture)
    except RuntimeError:  # a tag that it does not have
        raise UnknownError(
            f"timm {timm.__version__} has no weights {quote(architecture)}"
        ) from None
    return {} if found is None else dict(found.to_dict())


def input_of(config: Mapping[str, Any]) -> "InputSpec":
    """Return how timm prepares images for evaluation by a data configuration.

    Its keys are those of timm's ``resolve_data_config``: input_size [C, H, W], interpolation, mean,
    std, crop_pct, crop_mode. Raises UnknownError for what is missing, or that `input:` cannot say.
    """
    missing = [name for name in ("input_size", "mean", "std") if not config.get(name)]
    if missing:
        raise UnknownError(f"it does not say {list_names(missing)}")
    return input_from(_input_values(config))


def _input_values(config: Mapping[str, Any]) -> dict[str, Any]:
    channels, height, width = _lengths(config["input_size"])
    mode = _CHANNELS.get(channels)
    if mode is None:
        raise UnknownError(f"input_size has {channels} channels, which no image file has")
    interpolation = config.get("interpolation") or "bicubic"
    if not isinstance(interpolation, str) or interpolation not in _INTERPOLATIONS:
        raise UnknownError(f"the interpolation {quote(interpolation)} is not known here")
    ratio = config.get("crop_pct") or _CROP_PCT
    values: dict[str, Any] = {
        "size": [height, width],
        "channels": mode,
        "orientation": "stored",
        "interpolation": interpolation,
        "crop": "center",
        "crop_ratio": ratio,
        "mean": _per_channel(config["mean"], channels, "mean"),
        "std": _per_channel(config["std"], channels, "std"),
    }
    match config.get("crop_mode") or "center":
        case "squash":
            values |= {"resize": "stretch", "pad": 0}
        case "border":
            values |= {"resize": "longer-side", "rounding": "round", "pad": "mean"}
        case "center":
            values |= {"resize": "shorter-side", "pad": 0}
            if height != width:  # by timm's ResizeKeepRatio, and not by torchvision's Resize
                values["rounding"] = "round"
        case another:
            raise UnknownError(f"the crop_mode {quote(another)} is not known here")
    return values


def _lengths(size: object) -> tuple[int, int, int]:
    if not isinstance(size, list | tuple) or [type(each) for each in size] != [int, int, int]:
        raise UnknownError(f"input_size is {quote(size)}, not [channels, height, width]")
    channels, height, width = size
    return channels, height, width


def _per_channel(values: object, channels: int, name: str) -> list[Any]:
    if not isinstance(values, list | tuple):
        raise UnknownError(f"{name} is {quote(values)}, not a list of numbers")
    given = list(values)
    return given * channels if len(given) == 1 else given
