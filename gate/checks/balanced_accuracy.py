"""Check: balanced-accuracy."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from gate.checks.base import Example, Outcome
from gate.checks.classification import SplitMetric
from gate.evidence.made_up import MadeUp

if TYPE_CHECKING:
    from gate.evidence.records import Evidence, Rows
    from gate.metrics.estimates import Estimate


class BalancedAccuracy(SplitMetric):
    """Require a minimum mean of the recalls of all classes.

    Every class counts the same, however rare. With many classes one that is never found still
    hides in the mean: use `recall` beside it.

    To fix a failure: raise the recall of the worst classes.
    """

    formula: ClassVar = "mean over classes of recall"
    interval: ClassVar = "MOVER of Wilson limits (Zou and Donner 2008)"

    check: Literal["balanced-accuracy"] = "balanced-accuracy"
    min: float | None = Field(
        None, ge=0, le=1, description="The lowest balanced accuracy that passes."
    )

    examples: ClassVar = (
        Example(
            "both classes are found",
            {"min": 0.9},
            MadeUp(test=((240, 10), (10, 240))),
            Outcome.PASSED,
        ),
        Example(
            "always the common class",
            {"min": 0.6},
            MadeUp(test=((950, 0), (50, 0))),
            Outcome.FAILED,
        ),
    )

    def estimate(self, rows: "Rows", label: int | None, evidence: "Evidence") -> "Estimate":
        """Return the balanced accuracy, or the recall of one class."""
        from gate.metrics.rates import balanced_accuracy, recall

        if label is None:
            return balanced_accuracy(rows, len(evidence.classes))
        return recall(rows, label, len(evidence.classes))
