"""Check: slice-gap."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from gate.checks.base import Example, Outcome, resolve_classes
from gate.checks.gaps import GapRule
from gate.evidence.synthetic_run import SyntheticRun

if TYPE_CHECKING:
    from gate.evidence.records import Evidence

Metric = Literal["accuracy", "recall", "precision", "specificity", "false-positive-rate"]

_BY_SEX = ((240, "F"), (260, "M"), (10, "F"), (10, "M"), (240, "F"), (240, "M"))


class SliceGap(GapRule):
    """Refuse a model that is much better on one slice of the data than on another.

    A slice is a value of a column: a sex, a site, a scanner. The gap is that between the best and
    the worst of them, and it has to be small for every two. Whoever chooses the columns chooses
    what is seen: name them in the policy, where `$slices` leaves them to the gate file. A slice
    with few images keeps the gap open; 59 a slice are the fewest that prove a gap of 0.05.

    To fix a failure: collect more images like those of the worst slice, or weight them in the
    loss.

    To decide it: measure more images of each slice.
    """

    formula: ClassVar = "highest share of a slice - lowest share of a slice"
    interval: ClassVar = (
        "largest of all differences, each recovered from the bounds of both slices (MOVER: Zou and "
        "Donner 2008): exact binomial (Clopper and Pearson 1934), by group padded; to fail, the "
        "error is shared among all ordered pairs"
    )

    check: Literal["slice-gap"] = "slice-gap"
    metric: Metric = Field("recall", description="The share to compare.")
    class_: str | None = Field(
        None,
        alias="class",
        min_length=1,
        description="The class whose share is compared, by name, `$critical` or `$others`; by "
        "default each. Accuracy is of no class.",
    )

    examples: ClassVar = (
        Example(
            "dogs are found alike in both",
            {"by": "sex", "metric": "recall", "class": "dog", "max": 0.05},
            SyntheticRun(test=((500, 0), (20, 480)), slices={"test": {"sex": _BY_SEX}}),
            Outcome.PASSED,
        ),
        Example(
            "60 of 300 dogs of one are missed, 6 of 300 of the other",
            {"by": "sex", "metric": "recall", "class": "dog", "max": 0.05},
            SyntheticRun(
                test=((400, 0), (66, 534)),
                slices={
                    "test": {
                        "sex": (
                            (200, "F"),
                            (200, "M"),
                            (60, "F"),
                            (6, "M"),
                            (240, "F"),
                            (294, "M"),
                        )
                    }
                },
            ),
            Outcome.FAILED,
        ),
        Example(
            "20 dogs a slice prove nothing",
            {"by": "sex", "metric": "recall", "class": "dog", "max": 0.05},
            SyntheticRun(
                test=((40, 0), (0, 40)),
                slices={"test": {"sex": ((20, "F"), (20, "M"), (20, "F"), (20, "M"))}},
            ),
            Outcome.INCONCLUSIVE,
        ),
        Example(
            "the data declares no slice",
            {"by": "$slices", "max": 0.05},
            SyntheticRun(test=((500, 0), (20, 480))),
            Outcome.INCONCLUSIVE,
        ),
    )

    @model_validator(mode="after")
    def _accuracy_is_of_no_class(self) -> "SliceGap":
        if self.metric == "accuracy" and self.class_ is not None:
            raise ValueError("accuracy is of no class; write metric: recall")
        return self

    def class_names(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Yield the class."""
        if self.class_ is not None:
            yield ("class",), self.class_

    def questions(self, evidence: "Evidence") -> "Iterator[tuple[str, str | None]]":
        """Yield the metric, with each class that it is asked of."""
        if self.metric == "accuracy":
            yield self.metric, None
            return
        named = (
            evidence.classes if self.class_ is None else resolve_classes((self.class_,), evidence)
        )
        for class_name in named:
            yield self.metric, class_name
