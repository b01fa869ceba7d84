"""Copies that a descriptor sees, with a tiny network: colours of 4 x 4 parts of a picture."""

import contextlib
from dataclasses import dataclass, field

import numpy as np
import pytest
from PIL import Image

from gate.errors import CheckpointError, DataError
from gate.evidence.records import PairKind, Split
from gate.measure.duplicates import descriptor_copies
from gate.measure.duplicates.descriptor_copies import Described, describe, described_matches
from gate.measure.duplicates.exact_copies import FingerprintedSplit
from gate.measure.duplicates.find_overlap import find_overlap, with_described
from gate.measure.fingerprints.fingerprint import fingerprint, gather
from gate.measure.fingerprints.orientations import NAMES, ORIENTATIONS, turn
from gate.subject.datasets.records import Entry, Sample, UnreadableImage
from gate.subject.inputs import InputSpec, build_transform

SIZE = 32


class NoProgress:
    @contextlib.contextmanager
    def stage(self, name, total):
        yield lambda count: None


@dataclass
class Pictures:
    """A dataset of pictures in memory; None is one that cannot be read any more."""

    images: list
    path = "made up"
    format = "folder"
    classes = ("cat", "dog")
    slice_columns = ()
    group_column = None
    assumed = ()
    entries: list = field(init=False)

    def __post_init__(self):
        self.entries = [Entry(f"{place:03}", 0) for place in range(len(self.images))]

    def read(self, index):
        if self.images[index] is None:
            raise UnreadableImage("is gone")
        return Sample(b"", self.images[index], None, 0)


def parts(batch):
    """Return the mean colours of 4 x 4 parts: what the network of the end-to-end test computes."""
    return batch.reshape(len(batch), 3, 4, 8, 4, 8).mean(axis=(3, 5)).reshape(len(batch), -1)


def picture(seed, size=SIZE):
    """Return 4 x 4 colours under a fine grain, all of them random."""
    rng = np.random.default_rng(seed)
    values = np.kron(rng.integers(60, 196, (4, 4, 3)), np.ones((8, 8, 1), int))
    values += rng.integers(-60, 61, values.shape)
    return Image.fromarray(values.astype(np.uint8)).resize((size, size))


def noisy(image, seed=0):
    values = np.asarray(image).astype(int)
    noise = np.random.default_rng(seed).integers(-90, 91, values.shape)
    return Image.fromarray((values + noise).clip(0, 255).astype(np.uint8))


def side(split, images):
    shown = [each or picture(0) for each in images]
    return FingerprintedSplit(
        split,
        np.array([f"{place:03}" for place in range(len(images))], dtype=object),
        np.array(["cat"] * len(images), dtype=object),
        gather([fingerprint(each.tobytes(), each) for each in shown]),
    )


def described(split, images, *, every_way=False, network=parts):
    spec = InputSpec(
        size=(SIZE, SIZE), channels="RGB", resize="stretch", mean=(0.5,) * 3, std=(0.5,) * 3
    )
    return describe(
        side(split, images),
        Pictures(images),
        network,
        build_transform(spec, base=None),
        NoProgress(),
        every_way=every_way,
    )


def found(a, b):
    return {
        (match.a, match.b): match
        for match in described_matches(
            described(Split.TRAIN, a), described(Split.TEST, b, every_way=True)
        )
        if match.distance <= 0.15
    }


def test_a_copy_that_is_too_noisy_for_its_hash_is_seen():
    a, b = [picture(seed) for seed in range(20)], [picture(99), noisy(picture(7))]
    hashes = find_overlap(side(Split.TRAIN, a), side(Split.TEST, b))

    (match,) = found(a, b).values()

    assert hashes.pairs == ()
    assert (match.a, match.b, match.kind) == (7, 1, PairKind.NEAR)
    assert 0 < match.distance <= 0.15


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_turned_copy_is_seen_and_its_turn_named_as_everywhere(orientation):
    original = picture(7)
    turned = Image.fromarray(np.ascontiguousarray(turn(np.asarray(original)[None], orientation)[0]))

    (match,) = found([picture(1), original], [turned]).values()

    again = turn(np.asarray(turned)[None], match.orientation)[0]
    assert np.array_equal(again, np.asarray(original))


def test_the_best_of_all_pairs_in_all_orientations_is_found_in_blocks(monkeypatch):
    rng = np.random.default_rng(0)
    monkeypatch.setattr(descriptor_copies, "_ROWS_A", 5)
    monkeypatch.setattr(descriptor_copies, "_ROWS_B", 3)
    a, b = (
        Described(side(split, [picture(seed) for seed in seeds]), _unit(rng, ways, len(seeds)))
        for split, seeds, ways in ((Split.TRAIN, range(17), 1), (Split.TEST, range(20, 31), 8))
    )

    matches = {match.b: match for match in described_matches(a, b)}

    cosines = np.einsum("wbd,ad->bwa", b.vectors.astype(float), a.vectors[0].astype(float))
    best = cosines.reshape(len(cosines), -1)
    assert set(matches) == set(np.flatnonzero(best.max(axis=1) >= 0.75))
    assert len(matches) > 3
    for row, match in matches.items():
        assert match.distance == pytest.approx(1 - best[row].max(), abs=2e-3)
        assert cosines[row, match.orientation, match.a] == pytest.approx(best[row].max(), abs=2e-3)


def _unit(rng, ways, count):
    vectors = rng.normal(size=(ways, count, 4))
    return (vectors / np.linalg.norm(vectors, axis=2, keepdims=True)).astype(np.float16)


def test_of_equally_good_partners_the_first_id_is_taken_wherever_it_stands():
    same = [picture(1), noisy(picture(7)), noisy(picture(7))]
    a, b = described(Split.TRAIN, same), described(Split.TEST, [picture(7)], every_way=True)
    a.side.ids[:] = ["x", "z", "y"]

    (match,) = described_matches(a, b)

    assert a.side.ids[match.a] == "y"


def test_flat_pictures_are_not_described_and_match_nothing():
    flat = Image.new("RGB", (SIZE, SIZE), (200, 30, 30))
    flatter = Image.new("RGB", (SIZE, SIZE), (201, 30, 30))

    a = described(Split.TRAIN, [flat, picture(1)])
    b = described(Split.TEST, [flatter, picture(2)], every_way=True)

    assert (a.without, b.without) == (1, 1)
    assert described_matches(a, b) == []


def test_what_cannot_be_read_again_or_is_deep_is_counted():
    deep = Image.fromarray(
        np.random.default_rng(0).integers(0, 1 << 16, (SIZE, SIZE)).astype(np.uint16)
    )

    assert described(Split.TRAIN, [None, deep, picture(1)]).without == 2


def test_where_nothing_can_be_described_nothing_matches():
    nothing = described(Split.TRAIN, [None])
    something = described(Split.TEST, [picture(1)], every_way=True)

    assert described_matches(nothing, something) == []


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (lambda batch: parts(batch) * np.nan, "gives NaN or infinity"),
        (lambda batch: parts(batch)[:, : 3 * len(batch)], "vectors of different lengths"),
    ],
)
def test_a_network_that_gives_no_vectors_is_refused(network, words):
    with pytest.raises(CheckpointError, match=words):
        described(Split.TRAIN, [picture(seed) for seed in range(17)], network=network)


def test_a_comparison_that_would_take_hours_is_refused_in_words(monkeypatch):
    sides = [side(Split.TRAIN, [picture(1)]), side(Split.TEST, [picture(2)])]
    monkeypatch.setattr(descriptor_copies, "MOST_PAIRS", 8)
    descriptor_copies.require_feasible(sides)
    monkeypatch.setattr(descriptor_copies, "MOST_PAIRS", 7)

    with pytest.raises(DataError, match="are more than 7 pairs"):
        descriptor_copies.require_feasible(sides)


def overlap_with(matches, b):
    a, b = side(Split.TRAIN, [picture(seed) for seed in range(4)]), side(Split.TEST, b)
    return with_described(find_overlap(a, b), a, b, matches, copy=0.15)


def near(a, b, distance):
    return descriptor_copies.Match(a, b, PairKind.NEAR, distance=distance, orientation=3)


def test_a_near_one_counts_and_a_hint_is_for_review():
    overlap = overlap_with([near(0, 0, 0.15), near(1, 1, 0.151)], [picture(20), picture(21)])

    assert [(pair.a, pair.b) for pair in overlap.pairs] == [("000", "000")]
    assert [(pair.a, pair.b) for pair in overlap.review] == [("001", "001")]
    assert overlap.pairs[0].orientation == NAMES[3]


def test_what_a_surer_way_has_found_is_not_listed_again():
    overlap = overlap_with([near(2, 0, 0.01), near(3, 1, 0.2)], [picture(1), picture(2)])

    assert [(pair.kind, pair.a) for pair in overlap.pairs] == [
        (PairKind.BYTES, "001"),
        (PairKind.BYTES, "002"),
    ]
    assert overlap.review == ()


def test_the_vectors_have_length_one_or_zero():
    vectors = described(Split.TEST, [picture(1), None], every_way=True).vectors

    assert vectors.shape == (8, 2, 48)
    assert np.linalg.norm(vectors[:, 0].astype(float), axis=1) == pytest.approx(1, abs=2e-3)
    assert not vectors[:, 1].any()


def test_a_network_is_only_called_with_pictures_of_the_declared_size():
    shapes = set()

    def network(batch):
        shapes.add(batch.shape[1:])
        return parts(batch)

    described(Split.TEST, [picture(1, 48), picture(2, 100)], every_way=True, network=network)

    assert shapes == {(3, SIZE, SIZE)}
