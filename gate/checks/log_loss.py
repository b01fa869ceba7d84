"""Check: log-loss."""

import math
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from gate.checks.base import DataFacts, Example, Operator, Outcome, Remark
from gate.checks.classification import SplitMetric
from gate.evidence.synthetic_run import SyntheticRun


class LogLoss(SplitMetric):
    """Allow at most this mean log-loss, in nats: wrong and sure costs most.

    Scores of the true class below 1e-12 count as 1e-12, and are reported.

    To fix a failure: fit a temperature on the validation split, which lowers the loss of an
    over-confident model and changes no prediction. A model that is often wrong needs training.

    To decide it: measure more images, and keep the scores of all classes.
    """

    formula: ClassVar = "mean of -ln(score of the true class)"
    interval: ClassVar = (
        "padded: with one image more, or one group, that costs as much as the dearest one, or as a "
        "mistake made with the usual confidence; Pearson III by three moments (Fay and Feuer 1997; "
        "Gaffke 2005; Learned-Miller and Thomas 2019; Rubin 1981)"
    )
    operator: ClassVar[Operator] = "<="

    of_answers: ClassVar = False
    check: Literal["log-loss"] = "log-loss"
    max: float | None = Field(None, ge=0, description="The highest loss that passes, in nats.")

    per_class: dict[str, Annotated[float, Field(ge=0)]] = Field(
        {}, description="Requirements by class name, `$critical` or `$others`."
    )

    examples: ClassVar = (
        Example(
            "sure when right, unsure when wrong",
            {"max": 0.3},
            SyntheticRun(test=((240, 10), (10, 240)), confidence=(0.95, 0.6)),
            Outcome.PASSED,
        ),
        Example(
            "sure when wrong",
            {"max": 0.3},
            SyntheticRun(test=((200, 50), (50, 200)), confidence=(0.99, 0.99)),
            Outcome.FAILED,
        ),
    )

    @property
    def worst(self) -> float:
        """The loss of guessing among a million classes, 13.8; sure and wrong costs 27.6 at most."""
        return math.log(1_000_000)

    def guess(self, classes: int) -> float:
        """Return the loss of equal scores."""
        return math.log(classes)

    def vacuous(self, data: DataFacts) -> Iterator[Remark]:
        """Yield a loss that no model reaches that is of any use."""
        for path, _, remedy in super().vacuous(data):
            fact = (
                "no image costs more than 27.6, and guessing among a million classes has 13.8, "
                "among two 0.69"
            )
            yield path, fact, remedy
