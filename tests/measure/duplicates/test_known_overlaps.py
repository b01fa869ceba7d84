"""What splits share is taken from the cache only where all that is compared is as it was."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from gate.evidence.records import Split
from gate.measure.duplicates.exact_copies import FingerprintedSplit
from gate.measure.duplicates.find_overlap import find_overlap
from gate.measure.duplicates.known_overlaps import load_or_compare
from gate.measure.fingerprints.fingerprint import fingerprint_batch

RANDOM = np.random.default_rng(0)


def side(split):
    pictures = RANDOM.integers(0, 256, (6, 70, 70), dtype=np.uint8)
    prints = fingerprint_batch([each.tobytes() for each in pictures], pictures)
    ids = np.array([f"{split}-{row}" for row in range(6)], object)
    return FingerprintedSplit(split, ids, np.array(["cat", "dog"] * 3, object), prints)


SIDES = side(Split.TRAIN), side(Split.TEST)


@pytest.fixture
def sought(tmp_path):
    """A search through a cache that knows SIDES; it returns whether it had to search."""

    def search(*sides):
        searches = []

        def find():
            searches.append(sides)
            return find_overlap(*sides)

        assert load_or_compare(tmp_path, sides, find, warn=pytest.fail) == find_overlap(*sides)
        return bool(searches)

    assert search(*SIDES)
    return search


def test_what_is_as_it_was_is_not_sought_again(sought):
    assert not sought(*SIDES)


def printed(column, row=3):
    """Return the test side with one digest that is another."""
    test = SIDES[1]
    values = getattr(test.fingerprints, column).copy()
    values[row] ^= 1
    return replace(test, fingerprints=replace(test.fingerprints, **{column: values}))


@pytest.mark.parametrize("column", ["file", "pixels", "oriented", "near", "featureless"])
def test_another_fingerprint_is_compared(sought, column):
    assert sought(SIDES[0], printed(column))


@pytest.mark.parametrize("column", ["ids", "labels"])
def test_another_name_is_compared(sought, column):
    values = getattr(SIDES[1], column).copy()
    values[3] = "other"

    assert sought(SIDES[0], replace(SIDES[1], **{column: values}))


def test_images_that_lost_their_thumbnails_are_compared_without(sought):
    test = replace(SIDES[1], fingerprints=replace(SIDES[1].fingerprints, thumbnails=None))

    assert sought(SIDES[0], test)


def test_sides_that_changed_places_are_compared(sought):
    assert sought(*reversed(SIDES))


def test_a_thorough_search_is_another_one(tmp_path):
    searches = []

    def find(*, thorough):
        searches.append(thorough)
        return find_overlap(*SIDES, thorough=thorough)

    for thorough in (False, True, False, True):
        load_or_compare(
            tmp_path,
            SIDES,
            lambda: find(thorough=thorough),  # noqa: B023 -- called at once
            warn=pytest.fail,
            thorough=thorough,
        )

    assert searches == [False, True]


def test_how_a_copy_lies_comes_back_from_the_cache(tmp_path):
    photo = Image.fromarray(load_sample_images().images[0]).convert("L")
    tiles = [photo.crop((x, 200, x + 96, 296)) for x in range(0, 480, 96)]
    train, test = (
        FingerprintedSplit(
            split,
            np.array([f"{split}-{row}" for row in range(len(pixels))], object),
            np.array(["cat"] * len(pixels), object),
            fingerprint_batch([each.tobytes() for each in pixels], pixels),
        )
        for split, images in (
            (Split.TRAIN, tiles),
            (Split.TEST, [tiles[1].rotate(8, Image.Resampling.BICUBIC)]),
        )
        for pixels in [np.stack([np.asarray(each) for each in images])]
    )

    first, second = (
        load_or_compare(
            tmp_path, (train, test), lambda: find_overlap(train, test), warn=pytest.fail
        )
        for _ in range(2)
    )

    assert [pair.a for pair in first.pairs] == ["train-1"]
    assert second == first
    assert second.pairs[0].alignment is not None
