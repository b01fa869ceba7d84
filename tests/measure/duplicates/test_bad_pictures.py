import io

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from gate.evidence.records import EXACT, PairKind, Split
from gate.measure.duplicates.find_overlap import FingerprintedSplit, find_duplicates, find_overlap
from gate.measure.fingerprints.fingerprint import fingerprint, fingerprint_batch, gather

WORDS = ("image", "leak", "train", "test", "rule", "policy", "gate", "report", "split", "copy")


def side(split, pictures):
    stored = []
    for picture in pictures:
        file = io.BytesIO()
        picture.save(file, "PNG")
        stored.append(file.getvalue())
    names = np.array([f"{row:05d}" for row in range(len(pictures))], dtype=object)
    prints = gather([fingerprint(*each) for each in zip(stored, pictures, strict=True)])
    return FingerprintedSplit(split, names, names, prints)


def overlap(a, b):
    return find_overlap(side(Split.TRAIN, a), side(Split.TEST, b))


def noise(rng, height, width):
    return Image.fromarray(rng.integers(0, 256, (height, width), dtype=np.uint8))


def constant(rng, number):
    return Image.new("L", (64, 64), number)


def tiny(rng, number):
    return noise(rng, 1 + number % 4, 1 + number % 5)


def very_long(rng, number):
    return noise(rng, *((3, 9000) if number % 2 else (9000, 70)))


def huge(rng, number):
    return noise(rng, 30, 40).resize((3000, 2000), Image.Resampling.BICUBIC)


def text(rng, number):
    page = Image.new("L", (128, 160), 255)
    for line in range(12):
        words = " ".join(rng.choice(WORDS, 5))
        ImageDraw.Draw(page).text((8, 8 + 12 * line), words, font=ImageFont.load_default(9))
    return page


def on_transparent_ground(rng, number):
    """An object of six corners; what the ground hides is another colour each time."""
    picture = Image.new("RGBA", (96, 96), (*rng.integers(0, 256, 3).tolist(), 0))
    corners = [tuple(corner) for corner in rng.integers(25, 70, (6, 2)).tolist()]
    ImageDraw.Draw(picture).polygon(corners, fill=(*rng.integers(0, 256, 3).tolist(), 255))
    return picture


@pytest.mark.parametrize(
    ("kind", "count"),
    [
        (constant, 60),
        (tiny, 30),
        (very_long, 6),
        (huge, 2),
        (text, 60),
        (on_transparent_ground, 60),
        (lambda rng, number: noise(rng, 64, 64), 60),
    ],
    ids=["constant", "tiny", "very long", "huge", "text", "transparent", "noise"],
)
def test_distinct_pictures_of_any_kind_are_no_copies_and_copied_ones_are(kind, count):
    rng = np.random.default_rng(5)
    pictures = [kind(rng, number) for number in range(2 * count)]
    a, b = pictures[:count], pictures[count:]

    apart, same = overlap(a, b), overlap(a, [*b, a[0]])

    assert not [pair for pair in apart.pairs if pair.kind not in EXACT]
    assert [(pair.a, pair.b) for pair in same.pairs if pair.b == f"{count:05d}"] == [
        ("00000", f"{count:05d}")
    ]


def test_an_object_moved_on_transparent_ground_is_found():
    rng = np.random.default_rng(6)
    a = [on_transparent_ground(rng, number) for number in range(60)]
    moved = Image.new("RGBA", (96, 96), (*a[7].getpixel((0, 0))[:3], 0))
    moved.paste(a[7].crop((20, 20, 76, 76)), (12, 30))

    found = overlap(a, [*(on_transparent_ground(rng, number) for number in range(60)), moved])

    assert [(pair.a, pair.b) for pair in found.pairs] == [("00007", "00060")]


def video(count, side, level):
    """Frames (count, side, side) of a camera that moves slowly, each with noise of its own."""
    rng = np.random.default_rng(0)
    scene = np.asarray(noise(rng, 12, 40).resize((4 * side, side), Image.Resampling.BICUBIC))
    frames = np.empty((count, side, side), np.uint8)
    for number, frame in enumerate(frames):
        left = number * side // count
        seen = scene[:, left : left + side] + rng.normal(0, level, (side, side))
        frame[:] = seen.clip(0, 255)
    return frames


def frames_of(split, frames):
    names = np.array([f"{row:06d}" for row in range(len(frames))], dtype=object)
    prints = fingerprint_batch([frame.tobytes() for frame in frames], frames)
    return FingerprintedSplit(split, names, names, prints)


@pytest.mark.parametrize("level", [1, 12, 60], ids="noise of {} levels".format)
@pytest.mark.parametrize(
    ("count", "size"),
    [(600, 64), pytest.param(20_000, 28, marks=pytest.mark.slow)],
)
def test_frames_of_one_video_are_compared_in_the_end_and_listed_once_each(count, size, level):
    frames = video(2 * count, size, level)
    a, b = frames_of(Split.TRAIN, frames[::2]), frames_of(Split.TEST, frames[1::2])

    across, inside = find_overlap(a, b), find_duplicates(b)

    assert len(across.pairs) + len(across.review) <= 2 * count
    assert len({pair.b for pair in across.pairs}) == len(across.pairs)
    assert len(inside.pairs) + len(inside.review) <= 2 * count
    assert PairKind.NEAR in across.compared
    assert level > 1 or len(across.pairs) > count * 0.9
