"""A thorough search looks inside splits too, for people, and says what it costs."""

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from gate.evidence.records import PairKind, Split
from gate.measure.duplicates import aligned_copies
from gate.measure.duplicates.across_splits import duplicates_of, tell_cost
from gate.measure.duplicates.exact_copies import FingerprintedSplit
from gate.measure.fingerprints.fingerprint import fingerprint_batch

PHOTO = Image.fromarray(load_sample_images().images[0]).convert("L")
TILES = [PHOTO.crop((x, 200, x + 96, 296)) for x in range(0, 480, 96)]
TWICE = [*TILES, TILES[1].rotate(8, Image.Resampling.BICUBIC), TILES[2]]


def side(split, images, size=96):
    pixels = np.stack([np.asarray(each.resize((size, size))) for each in images])
    return FingerprintedSplit(
        split,
        np.array([f"{row}" for row in range(len(pixels))], object),
        np.array(["cat"] * len(pixels), object),
        fingerprint_batch([each.tobytes() for each in pixels], pixels),
    )


class Said:
    def __init__(self):
        self.warnings = []

    def warn(self, said):
        self.warnings.append(said)


def test_inside_a_split_only_exact_copies_count():
    quick, thorough = (
        duplicates_of(side(Split.TEST, TWICE), thorough=thorough) for thorough in (False, True)
    )

    for found in (quick, thorough):
        assert [(pair.a, pair.b, pair.kind) for pair in found.pairs] == [("2", "6", PairKind.BYTES)]
    assert quick.review == ()
    assert [(pair.a, pair.b, pair.kind) for pair in thorough.review] == [
        ("1", "5", PairKind.EDITED)
    ]


@pytest.mark.parametrize(
    ("thorough", "said"), [(False, "not looked for among 5"), (True, "looked for among 5")]
)
def test_a_long_search_is_announced_and_a_missing_one_told(monkeypatch, thorough, said):
    monkeypatch.setattr(aligned_copies, "QUICK", 24)
    progress = Said()

    tell_cost(side(Split.TRAIN, TILES), side(Split.TEST, TILES), progress, thorough=thorough)

    (warning,) = progress.warnings
    assert said in warning
    assert "minutes" in warning


@pytest.mark.parametrize("size", [48, 96])
def test_nothing_is_said_of_a_quick_search_or_of_small_images(monkeypatch, size):
    if size < 64:
        monkeypatch.setattr(aligned_copies, "QUICK", 24)
    progress = Said()
    sides = (side(split, TILES, size) for split in (Split.TRAIN, Split.TEST))

    tell_cost(*sides, progress, thorough=False)

    assert progress.warnings == []


def test_the_time_grows_with_either_side():
    assert aligned_copies.seconds(2000, 100) > aligned_copies.seconds(1000, 100)
    assert aligned_copies.seconds(1000, 200) > aligned_copies.seconds(1000, 100)
