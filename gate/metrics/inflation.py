"""What leaked images did to the metrics: as given, clean, and the difference."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gate.evidence.records import Rows
from gate.metrics.estimates import Estimate, Undefined
from gate.metrics.named import metric
from gate.metrics.rates import gap


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
    """Yield accuracy and the recall of each class with and without the rows that are ``spoilt``.

    Both are shares of images, so that the inflation is the share of leaked images times the gap
    between the metric on them and on the others; its bounds are those of the gap (Newcombe 1998).
    """
    count = len(classes)
    leaked, clean = rows.where(spoilt), rows.where(~spoilt)
    for label in (None, *range(count)):
        name = "accuracy" if label is None else "recall"
        whole, kept, copied = (metric(name, part, label, count) for part in (rows, clean, leaked))
        images, spoilt_images = _support(rows, label), _support(leaked, label)
        difference: Estimate = (
            Scaled(gap(copied, kept), factor=spoilt_images / images)
            if images
            else Undefined("the class has no images")
        )
        class_name = None if label is None else classes[label]
        yield Inflation(name, class_name, whole, kept, difference)


def _support(rows: Rows, label: int | None) -> int:
    return len(rows) if label is None else int((rows.labels == label).sum())
