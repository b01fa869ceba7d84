"""Properties of images that slices are cut by: brightness, contrast, size and the like."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from gate.evidence.measurements import SPLITS, ImageBatch, Measurement, SplitName

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gate.evidence.measurements import Columns
    from gate.evidence.records import Rows

PROPERTIES = ("brightness", "contrast", "size", "sharpness", "aspect", "bytes")
KEY = "image-properties v1"

_SIDE = 128  # pixels: of the sample of a large image, and of the part whose sharpness is taken
_NEAREST = 0  # PIL.Image.Resampling.NEAREST: pixels as they are, at even distances
_WHOLE = frozenset({"size", "bytes"})
_DEEP = ("I", "F")  # how the modes of images start that 0..255 does not hold


@dataclass(frozen=True)
class ImageProperties(Measurement):
    """The properties of each image, one column each; NaN, or -1, where there is no image.

    Of the image as stored, before it is turned or resized: ``brightness`` and ``contrast`` are the
    mean and the standard deviation of its grey values (0..255, ITU-R 601), of a large one at evenly
    spaced pixels, 128 x 128 at most; ``sharpness`` is the mean difference of neighbouring grey
    values in its middle, 128 x 128 pixels at most; ``size`` is its pixels, ``aspect`` width by
    height, and ``bytes`` the size of the stored file or record.
    """

    key: str = KEY
    splits: tuple[SplitName, ...] = SPLITS

    def observe(self, batch: ImageBatch) -> "Columns":
        """Return the properties of the images of a batch."""
        import numpy as np

        columns: dict[str, NDArray[Any]] = {
            name: np.full(len(batch.indices), -1 if name in _WHOLE else np.nan)
            for name in PROPERTIES
        }
        for place, image in enumerate(batch.images):
            if image is not None:
                for name, value in _of_image(image).items():
                    columns[name][place] = value
        columns["size"] = columns["size"].astype(np.int64)
        columns["bytes"] = batch.bytes_stored.astype(np.int64)
        return columns

    def summarise(self, columns: "Columns", rows: "Rows") -> Any:  # noqa: ANN401, ARG002 -- JSON
        """Return the quartiles of each property: where slices are cut."""
        return {name: quartiles(columns[name]) for name in PROPERTIES}


def quartiles(values: "NDArray[Any]") -> list[float] | None:
    """Return the three quartiles of observed values, each one of them; None without any."""
    import numpy as np

    seen = values[observed(values)]
    if not len(seen):
        return None
    found = np.quantile(seen, (0.25, 0.5, 0.75), method="inverted_cdf")
    return [float(each) for each in found]


def observed(values: "NDArray[Any]") -> "NDArray[np.bool_]":
    """Return where a property was observed, (n,)."""
    import numpy as np

    seen: NDArray[np.bool_] = values != -1 if values.dtype.kind == "i" else ~np.isnan(values)
    return seen


def _of_image(image: Any) -> Mapping[str, float]:  # noqa: ANN401 -- a PIL image: Pillow is not known here
    """Return what is seen of one PIL image."""
    width, height = image.size
    scale = min(1.0, _SIDE / max(width, height, 1))
    sampled = (
        image
        if scale == 1
        else image.resize((max(1, round(width * scale)), max(1, round(height * scale))), _NEAREST)
    )
    left, top = max(0, (width - _SIDE) // 2), max(0, (height - _SIDE) // 2)
    middle = (
        image
        if scale == 1
        else image.crop((left, top, min(width, left + _SIDE), min(height, top + _SIDE)))
    )
    seen = _grey(sampled)
    near = seen if middle is sampled else _grey(middle)
    brightness, contrast = _mean_and_deviation(seen)
    return {
        "brightness": brightness,
        "contrast": contrast,
        "size": width * height,
        "sharpness": _sharpness(near),
        "aspect": width / height,
    }


def _grey(image: Any) -> Any:  # noqa: ANN401 -- a PIL image, and another
    """Return a grey image: as it is where it is deeper than 8 bits."""
    return image if image.mode.startswith(_DEEP) or image.mode == "L" else image.convert("L")


def _mean_and_deviation(grey: Any) -> tuple[float, float]:  # noqa: ANN401 -- a PIL image
    import numpy as np

    if grey.mode != "L":
        values = np.asarray(grey, dtype=np.float64)
        return float(values.mean()), float(values.std())
    counts = np.array(grey.histogram(), dtype=np.float64)
    pixels, total, squares = (float(counts @ powers) for powers in _powers_of_levels())
    mean = total / pixels  # all three are whole numbers: nothing is rounded before this
    return mean, math.sqrt(max(0.0, pixels * squares - total**2)) / pixels


@cache
def _powers_of_levels() -> "NDArray[np.float64]":
    """Return 1, x and x^2 of each level x of 8 bits, (3, 256)."""
    import numpy as np

    return np.vander(np.arange(256, dtype=np.float64), 3, increasing=True).T.copy()


def _sharpness(grey: Any) -> float:  # noqa: ANN401 -- a PIL image
    """Return the mean difference of neighbouring values, 0 where there are none."""
    import numpy as np

    deep = grey.mode != "L"
    values = np.asarray(grey, dtype=np.float64 if deep else np.uint8)
    total = count = 0.0
    for one, other in ((values[1:], values[:-1]), (values[:, 1:], values[:, :-1])):
        apart = np.maximum(one, other) - np.minimum(one, other)  # unsigned values stay as they are
        total += float(apart.sum(dtype=np.float64 if deep else np.uint32))
        count += apart.size
    return total / count if count else 0.0
