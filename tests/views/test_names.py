from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.views.names import KINDS, parse_view

NAMES = [
    "jpeg:75", "lsb:1", "resize:linear", "noise:1", "shift:1", "shift:2:fill", "rotate:5",
    "scale:0.9", "flip", "swap:frame:0.2:other", "swap:cell:4:15:same", "swap:tint:same",
    "shuffle:4", "bgr", "grey", "turn:3", "moved:1:-1", "border:0.3:mean", "centre:0.2:blur",
    "blank",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_read_back_as_it_was_written(name):
    assert str(parse_view(name)) == name


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("rotate:5.0", "rotate:5"),
        ("noise:01", "noise:1"),
        ("swap:frame:.20:same", "swap:frame:0.2:same"),
    ],
)
def test_two_ways_to_write_one_view_are_one_name(written, canonical):
    assert str(parse_view(written)) == canonical


@pytest.mark.parametrize(
    ("name", "fact"),
    [
        ("fog:1", "there is no view 'fog'"),
        ("noise:4", "no whole number from 1 to 3"),
        ("noise", "it takes one argument"),
        ("noise:1:2", "it takes one argument"),
        ("flip:1", "it takes no argument"),
        ("swap:cell:4:16:same", "no whole number from 0 to 15"),
        ("swap:frame:0.2", "it is written swap:frame"),
        ("swap:frame:nan:same", "is no number from 0.01 to 0.9"),
        ("swap:middle:same", "it is written"),
        ("resize:magic", "the filters are"),
        ("jpeg:٩٠", "no whole number"),
        ("rotate:inf", "is no number"),
        ("", "there is no view ''"),
    ],
)  # fmt: skip
def test_a_name_that_is_no_view_is_told_with_the_way_to_write_it(name, fact):
    with pytest.raises(ValueError, match=fact.replace("(", r"\(")):
        parse_view(name)


@given(st.text(max_size=30))
def test_no_text_raises_anything_else(text):
    with suppress(ValueError):
        assert parse_view(str(parse_view(text))) == parse_view(text)


def test_the_donor_is_told_by_the_name():
    assert parse_view("swap:tint:same").donor == "same"
    assert parse_view("swap:cell:4:0:other").donor == "other"
    assert parse_view("noise:1").donor is None


def test_every_kind_says_what_it_is_and_how_it_is_written():
    assert all(each.about and each.form.startswith(name) for name, each in KINDS.items())
