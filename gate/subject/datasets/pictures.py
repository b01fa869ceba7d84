"""Pictures that somebody's code gave: PIL images, arrays or tensors, whatever their classes do."""

from typing import Any

import numpy as np
from PIL import Image

from gate.errors import FactoryError
from gate.subject.datasets.records import Sample, UnreadableImage
from gate.subject.guard import kind_of, require_theirs, text_of
from gate.wording import plain


def sample_of(image: Any, label: int) -> Sample:  # noqa: ANN401 - an image of a plugin's
    """Return the sample of a PIL image, a uint8 array (H, W[, 3]) or a float tensor (C, H, W).

    For a reader whose images have no bytes of a file: what digests cover is made of the pixels.
    Raises FactoryError for anything else, UnreadableImage where it cannot be decoded.
    """
    stored, picture, tensor = picture_of(image, "image")
    return Sample(stored, picture, tensor, label)


def picture_of(given: Any, place: str) -> tuple[bytes, Image.Image | None, Any | None]:  # noqa: ANN401
    """Return canonical bytes, and the image or the tensor.

    Raises UnreadableImage where it cannot be decoded or is not finite, FactoryError where it is no
    picture; ``place`` names it there.
    """
    if isinstance(given, Image.Image):
        return _decoded(given, place)
    if isinstance(given, np.ndarray):
        return _image(np.asarray(given), place)  # what a class of the user's says may be untrue
    import torch

    if isinstance(given, torch.Tensor) and given.ndim == 3:
        if given.dtype == torch.uint8:
            return _image(given.permute(1, 2, 0).cpu().numpy(), place)
        if given.is_floating_point() and given.numel():
            tensor = given.detach().float().cpu().contiguous()
            if not bool(torch.isfinite(tensor).all()):
                raise UnreadableImage("its tensor holds NaN or infinity")
            values = tensor.numpy()
            return _canonical(values, "tensor"), None, torch.from_numpy(values)  # of no other class
    raise FactoryError(
        place,
        f"the image is {shape_of(given)}",
        "return a PIL image, a uint8 array (H, W[, 3]) or a float tensor (C, H, W)",
    )


def _decoded(given: Image.Image, place: str) -> tuple[bytes, Image.Image, None]:
    """Return a picture of Pillow's with its pixels: it may have been opened, and not yet read."""
    try:
        given.load()
    except Exception as error:  # damage makes parsers raise nearly anything
        require_theirs(error)
        fact = f"its image cannot be decoded ({kind_of(error)}: {text_of(error)})"
        raise UnreadableImage(fact) from error
    image = _plain(given)
    pixels = np.asarray(image)
    if not pixels.size:
        raise FactoryError(place, "the image has no pixels", "leave it out, or mend what cuts it")
    return _canonical(pixels, image.mode), image, None


def _plain(image: Image.Image) -> Image.Image:
    """Return an image of Pillow's own classes: one of the user's may raise wherever it is used."""
    if not type(image).__module__.startswith("PIL."):
        image = Image.Image.copy(image)
    return image.convert("LA") if image.mode == "La" else image  # Pillow turns it into nothing else


def _image(pixels: Any, place: str) -> tuple[bytes, Image.Image | None, Any | None]:  # noqa: ANN401
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    shaped = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)
    if pixels.dtype != np.uint8 or not shaped or not pixels.size:
        raise FactoryError(
            place,
            f"the image is {shape_of(pixels)}",
            "return uint8 of shape (H, W) or (H, W, 3), or a float tensor (C, H, W)",
        )
    pixels = np.ascontiguousarray(pixels)
    image = Image.fromarray(pixels)
    return _canonical(pixels, image.mode), image, None


def _canonical(pixels: Any, mode: str) -> bytes:  # noqa: ANN401 - an array of any type
    """Return mode, type, shape and values as bytes: equal where, and only where, images are."""
    head = f"{mode} {pixels.dtype.str} {pixels.shape}\n"
    return head.encode("ascii") + np.ascontiguousarray(pixels).tobytes()


def shape_of(given: Any) -> str:  # noqa: ANN401 - the user's object
    """Return what an object says of itself, as far as it does."""
    kind = kind_of(given)
    try:
        if hasattr(given, "shape") and hasattr(given, "dtype"):
            return f"{kind} of shape {tuple(given.shape)} and type {plain(given.dtype)}"
        if isinstance(given, tuple | list):
            return f"{kind} of {len(given)}"
    except BaseException as error:
        require_theirs(error)
    return kind
