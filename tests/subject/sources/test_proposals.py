"""Names kept by habit are taken where they fit exactly; the input is proposed and never taken."""

import pytest

from gate.subject.inputs import InputSpec
from gate.subject.sources.proposals import as_names, input_question, stated_classes


@pytest.mark.parametrize(
    "value",
    [["a", "b"], ("a", "b"), {"0": "a", "1": "b"}, {1: "b", 0: "a"}, {"b": 1, "a": 0}],
)
def test_names_are_put_in_the_order_of_the_outputs(value):
    assert as_names(value) == ("a", "b")


def test_positions_are_ordered_as_numbers():
    assert as_names({str(index): f"c{index}" for index in range(12)})[10] == "c10"


@pytest.mark.parametrize(
    "value", ["ab", {}, {"0": "a", "2": "b"}, {"0": "a", "00": "b"}, {"a": "b"}, ["a", 1], None]
)
def test_what_has_no_order_is_no_list_of_names(value):
    assert as_names(value) is None


def test_names_of_another_length_than_the_head_are_not_taken():
    assert stated_classes({"classes": ["a", "b"]}, 3, where="x") is None
    assert stated_classes({"classes": ["a", "b"]}, None, where="x") is None
    assert stated_classes({"classes": ["a", "b"]}, 2, where="x").value == ("a", "b")


def test_keys_that_agree_are_one_statement_and_keys_that_differ_are_none():
    same = {"classes": ["a", "b"], "idx_to_class": {0: "a", 1: "b"}}

    assert stated_classes(same, 2, where="x").value == ("a", "b")
    assert stated_classes({**same, "labels": ["b", "a"]}, 2, where="x") is None


@pytest.mark.parametrize(
    ("values", "proposed"),
    [
        ({"image_size": 44}, {"size": [44, 44], "channels": "RGB", "resize": "stretch"}),
        ({"img_size": [3, 20, 30]}, {"size": [20, 30], "channels": "RGB", "resize": "stretch"}),
        (
            {"size": (8, 9), "mean": [0.5], "std": [0.25]},
            {"size": [8, 9], "channels": "L", "resize": "stretch", "mean": [0.5], "std": [0.25]},
        ),
    ],
)
def test_the_line_that_is_proposed_is_a_valid_input(values, proposed):
    import yaml

    ask = input_question("why", values)

    read = yaml.safe_load(ask.proposal)["input"]
    assert read == proposed
    assert InputSpec.model_validate(read)


@pytest.mark.parametrize(
    "values",
    [
        {"image_size": 10**9},
        {"image_size": -3},
        {"image_size": True},
        {"image_size": "224"},
        {"image_size": [1, 2, 3, 4]},
        {"mean": [0.5], "std": [0.5]},
        {"size": None},
    ],
)
def test_without_a_size_that_can_be_one_no_line_is_ready(values):
    ask = input_question("why", values)

    assert ask.proposal == ""
    assert "size: [H, W]" in ask.remedy


@pytest.mark.parametrize("mean", [[float("nan")] * 3, [0.5, 0.5], "0.5", [True] * 3])
def test_a_mean_that_is_none_is_not_repeated(mean):
    assert "mean:" not in input_question("why", {"size": 8, "mean": mean, "std": mean}).proposal
