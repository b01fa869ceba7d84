"""The metrics that every report shows, with or without a rule."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gate.evidence.records import Rows
from gate.metrics.estimates import Estimate
from gate.metrics.named import metric
from gate.metrics.rates import accuracy
from gate.metrics.selection import MOST_SLICES, slices_of

OF_A_SPLIT = (
    "accuracy",
    "balanced-accuracy",
    "macro-precision",
    "macro-f1",
    "mcc",
    "kappa",
    "roc-auc",
    "log-loss",
    "brier",
    "calibration-error",
)
OF_ANSWERS = OF_A_SPLIT[:6]  # the others are of scores
OF_A_CLASS = ("recall", "precision", "f1")


@dataclass(frozen=True, slots=True)
class Metric:
    """One number of one split, or of one of its classes."""

    name: str
    class_name: str | None
    estimate: Estimate
    support: int  # images that it was computed from
    slice_name: str | None = None


def summary(
    rows: Rows, classes: tuple[str, ...], names: Sequence[str] = OF_A_SPLIT
) -> Iterator[Metric]:
    """Yield the metrics of a split, then those of each class in the order of the outputs.

    ``names`` are those of the split, by default all.
    """
    count = len(classes)
    for name in names:
        estimate = metric(name, rows, None, count)
        if estimate.value is not None:  # without scores there is no loss, area or calibration
            yield Metric(name, None, estimate, len(rows))
    support = np.bincount(rows.labels, minlength=count)
    for label, class_name in enumerate(classes):
        for name in OF_A_CLASS:
            estimate = metric(name, rows, label, count)
            yield Metric(name, class_name, estimate, int(support[label]))


def slice_summary(rows: Rows) -> Iterator[Metric]:
    """Yield the accuracy on each slice of each declared column, in the order of the names.

    Columns with more than :data:`MOST_SLICES` values are ids, and are left out.
    """
    for column, values in rows.slices.items():
        if len(set(values)) <= MOST_SLICES:
            for name, part in slices_of(rows, [column]):
                yield Metric("accuracy", None, accuracy(part), len(part), name)
