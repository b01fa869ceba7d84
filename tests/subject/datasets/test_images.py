import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from gate.subject.datasets.images import decode, exif_turns
from gate.subject.datasets.records import UnreadableImage


def reason_for(stored):
    with pytest.raises(UnreadableImage) as caught:
        decode(stored)
    return caught.value.reason


def saved(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def sixteen_bit_colour_png():
    def chunk(name, data):
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    head = struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0)
    row = b"\0" + struct.pack(">6H", 1, 2, 3, 40000, 50000, 60000)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(row))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("L", "PNG"),
        ("RGB", "JPEG"),
        ("CMYK", "JPEG"),
        ("RGBA", "PNG"),
        ("LA", "PNG"),
        ("P", "GIF"),
        ("1", "PNG"),
        ("RGB", "BMP"),
        ("RGB", "WEBP"),
        ("RGB", "TIFF"),
        ("L", "PPM"),
    ],
)
def test_pictures_keep_the_mode_of_the_file(mode, kind):
    image = Image.new(mode, (5, 4))

    decoded = decode(saved(image, kind))

    assert (decoded.mode, decoded.size) == (mode, (5, 4))


def test_one_pixel_is_an_image():
    assert decode(saved(Image.new("RGB", (1, 1)), "PNG")).size == (1, 1)


def test_sixteen_bit_grey_keeps_its_bits():
    pixels = np.array([[0, 1000, 65535]], np.uint16)

    decoded = decode(saved(Image.fromarray(pixels), "PNG"))

    assert np.asarray(decoded).tolist() == pixels.tolist()


def test_sixteen_bit_colour_is_refused_because_half_of_the_bits_would_be_lost():
    assert "only 8 would be read" in reason_for(sixteen_bit_colour_png())


def test_sixteen_bit_colour_in_ppm_is_refused():
    assert "only 8 would be read" in reason_for(b"P6 1 1 65535\n" + bytes(6))


@pytest.mark.parametrize("offset", [65535, 1600])
def test_where_the_pixels_begin_is_not_taken_for_their_depth(offset):
    stored = saved(Image.new("RGB", (2, 2), "red"), "BMP")
    moved = stored[:10] + struct.pack("<I", offset) + stored[14:54]

    decoded = decode(moved.ljust(offset, b"\0") + stored[54:])

    assert decoded.getpixel((0, 0)) == (255, 0, 0)


def test_the_orientation_of_exif_is_not_applied():
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    stored = saved(Image.new("RGB", (5, 4)), "JPEG", exif=exif)

    assert decode(stored).size == (5, 4)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", [None, 0, 1, 2, 6, 8, 9])
def test_exif_that_turns_a_picture_is_seen_as_pillow_sees_it(kind, orientation):
    exif = Image.Exif()
    exif[0x010E] = "before it"
    exif[0x0128] = 2
    if orientation is not None:
        exif[0x0112] = orientation
    picture = Image.fromarray(np.arange(60, dtype=np.uint8).reshape(5, 12))
    decoded = decode(saved(picture, kind, exif=exif))

    shown = ImageOps.exif_transpose(decoded)

    assert exif_turns(decoded) == (shown.tobytes() != decoded.tobytes())


def test_exif_of_either_byte_order_is_read():
    for order, mark in ((">", b"MM"), ("<", b"II")):
        image = Image.new("L", (2, 2))
        image.info["exif"] = b"Exif\0\0" + struct.pack(
            f"{order}2sHIHHHIHH", mark, 42, 8, 1, 0x0112, 3, 1, 6, 0
        )

        assert exif_turns(image)


@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda more: b"II*\0" + more))
def test_damaged_exif_turns_nothing_and_raises_nothing(stored):
    image = Image.new("L", (2, 2))
    image.info["exif"] = stored

    assert exif_turns(image) in {True, False}


def test_a_picture_without_exif_is_not_turned():
    assert not exif_turns(decode(saved(Image.new("L", (2, 2)), "PNG")))


def test_an_empty_file_is_said_to_be_empty():
    assert reason_for(b"") == "is empty (0 bytes)"


def test_text_is_said_to_be_text():
    assert reason_for(b"<html>404 Not Found</html>") == "is text, not an image"


def test_null_bytes_are_said_to_be_null_bytes():
    assert reason_for(bytes(100)) == "holds only null bytes"


def test_other_bytes_are_no_known_format():
    assert reason_for(bytes(range(255, 0, -1))) == "is not an image of a known format"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "GIF", "WEBP", "BMP"])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_a_truncated_file_is_unreadable(kind, part, encoded):
    stored = encoded(kind=kind, size=(40, 40))

    assert reason_for(stored[: int(len(stored) * part)])


def test_the_reason_of_damage_is_one_line(encoded):
    stored = encoded(kind="JPEG", size=(40, 40))

    reason = reason_for(stored[: len(stored) // 2])

    assert reason.startswith("is damaged or truncated (")
    assert "\n" not in reason


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "PNG", "WEBP"])
def test_several_frames_are_refused(kind):
    frames = [Image.new("L", (4, 4), value) for value in (0, 100, 200)]

    stored = saved(frames[0], kind, save_all=True, append_images=frames[1:])

    assert reason_for(stored) == "has 3 frames; extract one"


def test_a_phone_picture_with_a_preview_gives_the_picture():
    picture, preview = Image.new("RGB", (8, 8)), Image.new("RGB", (2, 2))
    stored = saved(picture, "MPO", save_all=True, append_images=[preview])

    assert decode(stored).size == (8, 8)


@pytest.mark.parametrize("limit", [50, 80])
def test_more_pixels_than_pillows_limit_are_refused(limit, encoded, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)  # Pillow warns at 1x, raises at 2x
    stored = encoded(size=(12, 10))

    assert f"more than {limit} pixels" in reason_for(stored)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_the_limit_holds_where_warnings_are_silenced(encoded, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 80)

    assert "(12 x 10)" in reason_for(encoded(size=(12, 10)))


def test_a_format_that_runs_another_program_is_not_opened():
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"

    assert reason_for(postscript) == "is text, not an image"


def test_flipped_bytes_never_raise_anything_else(encoded):
    random = np.random.default_rng(5)
    for kind in ("PNG", "JPEG", "TIFF", "GIF", "WEBP", "BMP"):
        stored = np.frombuffer(encoded(kind=kind, size=(20, 20)), np.uint8)
        for _ in range(60):
            damaged = stored.copy()
            places = random.integers(0, min(200, len(stored)), 4)
            damaged[places] = random.integers(0, 256, 4)
            try:
                decode(damaged.tobytes())
            except UnreadableImage as error:
                assert error.fact  # noqa: PT017 - many damaged files still decode


@pytest.mark.parametrize("kind", [b"P1 ", b"P2 ", b"P4 ", b"P5 ", b"P6 ", b"Pf "])
@pytest.mark.parametrize("told", [b"", b"4 ", b"4 4"])
def test_a_ppm_whose_comments_have_no_end_is_refused_before_they_are_read(kind, told):
    stored = kind + told + b"\n" + b"# again\n" * 10_000 + b" 4 4 255\n" + b"\0" * 99
    if kind in {b"P1 ", b"P4 "} and told == b"4 4":
        stored = stored.replace(b"4 4\n", b"4\n", 1)

    with pytest.raises(UnreadableImage, match="no whole header in its first 65,536 bytes"):
        decode(stored)


@pytest.mark.parametrize("magic", [b"P4", b"P5", b"P6"])
def test_a_ppm_with_the_comment_of_an_editor_is_read(magic):
    highest = b"" if magic == b"P4" else b"255\n"
    pixels = b"\xf0" * (70_000 * (3 if magic == b"P6" else 1))
    stored = magic + b"\n# Created by an editor\n700 100\n" + highest + pixels

    assert decode(stored).size == (700, 100)
