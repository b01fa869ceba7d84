from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.evidence.records import Fingerprints, PairKind, Split
from gate.measure.duplicates.find_overlap import FingerprintedSplit, find_duplicates, find_overlap
from gate.measure.fingerprints.fingerprint import concatenate, fingerprint_batch
from gate.measure.fingerprints.orientations import ORIENTATIONS, turn


def copied(overlap):
    return {pair.b for pair in overlap.pairs}


def noise(count, height=12, width=12, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, height, width), dtype=np.uint8)


def names(prefix, count):
    return np.array([f"{prefix}{row:05d}" for row in range(count)], dtype=object)


def side(split, pixels, labels=None, stored=None):
    stored = [f"{split}{row}".encode() for row in range(len(pixels))] if stored is None else stored
    return FingerprintedSplit(
        split=split,
        ids=names(f"{split}/", len(pixels)),
        labels=np.array(["bag"] * len(pixels) if labels is None else labels, dtype=object),
        fingerprints=fingerprint_batch(stored, pixels),
    )


def train(pixels, labels=None, stored=None):
    return side(Split.TRAIN, pixels, labels, stored)


def held_out(pixels, labels=None, stored=None):
    return side(Split.TEST, pixels, labels, stored)


def shuffled(given_side, seed):
    order = np.random.default_rng(seed).permutation(len(given_side))
    columns = given_side.fingerprints
    return replace(
        given_side,
        ids=given_side.ids[order],
        labels=given_side.labels[order],
        fingerprints=Fingerprints(
            file=columns.file[order],
            pixels=columns.pixels[order],
            oriented=columns.oriented[order],
            near=columns.near[order],
            featureless=columns.featureless[order],
            upright=columns.upright[order],
            bare=columns.bare[order],
        ),
    )


def kinds(overlap):
    return [(pair.a, pair.b, pair.kind) for pair in overlap.pairs]


def test_splits_without_a_common_image_have_no_pairs():
    overlap = find_overlap(train(noise(50)), held_out(noise(20, seed=1)))

    assert overlap.pairs == ()
    assert overlap.exact_pairs == 0
    assert (overlap.images_a, overlap.images_b) == (50, 20)
    assert not overlap.identical


def test_a_pair_is_named_by_its_surest_kind():
    pixels = noise(3)
    copies = np.concatenate([pixels[:2], turn(pixels[2:], 5)])

    overlap = find_overlap(
        train(pixels, stored=[b"one", b"two", b"three"]),
        held_out(copies, stored=[b"one", b"other", b"another"]),
    )

    assert kinds(overlap) == [
        ("train/00000", "test/00000", PairKind.BYTES),
        ("train/00001", "test/00001", PairKind.PIXELS),
        ("train/00002", "test/00002", PairKind.FLIPPED),
    ]


@pytest.mark.parametrize(
    ("orientation", "back"),
    [
        (1, "mirrored left to right"),
        (5, "rotated by 90 degrees counter-clockwise"),
        (6, "rotated by 90 degrees clockwise"),
        (7, "mirrored along the other diagonal"),
    ],
)
def test_a_flipped_pair_says_how_b_becomes_a(orientation, back):
    pixels = noise(1, 12, 17)

    overlap = find_overlap(train(pixels), held_out(turn(pixels, orientation)))

    assert overlap.pairs[0].orientation == back


def test_a_relabelled_copy_is_found_with_both_labels():
    pixels = noise(1)

    overlap = find_overlap(train(pixels, ["bag"]), held_out(pixels, ["coat"]))

    assert [(pair.label_a, pair.label_b) for pair in overlap.pairs] == [("bag", "coat")]


def test_a_conflicting_copy_is_listed_beside_an_agreeing_one():
    pixels = np.repeat(noise(1), 3, axis=0)

    overlap = find_overlap(train(pixels, ["bag", "bag", "coat"]), held_out(pixels[:1], ["bag"]))

    assert [(pair.a, pair.label_a) for pair in overlap.pairs] == [
        ("train/00000", "bag"),
        ("train/00002", "coat"),
    ]
    assert overlap.exact_pairs == 3


def test_a_conflict_of_a_less_sure_kind_is_listed_too():
    pixels = np.concatenate([noise(1), turn(noise(1), 3)])

    overlap = find_overlap(
        train(pixels, ["bag", "coat"], [b"same", b"turned"]),
        held_out(pixels[:1], ["bag"], [b"same"]),
    )

    assert [(pair.kind, pair.label_a) for pair in overlap.pairs] == [
        (PairKind.BYTES, "bag"),
        (PairKind.FLIPPED, "coat"),
    ]


def test_the_historic_first_release_would_be_caught():
    pixels = noise(300)
    pixels[200:243] = pixels[100:143]  # 43 inside train
    held = noise(60, seed=1)
    held[20:30] = pixels[:10]  # and 10 across

    across = find_overlap(train(pixels), held_out(held))
    inside = find_duplicates(train(pixels))

    assert copied(across) == {f"test/{row:05d}" for row in range(20, 30)}
    assert copied(inside) == {f"train/{row:05d}" for row in range(200, 243)}


def test_everything_leaks_when_test_is_a_part_of_train():
    pixels = noise(30)

    overlap = find_overlap(train(pixels), held_out(pixels[::-1][:20]))

    assert len(copied(overlap)) == 20


def test_one_folder_given_twice_is_said():
    stored = [str(row).encode() for row in range(30)]

    overlap = find_overlap(
        train(noise(30), stored=stored), held_out(noise(30)[::-1], stored=stored[::-1])
    )

    assert overlap.identical
    assert {pair.kind for pair in overlap.pairs} == {PairKind.BYTES}
    assert len(overlap.pairs) == 30


def test_a_part_of_a_folder_is_not_the_folder():
    stored = [str(row).encode() for row in range(30)]

    overlap = find_overlap(train(noise(30), stored=stored), held_out(noise(29), stored=stored[:29]))

    assert not overlap.identical


def test_twenty_thousand_copies_give_a_pair_each():
    blank = np.zeros((20_000, 1, 1), np.uint8)

    overlap = find_overlap(train(blank), held_out(blank))
    inside = find_duplicates(train(blank))

    assert len(overlap.pairs) == 20_000
    assert overlap.exact_pairs == 400_000_000
    assert len(inside.pairs) == 19_999
    assert inside.exact_pairs == 20_000 * 19_999 // 2


def test_duplicates_keep_the_first_id():
    pixels = np.repeat(noise(2), [3, 2], axis=0)

    overlap = find_duplicates(train(pixels))

    assert kinds(overlap) == [
        ("train/00000", "train/00001", PairKind.PIXELS),
        ("train/00000", "train/00002", PairKind.PIXELS),
        ("train/00003", "train/00004", PairKind.PIXELS),
    ]
    assert overlap.exact_pairs == 4


def test_duplicates_with_other_labels_are_named():
    pixels = np.repeat(noise(1), 3, axis=0)

    overlap = find_duplicates(train(pixels, ["bag", "bag", "coat"]))

    assert [(pair.label_a, pair.label_b) for pair in overlap.pairs] == [
        ("bag", "bag"),
        ("bag", "coat"),
    ]


def test_an_image_is_not_its_own_duplicate():
    symmetric = np.zeros((1, 8, 8), np.uint8)

    assert find_duplicates(train(symmetric)).pairs == ()


@pytest.mark.parametrize("empty", ["a", "b", "both"])
def test_an_empty_split_shares_nothing(empty):
    nothing, something = noise(0), noise(3)

    overlap = find_overlap(
        train(something if empty == "b" else nothing),
        held_out(something if empty == "a" else nothing),
    )

    assert overlap.pairs == ()
    assert not overlap.identical


def test_splits_of_other_sizes_and_modes_can_be_compared():
    small, colour = noise(5), np.random.default_rng(0).integers(0, 256, (4, 70, 80, 3), np.uint8)
    mixed = concatenate(
        [
            fingerprint_batch([b"s"] * 5, small),
            fingerprint_batch([b"c"] * 4, colour),
        ]
    )
    a = FingerprintedSplit(Split.TRAIN, names("a", 9), np.array(["x"] * 9, dtype=object), mixed)

    overlap = find_overlap(a, held_out(colour))

    assert [pair.a for pair in overlap.pairs] == ["a00005", "a00006", "a00007", "a00008"]


@st.composite
def splits_with_copies(draw):
    """Two splits drawn from few pictures, turn_image, relabelled and stored in few ways."""
    pool = noise(4, 5, 5, seed=draw(st.integers(0, 9)))
    made = []
    for split in (Split.TRAIN, Split.TEST):
        rows = draw(
            st.lists(
                st.tuples(
                    st.integers(0, 3),
                    st.sampled_from(ORIENTATIONS),
                    st.sampled_from(["bag", "coat"]),
                    st.sampled_from(["png", "bmp"]),
                ),
                max_size=8,
            )
        )
        pixels = [turn(pool[which : which + 1], turned)[0] for which, turned, _, _ in rows]
        made.append(
            (
                side(
                    split,
                    np.array(pixels, np.uint8).reshape(-1, 5, 5),
                    [label for _, _, label, _ in rows],
                    [f"{which} {turned} {kind}".encode() for which, turned, _, kind in rows],
                ),
                rows,
            )
        )
    return made


def surest(one, other):
    if (one[0], one[1], one[3]) == (other[0], other[1], other[3]):
        return PairKind.BYTES
    if one[:2] == other[:2]:
        return PairKind.PIXELS
    return PairKind.FLIPPED if one[0] == other[0] else None


@settings(max_examples=150, deadline=None)
@given(splits_with_copies())
def test_pairs_are_those_of_a_brute_force_comparison(made):
    (a, rows_a), (b, rows_b) = made

    overlap = find_overlap(a, b)

    every = {
        (a.ids[i], b.ids[j]): (kind, one[2], other[2])
        for i, one in enumerate(rows_a)
        for j, other in enumerate(rows_b)
        if (kind := surest(one, other))
    }
    assert overlap.exact_pairs == len(every)
    assert copied(overlap) == {b_id for _, b_id in every}
    for pair in overlap.pairs:
        assert every[pair.a, pair.b] == (pair.kind, pair.label_a, pair.label_b)
    in_conflict = {b_id for (_, b_id), (_, one, other) in every.items() if one != other}
    assert {p.b for p in overlap.pairs if p.label_a != p.label_b} == in_conflict
    order = list(PairKind)
    best = {b_id: min(order.index(every[k][0]) for k in every if k[1] == b_id) for _, b_id in every}
    listed = {}
    for pair in overlap.pairs:
        listed[pair.b] = min(order.index(pair.kind), listed.get(pair.b, 9))
    assert listed == best
    assert len(overlap.pairs) <= 2 * len(b)


@settings(max_examples=100, deadline=None)
@given(splits_with_copies())
def test_duplicates_leave_every_picture_once(made):
    (a, rows), _ = made

    overlap = find_duplicates(a)

    kept = [row for name, row in zip(a.ids, rows, strict=True) if name not in copied(overlap)]
    assert sorted(row[0] for row in kept) == sorted({row[0] for row in rows})
    mixed = {w for w, _, label, _ in rows for v, _, other, _ in rows if w == v and label != other}
    found = {
        rows[list(a.ids).index(pair.b)][0] for pair in overlap.pairs if pair.label_a != pair.label_b
    }
    assert found == mixed


@settings(max_examples=50, deadline=None)
@given(splits_with_copies(), st.integers(0, 99), st.integers(0, 99))
def test_the_order_of_the_rows_does_not_matter(made, seed_a, seed_b):
    (a, _), (b, _) = made

    assert find_overlap(shuffled(a, seed_a), shuffled(b, seed_b)) == find_overlap(a, b)
    assert find_duplicates(shuffled(a, seed_a)) == find_duplicates(a)


def test_digests_that_share_eight_bytes_are_told_apart():
    pixels = noise(3)
    a, b = train(pixels), held_out(pixels)
    for column in ("file", "pixels", "oriented"):
        digests = np.zeros((3, 32), np.uint8)
        digests[:, 31] = [3, 1, 2]
        object.__setattr__(a.fingerprints, column, digests)
        object.__setattr__(b.fingerprints, column, digests[::-1].copy())

    overlap = find_overlap(a, b)

    assert [(pair.a, pair.b) for pair in overlap.pairs] == [
        ("train/00000", "test/00002"),
        ("train/00001", "test/00001"),
        ("train/00002", "test/00000"),
    ]
