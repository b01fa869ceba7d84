"""JSON lines as tables."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.errors import DataError
from gate.subject.datasets.json_tables import read_jsonl

CELLS = st.one_of(st.none(), st.booleans(), st.integers(), st.text('abü \n"\\', max_size=5))


@pytest.fixture
def table(tmp_path):
    def read(text, **wanted):
        file = tmp_path / "t.jsonl"
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return read_jsonl(file, shown="t.jsonl", **wanted)

    return read


@given(rows=st.lists(st.fixed_dictionaries({"a": CELLS, "b": CELLS}), min_size=1, max_size=5))
def test_what_is_written_is_read_as_text(tmp_path_factory, rows):
    file = tmp_path_factory.mktemp("rows") / "t.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    found = read_jsonl(file, shown="t.jsonl")

    for key in ("a", "b"):
        said = ["" if row[key] is None else str(row[key]) for row in rows]
        assert list(found.columns[key]) == [each if each.strip() else None for each in said]


def test_numbers_are_written_as_in_other_tables(table):
    assert list(table('{"a": 3.0}\n{"a": 0.5}\n{"a": NaN}\n').columns["a"]) == ["3", "0.5", None]


def test_blank_lines_count_and_are_no_rows(table):
    found = table('\n{"a": 1}\n\n{"a": 2}')

    assert list(found.lines) == [2, 4]


def test_a_key_that_a_line_lacks_is_an_empty_cell(table):
    assert list(table('{"a": 1}\n{"b": 2}\n').columns["b"]) == [None, "2"]


def test_the_name_of_an_object_is_its_cell(table):
    assert list(table('{"label": {"index": 3, "name": "cat"}}').columns["label"]) == ["cat"]


def test_a_mark_of_byte_order_is_no_fault(table):
    assert list(table(b'\xef\xbb\xbf{"a": "b"}\n').columns["a"]) == ["b"]


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ('{"a": 1}\n{"a": ', "is not JSON"),
        ('{"a": 1}\n[1]\n', "is no JSON object"),
        ('{"a": 1}\n{"a": 1, "a": 2}', "the key 'a' twice"),
        ('{"a": 1}\n' + "[" * 100_000, "is not JSON"),
        (b'{"a": 1}\n{"a": "\xff"}', "is not JSON"),
        ('{"a": 1}\n{"a": ' + "9" * 5000 + "}", "is not JSON"),
        ('{"a": 1}\n{"a": "' + "x" * (1 << 18) + '"}', "a cell holds"),
        ('{"a": 1}\n{"a": "' + "x" * (1 << 25), "longer than"),
    ],
)
def test_a_line_that_is_no_row_is_named(table, says, text, fact):
    with says(DataError, where="t.jsonl, line 2", fact=fact):
        table(text)


def test_a_file_without_lines_is_refused(table, says):
    with says(DataError, where="t.jsonl", fact="no lines"):
        table("\n\n")


def test_a_list_is_no_text(table, says):
    with says(DataError, where="t.jsonl", fact="'a' holds lists, as in line 1"):
        table('{"a": [1, 2]}').column("a", "label")
