import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from gate.measure.fingerprints import perceptual_hash
from gate.measure.fingerprints.fingerprint import fingerprint_batch
from gate.measure.fingerprints.orientations import ORIENTATIONS, turn
from gate.measure.fingerprints.plain_ground import find_grounds, without_blend
from gate.measure.fingerprints.upright import set_upright

DIGITS = (load_digits().images[:40] * (255 / 16)).astype(np.uint8)


def enlarged(digit, size):
    return np.asarray(Image.fromarray(digit).resize((size, size), Image.Resampling.BICUBIC))


def on_ground(picture, frame, top=None, left=None, level=0):
    ground = np.full((frame, frame), level, np.uint8)
    height, width = picture.shape
    top = (frame - height) // 2 if top is None else top
    left = (frame - width) // 2 if left is None else left
    ground[top : top + height, left : left + width] = picture
    return ground


def prints_of(*pictures):
    return fingerprint_batch([b""] * len(pictures), np.stack(pictures))


def differing(a, b):
    return int(np.bitwise_count(a ^ b).sum())


def scene(size, seed=0):
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 9), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC))


@pytest.mark.parametrize("level", [0, 90, 255])
def test_the_box_holds_what_stands_out_from_the_ground(level):
    picture = np.full((1, 40, 50), level, np.uint8)
    picture[0, 7:20, 11:33] = 160

    grounds = find_grounds(picture)

    assert grounds.level.tolist() == [level]
    assert grounds.framed.all()
    assert grounds.boxes.tolist() == [[7, 20, 11, 33]]


@pytest.mark.parametrize("level", [0, 90, 255])
@pytest.mark.parametrize("eighths", [2, 4, 6])
def test_a_line_that_is_half_border_becomes_as_thin_as_the_picture_there(level, eighths):
    picture = np.full((20, 20), 170, np.int64)
    picture[0] = level + (picture[0] - level) * eighths / 8

    left = without_blend(picture.astype(np.uint8), level)

    assert left.shape == (19 * 8 + eighths, 20)
    assert (np.abs(left.astype(int) - 170) <= 4).all()


def test_a_picture_that_no_border_shines_into_is_left_as_it_is():
    picture = np.random.default_rng(0).integers(150, 170, (20, 20), dtype=np.uint8)

    assert (without_blend(picture, 0) == picture).all()


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_what_a_border_leaves_is_turned_with_the_picture(orientation):
    picture = scene(20)[:, :17]
    turned = turn(picture[None], orientation)[0]

    left = without_blend(np.ascontiguousarray(turned), 0)

    assert (left == turn(without_blend(picture, 0)[None], orientation)[0]).all()


def test_what_touches_a_side_is_not_framed():
    picture = np.zeros((1, 40, 40), np.uint8)
    picture[0, :20, 11:33] = 160

    assert not find_grounds(picture).framed.any()


def test_faint_content_around_a_bright_stamp_is_no_ground():
    picture = np.full((1, 40, 40), 0, np.uint8)
    picture[0, 3:37, 3:37] = 40
    picture[0, 20:24, 20:24] = 255

    assert not find_grounds(picture).framed.any()


@pytest.mark.parametrize("size", [24, 96])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_turned_object_has_the_turned_hash(size, orientation):
    picture = on_ground(enlarged(DIGITS[3], size // 3), size, top=5, left=2)

    prints = prints_of(picture, turn(picture[None], orientation)[0])

    turned = perceptual_hash.turn_hashes(prints.near[:1], orientation)
    assert (turned == prints.near[1]).all()
    assert (
        prints.thumbnails is None
        or (turn(prints.thumbnails[:1], orientation) == prints.thumbnails[1]).all()
    )


def test_small_objects_differ_as_much_as_if_they_filled_their_frames():
    filling = prints_of(*(enlarged(digit, 64) for digit in DIGITS))
    small = prints_of(*(on_ground(enlarged(digit, 24), 128) for digit in DIGITS))

    def spread(prints):
        return np.mean([differing(prints.near[0], other) for other in prints.near[1:]])

    assert spread(small) > 0.7 * spread(filling)


def test_noise_does_not_move_the_box():
    rng = np.random.default_rng(0)
    picture = on_ground(enlarged(DIGITS[5], 60), 160, level=30)
    noisy = np.clip(picture + rng.normal(0, 8, picture.shape), 0, 255).astype(np.uint8)

    prints = prints_of(picture, noisy)

    assert differing(*prints.near) <= 31


def test_a_dot_on_plain_ground_is_featureless():
    picture = np.zeros((96, 96), np.uint8)
    picture[40:45, 50:54] = 200

    assert prints_of(picture).featureless.all()


@pytest.mark.parametrize("size", [48, 96])
def test_a_picture_in_a_border_has_the_hash_of_the_picture_too(size):
    picture = scene(size)
    framed = on_ground(picture, size + size // 6)

    prints = [prints_of(each) for each in (picture, framed)]

    assert differing(prints[0].near, prints[1].bare) <= 10
    assert not prints[0].bare.any()


@pytest.mark.parametrize("frame", [40, 60])
def test_an_upright_object_is_the_same_wherever_and_however_it_stands(frame):
    picture = on_ground(enlarged(DIGITS[2], frame * 3 // 5), frame)
    moved = on_ground(enlarged(DIGITS[2], frame * 3 // 5), frame, top=2, left=5)
    rotated = np.asarray(Image.fromarray(picture).rotate(90).rotate(3, Image.Resampling.BICUBIC))

    straight, *others = prints_of(picture, moved, 255 - picture, rotated).upright

    assert straight.any()
    ways = [perceptual_hash.turn_hashes(straight[None], way)[0] for way in ORIENTATIONS]
    found = [min(differing(way, other) for way in ways) for other in others]
    assert found[:2] == [0, 0]
    assert found[2] <= 40


def test_a_photograph_has_no_upright_object():
    assert not prints_of(scene(48), scene(48, 1)).upright.any()


def upright(pictures):
    grounds = find_grounds(pictures)
    return set_upright(pictures, grounds.level, grounds.peak)


def test_an_upright_object_does_not_depend_on_its_batch():
    pictures = np.stack([on_ground(enlarged(digit, 20), 28) for digit in DIGITS])

    together = upright(pictures)
    alone = [upright(each[None])[0] for each in pictures]

    assert (together == np.stack(alone)).all()


@pytest.mark.parametrize(
    "shape", [(1, 1), (2, 40), (16, 16), (17, 300), (300, 17), (16, 5000), (64, 64), (63, 64)]
)
@pytest.mark.parametrize("content", ["black", "white", "noise", "edge", "dots", "text"])
def test_hardly_any_picture_is_beyond_it(shape, content):
    rng = np.random.default_rng(0)
    picture = np.zeros(shape, np.uint8)
    if content == "white":
        picture[:] = 255
    elif content == "noise":
        picture = rng.integers(0, 256, shape, dtype=np.uint8)
    elif content == "edge":
        picture[:, shape[1] // 2 :] = 255
    elif content == "dots":
        picture[::7, ::5] = 255
    elif content == "text":
        picture[:] = 255
        picture[shape[0] // 4 : shape[0] // 2 : 2, shape[1] // 4 : shape[1] // 2] = 0

    prints = prints_of(picture, picture)

    assert (prints.near[0] == prints.near[1]).all()
    assert prints.near.shape == prints.upright.shape == prints.bare.shape == (2, 32)
