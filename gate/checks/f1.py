"""Check: f1."""

from typing import ClassVar, Literal

from pydantic import Field

from gate.checks.base import Example, Outcome
from gate.checks.classification import ClassMetric
from gate.evidence.synthetic_run import SyntheticRun


class F1(ClassMetric):
    """Require a minimum F1 for every class: high only when recall and precision both are.

    To fix a failure: see which of recall and precision of the named class is low.

    To decide it: measure more images of the named class.
    """

    formula: ClassVar = "2 TP / (2 TP + FP + FN)"
    interval: ClassVar = (
        "exact (Clopper and Pearson 1934): TP given TP + FP + FN is binomial with J, and "
        "F1 = 2 J / (1 + J) grows with J; by group: J is padded with "
        "one group more, as wrong as can be (Fay and Feuer 1997)"
    )

    check: Literal["f1"] = "f1"
    min: float | None = Field(None, ge=0, le=1, description="The lowest F1 that passes.")

    examples: ClassVar = (
        Example(
            "few misses and few false alarms",
            {"min": 0.9},
            SyntheticRun(test=((240, 10), (10, 240))),
            Outcome.PASSED,
        ),
        Example(
            "98 % accuracy, and most dogs are missed",
            {"min": 0.8},
            SyntheticRun(test=((4888, 12), (88, 12))),
            Outcome.FAILED,
        ),
    )
