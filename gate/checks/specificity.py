"""Check: specificity."""

from typing import ClassVar, Literal

from pydantic import Field

from gate.checks.base import Example, Outcome
from gate.checks.classification import ClassMetric
from gate.evidence.synthetic_run import SyntheticRun


class Specificity(ClassMetric):
    """Require a minimum specificity for every class: how many of the other images raise no alarm.

    To fix a failure: look at what is mistaken for the named class; add such images to training.

    To decide it: measure more images of the other classes.
    """

    formula: ClassVar = "images of other classes not taken for the class / images of other classes"
    interval: ClassVar = (
        "exact binomial (Clopper and Pearson 1934); by group: padded with one group more, as wrong "
        "as can be (Fay and Feuer 1997)"
    )

    check: Literal["specificity"] = "specificity"
    min: float | None = Field(None, ge=0, le=1, description="The lowest specificity that passes.")

    examples: ClassVar = (
        Example(
            "10 false alarms in 1,000 images",
            {"min": 0.95, "classes": ["dog"]},
            SyntheticRun(test=((990, 10), (5, 45))),
            Outcome.PASSED,
        ),
        Example(
            "100 false alarms in 1,000 images",
            {"min": 0.95, "classes": ["dog"]},
            SyntheticRun(test=((900, 100), (5, 45))),
            Outcome.FAILED,
        ),
    )

    def unit(self, class_name: str | None) -> str:
        """Return what the denominator counts: everything but the class."""
        return f"images that are not {class_name}"

    def guess(self, classes: int) -> float:
        """Return the share of other images that are not taken for the class by chance."""
        return 1 - 1 / classes
