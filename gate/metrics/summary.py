"""The metrics that every report shows, whether a rule speaks of them or not."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gate.evidence.records import Rows
from gate.metrics import rates
from gate.metrics.estimates import Estimate


@dataclass(frozen=True, slots=True)
class Metric:
    """One number of one split, or of one of its classes."""

    name: str
    class_name: str | None
    estimate: Estimate
    support: int  # images that it was computed from


def summary(rows: Rows, classes: tuple[str, ...]) -> Iterator[Metric]:
    """Yield the metrics of a split, then those of each class in the order of the outputs."""
    count = len(classes)
    images = len(rows)
    yield Metric("accuracy", None, rates.accuracy(rows), images)
    yield Metric("balanced-accuracy", None, rates.balanced_accuracy(rows, count), images)
    yield Metric("macro-f1", None, rates.macro_f1(rows, count), images)
    support = np.bincount(rows.labels, minlength=count)
    for label, name in enumerate(classes):
        for metric, estimate in (
            ("recall", rates.recall(rows, label, count)),
            ("precision", rates.precision(rows, label, count)),
            ("f1", rates.f1(rows, label, count)),
        ):
            yield Metric(metric, name, estimate, int(support[label]))
