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
    labels = [0] * 50 + [1] * 50

    chosen = Counter(labels[place] for place in sample(labels, 60, frozenset({1})))

    assert chosen == {1: 50, 0: 10}


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
