"""Sizes of resized images, and places of the crop and the border; all in whole pixels."""

from gate.subject.datasets.records import UnreadableImage
from gate.subject.inputs.spec import MOST_PIXELS, InputSpec

Shape = tuple[int, int]  # height and width


def resized_shape(height: int, width: int, spec: InputSpec, target: Shape | None) -> Shape:
    """Return height and width of an image after resizing.

    ``target`` is the spec's ``resized_for``, which is the same for all images. Raises
    UnreadableImage where the image is so long that nothing would be left of its other side, or
    that its longer one would not fit into memory.
    """
    if target is None:
        return height, width
    if spec.resize == "stretch" or isinstance(spec.resize, tuple):
        return target
    fits = spec.resize == "longer-side"
    scale = _nearest if spec.rounding == "round" else _floored
    made = scale(height, width, target, fits=fits)
    if not 0 < made[0] * made[1] <= MOST_PIXELS:
        raise UnreadableImage(
            f"is {height} x {width} pixels (height x width), and would be {made[0]} x {made[1]} "
            "after resizing",
            "cut it to a shape nearer to that of input.size, or declare input.resize: stretch",
        )
    return made


def _floored(height: int, width: int, target: Shape, *, fits: bool) -> Shape:
    """Return the shape that covers the target, or fits into it; the other side rounded down.

    Exact in integers, so equal to what torchvision and transformers compute.
    """
    wanted_height, wanted_width = target
    is_narrow = height * wanted_width > width * wanted_height  # for the target's shape
    if is_narrow == fits:
        return wanted_height, wanted_height * width // height
    return wanted_width * height // width, wanted_width


def _nearest(height: int, width: int, target: Shape, *, fits: bool) -> Shape:
    """Return the same with both sides rounded to the nearest, by timm's arithmetic in floats."""
    ratios = height / target[0], width / target[1]
    ratio = max(ratios) if fits else min(ratios)
    return round(height / ratio), round(width / ratio)


def crop_corner(height: int, width: int, spec: InputSpec) -> Shape:
    """Return the first row and column of the crop of an image that covers the size."""
    assert spec.size is not None, "the spec was validated"
    rows, columns = height - spec.size[0], width - spec.size[1]
    if spec.crop == "center-floor":
        return rows // 2, columns // 2
    return round(rows / 2), round(columns / 2)


def padded_shape(height: int, width: int, spec: InputSpec) -> Shape:
    """Return height and width of an image with its border: nowhere below the size."""
    if spec.pad is None or spec.size is None:
        return height, width
    return max(height, spec.size[0]), max(width, spec.size[1])
