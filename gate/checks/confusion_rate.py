"""Check: confusion-rate."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from gate.checks.base import Comparison, Concern, Example, Operator, Outcome
from gate.checks.classification import ClassificationRule
from gate.evidence.synthetic_run import SyntheticRun

if TYPE_CHECKING:
    from gate.checks.classification import Targets
    from gate.evidence.records import Evidence, Rows
    from gate.metrics.estimates import Estimate


class ConfusionRate(ClassificationRule):
    """Allow at most this share of one class to be taken for another.

    For the mistake that must not happen: a tumour taken for tissue, a person for background.

    To fix a failure: look at the images of the one class that are taken for the other.

    To decide it: measure more images of the one class.
    """

    formula: ClassVar = "images of `from` that are taken for `to` / images of `from`"
    interval: ClassVar = (
        "exact binomial (Clopper and Pearson 1934); by group: padded with one group more, as wrong "
        "as can be (Fay and Feuer 1997)"
    )
    operator: ClassVar[Operator] = "<="

    check: Literal["confusion-rate"] = "confusion-rate"
    from_: str = Field(alias="from", description="The true class.")
    to: str = Field(description="The class that it must not be taken for.")
    max: float = Field(ge=0, le=1, description="The highest rate that passes.")

    examples: ClassVar = (
        Example(
            "2 of 500 dogs are taken for cats",
            {"from": "dog", "to": "cat", "max": 0.02},
            SyntheticRun(test=((480, 20), (2, 498))),
            Outcome.PASSED,
        ),
        Example(
            "50 of 500 dogs are taken for cats",
            {"from": "dog", "to": "cat", "max": 0.02},
            SyntheticRun(test=((480, 20), (50, 450))),
            Outcome.FAILED,
        ),
    )

    @model_validator(mode="after")
    def _one_class(self) -> "ConfusionRate":
        if self.per_class:
            raise ValueError("this speaks of one class; write a rule for each instead of per_class")
        if self.from_ == self.to:
            raise ValueError("from and to are the same class; that rate is the recall")
        return self

    def guess(self, classes: int) -> float:
        """Return the share that is taken for any one class by chance."""
        return 1 / classes

    @property
    def concern(self) -> Concern | None:
        """Single classes."""
        return Concern.PER_CLASS if self.split == "test" else None

    def class_names(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Yield both classes."""
        yield ("from",), self.from_
        yield ("to",), self.to
        yield from super().class_names()

    def targets(self, evidence: "Evidence") -> "Iterator[tuple[str | None, float]]":  # noqa: ARG002 -- it is one class
        """Yield the true class."""
        yield self.from_, self.max

    def compare(
        self, rows: "Rows", slice_name: str | None, evidence: "Evidence", targets: "Targets"
    ) -> list[Comparison]:
        """Return the one comparison."""
        of_slice = f" where {slice_name}" if slice_name is not None else ""
        what = f"rate of {self.from_} taken for {self.to} on {self.split}{of_slice}"
        return [
            replace(each, what=what)
            for each in super().compare(rows, slice_name, evidence, targets)
        ]

    def estimate(self, rows: "Rows", label: int | None, evidence: "Evidence") -> "Estimate":
        """Return the rate of the true class, with index ``label``."""
        from gate.metrics.rates import confusion_rate

        assert label is not None, "the rate of a class is asked for a class"
        return confusion_rate(rows, label, evidence.classes.index(self.to), len(evidence.classes))
