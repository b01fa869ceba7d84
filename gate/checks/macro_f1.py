"""Check: macro-f1."""

from typing import ClassVar, Literal

from pydantic import Field

from gate.checks.base import Example, Outcome
from gate.checks.classification import SplitMetric
from gate.evidence.made_up import MadeUp


class MacroF1(SplitMetric):
    """Require a minimum mean of the F1 of all classes.

    To fix a failure: see which classes have the lowest F1.
    """

    formula: ClassVar = "mean over classes of 2 TP / (2 TP + FP + FN)"
    interval: ClassVar = (
        "bootstrap stratified by true class (BCa, Efron 1987), drawn from the confusion matrix; "
        "of one class: exact, through its binomial"
    )

    check: Literal["macro-f1"] = "macro-f1"
    min: float | None = Field(None, ge=0, le=1, description="The lowest macro F1 that passes.")

    examples: ClassVar = (
        Example(
            "few mistakes either way",
            {"min": 0.9},
            MadeUp(test=((240, 10), (10, 240))),
            Outcome.PASSED,
        ),
        Example(
            "most dogs are missed",
            {"min": 0.9},
            MadeUp(test=((4888, 12), (88, 12))),
            Outcome.FAILED,
        ),
    )
