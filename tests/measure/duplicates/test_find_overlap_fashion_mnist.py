import gzip
from pathlib import Path

import numpy as np
import pytest

from gate.evidence.records import EXACT, PairKind, Split
from gate.measure.duplicates.find_overlap import FingerprintedSplit, find_duplicates, find_overlap
from gate.measure.fingerprints.fingerprint import fingerprint_batch
from gate.measure.fingerprints.orientations import turn

pytestmark = pytest.mark.slow

FOLDER = Path("/usr/share/datasets/fashion-mnist")


def read(name, header):
    return np.frombuffer(gzip.decompress((FOLDER / name).read_bytes()), np.uint8, offset=header)


def side(split, pixels, labels):
    return FingerprintedSplit(
        split=split,
        ids=np.array([f"{split}/{row:05d}" for row in range(len(pixels))], dtype=object),
        labels=np.array([str(label) for label in labels], dtype=object),
        fingerprints=fingerprint_batch([each.tobytes() for each in pixels], pixels),
    )


@pytest.fixture(scope="module")
def images():
    if not FOLDER.is_dir():
        pytest.skip("Fashion-MNIST is not on this machine")
    return {
        "train": read("train-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28),
        "test": read("t10k-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28),
    }


@pytest.fixture(scope="module")
def labels(images):
    return {
        "train": read("train-labels-idx1-ubyte.gz", 8),
        "test": read("t10k-labels-idx1-ubyte.gz", 8),
    }


def exact(overlap):
    return [pair for pair in overlap.pairs if pair.kind in EXACT]


def test_the_release_has_no_exact_copy_and_few_near_ones(images, labels):
    train = side(Split.TRAIN, images["train"], labels["train"])
    test = side(Split.TEST, images["test"], labels["test"])

    across, inside = find_overlap(train, test), find_duplicates(train)

    assert exact(across) == exact(inside) == exact(find_duplicates(test)) == []
    assert across.exact_pairs == inside.exact_pairs == 0
    assert across.featureless == 4  # hardly more than a dot on their ground
    assert 0 < len(across.pairs) <= 70


def test_the_ten_and_the_43_of_the_first_release_are_found_when_planted(images, labels):
    train, test = images["train"].copy(), images["test"].copy()
    test[100:110] = train[5000:5010]
    train[40_000:40_043] = train[1000:1043]

    a = side(Split.TRAIN, train, labels["train"])
    across = find_overlap(a, side(Split.TEST, test, labels["test"]), exact_only=True)
    inside = find_duplicates(a, exact_only=True)

    assert [(pair.a, pair.b) for pair in across.pairs] == [
        (f"train/{5000 + row:05d}", f"test/{100 + row:05d}") for row in range(10)
    ]
    assert [(pair.a, pair.b) for pair in inside.pairs] == [
        (f"train/{1000 + row:05d}", f"train/{40_000 + row:05d}") for row in range(43)
    ]
    conflicts = [pair for pair in across.pairs if pair.label_a != pair.label_b]
    assert len(conflicts) == np.count_nonzero(labels["train"][5000:5010] != labels["test"][100:110])


def test_a_thousand_turned_and_relabelled_copies_are_all_found(images, labels):
    test, wrong = images["test"].copy(), labels["test"].copy()
    for row in range(1000):
        test[row] = turn(images["train"][row * 50 : row * 50 + 1], row % 8)[0]
    wrong[:1000] = (labels["train"][:50_000:50] + 1) % 10

    overlap = find_overlap(
        side(Split.TRAIN, images["train"], labels["train"]),
        side(Split.TEST, test, wrong),
        exact_only=True,
    )

    assert sorted((pair.b, pair.a) for pair in overlap.pairs) == [
        (f"test/{row:05d}", f"train/{row * 50:05d}") for row in range(1000)
    ]
    assert all(pair.label_a != pair.label_b for pair in overlap.pairs)
    assert sum(pair.kind is PairKind.FLIPPED for pair in overlap.pairs) == 875
