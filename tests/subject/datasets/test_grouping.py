import pytest
from pydantic import ValidationError

from gate.errors import DataError
from gate.subject.datasets.spec import DataSpec


def test_a_pattern_finds_the_group_in_the_name_of_each_image(pets, opened):
    data = opened(path="pets", group_pattern=r"/(\d)\.png")

    assert [entry.group for entry in data.entries] == ["1", "2", "1", "2"]
    assert data.group_column == "group_pattern"


def test_groups_by_name_are_those_of_a_table(tmp_path, encoded, opened):
    for number, name in enumerate(["P1\u200b_a", "P1_b", "none_a", "P2_a"]):
        file = tmp_path / "set" / ("cat" if number % 2 else "dog") / f"{name}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encoded(number))

    data = opened(path="set", group_pattern=r"/(\w+)_")

    groups = {entry.id: entry.group for entry in data.entries}
    assert groups == {
        "cat/P1_b.png": "P1",
        "cat/P2_a.png": "P2",
        "dog/P1_a.png": "P1",
        "dog/none_a.png": None,
    }


def test_names_that_the_pattern_does_not_fit_have_no_group_and_are_counted(pets, opened):
    data = opened(path="pets", group_pattern=r"cat/(\d)")

    assert [entry.group for entry in data.entries] == ["1", "2", None, None]
    assert "2 image names did not fit group_pattern" in data.assumed[-1]


def test_a_pattern_that_fits_no_name_is_refused(pets, opened):
    with pytest.raises(DataError, match=r"fits no name, such as 'cat/1\.png'"):
        opened(path="pets", group_pattern="(patient)")


@pytest.mark.parametrize(
    ("pattern", "words"),
    [("(", "no regular expression"), ("patient", "has 0 groups"), ("(a)(b)", "has 2 groups")],
)
def test_a_pattern_needs_exactly_one_group(pattern, words):
    with pytest.raises(ValidationError, match=words):
        DataSpec(path="pets", group_pattern=pattern)


def test_a_column_and_a_pattern_are_not_given_together():
    with pytest.raises(ValidationError, match="give one"):
        DataSpec(path="pets.csv", group="patient", group_pattern="(a)")
