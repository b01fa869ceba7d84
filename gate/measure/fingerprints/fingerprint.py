"""A fingerprint identifies an image by its bytes, its pixels however turned, and its look.

An image is brought to one form (palette resolved, opaque alpha dropped), made into a grey
thumbnail, turned to the one of its eight orientations that the thumbnail prefers, and hashed there.
How it looks is taken from what shows: without a border, and of an object without its ground.
The pixels are read by BLAKE3 once, which takes a quarter of the time of SHA-256: the digest of an
image as it stands is made from the digest of the turn_image image and the name of the turn.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray
from PIL import Image

from gate.errors import DataError
from gate.evidence.records import Fingerprints, Thumbnails
from gate.measure.fingerprints import perceptual_hash
from gate.measure.fingerprints.looks import look_at
from gate.measure.fingerprints.orientations import ORIENTATIONS, compose, inverse, turn

VERSION = "4"  # of the fingerprints: part of the key wherever they are cached
_DIGEST = 32  # bytes
_OPAQUE = 255
_RGB = 3  # bytes a pixel
_AT_ONCE = 1024  # images of a batch; more of them would only take more memory
_LARGE = 1 << 14  # bytes; below, the way into Pillow and back costs more than it saves
_BY_PILLOW = (  # of orientations from 1 on
    Image.Transpose.FLIP_LEFT_RIGHT,
    Image.Transpose.FLIP_TOP_BOTTOM,
    Image.Transpose.ROTATE_180,
    Image.Transpose.TRANSPOSE,
    Image.Transpose.ROTATE_270,
    Image.Transpose.ROTATE_90,
    Image.Transpose.TRANSVERSE,
)


# Of places of pictures and an orientation, it gives the bytes of each, turned.
_TurnRows = Callable[[NDArray[np.intp], int], Iterable[bytes | memoryview]]


@dataclass(frozen=True, slots=True, eq=False)
class Fingerprint:
    """What identifies one image; the fields are those of :class:`Fingerprints`."""

    file: bytes
    pixels: bytes
    oriented: bytes
    near: bytes
    featureless: bool
    upright: bytes
    bare: bytes
    look: NDArray[np.uint8] | None  # (16, 16); None unless it is of something on plain ground
    thumbnail: NDArray[np.uint8] | None  # (64, 64); None when a side is below 64 pixels


def fingerprint(stored: bytes, image: Image.Image) -> Fingerprint:
    """Return what identifies the image that is ``stored`` as these bytes and decodes to ``image``.

    Two files with the same picture (PNG and BMP, palette and RGB, grey and RGB with equal channels,
    with and without an opaque alpha channel) have the same pixels; the same values in 8 and in 16
    bits do not. EXIF rotation is the decoder's business: ``image`` is taken as it stands.
    Raises DataError for an image without pixels.
    """
    if 0 in image.size:
        raise DataError(
            "image",
            f"it has no pixels ({image.width}x{image.height})",
            "remove it from the dataset, or export it again",
        )
    form = _one_form(image)
    small = perceptual_hash.thumbnails(form.grey[None])
    height, width = form.grey.shape
    oriented, turns = _orient(form.mode, height, width, small, form.turn_rows)
    looks = look_at(form.grey[None], small)
    return Fingerprint(
        file=sha256(stored).digest(),
        pixels=_as_it_stands(oriented[0], turns[0]),
        oriented=oriented[0],
        near=looks.near[0].tobytes(),
        featureless=bool(looks.featureless[0]),
        upright=looks.upright[0].tobytes(),
        bare=looks.bare[0].tobytes(),
        look=None if looks.looks is None else looks.looks[0],
        thumbnail=None if looks.thumbnails is None else looks.thumbnails[0],
    )


def fingerprint_batch(stored: Sequence[bytes], pixels: NDArray[np.uint8]) -> Fingerprints:
    """Return what identifies n images, bit-equal to :func:`fingerprint` of each.

    ``pixels`` is uint8 of shape (n, H, W), grey, or (n, H, W, 3), RGB. Raises DataError for images
    without pixels, ValueError for another shape or another number of stored byte strings.
    """
    if (
        len(stored) != len(pixels)
        or pixels.ndim not in (3, 4)
        or pixels.shape[3:] not in ((), (3,))
    ):
        raise ValueError(f"{len(stored)} files do not describe pixels of shape {pixels.shape}")
    if 0 in pixels.shape[1:]:
        raise DataError("images", "they have no pixels", "export them again")
    parts = range(0, len(pixels), _AT_ONCE)
    return concatenate([_part(stored[i : i + _AT_ONCE], pixels[i : i + _AT_ONCE]) for i in parts])


def _part(stored: Sequence[bytes], pixels: NDArray[np.uint8]) -> Fingerprints:
    colour = pixels.ndim == 4
    grey = _luma(pixels) if colour else pixels
    small = perceptual_hash.thumbnails(grey)
    really_colour = np.zeros(len(pixels), np.bool_)
    if colour:
        really_colour[:] = (pixels != pixels[..., :1]).any(axis=(1, 2, 3))
    oriented = [b""] * len(pixels)
    turns = [0] * len(pixels)
    for mode, chosen, form in (("RGB", really_colour, pixels), ("L", ~really_colour, grey)):
        rows = np.flatnonzero(chosen)
        if len(rows):
            height, width = pixels.shape[1:3]
            found = _orient(mode, height, width, small[rows], _turner(form, rows))
            for row, digest, turned in zip(rows, *found, strict=True):
                oriented[row], turns[row] = digest, turned
    return Fingerprints(
        file=_digests([sha256(each).digest() for each in stored]),
        pixels=_digests([_as_it_stands(*each) for each in zip(oriented, turns, strict=True)]),
        oriented=_digests(oriented),
        **look_at(grey, small)._asdict(),
    )


def gather(singles: Sequence[Fingerprint]) -> Fingerprints:
    """Return the fingerprints of single images as rows, in the order given.

    An image below 64 pixels among larger ones has an all-black thumbnail, which matches nothing.
    """
    if not singles:
        return _empty()
    return Fingerprints(
        file=_digests([each.file for each in singles]),
        pixels=_digests([each.pixels for each in singles]),
        oriented=_digests([each.oriented for each in singles]),
        near=_digests([each.near for each in singles]),
        featureless=np.array([each.featureless for each in singles], np.bool_),
        upright=_digests([each.upright for each in singles]),
        bare=_digests([each.bare for each in singles]),
        looks=_stack([each.look for each in singles]),
        thumbnails=_stack([each.thumbnail for each in singles]),
    )


def _stack(pictures: Sequence[NDArray[np.uint8] | None]) -> NDArray[np.uint8] | None:
    """Return pictures of one size as one array, black ones where there is none; None of none."""
    shape = next((each.shape for each in pictures if each is not None), None)
    if shape is None:
        return None
    black = np.zeros(shape, np.uint8)
    return np.stack([black if each is None else each for each in pictures])


def concatenate(parts: Sequence[Fingerprints]) -> Fingerprints:
    """Return the rows of all ``parts``, in the order given; see :func:`gather` on thumbnails."""
    if not any(len(part.file) for part in parts):
        return _empty()
    always = ("file", "pixels", "oriented", "near", "featureless", "upright", "bare")
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in always}
    return Fingerprints(
        **columns,
        looks=_behind_each_other([part.looks for part in parts], parts),
        thumbnails=_behind_each_other([part.thumbnails for part in parts], parts),
    )


def _behind_each_other(
    pictures: Sequence[Thumbnails | None], parts: Sequence[Fingerprints]
) -> NDArray[np.uint8] | None:
    """Return the pictures of all ``parts``, black ones for those that have none; None of none."""
    some = next((each[:0] for each in pictures if each is not None), None)
    if some is None:
        return None
    return np.concatenate(
        [
            np.zeros((len(part.file), *some.shape[1:]), np.uint8) if each is None else each[:]
            for each, part in zip(pictures, parts, strict=True)
        ]
    )


def orientation_between(a_pixels: bytes, b_pixels: bytes, oriented: bytes) -> int:
    """Return how image b is turned to become image a, when both have the digest ``oriented``.

    The turn is not stored; it is the one of eight that gives each image its digest of pixels.
    Raises ValueError when a digest of pixels does not belong to ``oriented``.
    """
    turns = {_as_it_stands(oriented, each): each for each in ORIENTATIONS}
    if a_pixels not in turns or b_pixels not in turns:
        raise ValueError(
            "the digest of the pixels does not belong to the digest of the turned image"
        )
    return compose(inverse(turns[a_pixels]), turns[b_pixels])


def turn_image(image: Image.Image, orientation: int) -> Image.Image:
    """Return ``image`` turned by one of the eight orientations."""
    return image.transpose(_BY_PILLOW[orientation - 1]) if orientation else image


@dataclass(frozen=True, slots=True, eq=False)
class _Form:
    """An image in its one form: its mode, an 8-bit grey copy (H, W), and its bytes, turned."""

    mode: str
    grey: NDArray[np.uint8]
    turn_rows: _TurnRows


def _one_form(image: Image.Image) -> _Form:
    image = _plain_mode(image)
    if image.mode == "RGB" and _is_grey(image):
        return _of_values("L", np.asarray(image)[..., 0])
    if image.mode in ("L", "RGB", "RGBA"):
        # Pillow turns whole pixels, and its bytes need not become an array first.
        grey = np.asarray(image.convert("L"))
        return _Form(
            image.mode, grey, lambda rows, way: (turn_image(image, way).tobytes() for _ in rows)
        )
    values = np.asarray(image)
    if values.dtype == np.uint8:  # LAB and its like: the first channel is the lightness
        lightness = np.ascontiguousarray(values.reshape(*values.shape[:2], -1)[..., 0])
        return _of_values(image.mode, values, lightness)
    mode = image.mode
    if values.dtype != np.float32 and values.min() >= 0 and values.max() < 1 << 16:
        # Depending on version and format, Pillow holds 16 bits in "I;16", "I;16B" or "I".
        mode, values = "I;16", values.astype("<u2")
    values = np.ascontiguousarray(values.astype(values.dtype.newbyteorder("<")))
    return _of_values(mode, values.view(np.uint8).reshape(*values.shape, -1), _stretch(values))


def _of_values(
    mode: str, values: NDArray[np.uint8], grey: NDArray[np.uint8] | None = None
) -> _Form:
    """Return the form of ``values``, (H, W) or (H, W, bytes a pixel); without ``grey``, grey."""
    turn_rows = _turner(values[None], np.zeros(1, np.intp))
    return _Form(mode, values if grey is None else grey, turn_rows)


def _plain_mode(image: Image.Image) -> Image.Image:
    """Return ``image`` without palette and without an alpha channel that hides nothing."""
    if image.mode == "1":
        return image.convert("L")
    if image.mode in ("P", "PA"):
        transparent = image.mode == "PA" or "transparency" in image.info
        image = image.convert("RGBA" if transparent else "RGB")
    elif image.mode in ("LA", "La", "RGBa") or (
        image.mode in ("L", "RGB") and "transparency" in image.info
    ):
        image = image.convert("RGBA")
    elif image.mode in ("CMYK", "YCbCr", "HSV", "RGBX"):
        image = image.convert("RGB")
    if image.mode == "RGBA" and image.getchannel("A").getextrema() == (_OPAQUE, _OPAQUE):
        image = image.convert("RGB")
    return image


def _is_grey(image: Image.Image) -> bool:
    # One row tells almost every colour picture, for a hundredth of the time.
    half = image.height // 2
    middle = np.asarray(image.crop((0, half, image.width, half + 1)))
    if (middle != middle[..., :1]).any():
        return False
    values = np.asarray(image)
    return bool((values == values[..., :1]).all())


def _stretch(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Return values of any range as 0 to 255: the hash looks at signs, not at brightness."""
    levels = np.nan_to_num(values.astype(np.float64), posinf=0.0, neginf=0.0)
    low, high = levels.min(), levels.max()
    # Halved before subtracting: the range of two floats may be more than a float holds.
    span = high / 2 - low / 2
    if span == 0:
        return np.zeros(levels.shape, np.uint8)
    return np.asarray((levels / 2 - low / 2) / span * 255).astype(np.uint8)


def _luma(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return grey levels of RGB, (..., 3), by ITU-R 601 in 16 bits, rounded as Pillow does."""
    grey = np.empty(pixels.shape[:-1], np.uint8)
    for out, picture in zip(grey, pixels, strict=True):  # one by one: small intermediates
        red, green, blue = np.moveaxis(picture.astype(np.uint32), -1, 0)
        out[:] = (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16
    return grey


def _orient(
    mode: str,
    height: int,
    width: int,
    small: NDArray[np.uint8],
    turn_rows: _TurnRows,
) -> tuple[list[bytes], list[int]]:
    """Return a digest that all eight orientations share, and the turn at which it was taken.

    ``small`` are the thumbnails of pictures of one size; ``turn_rows`` gives the bytes of some of
    them, turned. Where the thumbnail cannot tell some orientations apart, all of those are hashed
    and the lowest digest is taken.
    """
    heads = [f"{mode} {height} {width}\n".encode(), f"{mode} {width} {height}\n".encode()]
    found: list[bytes] = [b""] * len(small)
    turns = [0] * len(small)
    preferred = _prefer(small, height, width)
    for orientation in ORIENTATIONS:
        head = blake3(heads[orientation >> 2])
        rows = np.flatnonzero(preferred[:, orientation])
        for row, turned in zip(rows.tolist(), turn_rows(rows, orientation), strict=True):
            digest = head.copy()
            digest.update(turned)
            candidate = digest.digest()
            if not found[row] or candidate < found[row]:
                found[row], turns[row] = candidate, orientation
    return found, turns


def _turner(pixels: NDArray[np.uint8], rows: NDArray[np.intp]) -> _TurnRows:
    """Return what turns the pictures at some places in ``rows``.

    ``pixels`` is (n, H, W) or (n, H, W, bytes a pixel).
    """

    def turn_rows(places: NDArray[np.intp], orientation: int) -> Iterator[bytes | memoryview]:
        chosen, size = rows[places], pixels[0].size
        if size <= _LARGE:  # all at once, and a copy in the cache
            turned = np.ascontiguousarray(turn(pixels[chosen], orientation)).reshape(-1).data
            yield from (turned[start : start + size] for start in range(0, len(turned), size))
            return
        for picture in (pixels[row] for row in chosen):
            if orientation and picture.shape[2:] == (_RGB,):
                # Pillow moves a pixel at a time, numpy a byte at a time: 3 times faster.
                yield turn_image(Image.fromarray(picture), orientation).tobytes()
            else:
                yield np.ascontiguousarray(turn(picture[None], orientation)).data

    return turn_rows


def _prefer(small: NDArray[np.uint8], height: int, width: int) -> NDArray[np.bool_]:
    """Return which orientations, (n, 8), bring the weight of the thumbnail to one corner.

    Turned so, a picture is not taller than wide, its right and its lower half are the brighter
    ones, and, when square, right against left differs no less than lower against upper. The turns
    of one picture agree on the result, because the moments are integers that only swap and change
    sign. Ties (a symmetric picture) leave several.
    """
    down, right = perceptual_hash.moments(small)
    allowed = np.empty((len(small), 8), np.bool_)
    for orientation in ORIENTATIONS:
        transposed = bool(orientation & 4)
        vertical, horizontal = (right, down) if transposed else (down, right)
        ok = vertical * (-1 if orientation & 2 else 1) >= 0
        ok &= horizontal * (-1 if orientation & 1 else 1) >= 0
        if height == width:
            ok &= np.abs(horizontal) >= np.abs(vertical)
        else:
            ok &= transposed == (height > width)
        allowed[:, orientation] = ok
    return allowed


def _as_it_stands(oriented: bytes, turned: int) -> bytes:
    """Return the digest of an image that has the digest ``oriented`` after ``turned``."""
    return sha256(oriented + bytes([turned])).digest()


def _digests(rows: Sequence[bytes]) -> NDArray[np.uint8]:
    return np.frombuffer(b"".join(rows), np.uint8).reshape(-1, _DIGEST)


def _empty() -> Fingerprints:
    none = _digests([])
    flags = np.zeros(0, np.bool_)
    return Fingerprints(
        file=none, pixels=none, oriented=none, near=none, featureless=flags,
        upright=none, bare=none,
    )  # fmt: skip
