"""Photographs that were turned, moved, cropped, framed or inverted are found; others are not."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from PIL import Image, ImageOps
from sklearn.datasets import load_sample_images

from gate.evidence.records import OF_IMAGES, PairKind, Split
from gate.measure.duplicates import aligned_copies as room
from gate.measure.duplicates import keypoint_votes
from gate.measure.duplicates.aligned_copies import aligned_copies
from gate.measure.duplicates.coarse_candidates import ThumbnailView, candidates
from gate.measure.duplicates.exact_copies import FingerprintedSplit
from gate.measure.duplicates.find_overlap import find_duplicates, find_overlap
from gate.measure.duplicates.silhouettes import show_objects
from gate.measure.fingerprints.fingerprint import fingerprint_batch
from gate.measure.fingerprints.perceptual_hash import thumbnails

CUBIC = Image.Resampling.BICUBIC
SIZE = 96


@cache
def tiles(photo):
    """Return tiles of 96 pixels of one of scikit-learn's photographs, which do not overlap."""
    image = Image.fromarray(load_sample_images().images[photo]).convert("L")
    return [
        image.crop((left, top, left + SIZE, top + SIZE))
        for top in range(0, image.height - SIZE + 1, SIZE)
        for left in range(0, image.width - SIZE + 1, SIZE)
    ]


@cache
def scenes():
    """Return the tiles of both photographs that show more than a sky or a blurred ground."""
    return [each for each in [*tiles(0), *tiles(1)] if detail(each) > 6]


def detail(image):
    levels = np.asarray(image.resize((64, 64), Image.Resampling.BOX)).astype(float)
    return sum(np.abs(np.diff(levels, axis=axis)).mean() for axis in (0, 1))


def side(split, images):
    pixels = np.stack([np.asarray(each) for each in images])
    return FingerprintedSplit(
        split=split,
        ids=np.array([f"{row:05d}" for row in range(len(pixels))], dtype=object),
        labels=np.array(["?"] * len(pixels), dtype=object),
        fingerprints=fingerprint_batch([each.tobytes() for each in pixels], pixels),
    )


def found(overlap):
    return {pair.b: pair for pair in overlap.pairs if pair.a == pair.b}


def cropped(image, share):
    size = round(image.width * share)
    return image.crop((0, 0, size, size)).resize(image.size, CUBIC)


def turned(image, degrees):
    half = image.width // 2
    wide = Image.fromarray(np.pad(np.asarray(image), half, mode="reflect"))
    return wide.rotate(degrees, CUBIC).crop((half, half, half + image.width, half + image.height))


def covered(image, size):
    copy = image.copy()
    copy.paste(128, (0, 0, size, size))
    return copy


EDITS = {
    "turned": lambda image: image.rotate(-6, CUBIC),
    "turned by more than 90°": lambda image: image.rotate(-97, CUBIC),
    "turned and mirrored": lambda image: turned(ImageOps.mirror(image), 4),
    "moved": lambda image: Image.fromarray(np.roll(np.asarray(image), (9, -9), (0, 1))),
    "cropped": lambda image: cropped(image, 0.78),
    "mirrored and cropped": lambda image: cropped(ImageOps.mirror(image), 0.87),
    "turned and inverted": lambda image: ImageOps.invert(turned(image, 5)),
    "framed and turned": lambda image: ImageOps.expand(turned(image, 7), 8, 0).resize((96, 96)),
    "a corner covered": lambda image: covered(image, 48),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_photograph_is_found(edit):
    copies = [EDITS[edit](each) for each in scenes()]

    overlap = find_overlap(side(Split.TRAIN, scenes()), side(Split.TEST, copies))

    assert len(copies) == 26
    assert len(found(overlap)) >= 20
    assert overlap.turned


def test_no_tile_of_one_photograph_is_a_copy_of_one_of_another():
    overlap = find_overlap(side(Split.TRAIN, tiles(0)), side(Split.TEST, tiles(1)))

    assert overlap.pairs == ()


def test_what_was_done_is_told_from_how_the_copy_lies():
    copies = [turned(each, -6) for each in scenes()]

    pairs = found(find_overlap(side(Split.TRAIN, scenes()), side(Split.TEST, copies))).values()

    assert len(pairs) >= 20
    for pair in pairs:
        (a, b, _), (c, d, _) = pair.alignment.down, pair.alignment.right
        assert np.degrees(np.arctan2(b - c, a + d)) == pytest.approx(6, abs=1)
        assert not pair.alignment.inverted


def test_inside_one_split_the_copy_lies_in_the_earlier_image():
    both = [*scenes(), cropped(scenes()[3], 0.8)]

    (pair,) = find_duplicates(side(Split.TEST, both)).pairs

    assert (pair.a, pair.b) == ("00003", f"{len(scenes()):05d}")
    assert pair.alignment.down[0] == pytest.approx(1 / 0.8, abs=0.03)


def test_the_same_pairs_come_in_any_order_and_in_parts_of_any_size(monkeypatch):
    copies = [turned(cropped(each, 0.9), 5) for each in scenes()]
    sides = side(Split.TRAIN, scenes()), side(Split.TEST, copies)
    forth = find_overlap(*sides)

    monkeypatch.setattr(room, "_ROWS_B", 7)
    monkeypatch.setattr(room, "_AT_ONCE", 3)
    monkeypatch.setattr(room, "usable_cores", lambda: 1)
    parts = find_overlap(*sides)

    assert parts == forth
    backwards = side(Split.TRAIN, scenes()[::-1])
    backwards = replace(backwards, ids=sides[0].ids[::-1])
    assert find_overlap(backwards, sides[1]).pairs == forth.pairs


def view(small):
    return ThumbnailView(small, np.arange(len(small)))


def pairs_of(a, b):
    a, b = view(np.asarray(a, np.uint8)), view(np.asarray(b, np.uint8))
    return aligned_copies(a, b, candidates(a, b, same=False))


RANDOM = np.random.default_rng(5)
DOWN, RIGHT = np.mgrid[:64, :64]


def noise():
    return RANDOM.integers(0, 256, (120, 64, 64))


def edges():
    angle, place = RANDOM.uniform(0, 2 * np.pi, 120), RANDOM.uniform(-20, 20, 120)
    across = np.cos(angle)[:, None, None] * (DOWN - 32) + np.sin(angle)[:, None, None] * (
        RIGHT - 32
    )
    step = np.clip(across - place[:, None, None] + 0.5, 0, 1)
    return 60 + 120 * step + RANDOM.normal(0, 1, step.shape)


def stripes():
    angle, width, phase = RANDOM.uniform(0.2, 1.5, (3, 120, 1, 1))
    return 128 + 100 * np.sin(
        width * (np.cos(4 * angle) * DOWN + np.sin(4 * angle) * RIGHT) + phase
    )


def clouds():
    coarse = RANDOM.integers(0, 256, (120, 9, 9), dtype=np.uint8)
    small = [Image.fromarray(each).resize((SIZE, SIZE), CUBIC) for each in coarse]
    return thumbnails(np.stack([np.asarray(each) for each in small]))


def flat():
    return np.full((120, 64, 64), 7)


@pytest.mark.parametrize(
    "kind", [noise, edges, stripes, clouds, flat], ids=lambda kind: kind.__name__
)
def test_pictures_that_show_no_scene_are_no_copies_of_each_other(kind):
    assert not pairs_of(kind(), kind()).sure.any()


@pytest.mark.parametrize(("count_a", "count_b"), [(0, 3), (3, 0), (0, 0)])
def test_no_pictures_have_no_copies(count_a, count_b):
    assert len(pairs_of(noise()[:count_a], noise()[:count_b]).rows_b) == 0


def test_codes_that_many_keypoints_share_are_not_looked_up(monkeypatch):
    film = np.stack([np.asarray(scenes()[5].resize((64, 64)))] * 40)
    asked = []
    near = keypoint_votes.Buckets.near

    def count(buckets, others, radius):
        asked.append(len(others))
        return near(buckets, others, radius)

    monkeypatch.setattr(keypoint_votes.Buckets, "near", count)
    pairs_of(film, film)
    every = sum(asked)
    asked.clear()
    monkeypatch.setattr(keypoint_votes, "_FREQUENT", 30)
    pairs_of(film, film)

    assert sum(asked) < every / 2


def under_shadows(still, many, seed):
    """Return (many, 64, 64): one scene, each time with other shadows and noise."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (many, 7, 7), dtype=np.uint8)
    shadows = np.stack([Image.fromarray(each).resize((64, 64), CUBIC) for each in coarse])
    return np.clip(0.6 * still + 0.4 * shadows + random.normal(0, 2, shadows.shape), 0, 255)


def test_one_scene_under_many_lights_is_no_copy_of_itself():
    still = np.asarray(scenes()[5].resize((64, 64)), float)

    found = pairs_of(under_shadows(still, 120, 1), under_shadows(still, 40, 2))

    assert found.sure.sum() <= 2


def scans(many, seed):
    """Return (many, 64, 64): as many chests in one pose, each with ribs and tissue of its own."""
    random = np.random.default_rng(seed)
    for _ in range(many):
        shifts = random.normal(0, 0.06, 20)
        y, x = np.mgrid[-1:1:128j, -1:1:128j]
        y, x = y + shifts[0], x + shifts[1]
        body = (x / (0.85 + shifts[2])) ** 4 + (y / 1.1) ** 6 < 1
        scan = 40 + 110.0 * body + 70 * np.exp(-((x / 0.08) ** 2)) * body
        for side_of_body, at in ((-1, 3), (1, 7)):
            across = (x - side_of_body * (0.4 + shifts[at])) / (0.3 + shifts[at + 1])
            down = (y + shifts[at + 2]) / (0.65 + shifts[at + 3])
            scan[across**2 + down**2 < 1] = 60
        for rib in range(9):
            curve = y + 0.7 - 0.17 * rib - shifts[11 + rib] / 3 - 0.2 * np.abs(x) ** 1.5
            scan += 30 * np.exp(-((curve / 0.025) ** 2)) * body
        scan[((x - 0.15) / (0.28 + shifts[2])) ** 2 + ((y - 0.3) / 0.33) ** 2 < 1] = 160
        coarse = Image.fromarray(random.integers(0, 256, (24, 24), dtype=np.uint8))
        tissue = np.asarray(coarse.resize((128, 128), CUBIC)) - 128.0
        scan += 0.12 * tissue * body + random.normal(0, 3, scan.shape)
        yield thumbnails(np.clip(scan, 0, 255).astype(np.uint8)[None])[0]


def test_scans_of_many_people_in_one_pose_are_no_copies():
    found = pairs_of(list(scans(150, 1)), list(scans(150, 2)))

    assert found.sure.sum() <= 1
    assert len(found.sure) > 1, "they are alike enough for people to look at some"


def test_a_photograph_is_not_hidden_among_forty_copies_of_one_edit():
    photos = [*scenes(), *map(Image.fromarray, RANDOM.integers(0, 256, (60, SIZE, SIZE), np.uint8))]
    edited = np.asarray(turned(photos[5], 7), float)
    noisy = np.clip(edited + np.random.default_rng(1).normal(0, 3, (40, SIZE, SIZE)), 0, 255)
    # Mirrored, turned and inverted ones are copies of each other too.
    some = [Image.fromarray(each) for each in noisy.astype(np.uint8)]
    some[1:4] = [ImageOps.mirror(some[1]), some[2].rotate(90), ImageOps.invert(some[3])]

    overlap = find_overlap(
        side(Split.TRAIN, [*photos[:5], *photos[6:], *some]), side(Split.TEST, [photos[5]])
    )

    assert [pair.b for pair in overlap.pairs] == ["00000"]
    assert int(overlap.pairs[0].a) >= len(photos) - 1


@pytest.mark.parametrize("count", [6, 20])
def test_soft_spots_on_a_dark_ground_are_no_copies_of_others(count):
    down, right = np.mgrid[:SIZE, :SIZE]

    def cells(seed):
        random = np.random.default_rng(seed)
        for _ in range(150):
            ground = random.normal(60, 2, (SIZE, SIZE))
            for _ in range(count):
                y, x, width, level = random.uniform((0, 0, 3, 40), (SIZE, SIZE, 8, 120))
                apart = (down - y) ** 2 + (right - x) ** 2
                ground += level * np.exp(-apart / (2 * width**2))
            yield np.clip(ground, 0, 255).astype(np.uint8)

    overlap = find_overlap(side(Split.TRAIN, list(cells(1))), side(Split.TEST, list(cells(2))))

    assert overlap.pairs == ()


def test_a_digit_is_an_object_and_a_photograph_in_a_border_is_none():
    digit = Image.new("L", (96, 96))
    digit.paste(200, (40, 20, 52, 76))
    digit.paste(200, (30, 20, 52, 30))
    framed = [ImageOps.expand(each, 12, 0).resize((96, 96)) for each in tiles(0)[:6]]
    letterbox = ImageOps.expand(tiles(0)[0].crop((0, 20, 96, 76)), (0, 20, 0, 20), 255)
    small = thumbnails(np.stack([np.asarray(each) for each in [digit, letterbox, *framed]]))

    assert show_objects(small).tolist() == [True, *[False] * 7]


def test_too_many_pictures_are_aligned_only_when_asked_to(monkeypatch):
    sides = side(Split.TRAIN, scenes()), side(Split.TEST, [turned(scenes()[3], 9)])
    monkeypatch.setattr(room, "QUICK", 25)

    quick, thorough = find_overlap(*sides), find_overlap(*sides, thorough=True)

    assert (quick.turned, quick.pairs) == (False, ())
    assert thorough.turned
    assert [pair.kind for pair in thorough.pairs] == [PairKind.EDITED]
    assert quick.compared == thorough.compared == OF_IMAGES


def test_smaller_images_are_not_aligned():
    small = [each.resize((48, 48)) for each in tiles(0)]

    assert not find_overlap(side(Split.TRAIN, small), side(Split.TEST, small)).turned


def test_where_a_copy_lies_is_where_it_was_put():
    """To a hundredth of the side; of a smooth picture, which hardly tells, to a tenth."""
    random = np.random.default_rng(5)
    errors = []
    for row in range(21):
        for _ in range(4):
            degrees, share = random.uniform(-180, 180), random.uniform(0.85, 1)
            copy = cropped(turned(scenes()[row], degrees), share)
            small = [thumbnails(np.asarray(each)[None]) for each in (scenes()[row], copy)]
            pair = pairs_of(*small)
            zooms = np.sqrt(np.abs(np.linalg.det(pair.ways[pair.sure][:, :, :2])))
            errors += np.abs(zooms - 1 / share).tolist()

    assert len(errors) >= 60
    assert np.median(errors) < 0.01
    assert max(errors) < 0.1
