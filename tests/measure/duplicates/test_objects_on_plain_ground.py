import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps
from sklearn.datasets import load_digits

from gate.evidence.records import PairKind, Split
from gate.measure.duplicates.exact_copies import FingerprintedSplit
from gate.measure.duplicates.find_overlap import find_duplicates, find_overlap
from gate.measure.duplicates.tone_agreement import tone_agreement
from gate.measure.fingerprints.fingerprint import fingerprint_batch

LEVELS = (load_digits().images * (255 / 16)).astype(np.uint8)


def with_the_spectrum_of_photographs(count, size):
    """Return pictures, (count, size, size), whose amplitudes fall with their frequency."""
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(size), np.fft.fftfreq(size)))
    frequency[0, 0] = 1
    noise = np.random.default_rng(3).normal(size=(count, size, size))
    pictures = np.fft.ifft2(np.fft.fft2(noise) / frequency**1.5).real
    low, high = (f(axis=(1, 2), keepdims=True) for f in (pictures.min, pictures.max))
    return (40 + (pictures - low) / (high - low) * 200).astype(np.uint8)


def canvas(digit, size, frame, level=0):
    ground = Image.new("L", (frame, frame), level)
    picture = Image.fromarray(255 - digit if level else digit)
    picture = picture.resize((size, size), Image.Resampling.BICUBIC)
    ground.paste(picture, ((frame - size) // 2,) * 2)
    return ground


def side(split, pictures):
    pixels = np.stack([np.asarray(each) for each in pictures])
    return FingerprintedSplit(
        split=split,
        ids=np.array([f"{row:05d}" for row in range(len(pixels))], dtype=object),
        labels=np.array(["?"] * len(pixels), dtype=object),
        fingerprints=fingerprint_batch([each.tobytes() for each in pixels], pixels),
    )


def smooth_scenes(count, seed=0):
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 9, 9), dtype=np.uint8)
    return [Image.fromarray(each).resize((96, 96), Image.Resampling.BICUBIC) for each in coarse]


def canvases(digits, *how):
    return [canvas(digit, *how) for digit in digits]


@pytest.mark.parametrize(
    "how", [(28, 128), (40, 128), (40, 96, 255), (60, 96), (24, 48)], ids=lambda how: f"{how}"
)
def test_digits_on_plain_ground_are_no_copies(how):
    train = side(Split.TRAIN, canvases(LEVELS[:600], *how))
    test = side(Split.TEST, canvases(LEVELS[1000:1300], *how))

    assert len(find_overlap(train, test).pairs) <= 2


EDITS = {
    "contrast": lambda image: ImageEnhance.Contrast(image).enhance(0.5),
    "inverted": ImageOps.invert,
    "moved": lambda image: image.transform(image.size, Image.Transform.AFFINE, (1, 0, 5, 0, 1, -3)),
}


@pytest.mark.parametrize("how", [(20, 40), (40, 128)])
@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_object_on_plain_ground_is_found(edit, how):
    digits = canvases(LEVELS[:600], *how)
    copies = [EDITS[edit](each) for each in digits[:40]]

    overlap = find_overlap(side(Split.TRAIN, digits), side(Split.TEST, copies))

    assert sum(pair.a == pair.b for pair in overlap.pairs) >= 24


def test_a_picture_is_found_in_a_border_and_without_it():
    scenes = smooth_scenes(120)
    framed = [ImageOps.expand(each, 8, 255).resize((96, 96)) for each in scenes[:20]]

    for one, other in ((scenes, framed), (framed, scenes)):
        overlap = find_overlap(side(Split.TRAIN, one), side(Split.TEST, other))
        assert sum(pair.a == pair.b for pair in overlap.pairs) >= 18


@pytest.mark.parametrize("size", [28, 32, 40, 96])
def test_a_small_picture_is_found_in_a_border_that_ends_within_a_pixel(size):
    scenes = [Image.fromarray(each) for each in with_the_spectrum_of_photographs(200, size)]
    framed = [
        ImageOps.expand(each, 3, 0).resize((size, size), Image.Resampling.BICUBIC)
        for each in scenes[:100]
    ]

    overlap = find_overlap(side(Split.TRAIN, scenes[:150]), side(Split.TEST, framed))
    others = find_overlap(side(Split.TRAIN, scenes[100:]), side(Split.TEST, framed))

    assert sum(pair.a == pair.b for pair in overlap.pairs) >= 60
    assert others.pairs == ()


@pytest.mark.parametrize("framed", ["train", "test"])
def test_few_pictures_in_a_border_are_found_as_if_all_were_sought_without(framed, monkeypatch):
    scenes, others = smooth_scenes(300), smooth_scenes(300, seed=1)
    few = [ImageOps.expand(each, 8, 255).resize((96, 96)) for each in scenes[:12]]
    with_border, without = side(Split.TRAIN, [*few, *others]), side(Split.TEST, scenes)
    one, other = (with_border, without) if framed == "train" else (without, with_border)
    both = side(Split.TRAIN, [*few, *scenes])

    found = find_overlap(one, other), find_duplicates(both)

    monkeypatch.setattr("gate.measure.duplicates.visual_copies._RARE", 10_000)
    assert (find_overlap(one, other), find_duplicates(both)) == found
    assert [pair.kind for pair in found[0].pairs] == [PairKind.NEAR] * 12


@pytest.mark.parametrize("size", [40, 96])
def test_a_negative_is_found_mirrored_too(size):
    scenes = [each.resize((size, size)) for each in smooth_scenes(120)]
    negatives = [ImageOps.invert(each) for each in scenes[:10]]
    negatives += [ImageOps.mirror(ImageOps.invert(each)) for each in scenes[10:20]]

    overlap = find_overlap(side(Split.TRAIN, scenes), side(Split.TEST, negatives))

    assert [(pair.a, pair.b) for pair in overlap.pairs] == [
        (f"{row:05d}", f"{row:05d}") for row in range(20)
    ]
    assert overlap.pairs[-1].orientation == "mirrored left to right"


def test_a_negative_inside_a_split_is_listed_once():
    scenes = smooth_scenes(50)
    scenes[30] = ImageOps.invert(scenes[4])

    assert [(pair.a, pair.b) for pair in find_duplicates(side(Split.TRAIN, scenes)).pairs] == [
        ("00004", "00030")
    ]


def test_no_scene_is_the_negative_of_another():
    a, b = smooth_scenes(300), smooth_scenes(300, seed=1)

    assert find_overlap(side(Split.TRAIN, a), side(Split.TEST, b)).pairs == ()


def test_without_a_border_nothing_that_was_refused_as_shown_comes_back(monkeypatch):
    refused = "gate.measure.duplicates.visual_copies._have_no_contradiction"
    monkeypatch.setattr(
        refused, lambda a, b, rows_a, *rest, inverted: np.zeros(len(rows_a), np.bool_)
    )
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (5, 40, 40), dtype=np.uint8)
    near = np.clip(pixels.astype(int) + 3, 0, 255).astype(np.uint8)
    framed = np.pad(pixels[:1, 5:35, 5:35], ((0, 0), (5, 5), (5, 5)))

    overlap = find_overlap(
        side(Split.TRAIN, [*pixels, *framed]), side(Split.TEST, [*near, *framed[:, ::-1]])
    )

    assert [pair for pair in overlap.pairs if pair.kind is PairKind.NEAR] == []


def test_a_moved_object_is_a_duplicate_inside_a_split():
    digits = canvases(LEVELS[:200], 20, 40)
    digits[150] = EDITS["moved"](digits[7])

    pairs = find_duplicates(side(Split.TRAIN, digits)).pairs

    assert ("00007", "00150") in {(pair.a, pair.b) for pair in pairs}


def test_silhouettes_with_like_hashes_are_told_apart_by_their_tones(monkeypatch):
    digits = canvases(LEVELS[:300], 20, 28)
    noise = np.random.default_rng(0).normal(0, 12, (300, 28, 28))
    noisy = np.clip(np.stack(digits) + noise, 0, 255).astype(np.uint8)
    sides = side(Split.TRAIN, digits), side(Split.TEST, noisy)
    monkeypatch.setattr("gate.measure.duplicates.near_copies.SURE", 0)
    agreeing = len(find_overlap(*sides).pairs)
    tones = "gate.measure.duplicates.visual_copies.tone_agreement"
    monkeypatch.setattr(tones, lambda a, b: np.zeros(len(a)))

    assert agreeing > 2 * len(find_overlap(*sides).pairs)


@pytest.mark.parametrize("way", [lambda x: x, lambda x: 255 - x, lambda x: 40 + x / 2])
def test_a_tone_curve_makes_no_difference(way):
    a = np.random.default_rng(0).integers(0, 256, (5, 16, 16), dtype=np.uint8)

    assert (tone_agreement(a, way(a.astype(float)).astype(np.uint8)) > 0.998).all()


def test_unrelated_tones_do_not_agree():
    a, b = np.random.default_rng(0).integers(0, 256, (2, 5, 16, 16), dtype=np.uint8)

    assert (tone_agreement(a, b) < 0.4).all()


def test_pictures_without_contrast_say_nothing_and_raise_nothing():
    flat = np.full((3, 16, 16), 70, np.uint8)

    assert np.isfinite(tone_agreement(flat, flat)).all()


def test_no_pairs_agree_in_nothing():
    none = np.zeros((0, 16, 16), np.uint8)

    assert tone_agreement(none, none).shape == (0,)
