"""Lists and dictionaries in metadata are read by a grammar of their own, and never evaluated."""

import ast
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.subject.sources.literals import read_literal

ATOMS = st.text(max_size=8) | st.integers(-(10**17), 10**17)
FLAT = st.lists(ATOMS, max_size=6) | st.dictionaries(ATOMS, ATOMS, max_size=6)


@given(FLAT)
def test_what_python_writes_is_read_as_python_reads_it(value):
    assert read_literal(repr(value)) == ast.literal_eval(repr(value))


@given(st.lists(ATOMS, max_size=6) | st.dictionaries(st.text(max_size=8), ATOMS, max_size=6))
def test_what_json_writes_is_read_as_json_reads_it(value):
    assert read_literal(json.dumps(value)) == value


@given(st.text(max_size=40) | st.text("{}[]()'\":,0a\\ \n", max_size=40))
def test_no_text_raises(text):
    read_literal(text)


@pytest.mark.parametrize(
    "text",
    [
        "{0: __import__('os').system('true')}",
        "[open('CANARY', 'w')]",
        "{0: ['a']}",
        "{0: 'a', 0: 'b'}",
        '{"0": "a", "0": "b"}',
        "{0: 'a'",
        "{0 'a'}",
        "['a' 'b']",
        "[1.5]",
        "f'{0}'",
        "names",
        "",
        "[" * 100_000,
        "['" + "a" * (1 << 20) + "']",
    ],
)
def test_more_than_a_flat_list_of_texts_and_integers_is_nothing(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert read_literal(text) is None
    assert list(tmp_path.iterdir()) == []
