"""Accuracy in a training log: without counts, and with augmentation in it."""

import math
from dataclasses import dataclass

from gate.evidence.records import History
from gate.metrics.curves import Curve
from gate.metrics.estimates import Estimate


@dataclass(frozen=True, slots=True)
class Stated:
    """A number that somebody else computed: it has no counts, and here no error of its own."""

    value: float
    method: str = "taken from a training log"
    reason: str = ""
    numerator: None = None
    denominator: None = None

    def lower(self, confidence: float) -> float:  # noqa: ARG002 - it is taken as it stands
        """Return the number."""
        return self.value

    def upper(self, confidence: float) -> float:  # noqa: ARG002 - it is taken as it stands
        """Return the number."""
        return self.value


def last_accuracy(history: History | None) -> float | None:
    """Return the train accuracy of the judged checkpoint's epoch, else of the last that was logged.

    None where no accuracy in [0, 1] was logged there.
    """
    if history is None or history.train_accuracy is None:
        return None
    logged = Curve.of(history, history.train_accuracy, "train accuracy")
    epoch = history.checkpoint_epoch
    value = None if epoch is None else logged.at(epoch)
    if value is None and len(logged):
        value = logged.values[-1]
    return value if value is not None and 0 <= value <= 1 and math.isfinite(value) else None


def logged_gap(train: float, test: Estimate) -> Estimate:
    """Return a logged train accuracy minus a measured accuracy."""
    from gate.metrics.rates import gap

    return gap(Stated(train), test)
