"""Check: balanced-accuracy."""

from typing import ClassVar, Literal

from pydantic import Field

from gate.checks.base import Example, Outcome
from gate.checks.classification import MeanOverClasses
from gate.evidence.synthetic_run import SyntheticRun


class BalancedAccuracy(MeanOverClasses):
    """Require a minimum mean of the recalls of all classes.

    Every class counts the same, however rare. With many classes one that is never found still
    hides in the mean: use `recall` beside it. A declared class without images may have any recall:
    the bounds allow for 0 and for 1, and the message names it. `over` says which are averaged.

    To fix a failure: raise the recall of the worst classes.

    To decide it: measure more images of each class, first of those with the fewest.
    """

    formula: ClassVar = "mean over classes of recall"
    interval: ClassVar = (
        "padded: with one image more, or one group, as wrong as can be; Pearson III by three "
        "moments (Fay and Feuer 1997; Gaffke 2005; Learned-Miller and Thomas 2019; Rubin 1981)"
    )

    check: Literal["balanced-accuracy"] = "balanced-accuracy"
    min: float | None = Field(
        None, ge=0, le=1, description="The lowest balanced accuracy that passes."
    )

    examples: ClassVar = (
        Example(
            "both classes are found",
            {"min": 0.9},
            SyntheticRun(test=((240, 10), (10, 240))),
            Outcome.PASSED,
        ),
        Example(
            "always the common class",
            {"min": 0.6},
            SyntheticRun(test=((950, 0), (50, 0))),
            Outcome.FAILED,
        ),
    )

    def guess(self, classes: int) -> float:
        """Return the share that is right by chance."""
        return 1 / classes
