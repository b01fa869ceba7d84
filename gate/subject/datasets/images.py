"""The bytes of an image file become pixels, or are refused with a reason."""

import functools
import io
import re
import struct
from typing import TYPE_CHECKING, BinaryIO

from PIL import Image, UnidentifiedImageError

from gate.subject.datasets.records import UnreadableImage
from gate.wording import plain

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

# Raster formats that hold one picture and are decoded inside the process. Pillow knows more: for
# EPS it starts Ghostscript, and a data folder is not trusted that far.
FORMATS = ("JPEG", "PNG", "MPO", "GIF", "BMP", "TIFF", "WEBP", "PPM", "JPEG2000", "AVIF")

_ORIENTATION = 0x0112  # the tag of EXIF, as of TIFF
_TURNS = {  # what its values ask for; 1 is upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_XMP_ORIENTATION = re.compile(r'tiff:Orientation(?:="|>)([0-9])')
_TAG = 12  # bytes

# Pillow reads the header of a PPM byte by byte, comments included: 30 MB of them take it 20 s.
_LONGEST_HEADER = 65_536
_PPM = re.compile(rb"P[0-6fy]")
_PPM_NUMBER = rb"(?:\s|#[^\r\n]*[\r\n])+[0-9.eE+-]+"
_PPM_HEADER = re.compile(  # bitmaps tell no highest value
    rb"(?:P[14](?:%(n)b){2}|P(?![14])\w+(?:%(n)b){3})(?:\s|#)" % {b"n": _PPM_NUMBER}
)

_MORE_THAN_EIGHT_BITS = re.compile(r";1[0-6]")  # in Pillow's name of the bytes of a stored pixel


def decode(stored: bytes) -> Image.Image:
    """Return the picture with its pixels loaded, in the mode of the file.

    An EXIF orientation is not applied, and 16-bit grey stays 16-bit. Raises UnreadableImage for
    what is no image, truncated, too large for Pillow's limit, animated, or would lose bits.
    """
    if not stored:
        raise UnreadableImage("is empty (0 bytes)")
    _refuse_long_header(stored)
    try:
        image = Image.open(io.BytesIO(stored), formats=_formats())
        _refuse_what_would_change(image)
        image.load()
    except UnreadableImage:
        raise
    except UnidentifiedImageError as error:
        raise UnreadableImage(_what_it_is(stored)) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large() from error
    # A damaged file can make Pillow's parsers raise nearly anything, from struct.error to KeyError;
    # whatever it is, this image is unreadable and the next one is tried.
    except Exception as error:
        raise UnreadableImage(f"is damaged or truncated ({plain(error)})") from error
    return image


def is_image(stream: BinaryIO) -> bool:
    """Return whether the bytes begin as an image of a known format does; pixels are not read."""
    try:
        Image.open(stream, formats=_formats())
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return True
    except Exception:  # as in decode: damage makes parsers raise nearly anything
        return False
    return True


def exif_turns(image: Image.Image) -> bool:
    """Return whether the EXIF data of a decoded picture says that it is to be turned to be shown.

    Data that is damaged says nothing. Pillow would read it too, and warn of every damage.
    """
    return _orientation_of(image) in _TURNS


def upright(image: Image.Image) -> Image.Image:
    """Return a decoded picture turned as its EXIF data says; the same one where it says nothing."""
    said = _orientation_of(image)
    return image.transpose(_TURNS[said]) if said in _TURNS else image


def _orientation_of(image: Image.Image) -> int | None:
    """Return the orientation in the EXIF data, or where it has none, in XMP, as Pillow does."""
    stored = image.info.get("exif")
    found = _orientation_in(stored) if isinstance(stored, bytes) else None
    if found is not None:
        return found
    xmp = image.info.get("XML:com.adobe.xmp") or image.info.get("xmp")
    match xmp:
        case str():
            said = _XMP_ORIENTATION.search(xmp)
        case bytes():
            said = _XMP_ORIENTATION.search(xmp.decode("latin-1"))
        case _:
            said = None
    return int(said[1]) if said else None


def _orientation_in(stored: bytes) -> int | None:
    """Return the value of the tag in EXIF data; None where there is none, or damage."""
    stored = stored.removeprefix(b"Exif\0\0")
    order = ">" if stored.startswith(b"MM") else "<"
    try:
        (directory,) = struct.unpack_from(f"{order}4xI", stored)
        (tags,) = struct.unpack_from(f"{order}H", stored, directory)
        for place in range(directory + 2, directory + 2 + tags * _TAG, _TAG):
            tag, value = struct.unpack_from(f"{order}H6xH", stored, place)
            if tag == _ORIENTATION:
                return int(value)
    except struct.error:
        pass
    return None


def _refuse_long_header(stored: bytes) -> None:
    if _PPM.match(stored) is None:
        return
    header = _PPM_HEADER.match(stored[:_LONGEST_HEADER])
    if header is None and len(stored) > _LONGEST_HEADER:
        raise UnreadableImage(
            f"has no whole header in its first {_LONGEST_HEADER:,} bytes",
            "save it without comments",
        )


def _refuse_what_would_change(image: "ImageFile") -> None:
    frames = getattr(image, "n_frames", 1)
    # A phone's MPO holds a preview after the picture; every viewer shows the first.
    if frames > 1 and image.format != "MPO":
        raise UnreadableImage(f"has {frames} frames", "extract one")
    if Image.MAX_IMAGE_PIXELS and image.width * image.height > Image.MAX_IMAGE_PIXELS:
        raise _too_large(image)
    if image.mode in {"RGB", "RGBA", "LA", "CMYK"} and _is_deep(image):
        raise UnreadableImage(
            "has 16 bits a channel, of which only 8 would be read", "save it with 8 bits a channel"
        )


def _is_deep(image: "ImageFile") -> bool:
    """Return whether the file stores more than 8 bits a channel, as far as Pillow tells."""
    for *_, arguments in image.tile:
        raw, *rest = arguments if isinstance(arguments, tuple) and arguments else (arguments,)
        if isinstance(raw, str) and _MORE_THAN_EIGHT_BITS.search(raw):
            return True
        if image.format == "PPM" and rest and isinstance(rest[0], int) and rest[0] > 255:
            return True  # the highest value of a pixel
    return False


def _too_large(image: Image.Image | None = None) -> UnreadableImage:
    size = f" ({image.width} x {image.height})" if image else ""
    return UnreadableImage(
        f"has more than {Image.MAX_IMAGE_PIXELS:,} pixels{size}, as a decompression bomb has",
        "scale it down",
    )


def _what_it_is(stored: bytes) -> str:
    if not any(stored):
        return "holds only null bytes"
    try:
        stored[:512].decode("ascii")
    except UnicodeDecodeError:
        return "is not an image of a known format"
    return "is text, not an image"


@functools.cache
def _formats() -> tuple[str, ...]:
    """Return those of the formats that this build of Pillow knows; it fails on any other."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)
