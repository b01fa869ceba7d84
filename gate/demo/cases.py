"""The six cases of the demo, each with the verdict that it must get."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One model on its data: a folder of the demo."""

    name: str
    about: str
    expected: Literal["pass", "fail"]
    shown: Sequence[str]  # the rules that tell the story, in its order


CASES: Sequence[Case] = (
    Case(
        name="good",
        about="ten digits, learned well",
        expected="pass",
        shown=("accuracy", "recall"),
    ),
    Case(
        name="paradox",
        about='"is it an eight?", asked where few images are one',
        expected="fail",
        shown=("accuracy-paradox",),
    ),
    Case(
        name="threshold",
        about="its scores of eights are low, so it calls them from a lower one",
        expected="pass",
        shown=("recall",),
    ),
    Case(
        name="overfitted",
        about="few images, some labelled wrongly, learned by heart",
        expected="fail",
        shown=("train-test-gap",),
    ),
    Case(
        name="leaky",
        about="tested on images that it was trained on",
        expected="fail",
        shown=("train-test-overlap",),
    ),
    Case(
        name="shortcut",
        about="right in 97 of 100, but by the mark in the corner",
        expected="fail",
        shown=("region-evidence",),
    ),
)
