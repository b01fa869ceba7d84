import textwrap

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gate.documents import yaml_tree
from gate.documents.source_text import Source, read_source
from gate.documents.yaml_tree import Kind, read_tree
from gate.policy.shipped import shipped_folder


def _source(text):
    return Source("a.yaml", textwrap.dedent(text), "")


def _places(node, path=()):
    yield path, node.kind, node.place, dict(node.keys)
    for key, item in node.items.items():
        yield from _places(item, (*path, key))


def test_every_key_and_value_knows_its_line_and_column():
    root, faults = read_tree(
        _source(
            """\
            a: 1
            b:
              - x
              - {c: "y",
                 d: [z]}
            """
        )
    )

    assert faults == []
    assert root.plain() == {"a": 1, "b": ["x", {"c": "y", "d": ["z"]}]}
    assert root.keys == {"a": (1, 1), "b": (2, 1)}
    assert root.find(("b", 1)).place == (4, 5)
    assert root.find(("b", 1)).keys["d"] == (5, 6)
    assert root.find(("b", 1, "d", 0)).place == (5, 10)
    assert root.find(("b", 7)) is None


def test_columns_count_characters_and_not_bytes():
    root, _ = read_tree(_source("ä𝔘: {é: 1}"))

    assert root.find(("ä𝔘",)).keys["é"] == (1, 6)


@pytest.mark.parametrize(
    "path", sorted(shipped_folder().glob("*.yaml")), ids=lambda path: path.stem
)
def test_both_parsers_give_the_same_places(path, monkeypatch):
    source = read_source(path, path.name)
    fast, _ = read_tree(source)
    monkeypatch.setattr(yaml_tree, "_LOADER", yaml.SafeLoader)
    slow, _ = read_tree(source)

    assert list(_places(slow)) == list(_places(fast))


def test_the_first_of_two_equal_keys_is_kept_and_the_second_told():
    root, faults = read_tree(_source("a: 1\na: 2\n"))

    assert root.plain() == {"a": 1}
    assert [(fault.line, fault.fact) for fault in faults] == [
        (2, "the key 'a' is already set in line 1")
    ]


def test_keys_that_are_equal_after_reading_are_equal():
    _, faults = read_tree(_source("a: 1\n\"a\": 2\n'a': 3\n"))

    assert [fault.line for fault in faults] == [2, 3]


def test_a_refused_value_stays_in_its_place():
    root, faults = read_tree(_source("a: 010\nb: 2\n"))

    assert len(faults) == 1
    assert root.has_refused
    assert root.find(("a",)).is_refused
    assert root.find(("b",)).scalar == 2


def test_a_collection_as_a_key_does_not_shift_what_follows():
    root, faults = read_tree(_source("{[1, {a: b}]: x, c: d}"))

    assert len(faults) == 1
    assert root.plain() == {"c": "d"}


@pytest.mark.parametrize("text", ["'yes'", '"010"', "|\n  .nan\n", ">\n  ~\n"])
def test_quoted_and_block_text_is_text(text):
    root, faults = read_tree(_source(f"a: {text}"))

    assert faults == []
    assert isinstance(root.find(("a",)).scalar, str)


def test_a_quoted_merge_sign_is_a_key_like_any_other():
    root, faults = read_tree(_source("{'<<': 1}"))

    assert faults == []
    assert root.plain() == {"<<": 1}


@pytest.mark.parametrize(
    "bomb",
    [
        "[" * 100_000,
        "{a: " * 60_000,
        "- " * 100_000,
        "? " * 100_000,
        "a: " * 80_000,
        "!t " * 80_000,
        "- a\n" * 60_000,
        "a: 1\n" * 50_000,
        "a: &a [b]\n" + "".join(f"a{i}: &a{i} [*a, *a, *a, *a]\n" for i in range(5_000)),
    ],
    ids=lambda text: text[:5].strip(),
)
def test_bombs_end_in_faults(bomb):
    root, faults = read_tree(Source("bomb.yaml", bomb, ""))

    assert faults
    assert root is None or root.kind is Kind.MAPPING


_PLAIN = st.recursive(
    st.one_of(
        st.booleans(),
        st.integers(-(2**53), 2**53),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"])),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text(alphabet="abcyn01~", max_size=4), inner, max_size=4),
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text(alphabet="abc", min_size=1), _PLAIN, max_size=4))
def test_json_is_read_as_what_it_says(values):
    import json

    root, faults = read_tree(Source("a.json", json.dumps(values, ensure_ascii=False), ""))

    assert faults == []
    assert root.plain() == values
