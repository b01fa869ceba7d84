import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.measure.duplicates import near_copies as room
from gate.measure.duplicates.near_copies import NONE, RADIUS, near_copies, nearest
from gate.measure.fingerprints.orientations import ORIENTATIONS, inverse
from gate.measure.fingerprints.perceptual_hash import turn_hashes


def random_hashes(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 32), dtype=np.uint8)


def with_changed_bits(hashes, many, seed=0):
    """Return ``hashes`` with exactly ``many`` bits of each changed."""
    rng = np.random.default_rng(seed)
    bits = np.unpackbits(hashes, axis=1)
    for row in bits:
        row[rng.choice(256, many, replace=False)] ^= 1
    return np.packbits(bits, axis=1)


def distance(one, other):
    return int(np.bitwise_count(one ^ other).sum())


def brute_force(a, b, radius, *, same=False):
    """Return (row, distance, orientation) or None for each of b, by one comparison at a time."""
    found = []
    for row_b, each in enumerate(b):
        every = [
            (distance(other, turn_hashes(each[None], orientation)[0]), row_a, orientation)
            for row_a, other in enumerate(a)
            for orientation in ORIENTATIONS
            if not (same and row_a == row_b)
        ]
        bits, row_a, orientation = min(every, default=(999, 0, 0))
        found.append((row_a, bits, orientation) if bits <= radius else None)
    return found


def as_list(found):
    return [
        None if row == NONE else (row, bits, orientation)
        for row, bits, orientation in zip(
            found.row.tolist(), found.distance.tolist(), found.orientation.tolist(), strict=True
        )
    ]


@st.composite
def planted(draw):
    """Two sides; most of the second are turned and changed hashes of the first."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    a = rng.integers(0, 256, (draw(st.integers(0, 25)), 32), dtype=np.uint8)
    b = rng.integers(0, 256, (draw(st.integers(0, 12)), 32), dtype=np.uint8)
    for row in range(len(b)):
        if len(a) and row % 4:
            source = turn_hashes(a[rng.integers(len(a))][None], int(rng.integers(8)))
            b[row] = with_changed_bits(source, int(rng.integers(0, 36)), seed=row)[0]
    return a, b


@pytest.mark.parametrize("way", ["scan", "look up"])
@settings(max_examples=20, deadline=None)
@given(planted(), st.sampled_from([0, 3, 7, 10, 16, 31]))
def test_the_nearest_is_that_of_brute_force(way, sides, radius):
    a, b = sides
    with pytest.MonkeyPatch.context() as patched:
        if way == "look up":
            patched.setattr(room, "_SMALL", -1)
            patched.setattr(room, "_LOOKUP", -1_000_000)

        found = nearest(a, b, radius)

    assert as_list(found) == brute_force(a, b, radius)


@pytest.mark.parametrize("way", ["scan", "look up"])
@settings(max_examples=20, deadline=None)
@given(planted(), st.sampled_from([0, 7, 31]), st.integers(0, 2**32 - 1))
def test_negatives_are_those_of_a_search_for_them(way, sides, radius, seed):
    a, b = sides
    inverted = np.random.default_rng(seed).random(len(b)) < 0.5
    b[inverted] ^= 255
    with pytest.MonkeyPatch.context() as patched:
        if way == "look up":
            patched.setattr(room, "_SMALL", -1)
            patched.setattr(room, "_LOOKUP", -1_000_000)

        found = nearest(a, b, radius, negatives=True)

    assert found.has_negative.tolist() == [
        each is not None for each in brute_force(a, b ^ 255, radius)
    ]
    assert as_list(found) == brute_force(a, b, radius)


@pytest.mark.parametrize("word", range(4))
def test_a_negative_that_only_one_word_is_near_to_is_found(word, monkeypatch):
    monkeypatch.setattr(room, "_SMALL", -1)
    monkeypatch.setattr(room, "_LOOKUP", -1_000_000)
    a = random_hashes(50)
    bits = np.unpackbits(~a[7]).reshape(4, 64)
    bits[:, :8] ^= 1
    bits[word, 7] ^= 1

    found = nearest(a, np.packbits(bits.reshape(1, -1), axis=1), RADIUS, negatives=True)

    assert found.has_negative.tolist() == [True]


@pytest.mark.parametrize("way", ["scan", "look up"])
def test_the_nearest_inside_one_side_is_never_itself(way, monkeypatch):
    if way == "look up":
        monkeypatch.setattr(room, "_SMALL", -1)
        monkeypatch.setattr(room, "_LOOKUP", -1_000_000)
    a = random_hashes(20)
    a[15] = with_changed_bits(turn_hashes(a[3:4], 5), 9)[0]

    found = nearest(a, a, RADIUS, itself=np.arange(len(a)))

    assert as_list(found) == brute_force(a, a, RADIUS, same=True)
    assert found.row[15] == 3
    assert found.row[3] == 15


def test_some_of_a_side_have_the_partners_that_they_have_among_all():
    a = random_hashes(200)
    a[150:] = with_changed_bits(a[:50], 9)
    some = np.array([3, 150, 199])

    found = near_copies(a, a[some], itself=some)

    everyone = near_copies(a, a, itself=np.arange(200))
    assert found.row.tolist() == everyone.row[some].tolist() == [153, 0, 49]


def test_both_ways_agree_on_many_hashes():
    a = random_hashes(5000)
    b = np.concatenate(
        [with_changed_bits(turn_hashes(a[o * 100 : o * 100 + 30], o), 25, o) for o in ORIENTATIONS]
    )
    scanned = nearest(a, b, RADIUS)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(room, "_SMALL", -1)
        patched.setattr(room, "_LOOKUP", -1_000_000)
        patched.setattr(room, "_scan", None)
        looked_up = nearest(a, b, RADIUS)

    assert as_list(looked_up) == as_list(scanned)
    assert (looked_up.row != NONE).all()
    assert looked_up.orientation.reshape(8, 30)[:, 0].tolist() == [inverse(o) for o in ORIENTATIONS]


@pytest.mark.parametrize(("bits", "found"), [(31, True), (32, False)])
def test_thirty_one_bits_are_near_and_one_more_is_not(bits, found):
    a = random_hashes(5)

    copies = near_copies(a, with_changed_bits(a[:1], bits))

    assert (copies.row[0].item() == 0) is found


def crowd(centre, count, bits, seed=1):
    return with_changed_bits(np.repeat(centre, count, axis=0), bits, seed)


def test_a_near_neighbour_in_a_crowd_is_not_a_copy():
    b = random_hashes(1)
    a = np.concatenate([with_changed_bits(b, 25), crowd(b, 20, 45), random_hashes(100, 9)])

    assert near_copies(a, b).row[0] == NONE


def test_a_near_neighbour_outside_a_crowd_is_a_copy():
    b = random_hashes(1)
    a = np.concatenate([with_changed_bits(b, 25), crowd(b, 20, 55), random_hashes(100, 9)])

    assert near_copies(a, b).row[0] == 0


@pytest.mark.parametrize(("others", "copy"), [(18, True), (19, False)])
def test_the_twentieth_neighbour_tells_the_density(others, copy):
    b = random_hashes(1)
    a = np.concatenate([with_changed_bits(b, 25), crowd(b, others, 45), random_hashes(100, 9)])

    assert (near_copies(a, b).row[0].item() == 0) is copy


def test_ten_bits_are_a_copy_in_any_crowd():
    b = random_hashes(1)
    a = np.concatenate([with_changed_bits(b, 10), crowd(b, 120, 18)])

    assert near_copies(a, b).row[0] == 0


def test_a_crowd_of_fewer_than_a_hundred_is_no_crowd():
    b = random_hashes(1)
    a = np.concatenate([with_changed_bits(b, 25), crowd(b, 98, 30)])

    assert near_copies(a, b).row[0] == 0
    assert near_copies(np.concatenate([a, random_hashes(1, 5)]), b).row[0] == NONE


def test_fifty_copies_of_the_leaked_image_are_not_a_crowd():
    b = random_hashes(1)
    centre = with_changed_bits(b, 28)
    copies = np.concatenate([turn_hashes(crowd(centre, 50, 4, o), o) for o in ORIENTATIONS])
    a = np.concatenate([copies, random_hashes(100, 9)])

    assert near_copies(a, b).row[0] != NONE


def test_a_hash_is_not_in_its_own_crowd():
    pair = random_hashes(1)
    a = np.concatenate(
        [pair, with_changed_bits(pair, 25), crowd(pair, 18, 45), random_hashes(100, 9)]
    )

    assert near_copies(a, a, itself=np.arange(len(a))).row[0] == 1


@pytest.mark.parametrize(("others", "copy"), [(18, True), (19, False)])
def test_a_crowd_may_be_spread_over_many_hashes(others, copy):
    b = random_hashes(1)
    a = random_hashes(3000, 9)
    a[np.random.default_rng(4).choice(3000, others, replace=False)] = crowd(b, others, 45)
    a[1500] = with_changed_bits(b, 25)[0]

    assert (near_copies(a, b).row[0].item() == 1500) is copy


@pytest.mark.parametrize("way", ["scan", "look up"])
@settings(max_examples=6, deadline=None)
@given(planted(), st.booleans(), st.integers(2, 5))
def test_the_number_of_cores_changes_nothing(way, sides, same, cores):
    a, b = sides
    b = a if same else b
    found = []
    with pytest.MonkeyPatch.context() as patched:
        if way == "look up":
            patched.setattr(room, "_SMALL", -1)
            patched.setattr(room, "_LOOKUP", -1_000_000)
        for each in (1, cores):
            patched.setattr(room, "usable_cores", lambda each=each: each)
            itself = np.arange(len(a)) if same else None
            found.append(as_list(nearest(a, b, RADIUS, itself=itself)))

    assert found[0] == found[1]


def test_the_number_of_cores_changes_no_near_copy(monkeypatch):
    a = random_hashes(300)
    crowd = with_changed_bits(a[:1].repeat(40, axis=0), 12, seed=7)
    b = with_changed_bits(a[:60], 15)
    found = []
    for cores in (1, 2, 5):
        monkeypatch.setattr(room, "usable_cores", lambda cores=cores: cores)
        found.append(as_list(near_copies(np.concatenate([a, crowd]), b)))

    assert found[0] == found[1] == found[2]
    assert found[0].count(None) >= 1  # one among many alike is none
    assert found[0].count(None) < 60
