"""What leaked images did to the metrics: as given, clean, and the difference."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gate.evidence.records import Rows
from gate.metrics.estimates import Estimate, Undefined
from gate.metrics.named import metric
from gate.metrics.proportions import share_of
from gate.metrics.rates import gap
from gate.metrics.tables import group_codes


@dataclass(frozen=True, slots=True)
class Inflation:
    """One metric with and without the leaked images."""

    name: str
    class_name: str | None
    as_given: Estimate
    clean: Estimate
    difference: Estimate


@dataclass(frozen=True, slots=True)
class Scaled:
    """An estimate times a known factor, with its bounds."""

    inner: Estimate
    factor: float

    numerator: None = None
    denominator: None = None

    @property
    def value(self) -> float | None:
        """Return the scaled value."""
        return None if self.inner.value is None else self.factor * self.inner.value

    @property
    def method(self) -> str:
        """Return the method of the inner estimate."""
        return self.inner.method

    @property
    def reason(self) -> str:
        """Return the reason of the inner estimate."""
        return self.inner.reason

    def lower(self, confidence: float) -> float:
        """Return the scaled lower bound."""
        return self.factor * self.inner.lower(confidence)

    def upper(self, confidence: float) -> float:
        """Return the scaled upper bound."""
        return self.factor * self.inner.upper(confidence)


def inflations(
    rows: Rows, spoilt: NDArray[np.bool_], classes: tuple[str, ...]
) -> Iterator[Inflation]:
    """Yield accuracy, and recall and precision of each class, with and without ``spoilt`` rows.

    All are shares of images, so that the inflation is the part that leaked images have of the
    support (of precision: the images that are answered with the class) times the gap between the
    metric on them and on the others; its bounds are those of the gap (Newcombe 1998).
    """
    leaked, clean = rows.where(spoilt), rows.where(~spoilt)
    asked: list[tuple[str, int | None]] = [("accuracy", None)]
    asked += [(name, label) for label in range(len(classes)) for name in ("recall", "precision")]
    for name, label in asked:
        whole, kept = (metric(name, part, label, len(classes)) for part in (rows, clean))
        support, support_leaked = (_support(name, part, label) for part in (rows, leaked))
        difference: Estimate
        if whole.value is None or kept.value is None:
            difference = Undefined(whole.reason or kept.reason)
        elif support_leaked.any():
            copied = _share(leaked.where(support_leaked))
            difference = Scaled(gap(copied, kept), factor=support_leaked.sum() / support.sum())
        else:  # the same images, with and without
            difference = Scaled(kept, factor=0.0)
        class_name = None if label is None else classes[label]
        yield Inflation(name, class_name, whole, kept, difference)


def _support(name: str, rows: Rows, label: int | None) -> NDArray[np.bool_]:
    """Return which rows, (n,), a metric is a share of."""
    if label is None:
        return np.ones(len(rows), np.bool_)
    support: NDArray[np.bool_] = (rows.predictions if name == "precision" else rows.labels) == label
    return support


def _share(rows: Rows) -> Estimate:
    """Return the share of right answers."""
    return share_of(rows.labels == rows.predictions, group_codes(rows), "there are no images")
