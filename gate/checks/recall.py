"""Check: recall."""

from typing import ClassVar, Literal

from pydantic import Field

from gate.checks.base import Example, Outcome
from gate.checks.classification import ClassMetric
from gate.evidence.synthetic_run import SyntheticRun


class Recall(ClassMetric):
    """Require a minimum recall for every class.

    Accuracy can be high while a rare class is never recognised; this check looks at each class by
    itself. A class without images cannot be judged, so its result is inconclusive.

    To fix a failure: collect more images of the named class, weight it in the loss, or lower its
    threshold.

    To decide it: measure more images of the named class.
    """

    formula: ClassVar = "images of the class that are found / images of the class"
    interval: ClassVar = (
        "exact binomial (Clopper and Pearson 1934); by group: padded with one group more, as wrong "
        "as can be (Fay and Feuer 1997)"
    )

    check: Literal["recall"] = "recall"
    min: float | None = Field(None, ge=0, le=1, description="The lowest recall that passes.")

    examples: ClassVar = (
        Example(
            "every class is found 96 times in 100",
            {"min": 0.9},
            SyntheticRun(test=((240, 10), (10, 240))),
            Outcome.PASSED,
        ),
        Example(
            "98 % accuracy, and 12 of 100 dogs are found",
            {"min": 0.85},
            SyntheticRun(test=((4888, 12), (88, 12))),
            Outcome.FAILED,
        ),
        Example(
            "18 of 18 dogs prove too little",
            {"min": 0.85},
            SyntheticRun(test=((100, 0), (0, 18))),
            Outcome.INCONCLUSIVE,
        ),
    )

    def guess(self, classes: int) -> float:
        """Return the share that is right by chance."""
        return 1 / classes
