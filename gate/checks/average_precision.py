"""Check: average-precision."""

from typing import ClassVar, Literal

from pydantic import Field

from gate.checks.base import Example, Outcome
from gate.checks.classification import MeanOverClasses
from gate.evidence.synthetic_run import SyntheticRun


class AveragePrecision(MeanOverClasses):
    """Require a minimum average precision: precision over all thresholds that find a new image.

    Chance reaches the share of the class in the data, so the value speaks for this mix of classes
    only. Of all classes it is their mean.

    To fix a failure: false alarms score as high as what is looked for; add such images to training.

    To decide it: measure more images of the class and of others, with the scores of all classes.
    """

    formula: ClassVar = "sum of precision at each threshold times the recall gained there"
    interval: ClassVar = (
        "padded: with one image more, or one group, of another class on top, or of the class at "
        "the bottom; Pearson III by three moments (Fay and Feuer 1997; Gaffke 2005; Learned-Miller "
        "and Thomas 2019; Rubin 1981) of what each image adds (Deville 1999)"
    )

    of_answers: ClassVar = False
    check: Literal["average-precision"] = "average-precision"
    min: float | None = Field(
        None, ge=0, le=1, description="The lowest average precision that passes."
    )

    examples: ClassVar = (
        Example(
            "sure when right, unsure when wrong",
            {"min": 0.9},
            SyntheticRun(test=((240, 10), (10, 240)), confidence=(0.95, 0.6)),
            Outcome.PASSED,
        ),
        Example(
            "one mistake in four",
            {"min": 0.9},
            SyntheticRun(test=((300, 100), (100, 300)), confidence=(0.9, 0.9)),
            Outcome.FAILED,
        ),
    )
