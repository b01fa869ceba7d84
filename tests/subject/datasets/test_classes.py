"""Class names: their order by framework, and what labels mean."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.errors import DataError, UsageError
from gate.subject.datasets.classes import (
    by_name,
    by_name_or_position,
    order_of,
    through_names,
)

NAMES = st.lists(st.text(st.sampled_from("01229aBÄz -"), min_size=1, max_size=6), unique=True)


def natural_key(name):
    """The key of timm 1.0 (timm/utils/misc.py), written down."""
    return [int(each) if each.isdigit() else each for each in re.split(r"(\d+)", name.lower())]


def places(*labels):
    return dict.fromkeys(labels, "t.csv, line 2")


@given(NAMES)
def test_timm_sorts_by_its_natural_key(names):
    found = order_of(names, "timm")

    assert [natural_key(each) for each in found] == sorted(map(natural_key, names))


@pytest.mark.parametrize("framework", ["torchvision", "transformers", "fastai", "keras"])
@given(names=NAMES)
def test_all_others_sort_by_code_point(framework, names):
    assert order_of(names, framework) == tuple(sorted(names))


def test_torchvision_itself_finds_folders_in_that_order(tmp_path):
    folder = pytest.importorskip("torchvision.datasets.folder", reason="needs torchvision")
    names = ["2", "10", "1", "Zoo", "apple", "Ärmel"]
    for name in names:
        (tmp_path / name).mkdir()

    assert tuple(folder.find_classes(str(tmp_path))[0]) == order_of(names, "torchvision")


@pytest.mark.parametrize("names", [["2", "10"], ["img2", "img10"], ["B", "a"]])
def test_without_a_framework_names_with_two_orders_have_none(names):
    assert order_of(names, None) is None


@pytest.mark.parametrize("names", [["0", "1"], ["cat", "dog"], ["a", "b", "Ä"], ["00", "11", "22"]])
def test_without_a_framework_names_with_one_order_have_it(names):
    assert order_of(names[::-1], None) == tuple(names)


def test_a_number_of_ten_thousand_digits_is_sorted_without_being_made():
    long = "9" * 10_000

    assert order_of([long, "1" + "0" * 10_000, "7"], "timm")[0] == "7"


# Rule 3 of labels: integers without names.


def test_integers_are_positions_where_no_class_is_one():
    found = by_name_or_position(places("0", "1"), ("dog", "cat"))

    assert found.index == {"0": 0, "1": 1}
    assert "0 = dog" in found.assumed[0]


def test_integers_are_positions_where_each_integer_class_stands_at_its_own():
    found = by_name_or_position(places("0", "1", "2"), ("0", "1", "cat"))

    assert found.index == {"0": 0, "1": 1, "2": 2}


def test_integers_that_are_names_and_positions_alike_are_said_to_be_nothing_else():
    assert by_name_or_position(places("0", "2"), ("0", "1", "2")).assumed == ()


@pytest.mark.parametrize(
    "classes",
    [("1", "0"), ("1", "2", "3"), ("0", "1", "10", "2"), ("cat", "0"), ("7", "-1")],
)
def test_integers_are_asked_for_where_a_class_is_an_integer_elsewhere(classes, says):
    with says(UsageError, where="t.csv, line 2", fact="integers", remedy="integers: positions"):
        by_name_or_position(places("1", "0"), classes)


@pytest.mark.parametrize(
    ("meant", "index"), [("names", {"1": 0, "0": 1}), ("positions", {"1": 1, "0": 0})]
)
def test_the_gate_file_says_what_integers_are(meant, index):
    assert by_name_or_position(places("1", "0"), ("1", "0"), meant).index == index


def test_a_position_that_is_out_of_range_is_refused(says):
    with says(DataError, where="line 2", fact="the label 3 is not one of the 2 classes"):
        by_name_or_position(places("0", "3"), ("dog", "cat"))


# Integers that index names which the data states.


def test_integers_go_through_the_names_of_the_data_first():
    found = through_names(
        {0: "row 1", 1: "row 2"}, ("b", "a"), ("a", "b", "c"), shown="t", column="l"
    )

    assert found.index == {"b": 1, "a": 0}


def test_the_names_of_the_data_are_its_classes_in_their_own_order():
    found = through_names({1: "row 1"}, ("b", "a"), None, shown="t", column="l")

    assert found.classes == ("b", "a")
    assert not found.is_sorted


def test_names_that_the_model_does_not_know_are_refused_with_both_sides(says):
    with says(DataError, where="t.parquet", fact="names cat, dog.*'dog'.*classes: cat, cow"):
        through_names(
            {0: "row 1"}, ("cat", "dog"), ("cat", "cow"), shown="t.parquet", column="label"
        )


@pytest.mark.parametrize("number", [-1, 2, 10**30])
def test_an_integer_that_indexes_no_name_is_refused(number, says):
    with says(DataError, where="row 7", fact="indexes none of the 2 names"):
        through_names({number: "row 7"}, ("a", "b"), None, shown="t", column="l")


def test_a_name_that_stands_twice_is_refused(says):
    with says(DataError, where="t", fact="'a' twice"):
        through_names({0: "row 1"}, ("a", "a"), None, shown="t", column="l")


# Names that look the same.


def test_two_names_that_look_the_same_are_told_apart_by_code_point(says):
    with says(DataError, fact=r"U\+0430 CYRILLIC SMALL LETTER A.*U\+0061 LATIN SMALL LETTER A"):
        by_name(places("c\u0430t"), ("cat", "dog"), noun="label")


def test_names_that_do_not_look_the_same_are_not_told_by_code_point():
    with pytest.raises(DataError) as caught:
        by_name(places("cow"), ("cat", "dog"), noun="label")

    assert "U+" not in str(caught.value)


def test_a_class_folder_of_no_class_is_told_with_both_sides(says):
    with says(
        DataError,
        fact="folder 'cow'",
        remedy=r"are cat, dog; the folders are .*; rename one, or the class",
    ):
        by_name(places("cow"), ("cat", "dog"), noun="class folder")
