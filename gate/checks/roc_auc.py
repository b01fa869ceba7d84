"""Check: roc-auc."""

from typing import ClassVar, Literal

from pydantic import Field

from gate.checks.base import Example, Outcome
from gate.checks.classification import MeanOverClasses
from gate.evidence.synthetic_run import SyntheticRun


class RocAuc(MeanOverClasses):
    """Require a minimum area under the ROC curve: images of a class rank before the others.

    The area does not depend on a threshold, so a model can pass here and still miss everything at
    the threshold that it is used with. Of more than two classes it is the mean of each against the
    rest.

    To fix a failure: train longer, on more or better data: the scores do not separate the classes.

    To decide it: measure more images of the class and of others, with the scores of all classes.
    """

    formula: ClassVar = "chance that an image of the class scores higher than another image"
    interval: ClassVar = (
        "padded: with one image more, or one group, that ranks last for its class and first for "
        "another; Pearson III by three moments (Fay and Feuer 1997; Gaffke 2005; Learned-Miller "
        "and Thomas 2019; Rubin 1981) of what each image adds (DeLong, DeLong and Clarke-Pearson "
        "1988). 60 images a class without a mistake prove an area of 0.95"
    )

    chance: ClassVar[float] = 0.5

    of_answers: ClassVar = False
    check: Literal["roc-auc"] = "roc-auc"
    min: float | None = Field(None, ge=0, le=1, description="The lowest area that passes.")

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
        Example(
            "no scores were kept",
            {"min": 0.9},
            SyntheticRun(test=((240, 10), (10, 240))),
            Outcome.INCONCLUSIVE,
        ),
    )
