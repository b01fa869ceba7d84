"""Check: log-loss."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from gate.checks.base import Example, Operator, Outcome
from gate.checks.classification import SplitMetric
from gate.evidence.made_up import MadeUp


class LogLoss(SplitMetric):
    """Allow at most this mean log-loss, in nats: wrong and sure costs most.

    Scores of the true class below 1e-12 count as 1e-12, and are reported.

    To fix a failure: a temperature fitted on the validation split lowers the loss of an
    over-confident model and changes no prediction; a model that is wrong often needs training.
    """

    formula: ClassVar = "mean of -ln(score of the true class)"
    interval: ClassVar = "bootstrap (BCa, Efron 1987): the losses have a heavy tail"
    operator: ClassVar[Operator] = "<="

    check: Literal["log-loss"] = "log-loss"
    max: float | None = Field(None, ge=0, description="The highest loss that passes, in nats.")

    per_class: dict[str, Annotated[float, Field(ge=0)]] = Field(
        {}, description="Requirements by class name, `$critical` or `$others`."
    )

    examples: ClassVar = (
        Example(
            "sure when right, unsure when wrong",
            {"max": 0.3},
            MadeUp(test=((240, 10), (10, 240)), confidence=(0.95, 0.6)),
            Outcome.PASSED,
        ),
        Example(
            "sure when wrong",
            {"max": 0.3},
            MadeUp(test=((200, 50), (50, 200)), confidence=(0.99, 0.99)),
            Outcome.FAILED,
        ),
    )
