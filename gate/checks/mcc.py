"""Check: mcc."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from gate.checks.base import Example, Outcome
from gate.checks.classification import SplitMetric
from gate.evidence.synthetic_run import SyntheticRun


class Mcc(SplitMetric):
    """Require a minimum Matthews correlation coefficient: 1 is perfect, 0 is no better than chance.

    With many classes one that is never found hardly shows in it: use `recall` beside it. Where a
    declared class has no images it has no value.

    To fix a failure: look at the confusion matrix; MCC rises with every mistake that is mended.

    To decide it: measure more images, and some of every class.
    """

    formula: ClassVar = "correlation of truth and prediction (Matthews 1975; Gorodkin 2004)"
    interval: ClassVar = (
        "padded: with one image more, or one group, as wrong as can be; Pearson III by three "
        "moments (Fay and Feuer 1997; Gaffke 2005; Learned-Miller and Thomas 2019; Rubin 1981)"
    )

    chance: ClassVar[float] = 0.0

    check: Literal["mcc"] = "mcc"
    min: float | None = Field(None, ge=-1, le=1, description="The lowest MCC that passes.")

    per_class: dict[str, Annotated[float, Field(ge=-1, le=1)]] = Field(
        {}, description="Requirements by class name, `$critical` or `$others`."
    )

    examples: ClassVar = (
        Example(
            "few mistakes either way",
            {"min": 0.8},
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

    @property
    def worst(self) -> float:
        """The value of a model that is always wrong."""
        return -1.0
