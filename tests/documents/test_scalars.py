import datetime as dt
import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gate.documents.scalars import Trap, read_plain


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("-7", -7),
        ("+3", 3),
        ("0.85", 0.85),
        (".5", 0.5),
        ("1.", 1.0),
        ("1e-3", 0.001),
        ("1E5", 100000.0),
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
    ],
)
def test_numbers_booleans_and_nulls_are_read_as_a_person_means_them(text, value):
    read = read_plain(text)

    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    "text",
    ["2026-01-01", "1.0.0", "v1", "tRue", "0,9", "90%", "1e", "e5", "-", "12:99", "=", "<<"],
)
def test_words_stay_words(text):
    assert read_plain(text) == text


@pytest.mark.parametrize(
    "text",
    [
        *("yes", "No", "ON", "off", "y", "N"),
        *("010", "-08", "00.5", "0x1F", "0o17", "0b11"),
        *("1_000", "1_0.5", "12:30", "-1:30:00.5"),
        *(".nan", "NaN", "-.inf", "Infinity", "1e999"),
        *("9007199254740993", "1" * 5000, "1e-400"),
    ],
)
def test_what_readers_disagree_on_is_refused(text):
    assert isinstance(read_plain(text), Trap)


@given(st.one_of(st.integers(-(10**17), 10**17), st.floats()).map(repr))
def test_a_number_is_read_as_python_reads_it_or_refused(text):
    read = read_plain(text)

    assert isinstance(read, Trap) or (read == float(text) and math.isfinite(read))


@given(st.text(alphabet="0123456789+-._:eExob~nulltrfasyi", max_size=8))
def test_what_yaml_1_1_reads_as_something_else_is_never_taken_for_a_word(text):
    try:
        old = yaml.safe_load(f"[{text}]")
    except (
        yaml.YAMLError,
        ValueError,
    ):  # ValueError: 1:60 and the like, which it resolves and drops
        return
    if not (isinstance(old, list) and len(old) == 1) or isinstance(old[0], dict):
        return

    read = read_plain(text)

    if isinstance(read, str):
        assert isinstance(old[0], str | dt.date)
    elif not isinstance(read, Trap) and not isinstance(old[0], str):
        assert read == old[0]
