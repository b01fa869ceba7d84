# ruff: noqa: T201 - a benchmark prints what it finds
import numpy as np
import pytest
from planted_pictures import digits, enlarged, on_ground
from planting import copied, recalls, side, table

from gate.evidence.records import EXACT, PairKind, Split
from gate.measure.duplicates.find_overlap import find_overlap

pytestmark = pytest.mark.benchmark


def test_copies_planted_in_fashion_mnist_are_found(fashion_mnist, capsys):
    train, test = fashion_mnist

    text, mean = table(recalls(train, count=300, seed=7))
    given = find_overlap(side(Split.TRAIN, train), side(Split.TEST, test))

    flagged = len(copied(given)) / len(test)
    with capsys.disabled():
        print(f"\n{text}\nflagged of the distinct test images: {flagged:.2%}")
    assert given.exact_pairs == 0
    assert mean >= 0.74
    assert flagged <= 0.006


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_copies_planted_in_photographs_are_found(scenes, capsys, seed):
    order = np.random.default_rng(seed).permutation(len(scenes))
    train = np.concatenate([scenes[scene] for scene in order[::2]])
    others = np.concatenate([scenes[scene] for scene in order[1::2]])

    text, mean = table(recalls(train, count=200, seed=seed))
    given = find_overlap(side(Split.TRAIN, train), side(Split.TEST, others))

    like = [pair for pair in given.pairs if pair.kind in (PairKind.NEAR, PairKind.EDITED)]
    with capsys.disabled():
        print(
            f"\n{text}\n{len(others)} tiles of other scenes: {len(like)} pairs, "
            f"{len(given.review)} for review, {given.featureless} of both sides featureless"
        )
    assert mean >= 0.83
    assert like == []


def test_enlarged_pictures_that_look_alike_are_no_copies(fashion_mnist, capsys):
    train, test = (enlarged(pictures) for pictures in fashion_mnist)

    text, mean = table(recalls(train, count=40, seed=7))
    given = find_overlap(side(Split.TRAIN, train), side(Split.TEST, test))

    flagged = len(copied(given)) / len(test)
    with capsys.disabled():
        print(f"\n{text}\nflagged of the distinct test images at 64 pixels: {flagged:.2%}")
    assert mean >= 0.83
    assert flagged <= 0.007


@pytest.mark.parametrize("size", [64, 96])
def test_enlarged_digits_are_no_copies(capsys, size):
    pictures = enlarged(digits(), size)

    given = find_overlap(side(Split.TRAIN, pictures[:1200]), side(Split.TEST, pictures[1200:]))

    flagged = len(copied(given)) / (len(pictures) - 1200)
    with capsys.disabled():
        print(f"\nflagged of distinct digits at {size} pixels: {flagged:.2%}")
    assert flagged <= 0.007


@pytest.mark.parametrize(("size", "frame"), [(28, 128), (40, 128), (40, 96), (24, 48), (60, 96)])
def test_digits_on_plain_ground_are_no_copies(capsys, size, frame):
    pictures = on_ground(digits(), size, frame)

    given = find_overlap(side(Split.TRAIN, pictures[:1200]), side(Split.TEST, pictures[1200:]))

    flagged = len(copied(given)) / (len(pictures) - 1200)
    with capsys.disabled():
        print(f"\nflagged of distinct digits of {size} pixels on {frame}: {flagged:.2%}")
    assert flagged <= 0.007


def test_garments_on_plain_ground_are_no_copies(fashion_mnist, capsys):
    train, test = (on_ground(pictures[:2000], 28, 96) for pictures in fashion_mnist)

    given = find_overlap(side(Split.TRAIN, train), side(Split.TEST, test))

    flagged = len(copied(given)) / len(test)
    with capsys.disabled():
        print(f"\nflagged of the distinct garments on 96 pixels: {flagged:.2%}")
    assert flagged <= 0.017


def test_tiles_without_features_are_found_exactly_and_match_nothing_else(scenes):
    tiles = np.concatenate(scenes)
    flat = tiles[side(Split.TRAIN, tiles).fingerprints.featureless]
    a, same, turned = (
        side(split, pixels)
        for split, pixels in (
            (Split.TRAIN, flat),
            (Split.TEST, flat),
            (Split.TEST, np.ascontiguousarray(flat[:, :, ::-1])),
        )
    )
    darker = side(Split.TEST, (flat * 0.9).astype(np.uint8))

    assert len(copied(find_overlap(a, same))) == len(copied(find_overlap(a, turned))) == len(flat)
    assert find_overlap(a, darker).featureless >= len(flat)
    assert all(pair.kind in EXACT for pair in find_overlap(a, darker).pairs)
