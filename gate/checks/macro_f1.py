"""Check: macro-f1."""

from typing import ClassVar, Literal

from pydantic import Field

from gate.checks.base import Example, Outcome
from gate.checks.classification import MeanOverClasses
from gate.evidence.synthetic_run import SyntheticRun


class MacroF1(MeanOverClasses):
    """Require a minimum mean of the F1 of all classes.

    A declared class without images may have any F1: the bounds allow for 0 and for 1, and the
    message names it. `over` says which classes are averaged.

    To fix a failure: see which classes have the lowest F1.

    To decide it: measure more images of each class, first of those with the fewest.
    """

    formula: ClassVar = "mean over classes of 2 TP / (2 TP + FP + FN)"
    interval: ClassVar = (
        "padded: with one image more, or one group, as wrong as can be; Pearson III by three "
        "moments (Fay and Feuer 1997; Gaffke 2005; Learned-Miller and Thomas 2019; Rubin 1981); of "
        "one class: exact, through its binomial. Too low is proven from 5 images a class on"
    )

    check: Literal["macro-f1"] = "macro-f1"
    min: float | None = Field(None, ge=0, le=1, description="The lowest macro F1 that passes.")

    examples: ClassVar = (
        Example(
            "few mistakes either way",
            {"min": 0.9},
            SyntheticRun(test=((240, 10), (10, 240))),
            Outcome.PASSED,
        ),
        Example(
            "most dogs are missed",
            {"min": 0.9},
            SyntheticRun(test=((4888, 12), (88, 12))),
            Outcome.FAILED,
        ),
    )
