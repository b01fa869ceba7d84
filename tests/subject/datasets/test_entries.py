"""Entries in columns are a list of entries."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.subject.datasets import entries
from gate.subject.datasets.entries import EntryColumns
from gate.subject.datasets.records import Entry

NAMES = st.none() | st.text(max_size=3)
PLACES = st.none() | st.integers(-12, 12)


@st.composite
def columns(draw):
    """Entries in columns of several kinds, and a list of the same ones."""
    count = draw(st.integers(0, 10))
    labels = np.arange(count, dtype=np.int32) * 7 % 3
    grouped = draw(st.booleans())
    names = st.lists(NAMES, min_size=count, max_size=count)
    groups = draw(names) if grouped else [None] * count
    slices = draw(st.lists(names, max_size=3))
    numbered = draw(st.booleans())
    ids = range(count) if numbered else [f"image {index}" for index in range(count)]
    kind = draw(st.sampled_from([list, tuple, as_objects]))
    made = EntryColumns(
        ids,
        labels,
        kind(groups) if grouped else None,
        tuple(kind(column) for column in slices),
    )
    listed = [
        Entry(str(ids[row]), int(labels[row]), groups[row], tuple(each[row] for each in slices))
        for row in range(count)
    ]
    return made, listed


def as_objects(values):
    array = np.empty(len(values), object)
    array[:] = values
    return array


@given(columns())
def test_there_are_as_many_and_they_come_in_order(both):
    made, listed = both

    assert len(made) == len(listed)
    assert list(made) == listed


@given(columns())
def test_every_entry_is_found_from_both_ends(both):
    made, listed = both

    for index in range(-len(listed), len(listed)):
        assert made[index] == listed[index]


@given(columns())
def test_there_is_none_beyond_either_end(both):
    made, listed = both

    for index in (len(listed), -len(listed) - 1):
        with pytest.raises(IndexError):
            made[index]


@given(columns(), PLACES, PLACES, PLACES.filter(lambda step: step != 0))
def test_a_slice_is_that_of_a_list(both, start, stop, step):
    made, listed = both

    assert made[start:stop:step] == listed[start:stop:step]


@given(columns())
def test_it_is_searched_and_reversed_as_a_list(both):
    made, listed = both

    assert list(reversed(made)) == listed[::-1]
    assert all(each in made for each in listed)


@given(columns(), st.integers(1, 12))
def test_how_many_are_made_at_a_time_changes_nothing(both, at_once):
    made, listed = both
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(entries, "_AT_ONCE", at_once)

        assert list(made) == listed


@given(columns())
def test_labels_are_numbers_of_python(both):
    made, _ = both

    assert {type(each.label) for each in made} <= {int}


def test_columns_of_other_lengths_are_no_entries():
    made = EntryColumns(range(3), np.zeros(3, np.int32), None, (["a", "b"], ["a", "b", "c"]))

    with pytest.raises(ValueError, match=r"shorter|longer"):
        list(made)
