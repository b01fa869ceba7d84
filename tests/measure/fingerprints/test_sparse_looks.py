import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gate.measure.fingerprints.sparse_looks import LookStore

PARTS = st.lists(st.lists(st.booleans(), min_size=1, max_size=9), min_size=1, max_size=5)


def picture(has, number):
    return np.full((16, 16), 1 + number % 255 if has else 0, np.uint8)


@given(PARTS, st.data())
def test_whatever_is_asked_for_is_as_in_a_dense_array(parts, data):
    store = LookStore()
    dense = []
    for part in parts:
        made = np.stack([picture(has, len(dense) + place) for place, has in enumerate(part)])
        store.add(made, len(part))
        dense += list(made)
    whole, looks = np.stack(dense), store.looks()
    rows = np.array(data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=12)), np.int64)

    assert (looks[rows] == whole[rows]).all()
    assert (looks[:] == whole).all()
    assert (looks.have(rows) == whole[rows].any(axis=(1, 2))).all()
    assert len(looks) == len(whole)


def test_a_part_without_pictures_counts_its_images():
    store = LookStore()
    store.add(None, 3)
    store.add(picture(has=True, number=0)[None], 1)

    assert store.looks()[np.arange(4)].any(axis=(1, 2)).tolist() == [False, False, False, True]


def test_where_nobody_looked_there_are_none():
    store = LookStore()
    store.add(None, 5)

    assert store.looks() is None
