"""Check: precision."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from gate.checks.base import Comparison, Example, Outcome
from gate.checks.classification import ClassMetric
from gate.evidence.synthetic_run import SyntheticRun

if TYPE_CHECKING:
    from gate.evidence.records import Evidence, Rows


class Precision(ClassMetric):
    """Require a minimum precision for every class.

    Precision is the share of alarms that are right. It holds only for the class mix of the split:
    at a lower prevalence it is lower. A class that has images and is never predicted fails.

    To fix a failure: look at what is mistaken for the named class, and raise its threshold or
    collect more of what it is confused with.

    To decide it: measure more images, until the class is predicted more often.
    """

    formula: ClassVar = "right predictions of the class / predictions of the class"
    interval: ClassVar = (
        "exact binomial given the predictions (Clopper and Pearson 1934); by group: padded "
        "with one group more, as wrong as can be (Fay and Feuer 1997)"
    )

    check: Literal["precision"] = "precision"
    min: float | None = Field(None, ge=0, le=1, description="The lowest precision that passes.")

    examples: ClassVar = (
        Example(
            "240 of 250 alarms are right",
            {"min": 0.9},
            SyntheticRun(test=((240, 10), (10, 240))),
            Outcome.PASSED,
        ),
        Example(
            "half of the alarms are false",
            {"min": 0.85, "classes": ["dog"]},
            SyntheticRun(test=((900, 100), (0, 100))),
            Outcome.FAILED,
        ),
        Example(
            "a class that is never predicted",
            {"min": 0.5, "classes": ["dog"]},
            SyntheticRun(test=((95, 0), (5, 0))),
            Outcome.FAILED,
        ),
    )

    def comparison(self, rows: "Rows", evidence: "Evidence", **named: Any) -> Comparison:  # noqa: ANN401 -- passed on
        """Return the comparison, with a remedy of its own for a class that is never predicted."""
        found = super().comparison(rows, evidence, **named)
        if found.estimate.value is not None or found.undefined is not Outcome.FAILED:
            return found
        return replace(found, remedy="train on more images of the class, or weight it in the loss")

    def unit(self, class_name: str | None) -> str:
        """Return what the denominator counts: predictions, not images."""
        return f"predictions of {class_name}"

    def outcome_when_undefined(self, rows: "Rows", label: int | None) -> Outcome:
        """Return failed for a class that has images and is never predicted (no alarm to trust)."""
        present = label is not None and bool((rows.labels == label).any())
        return Outcome.FAILED if present else Outcome.INCONCLUSIVE
