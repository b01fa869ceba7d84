import io
from hashlib import sha256

import numpy as np
import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from gate.errors import DataError
from gate.measure.fingerprints.fingerprint import (
    concatenate,
    fingerprint,
    fingerprint_batch,
    gather,
    orientation_between,
)
from gate.measure.fingerprints.orientations import NAMES, ORIENTATIONS, compose, inverse, turn

COLUMNS = ("file", "pixels", "oriented", "near", "featureless", "thumbnails")


def of(image):
    return fingerprint(image.tobytes(), image)


def picture(height, width, channels=3, seed=0):
    shape = (height, width, channels) if channels > 1 else (height, width)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def written(image, kind, **options):
    stored = io.BytesIO()
    image.save(stored, kind, **options)
    return stored.getvalue()


def read(stored):
    image = Image.open(io.BytesIO(stored))
    image.load()
    return image


def assert_same_rows(left, right):
    for column in COLUMNS:
        np.testing.assert_array_equal(getattr(left, column), getattr(right, column), err_msg=column)


@pytest.mark.parametrize("then", ORIENTATIONS)
@pytest.mark.parametrize("first", ORIENTATIONS)
def test_orientations_compose_as_turns_do(first, then):
    pictures = picture(3, 5)[None]

    both = turn(turn(pictures, first), then)

    np.testing.assert_array_equal(both, turn(pictures, compose(then, first)))


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_an_inverse_undoes_its_orientation(orientation):
    assert compose(inverse(orientation), orientation) == 0
    assert compose(orientation, inverse(orientation)) == 0


@pytest.mark.parametrize(
    ("orientation", "operation"),
    [
        (1, Image.Transpose.FLIP_LEFT_RIGHT),
        (2, Image.Transpose.FLIP_TOP_BOTTOM),
        (3, Image.Transpose.ROTATE_180),
        (4, Image.Transpose.TRANSPOSE),
        (5, Image.Transpose.ROTATE_270),  # Pillow counts counter-clockwise
        (6, Image.Transpose.ROTATE_90),
        (7, Image.Transpose.TRANSVERSE),
    ],
)
def test_orientations_are_what_their_names_say(orientation, operation):
    pixels = picture(4, 6)

    turned = turn(pixels[None], orientation)[0]

    assert NAMES[orientation]
    np.testing.assert_array_equal(turned, np.asarray(Image.fromarray(pixels).transpose(operation)))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 80),
    st.integers(1, 80),
    st.sampled_from([1, 3]),
    st.integers(1, 255),
    st.integers(0, 2**32 - 1),
)
def test_the_batch_is_bit_equal_to_single_images(height, width, channels, levels, seed):
    shape = (3, height, width, channels) if channels > 1 else (3, height, width)
    pixels = np.random.default_rng(seed).integers(0, levels, shape, dtype=np.uint8)
    pixels[2] = pixels[2].min()
    stored = [each.tobytes() for each in pixels]

    batch = fingerprint_batch(stored, pixels)

    singles = [fingerprint(s, Image.fromarray(p)) for s, p in zip(stored, pixels, strict=True)]
    assert_same_rows(batch, gather(singles))


@pytest.mark.parametrize("shape", [(70, 90), (64, 64, 3), (28, 28), (200, 300, 3)])
def test_a_batch_of_many_is_bit_equal_to_batches_of_one(shape):
    pixels = np.random.default_rng(1).integers(0, 256, (300, *shape), dtype=np.uint8)
    stored = [bytes([row % 256]) for row in range(300)]

    whole = fingerprint_batch(stored, pixels)

    parts = [fingerprint_batch(stored[i : i + 1], pixels[i : i + 1]) for i in range(300)]
    assert_same_rows(whole, concatenate(parts))


def test_a_batch_of_nothing_is_empty():
    empty = fingerprint_batch([], np.zeros((0, 28, 28), np.uint8))

    assert_same_rows(empty, gather([]))
    assert_same_rows(empty, concatenate([]))
    assert empty.file.shape == (0, 32)


def test_a_batch_needs_one_file_an_image():
    with pytest.raises(ValueError, match="2 files"):
        fingerprint_batch([b"", b""], np.zeros((1, 4, 4), np.uint8))


@pytest.mark.parametrize("size", [(0, 3), (3, 0), (0, 0)])
def test_an_image_without_pixels_is_bad_data(size):
    with pytest.raises(DataError, match="no pixels"):
        fingerprint(b"", Image.new("RGB", size))


def test_an_array_without_pixels_is_bad_data():
    with pytest.raises(DataError, match="no pixels"):
        fingerprint_batch([b""], np.zeros((1, 0, 4), np.uint8))


def test_the_file_digest_is_sha256_of_the_stored_bytes():
    assert fingerprint(b"stored", Image.new("L", (2, 2))).file == sha256(b"stored").digest()


def test_the_oriented_digest_is_blake3_of_mode_size_and_bytes():
    rows = np.linspace(0, 255, 4 * 6).astype(np.uint8).reshape(4, 6)  # brightest below and right

    found = of(Image.fromarray(rows))

    assert found.oriented == blake3(b"L 4 6\n" + rows.tobytes()).digest()
    assert found.pixels == sha256(found.oriented + b"\0").digest()


@settings(max_examples=80, deadline=None)
@given(
    st.integers(1, 12),
    st.integers(1, 12),
    st.sampled_from([1, 3]),
    st.integers(1, 3),
    st.sampled_from(ORIENTATIONS),
    st.integers(0, 2**32 - 1),
)
def test_turned_images_share_the_oriented_digest_and_tell_their_turn(
    height, width, channels, levels, orientation, seed
):
    # Few levels and few pixels: many pictures are symmetric, or as bright left as right.
    shape = (1, height, width, channels) if channels > 1 else (1, height, width)
    pixels = np.random.default_rng(seed).integers(0, levels, shape, dtype=np.uint8)
    b, a = Image.fromarray(pixels[0]), Image.fromarray(turn(pixels, orientation)[0])

    print_a, print_b = of(a), of(b)

    assert print_a.oriented == print_b.oriented
    found = orientation_between(print_a.pixels, print_b.pixels, print_b.oriented)
    np.testing.assert_array_equal(turn(pixels, found)[0], np.asarray(a))


def test_an_orientation_between_unrelated_images_is_refused():
    one, other = of(Image.fromarray(picture(4, 4))), of(Image.fromarray(picture(4, 4, seed=1)))

    with pytest.raises(ValueError, match="does not belong"):
        orientation_between(one.pixels, other.pixels, one.oriented)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_pixels_are_equal_only_for_equal_pictures(data):
    levels = st.integers(0, 1)
    shapes = st.tuples(st.integers(1, 3), st.integers(1, 3))
    pictures = []
    for _ in range(2):
        height, width = data.draw(shapes)
        values = data.draw(st.lists(levels, min_size=height * width, max_size=height * width))
        pictures.append(np.array(values, np.uint8).reshape(height, width))
    one, other = pictures

    same = of(Image.fromarray(one)).pixels == of(Image.fromarray(other)).pixels

    assert same == np.array_equal(one, other)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_oriented_digests_are_equal_only_for_turned_pictures(data):
    levels = st.integers(0, 1)
    pictures = []
    for _ in range(2):
        values = data.draw(st.lists(levels, min_size=6, max_size=6))
        pictures.append(np.array(values, np.uint8).reshape(2, 3))
    one, other = pictures

    same = of(Image.fromarray(one)).oriented == of(Image.fromarray(other)).oriented

    assert same == any(np.array_equal(turn(one[None], o)[0], other) for o in ORIENTATIONS)


def test_the_same_bytes_in_another_shape_are_another_image():
    pixels = picture(4, 9, channels=1)

    assert (
        of(Image.fromarray(pixels)).oriented != of(Image.fromarray(pixels.reshape(6, 6))).oriented
    )
    assert of(Image.fromarray(pixels)).pixels != of(Image.fromarray(pixels.reshape(6, 6))).pixels


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "PPM", "WEBP"])
def test_two_formats_of_one_picture_have_the_same_pixels(kind):
    image = Image.fromarray(picture(20, 30))
    options = {"lossless": True} if kind == "WEBP" else {}

    one, other = written(image, "PNG"), written(image, kind, **options)

    assert fingerprint(one, read(one)).pixels == fingerprint(other, read(other)).pixels
    assert fingerprint(one, read(one)).file != fingerprint(other, read(other)).file


def test_a_symbolic_link_has_the_fingerprint_of_its_file(tmp_path):
    stored = written(Image.fromarray(picture(20, 30)), "PNG")
    (tmp_path / "image.png").write_bytes(stored)
    (tmp_path / "link.png").symlink_to(tmp_path / "image.png")

    linked = (tmp_path / "link.png").read_bytes()

    assert fingerprint(linked, read(linked)).file == fingerprint(stored, read(stored)).file


def test_a_palette_is_resolved():
    image = Image.fromarray(picture(16, 16)).quantize(colors=16)

    stored = written(image, "GIF")

    assert fingerprint(stored, read(stored)).pixels == of(image.convert("RGB")).pixels


def test_equal_indices_into_other_palettes_are_other_images():
    image = Image.fromarray(picture(16, 16)).quantize(colors=16)
    other = image.copy()
    other.putpalette(image.getpalette()[::-1])

    assert image.tobytes() == other.tobytes()
    assert of(image).pixels != of(other).pixels


def test_a_transparent_palette_keeps_its_transparency():
    image = Image.fromarray(picture(16, 16)).quantize(colors=16)
    stored = written(image, "PNG", transparency=3)

    assert fingerprint(stored, read(stored)).pixels != of(image).pixels


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_an_opaque_alpha_channel_changes_nothing(mode):
    image = Image.fromarray(picture(9, 9, channels=3 if mode == "RGBA" else 1))

    assert of(image.convert(mode)).pixels == of(image).pixels


def test_a_transparent_alpha_channel_is_part_of_the_pixels():
    image = Image.fromarray(picture(9, 9))
    seen_through = image.copy()
    seen_through.putalpha(128)

    assert of(seen_through).pixels != of(image).pixels


@pytest.mark.parametrize("mode", ["RGB", "1"])
def test_grey_is_grey_in_whatever_mode(mode):
    grey = Image.fromarray(np.where(picture(9, 9, channels=1) > 99, 255, 0).astype(np.uint8))

    assert of(grey.convert(mode)).pixels == of(grey).pixels


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "HSV", "LAB", "F", "I", "RGBX"])
def test_unusual_modes_have_fingerprints_that_follow_their_pixels(mode):
    one, other = (np.random.default_rng(seed).integers(0, 256, (9, 12, 4)) for seed in (0, 1))

    def image(values):
        if mode in ("F", "I"):
            return Image.fromarray(values[..., 0].astype(np.float32 if mode == "F" else np.int32))
        if mode == "LAB":
            return Image.frombytes("LAB", (12, 9), values[..., :3].astype(np.uint8).tobytes())
        return Image.fromarray(values[..., :3].astype(np.uint8)).convert(mode)

    assert of(image(one)).pixels == of(image(one)).pixels
    assert of(image(one)).pixels != of(image(other)).pixels


def test_sixteen_bits_are_all_looked_at():
    values = np.random.default_rng(0).integers(0, 4096, (12, 12), dtype=np.uint16)
    changed = values.copy()
    changed[3, 3] ^= 1
    one, other = written(Image.fromarray(values), "PNG"), written(Image.fromarray(values), "TIFF")

    assert fingerprint(one, read(one)).pixels == fingerprint(other, read(other)).pixels
    assert of(Image.fromarray(values)).pixels != of(Image.fromarray(changed)).pixels
    assert of(Image.fromarray(values)).near == of(Image.fromarray(values * 4)).near


def test_sixteen_bits_are_the_same_in_every_mode_that_holds_them():
    values = np.random.default_rng(0).integers(0, 4096, (12, 12), dtype=np.uint16)

    assert of(Image.fromarray(values)).pixels == of(Image.fromarray(values.astype(np.int32))).pixels


@pytest.mark.parametrize("fill", [np.nan, np.inf, -np.inf, 3e38])
def test_floats_without_bounds_have_fingerprints(fill):
    values = np.linspace(-3e38, 1, 144, dtype=np.float32).reshape(12, 12)
    values[0, 0] = fill

    assert len(of(Image.fromarray(values)).near) == 32


def test_exif_rotation_is_a_turn_of_the_stored_pixels():
    image = Image.fromarray(picture(20, 30))
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = written(image, "PNG", exif=exif)

    as_stored, as_seen = read(stored), ImageOps.exif_transpose(read(stored))

    assert as_seen.size == (20, 30)
    assert fingerprint(stored, as_stored).oriented == fingerprint(stored, as_seen).oriented


@pytest.mark.parametrize("size", [(1, 1), (1, 100), (2, 1), (100, 100)])
def test_constant_images_are_featureless(size):
    assert of(Image.new("RGB", size, (10, 20, 30))).featureless


def test_stripes_are_featureless():
    stripes = np.zeros((64, 64), np.uint8)
    stripes[::4] = 200

    assert of(Image.fromarray(stripes)).featureless


def test_a_faint_gradient_is_featureless():
    assert of(
        Image.fromarray(np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8))
    ).featureless


def test_noise_is_not_featureless():
    assert not of(Image.fromarray(picture(64, 64))).featureless


def test_thumbnails_are_kept_from_64_pixels_on():
    assert of(Image.fromarray(picture(63, 100))).thumbnail is None
    assert of(Image.fromarray(picture(64, 100))).thumbnail.shape == (64, 64)


def test_small_images_among_large_ones_have_black_thumbnails():
    rows = gather([of(Image.fromarray(picture(63, 64))), of(Image.fromarray(picture(64, 64)))])
    joined = concatenate([gather([of(Image.fromarray(picture(size, 64)))]) for size in (63, 64)])

    assert not rows.thumbnails[0].any()
    assert rows.thumbnails[1].any()
    assert_same_rows(rows, joined)


@pytest.mark.parametrize(("side", "too_small"), [(8, True), (15, True), (16, False)])
def test_an_image_with_fewer_pixels_than_the_hash_has_bits_is_compared_exactly_only(
    side, too_small
):
    noise = np.random.default_rng(0).integers(0, 256, (1, side, side), dtype=np.uint8)

    alone = fingerprint(b"", Image.fromarray(noise[0]))
    together = fingerprint_batch([b""], noise)

    assert alone.featureless is too_small
    assert together.featureless.tolist() == [too_small]
