import hashlib
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.views.sampling import choose_donors, choose_sample


def digests_of(count):
    return [f"{each:032d}".encode() for each in range(count)]


def names_of(count):
    return [f"{each}.png" for each in range(count)]


def sample(labels, most, entire=frozenset()):
    return choose_sample(digests_of(len(labels)), labels, names_of(len(labels)), most, entire)


def donors(labels, whose, groups=None):
    count = len(labels)
    return choose_donors(
        digests_of(count), labels, names_of(count), groups or [None] * count, whose
    )


def test_classes_take_turns_until_one_has_no_more():
    labels = [0] * 90 + [1] * 7 + [2] * 3

    chosen = Counter(labels[place] for place in sample(labels, 20))

    assert chosen == {0: 10, 1: 7, 2: 3}


def test_a_critical_class_is_asked_whole():
    labels = [0] * 50 + [1] * 50 + [2] * 20

    chosen = Counter(labels[place] for place in sample(labels, 44, frozenset({2})))

    assert chosen == {2: 20, 0: 12, 1: 12}


@pytest.mark.parametrize("most", [1, 2, 3, 40, 41])
def test_naming_a_large_class_critical_keeps_no_other_from_being_asked(most):
    labels = [0] * 500 + [1] * 500 + [2] * 500

    chosen = Counter(labels[place] for place in sample(labels, most, frozenset({0})))

    assert chosen[0] == most // 2
    assert abs(chosen[1] - chosen[2]) <= 1


def test_where_the_others_are_few_a_critical_class_takes_their_room():
    assert len(sample([0] * 50 + [1] * 2, 30, frozenset({0}))) == 30


def test_copies_of_one_image_do_not_fill_the_sample():
    digests = [b"one" + bytes(29)] * 60 + digests_of(40)
    labels = [0] * 80 + [1] * 20

    chosen = choose_sample(digests, labels, names_of(100), 41)

    assert sum(place < 60 for place in chosen) == 1


def test_copies_are_asked_where_there_is_nothing_else():
    assert len(choose_sample([bytes(32)] * 9, [0, 1, 2] * 3, names_of(9), 7)) == 7


def test_a_critical_class_that_is_too_large_is_cut():
    assert len(sample([0] * 50 + [1] * 50, 30, frozenset({1}))) == 30


def test_the_sample_is_of_pixels_and_not_of_names():
    labels = [0, 1] * 50
    renamed = [f"{each}.png" for each in reversed(range(100))]

    assert (
        choose_sample(digests_of(100), labels, renamed, 20).tolist() == sample(labels, 20).tolist()
    )


@pytest.mark.parametrize("whose", ["same", "other"])
def test_a_donor_is_of_the_class_that_was_asked_for(whose):
    labels = [0, 1, 2] * 10

    lent = donors(labels, whose)

    for place, donor in enumerate(lent):
        assert donor != place
        assert (labels[donor] == labels[place]) == (whose == "same")


def test_a_class_of_one_image_has_no_donor_of_its_own():
    assert donors([0, 0, 1], "same")[2] == -1


def test_an_image_of_the_same_patient_lends_nothing():
    lent = donors([0, 0, 1, 1], "other", groups=["a", "b", "a", "b"])

    assert lent.tolist() == [3, 2, 1, 0]


@given(st.lists(st.integers(0, 3), min_size=2, max_size=40))
def test_no_image_lends_to_itself(labels):
    for whose in ("same", "other"):
        lent = donors(labels, whose)
        assert not np.any(lent == np.arange(len(labels)))


def moved_to_the_front(digests, choose):
    """Return digests of which each was tried until a choice by its own hash would take it."""
    tried = []
    for place, digest in enumerate(digests):
        for attempt in range(200):
            own = b"%s %d" % (digest, attempt)
            if choose(place, hashlib.sha256(b"sample\0" + own.hex().encode()).digest()[0]):
                tried.append(own)
                break
    return tried


def test_who_tries_pixels_until_an_image_comes_first_does_not_choose_the_sample():
    """Some five tries an image would put all of the first half before the second."""
    digests = moved_to_the_front(digests_of(400), lambda at, first: (first < 128) == (at < 200))

    chosen = choose_sample(digests, [0] * 400, names_of(400), 200)

    assert len(digests) == 400
    assert 70 < sum(place < 200 for place in chosen) < 130


def test_one_changed_image_draws_all_lots_again_and_a_new_order_draws_none():
    digests, labels, names = digests_of(100), [0] * 100, names_of(100)
    before = choose_sample(digests, labels, names, 50)
    changed = choose_sample([b"another", *digests[1:]], labels, names, 50)
    turned = choose_sample(digests[::-1], labels, names[::-1], 50)

    assert len(set(before) & set(changed)) < 40
    assert sorted(99 - turned) == sorted(before)


def test_few_images_of_other_groups_do_not_lend_to_all():
    """Nine without a mark lend theirs to 91 with one, and nothing would be owed to the mark."""
    labels = [0, 1] * 50
    groups = ["all"] * 91 + [f"own {each}" for each in range(9)]

    for whose in ("same", "other"):
        lent = donors(labels, whose, groups)
        assert set(lent[:91]) == {-1}
        assert (lent[91:] >= 0).all()


def test_two_patients_lend_to_each_other():
    labels, groups = [0, 1] * 50, ["one"] * 50 + ["two"] * 50

    for whose in ("same", "other"):
        assert (donors(labels, whose, groups) >= 0).all()
