from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from gate.evidence.records import EXACT, PairKind, Split
from gate.measure.duplicates.find_overlap import FingerprintedSplit, find_duplicates, find_overlap
from gate.measure.fingerprints.fingerprint import fingerprint, fingerprint_batch, gather
from gate.measure.fingerprints.orientations import turn


def copied(overlap):
    return {pair.b for pair in overlap.pairs}


def scenes(count, size=48, seed=0):
    """Return pictures with a spectrum like that of photographs, (count, size, size)."""
    rng = np.random.default_rng(seed)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(size), np.fft.fftfreq(size)))
    frequency[0, 0] = 1
    spectrum = np.fft.fft2(rng.normal(size=(count, size, size))) / frequency
    pictures = np.fft.ifft2(spectrum).real
    low, high = (f(axis=(1, 2), keepdims=True) for f in (pictures.min, pictures.max))
    return ((pictures - low) / (high - low) * 255).astype(np.uint8)


def side(split, pixels, labels=None):
    return FingerprintedSplit(
        split=split,
        ids=np.array([f"{split}/{row:05d}" for row in range(len(pixels))], dtype=object),
        labels=np.array(labels or ["bag"] * len(pixels), dtype=object),
        fingerprints=fingerprint_batch([each.tobytes() for each in pixels], pixels),
    )


def brighter(pixels):
    return np.stack(
        [np.asarray(ImageEnhance.Brightness(Image.fromarray(each)).enhance(1.1)) for each in pixels]
    )


def test_a_brighter_turned_copy_is_near_and_says_how_to_turn_it():
    train = scenes(200)
    test = scenes(20, seed=1)
    test[7] = turn(brighter(train[50:51]), 5)[0]

    overlap = find_overlap(side(Split.TRAIN, train), side(Split.TEST, test))

    assert [(p.a, p.b, p.kind, p.orientation) for p in overlap.pairs] == [
        (
            "train/00050",
            "test/00007",
            PairKind.NEAR,
            "rotated by 90 degrees counter-clockwise",
        )
    ]
    assert 0 <= overlap.pairs[0].distance <= 31
    assert copied(overlap) == {"test/00007"}


def test_an_exact_copy_is_not_listed_as_near_too():
    train = scenes(50)
    doubled = np.concatenate([train, brighter(train[:1])])

    overlap = find_overlap(side(Split.TRAIN, doubled), side(Split.TEST, train[:1]))

    assert [pair.kind for pair in overlap.pairs] == [PairKind.BYTES]


def test_exact_only_says_that_nothing_else_was_compared():
    train = scenes(50)

    overlap = find_overlap(
        side(Split.TRAIN, train), side(Split.TEST, brighter(train)), exact_only=True
    )

    assert overlap.pairs == ()
    assert set(overlap.compared) == EXACT - {PairKind.ID}  # no id was compared


def test_featureless_images_are_counted_and_match_only_exactly():
    blank = np.stack([np.full((48, 48), level, np.uint8) for level in range(40)])

    overlap = find_overlap(side(Split.TRAIN, blank[:30]), side(Split.TEST, blank[29:]))
    inside = find_duplicates(side(Split.TRAIN, blank))

    assert [pair.a for pair in overlap.pairs] == ["train/00029"]
    assert overlap.featureless == 30 + 11
    assert inside.pairs == ()
    assert inside.featureless == 40


def test_near_duplicates_are_listed_once_with_the_first_id_first():
    pixels = scenes(120)
    pixels[100] = turn(brighter(pixels[3:4]), 6)[0]
    pixels[90] = pixels[3]

    overlap = find_duplicates(side(Split.TRAIN, pixels))

    assert [(p.a, p.b, p.kind, p.orientation) for p in overlap.pairs] == [
        ("train/00003", "train/00090", PairKind.BYTES, None),
        ("train/00003", "train/00100", PairKind.NEAR, "rotated by 90 degrees clockwise"),
    ]


def test_images_of_one_hash_are_near_duplicates_at_distance_zero():
    pixels = scenes(1)
    slightly = np.concatenate([pixels, pixels // 2, pixels // 4 * 2])

    overlap = find_duplicates(side(Split.TRAIN, slightly))

    assert {(pair.a, pair.b) for pair in overlap.pairs} == {
        ("train/00000", "train/00001"),
        ("train/00000", "train/00002"),
    }


def test_the_order_of_rows_does_not_matter_to_near_copies():
    train = scenes(150)
    test = np.concatenate([brighter(train[:40]), turn(brighter(train[40:60]), 3)])
    a, b = side(Split.TRAIN, train), side(Split.TEST, test)
    order = np.random.default_rng(0).permutation(len(train))
    shuffled = replace(side(Split.TRAIN, train[order]), ids=a.ids[order], labels=a.labels[order])

    assert find_overlap(shuffled, b) == find_overlap(a, b)
    assert find_duplicates(shuffled) == find_duplicates(a)
    assert len(find_overlap(a, b).pairs) == 60


def test_the_same_picture_in_another_size_is_near():
    train = scenes(100)
    larger = [Image.fromarray(each).resize((100, 100)) for each in train[:10]]
    b = FingerprintedSplit(
        split=Split.TEST,
        ids=np.array([f"test/{row}" for row in range(10)], dtype=object),
        labels=np.array(["bag"] * 10, dtype=object),
        fingerprints=gather([fingerprint(image.tobytes(), image) for image in larger]),
    )

    overlap = find_overlap(side(Split.TRAIN, train), b)

    assert [pair.a[-1] for pair in overlap.pairs] == [pair.b[-1] for pair in overlap.pairs]
    assert len(overlap.pairs) == 10


@pytest.mark.parametrize("near", [True, False])
def test_unrelated_scenes_share_nothing(near):
    overlap = find_overlap(
        side(Split.TRAIN, scenes(300)), side(Split.TEST, scenes(300, seed=5)), exact_only=not near
    )

    assert overlap.pairs == ()
