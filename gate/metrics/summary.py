"""The metrics that every report shows, whether a rule speaks of them or not."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gate.evidence.records import Rows
from gate.metrics.estimates import Estimate
from gate.metrics.named import metric


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
    for name in ("accuracy", "balanced-accuracy", "macro-f1"):
        yield Metric(name, None, metric(name, rows, None, count), len(rows))
    support = np.bincount(rows.labels, minlength=count)
    for label, class_name in enumerate(classes):
        for name in ("recall", "precision", "f1"):
            estimate = metric(name, rows, label, count)
            yield Metric(name, class_name, estimate, int(support[label]))
