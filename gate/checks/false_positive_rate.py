"""Check: false-positive-rate."""

from typing import ClassVar, Literal

from pydantic import Field

from gate.checks.base import Example, Operator, Outcome
from gate.checks.classification import ClassMetric
from gate.evidence.synthetic_run import SyntheticRun


class FalsePositiveRate(ClassMetric):
    """Allow at most this share of false alarms for every class.

    The denominator is the images of the other classes, so that the rate does not depend on how
    common the class is; in use, false alarms come at this rate whatever the prevalence.

    To fix a failure: look at what is mistaken for the named class; add such images to training.

    To decide it: measure more images of the other classes.
    """

    formula: ClassVar = "images of other classes taken for the class / images of other classes"
    interval: ClassVar = (
        "exact binomial (Clopper and Pearson 1934); by group: padded with one group more, as wrong "
        "as can be (Fay and Feuer 1997)"
    )
    operator: ClassVar[Operator] = "<="

    check: Literal["false-positive-rate"] = "false-positive-rate"
    max: float | None = Field(None, ge=0, le=1, description="The highest rate that passes.")

    examples: ClassVar = (
        Example(
            "10 false alarms in 1,000 images",
            {"max": 0.05, "classes": ["dog"]},
            SyntheticRun(test=((990, 10), (5, 45))),
            Outcome.PASSED,
        ),
        Example(
            "100 false alarms in 1,000 images",
            {"max": 0.05, "classes": ["dog"]},
            SyntheticRun(test=((900, 100), (5, 45))),
            Outcome.FAILED,
        ),
    )

    def unit(self, class_name: str | None) -> str:
        """Return what the denominator counts: everything but the class."""
        return f"images that are not {class_name}"

    def guess(self, classes: int) -> float:
        """Return the share of other images that are taken for the class by chance."""
        return 1 / classes
