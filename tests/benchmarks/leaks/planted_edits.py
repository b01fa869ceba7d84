"""What happens to a copy of a picture, in plain words: the edits that a leak hides behind."""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

Transform = Callable[[Image.Image, np.random.Generator], Image.Image]
_CUBIC = Image.Resampling.BICUBIC


def _jpeg(quality: int) -> Transform:
    def apply(image, rng):
        stored = io.BytesIO()
        image.save(stored, "JPEG", quality=quality)
        decoded = Image.open(stored)
        decoded.load()
        return decoded

    return apply


def _resized(fraction: float) -> Transform:
    def apply(image, rng):
        small = (max(1, round(image.width * fraction)), max(1, round(image.height * fraction)))
        return image.resize(small, Image.Resampling.BICUBIC).resize(image.size)

    return apply


def _cropped(fraction: float) -> Transform:
    """Cut away ``fraction`` of each side's length, at a random place, and enlarge the rest."""

    def apply(image, rng):
        width, height = (max(1, round(side * (1 - fraction))) for side in image.size)
        left = int(rng.integers(0, image.width - width + 1))
        top = int(rng.integers(0, image.height - height + 1))
        part = image.crop((left, top, left + width, top + height))
        return part.resize(image.size, Image.Resampling.BICUBIC)

    return apply


def _brighter(factor: float) -> Transform:
    return lambda image, rng: ImageEnhance.Brightness(image).enhance(factor)


def _gamma(image, rng):
    return image.point(
        [round(255 * (level / 255) ** 1.5) for level in range(256)] * len(image.mode)
    )


def _noise(image, rng):
    values = np.asarray(image).astype(float)
    return Image.fromarray(
        np.clip(values + rng.normal(0, 10, values.shape), 0, 255).astype("uint8")
    )


def _text(image, rng):
    marked = image.copy()
    size = max(6, image.height // 8)
    ImageDraw.Draw(marked).text(
        (image.width // 20, image.height - size - 2),
        "sample",
        fill="white",
        font_size=size,
    )
    return marked


def _combined(image, rng):
    changed = _cropped(0.05)(_brighter(1.1)(image, rng), rng)
    return _jpeg(75)(changed, rng)


# The twenty-five that R is the mean over.
TRANSFORMS: dict[str, Transform] = {
    "identical": lambda image, rng: image,
    "JPEG 75": _jpeg(75),
    "JPEG 50": _jpeg(50),
    "resized to 90 %": _resized(0.9),
    "resized to 50 %": _resized(0.5),
    "cropped by 2 %": _cropped(0.02),
    "cropped by 5 %": _cropped(0.05),
    "cropped by 10 %": _cropped(0.10),
    "cropped by 20 %": _cropped(0.20),
    "brighter by 10 %": _brighter(1.1),
    "brighter by 20 %": _brighter(1.2),
    "darker by 10 %": _brighter(0.9),
    "darker by 20 %": _brighter(0.8),
    "gamma 1.5": _gamma,
    "contrast 1.3": lambda image, rng: ImageEnhance.Contrast(image).enhance(1.3),
    "noise 10": _noise,
    "blurred": lambda image, rng: image.filter(ImageFilter.GaussianBlur(image.width / 56)),
    "grey": lambda image, rng: image.convert("L").convert(image.mode),
    "text overlay": _text,
    "mirrored left to right": lambda image, rng: image.transpose(0),
    "mirrored top to bottom": lambda image, rng: image.transpose(1),
    "rotated by 90": lambda image, rng: image.transpose(2),
    "rotated by 180": lambda image, rng: image.transpose(3),
    "rotated by 5": lambda image, rng: image.rotate(5, Image.Resampling.BICUBIC),
    "combined": _combined,
}


def _turned(degrees: float) -> Transform:
    """Turn a picture about its middle; the corners that this leaves open are black."""
    return lambda image, rng: image.rotate(degrees, _CUBIC)


def _turned_within(degrees: float) -> Transform:
    """Turn a picture that goes on, mirrored, past its sides: no corner is black."""

    def apply(image, rng):
        reach = image.width // 2
        around = ((reach, reach), (reach, reach), *[(0, 0)] * (np.asarray(image).ndim - 2))
        wide = Image.fromarray(np.pad(np.asarray(image), around, mode="reflect"))
        inside = (reach, reach, reach + image.width, reach + image.height)
        return wide.rotate(degrees, _CUBIC).crop(inside)

    return apply


def _cropped_to(share: float) -> Transform:
    """Keep ``share`` of each side, amid the picture, and enlarge it."""

    def apply(image, rng):
        sides = [max(1, round(side * share)) for side in image.size]
        left, top = ((whole - side) // 2 for whole, side in zip(image.size, sides, strict=True))
        return image.crop((left, top, left + sides[0], top + sides[1])).resize(image.size, _CUBIC)

    return apply


def _moved(share: float, *, wrapped: bool) -> Transform:
    """Move a picture right and down; what leaves it comes in again, or black does."""

    def apply(image, rng):
        step = round(image.width * share)
        moved = np.roll(np.asarray(image), (step, step), axis=(0, 1))
        if not wrapped:
            moved[:step] = 0
            moved[:, :step] = 0
        return Image.fromarray(moved)

    return apply


def _bordered(level: int) -> Transform:
    def apply(image, rng):
        fill = (level,) * len(image.getbands()) if image.mode != "L" else level
        return ImageOps.expand(image, max(1, image.width // 12), fill).resize(image.size, _CUBIC)

    return apply


def _covered(share: float, level: int) -> Transform:
    """Cover a square of ``share`` of the sides, at a random place, with one level."""

    def apply(image, rng):
        values = np.array(image)
        side = round(image.width * share)
        top, left = rng.integers(0, image.width - side + 1, 2)
        values[top : top + side, left : left + side] = level
        return Image.fromarray(values)

    return apply


def _seen_aslant(image, rng):
    lean = 0.045 / image.width
    plane = (1, 0.08, 0, 0.05, 1, 0, lean, lean)
    return image.transform(image.size, Image.Transform.PERSPECTIVE, plane, _CUBIC)


def _one_after_the_other(*edits: Transform) -> Transform:
    def apply(image, rng):
        for edit in edits:
            image = edit(image, rng)
        return image

    return apply


def _mirrored(image, rng):
    return ImageOps.mirror(image)


# Beside those of ``TRANSFORMS``; with them, what the command of this folder tries.
EDITS: dict[str, Transform] = {
    "copied as it is": lambda image, rng: image,
    "saved as JPEG 40": _jpeg(40),
    "brighter by 40 %": _brighter(1.4),
    "contrast halved": lambda image, rng: ImageEnhance.Contrast(image).enhance(0.5),
    "gamma 2": lambda image, rng: image.point(
        [round(255 * (level / 255) ** 2) for level in range(256)] * len(image.getbands())
    ),
    "noise of 10 levels": _noise,
    "made grey": lambda image, rng: image.convert("L"),
    "stretched by 20 %": lambda image, rng: image.resize((image.width, image.height * 6 // 5)),
    "at half the size": lambda image, rng: image.resize((image.width // 2, image.height // 2)),
    "mirrored": _mirrored,
    "turned by 90°": lambda image, rng: image.rotate(90),
    "turned by 2°": _turned(2),
    "turned by 5°": _turned(5),
    "turned by 10°": _turned(10),
    "turned by 7°, no corner black": _turned_within(-7),
    "turned by 95°": _one_after_the_other(lambda image, rng: image.rotate(90), _turned(5)),
    "moved by 1/16": _moved(1 / 16, wrapped=True),
    "moved by 1/8": _moved(1 / 8, wrapped=True),
    "moved by 1/8, the rest black": _moved(1 / 8, wrapped=False),
    "cropped to 90 %": _cropped_to(0.9),
    "cropped to 75 %": _cropped_to(0.75),
    "cropped to 80 % anywhere": _cropped(0.2),
    "mirrored and cropped to 90 %": _one_after_the_other(_mirrored, _cropped_to(0.9)),
    "in a black border": _bordered(0),
    "in a white border": _bordered(255),
    "seen aslant": _seen_aslant,
    "inverted": lambda image, rng: ImageOps.invert(image),
    "a quarter covered": _covered(0.5, 128),
    "a sixth covered in black": _covered(0.4, 0),
    "blurred by 2 pixels": lambda image, rng: image.filter(ImageFilter.GaussianBlur(2)),
    "levels made equally frequent": lambda image, rng: ImageOps.equalize(image),
    "mirrored, turned by 5° and saved as JPEG 60": _one_after_the_other(
        _mirrored, _turned_within(5), _jpeg(60)
    ),
}
