"""Two spellings of one key are equal, and two keys are never one."""

import sys
import unicodedata
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.keys import (
    group_keys,
    is_one_person,
    is_somebody,
    look_alikes,
    name_key,
    name_keys,
    people,
    shared_groups,
    spellings,
)

ZERO_WIDTH, SOFT_HYPHEN, MARK = "\u200b", "\xad", "\ufeff"
CYRILLIC_A, GREEK_O = "\u0430", "\u03bf"
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def test_format_characters_and_controls_are_out_and_nothing_that_is_seen_is():
    gone = {
        letter
        for letter in map(chr, range(sys.maxunicode + 1))
        if name_key(f"x{letter}y") == "xy" and not letter.isspace()
    }

    formats = {
        letter
        for letter in map(chr, range(sys.maxunicode + 1))
        if unicodedata.category(letter) == "Cf"
        and not any(word in unicodedata.name(letter, "") for word in ("ARABIC", "SYRIAC", "KAITHI"))
        and "EGYPTIAN" not in unicodedata.name(letter, "")
    }
    assert formats <= gone
    assert {unicodedata.category(letter) for letter in gone} <= {"Cf", "Cc", "Mn", "Lo", "So", "Cn"}
    assert "\u0600" not in gone, "an Arabic number sign is seen"


@pytest.mark.parametrize(
    "spelled",
    [
        " tumour",
        "tumour\t",
        "tum\xadour",
        f"{MARK}tumour",
        f"tumour{ZERO_WIDTH}",
        "tumour\ufe0f",
        "\u202etumour",
        "tumour\xa0",
        "tu\x00mour",
    ],
)
def test_what_nobody_sees_is_no_part_of_a_name(spelled):
    assert name_key(spelled) == "tumour"


@pytest.mark.parametrize(
    "name", ["Tumour", "tum\u043eur", "tumour 1", "t\uff55mour", "tumour.", "0tumour"]
)
def test_names_that_are_seen_to_differ_are_never_merged(name):
    assert name_key(name) == name


def test_accents_are_one_name_however_they_are_stored():
    assert name_key("Ko\u0308ln") == name_key("K\xf6ln") == "K\xf6ln"


@given(texts)
def test_a_key_is_its_own_key(text):
    assert name_key(name_key(text)) == name_key(text)
    (group,) = group_keys([text])
    assert group is None or group_keys([group]) == [group]


@given(texts)
def test_a_key_is_in_normal_form_and_trimmed(text):
    key = name_key(text)

    assert unicodedata.is_normalized("NFC", key)
    assert key == key.strip()


def test_an_empty_name_is_none():
    assert name_keys(["a", "", " ", ZERO_WIDTH, None]) == ["a", None, None, None, None]


@pytest.mark.parametrize(
    "word", ["nan", "None", "NULL", " NaN ", "null" + ZERO_WIDTH, "<NA>", "NaT"]
)
def test_words_for_missing_are_missing_groups_and_names_of_slices(word):
    assert group_keys([word, "P1"]) == [None, "P1"]
    assert name_keys([word, "P1"]) == [name_key(word), "P1"]


@pytest.mark.parametrize("name", ["NA", "N/A", "nano", "none of them", "-", "0"])
def test_other_words_are_groups(name):
    assert group_keys([name, "x"])[0] == name


@pytest.mark.parametrize(
    ("spelled", "group"),
    [
        ("\uff30\uff11", "P1"),
        ("P \t 1", "P 1"),
        ("P\xa01", "P 1"),
        (f"P{SOFT_HYPHEN}1", "P1"),
        ("Rene\u0301", "Ren\xe9"),
    ],
)
def test_compatible_forms_and_white_space_are_one_group(spelled, group):
    assert group_keys([spelled]) == [group]


def test_equal_numbers_are_one_group_in_a_column_of_numbers_alone():
    assert group_keys(["1000", "1000.0", "1000.00", "+1000", "1.5", "1.50", None]) == [
        *["1000"] * 4,
        *["1.5"] * 2,
        None,
    ]
    assert group_keys(["1000", "1000.0", "A"]) == ["1000", "1000.0", "A"]


def test_a_missing_word_does_not_keep_numbers_from_being_numbers():
    assert group_keys(["1000.0", "nan", ""]) == ["1000", None, None]


def test_a_well_of_a_plate_is_no_number_and_a_float_that_a_program_wrote_is():
    assert group_keys(["1E5", "10E4"]) == ["1E5", "10E4"]
    assert group_keys(["1e+16", "10000000000000000"]) == ["1" + "0" * 16] * 2
    assert group_keys(["1e-07", "0.0000001"]) == ["0.0000001"] * 2


def test_leading_zeros_are_two_groups_inside_one_split():
    assert group_keys(["007", "7"]) == ["007", "7"]


@given(st.lists(st.integers(-(2**70), 2**70), min_size=1, unique=True))
def test_no_two_whole_numbers_become_one(numbers):
    written = [*map(str, numbers)]

    assert group_keys(written) == name_keys(written) == written


def test_numbers_that_a_float_cannot_tell_apart_stay_two():
    two = ["9007199254740993", "9007199254740992"]

    assert group_keys(two) == two
    assert group_keys([f"{each}.0" for each in two]) == two
    assert shared_groups(two[:1], two[1:]) == []


decimals = st.decimals(-1000, 1000, places=2).map(str)


@given(st.lists(decimals, min_size=2))
def test_groups_of_numbers_are_equal_where_the_numbers_are(written):
    keys = group_keys(written)

    for one, number in zip(keys, map(Decimal, written), strict=True):
        for other, another in zip(keys, map(Decimal, written), strict=True):
            assert (one == other) == (number == another)


def test_names_of_numbers_lose_their_empty_decimals():
    assert name_keys(["1.0", "2.0", None]) == ["1", "2", None]
    assert name_keys(["1.0", "1.5"]) == ["1", "1.5"]


@given(st.lists(st.one_of(decimals, texts), min_size=1))
def test_different_names_stay_different(written):
    names = [name_key(each) for each in written]
    keys = name_keys(written)

    assert len({key for key in keys if key is not None}) == len(set(names) - {""})


def test_versions_are_no_numbers_that_become_one():
    assert name_keys(["1.1", "1.10"]) == ["1.1", "1.10"]


ALIKE = [
    ("P1", "p1"),
    ("001000", "1000"),
    ("P-007", "p-7"),
    ("1000.0", "1000"),
    ("ann", f"{CYRILLIC_A}nn"),
    ("BOB", "B\u039fB"),  # a Greek capital
    ("PAT", "\u0420\u0410\u0422"),  # all Cyrillic
    ("pat", "\u0440\u0430\u0442"),
    ("vN", "\u03bd\u039d"),  # a Greek nu twice: its small letter and its capital
    ("\u041f\u0410\u0426", "\u043f\u0430\u0446"),  # a Russian word in capitals
    ("\u039d\u0399\u039a", "\u03bd\u03b9\u03ba"),  # a Greek one, whose letters look like others
    ("12", "\u0661\u0662"),  # Arabic digits
    ("\xe9", "\u0435\u0301"),  # a Cyrillic letter with the accent
    ("STRASSE", "stra\xdfe"),
    ("2024-01-05", "2024-1-5"),
]
DIFFERENT = [
    ("P1", "P10"),
    ("P10", "P1O"),
    ("Il", "ll"),
    ("0.1", "0.01"),
    ("1.1", "1.10x"),
    ("Jose", "Jos\xe9"),
    ("0", ""),
    ("100", "10"),
    ("5 \u03bcm", "5 mm"),
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_names_that_could_be_taken_for_each_other_are_one_group_across_splits(one, other):
    assert set(spellings(one)) & set(spellings(other))
    assert len(shared_groups({one}, {other})) == 1
    assert shared_groups({one}, {other}, exact=True) == []


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_names_that_are_read_differently_are_not(one, other):
    assert not set(spellings(one)) & set(spellings(other))


@given(st.sets(texts, max_size=6), st.sets(texts, max_size=6))
def test_whichever_split_is_first_a_group_is_shared(first, second):
    assert bool(shared_groups(first, second)) == bool(shared_groups(second, first))


@given(st.sets(texts, max_size=6), st.sets(texts, max_size=6))
def test_looking_alike_never_hides_a_group_that_both_have(first, second):
    exact = shared_groups(first, second, exact=True)

    assert {b for _, b in exact} <= {b for _, b in shared_groups(first, second)}


@given(texts)
def test_capitals_are_alike(text):
    (plain,) = group_keys([text])

    for other in (text.lower(), text.casefold()):
        assert plain is None or set(spellings(text)) & set(spellings(other))


def test_names_that_look_alike_are_paired():
    assert look_alikes(["ann", "Ann", "bob", f"{CYRILLIC_A}nn"]) == [
        ("Ann", "ann"),
        ("Ann", f"{CYRILLIC_A}nn"),
    ]
    assert look_alikes(["P1", "P2"]) == []


@pytest.mark.parametrize(
    "spelled",
    [
        "@ann",
        "Ann",
        " @ ANN ",
        f"@{CYRILLIC_A}nn",
        f"ann{ZERO_WIDTH}",
        f"an{SOFT_HYPHEN}n",
        "\uff41nn",
        "\uff20ann",
        "ann <ann@example.org>",
        "@@ann",
    ],
)
def test_spellings_of_one_person(spelled):
    assert is_one_person(spelled, "ann")


def test_the_address_behind_a_name_is_the_persons_too():
    assert is_one_person("Ann Smith <ann@example.org>", "ann@example.org")


@pytest.mark.parametrize("other", ["anna", "an", "bob", "ann.b", "Ann <bob@example.org> x"])
def test_other_people_are_other_people(other):
    assert not is_one_person(other, "ann")


@pytest.mark.parametrize("nobody", ["", " ", "@", ZERO_WIDTH, f"@{SOFT_HYPHEN} ", "<>"])
def test_nobody_is_no_person(nobody):
    assert not is_somebody(nobody)


def test_people_are_counted_once_whoever_joins_two_of_their_names():
    names = ["Ann", "ann@example.org", "bob", "@ann <ann@example.org>", "BOB"]

    assert people(names) == ["Ann", "bob"]


@pytest.mark.parametrize("dash", "\u2010\u2011\u2012\u2013\u2014\u2212\ufe63\uff0d")
def test_a_dash_of_another_kind_makes_no_other_group(dash):
    assert shared_groups([f"P{dash}7"], ["P-7"])
    assert not shared_groups([f"P{dash}7"], ["P7"])
