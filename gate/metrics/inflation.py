"""Inflation of metrics by leaked images: as given, clean, and the difference.

The difference gets bounds of its own, because the clean images are part of those given: the bounds
of the two values say nothing of it. Which images leaked is taken as known.

- Shares and means of images: the part that leaked images have of the images times the gap between
  the metric on them and on the others, with the bounds of that gap, which are recovered from those
  of both (Zou and Donner, 2008).
- What else comes from the confusion matrix, and areas under curves: padded, from what each image
  adds to the metric as given less what it adds to the clean one, which for leaked images is 0; with
  one image more among those given, as bad or as good as can be.
- The calibration error is biased by an amount that depends on the number of images: no bounds.

Where images come in groups, leaked and clean ones of a group count as groups of their own in the
first kind; in the second whole groups are summed.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gate.evidence.records import Rows
from gate.metrics import gradients, ranking, tables
from gate.metrics.combined import classes_over
from gate.metrics.count_bounds import gain_of, harm_of
from gate.metrics.estimates import Estimate, Undefined
from gate.metrics.influence import Influence, bound_statistic
from gate.metrics.named import metric
from gate.metrics.proportions import Proportion, Reals, as_share
from gate.metrics.rates import gap
from gate.metrics.summary import OF_A_CLASS, OF_A_SPLIT

Mask = NDArray[np.bool_]

_MEANS = frozenset({"log-loss", "brier", "expected-cost"})
_AREAS: Mapping[str, ranking.AreaOf] = {
    "roc-auc": ranking.roc_area,
    "average-precision": ranking.precision_area,
}
_OF_COUNTS: Mapping[str, Callable[[Reals, Mask], Reals]] = {
    "balanced-accuracy": gradients.of_mean_recall,
    "macro-precision": gradients.of_mean_precision,
    "macro-f1": gradients.of_mean_f1,
    "f1": gradients.of_mean_f1,
    "mcc": lambda matrix, over: gradients.of_matthews(matrix),  # noqa: ARG005 -- of all classes
    "kappa": lambda matrix, over: gradients.of_kappa(matrix, 1.0 - np.eye(len(over))),
}


@dataclass(frozen=True, slots=True)
class Inflation:
    """One metric with and without the leaked images."""

    name: str
    class_name: str | None
    as_given: Estimate
    clean: Estimate
    difference: Estimate


@dataclass(frozen=True, slots=True, eq=False)
class Leak:
    """The rows of one split, and which of them, (n,), leaked."""

    rows: Rows
    spoilt: NDArray[np.bool_]
    leaked: Rows
    clean: Rows
    classes: tuple[str, ...]

    @classmethod
    def of(cls, rows: Rows, spoilt: NDArray[np.bool_], classes: tuple[str, ...]) -> "Leak":
        """Return the rows with those that leaked, which ``spoilt``, (n,), marks, and the others."""
        return cls(rows, spoilt, rows.where(spoilt), rows.where(~spoilt), classes)


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
        """Return the scaled lower bound; 0 for a factor of 0, whatever it is a factor of."""
        return self.factor * self.inner.lower(confidence) if self.factor else 0.0

    def upper(self, confidence: float) -> float:
        """Return the scaled upper bound; 0 for a factor of 0, whatever it is a factor of."""
        return self.factor * self.inner.upper(confidence) if self.factor else 0.0


@dataclass(frozen=True, slots=True)
class Unbounded:
    """A difference that is known for these images and proves nothing about others."""

    value: float
    reason: str
    method: str = "none"

    numerator: None = None
    denominator: None = None

    def lower(self, confidence: float) -> float:  # noqa: ARG002 - none at any
        """Return NaN."""
        return math.nan

    def upper(self, confidence: float) -> float:  # noqa: ARG002 - none at any
        """Return NaN."""
        return math.nan


def inflations(leak: Leak) -> Iterator[Inflation]:
    """Yield every metric that reports show, of the split and then of each class.

    Metrics that need scores are left out where there are none.
    """
    asked: list[tuple[str, int | None]] = [(name, None) for name in OF_A_SPLIT]
    asked += [(name, label) for label in range(len(leak.classes)) for name in OF_A_CLASS]
    for name, label in asked:
        found = inflation(name, label, leak)
        if label is not None or name == "accuracy" or found.as_given.value is not None:
            yield found


def inflation(
    name: str, label: int | None, leak: Leak, estimate: Callable[[Rows], Estimate] | None = None
) -> Inflation:
    """Return the metric ``name`` of all rows or of one class, with and without leaked rows.

    ``estimate`` computes it from rows where the name alone does not tell how: expected cost, say.
    """
    known = estimate or (lambda rows: metric(name, rows, label, len(leak.classes)))
    whole, kept = known(leak.rows), known(leak.clean)
    class_name = None if label is None else leak.classes[label]
    if whole.value is None or kept.value is None:
        difference: Estimate = Undefined(whole.reason or kept.reason)
    else:
        difference = _difference(name, label, leak, whole, kept, known)
    return Inflation(name, class_name, whole, kept, difference)


def _difference(
    name: str,
    label: int | None,
    leak: Leak,
    whole: Estimate,
    kept: Estimate,
    estimate: Callable[[Rows], Estimate],
) -> Estimate:
    """Return ``whole`` minus ``kept``, both of which have a value."""
    if as_share(whole) is not None and as_share(kept) is not None:
        return _of_shares(whole, kept, estimate(leak.leaked))
    if name in _MEANS:
        images, leaked = (_images(rows, label) for rows in (leak.rows, leak.leaked))
        if not leaked:  # the same images, with and without
            return Scaled(kept, factor=0.0)
        return Scaled(gap(estimate(leak.leaked), kept), factor=leaked / images)
    counts = (whole.numerator, whole.denominator)
    if not leak.spoilt.any() or counts == (kept.numerator, kept.denominator) != (None, None):
        return Scaled(kept, factor=0.0)
    value = (whole.value or 0.0) - (kept.value or 0.0)  # both have one
    given, clean = (_influence(name, label, rows, leak) for rows in (leak.rows, leak.clean))
    if given is None or clean is None:
        return Unbounded(value, "no interval is known for a difference of this metric")
    added = given.of_images.copy()
    added[~leak.spoilt] -= clean.of_images
    difference = replace(given, value=value, of_images=added)
    return bound_statistic(leak.rows, difference, least=-2.0, most=2.0)


def _of_shares(whole: Estimate, kept: Estimate, copied: Estimate) -> Estimate:
    """Return the difference of two shares, of which ``copied`` has what only the first counts."""
    counts = (whole.numerator, whole.denominator, kept.numerator, kept.denominator)
    assert all(count is not None for count in counts), "a share has counts"
    hits, images, kept_hits, kept_images = (int(count or 0) for count in counts)
    if images == kept_images:  # the same images, with and without
        return Scaled(kept, factor=0.0)
    if as_share(copied) is None:  # the precision of a class that no leaked image is of
        copied = Proportion(hits - kept_hits, images - kept_images)
    return Scaled(gap(copied, kept), factor=(images - kept_images) / images)


def _images(rows: Rows, label: int | None) -> int:
    return len(rows) if label is None else int(np.count_nonzero(rows.labels == label))


def _influence(name: str, label: int | None, rows: Rows, leak: Leak) -> Influence | None:
    """Return what each image adds to a metric, without its value; None where that is not known."""
    classes = len(leak.classes)
    if name in _AREAS:
        found = (
            ranking.mean_influence(rows, classes, _present(rows, classes)[:classes], _AREAS[name])
            if label is None
            else ranking.influence_of(rows, label, classes, _AREAS[name])
        )
        return None if isinstance(found, Undefined) else found
    if name == "mcc" and label is not None:
        rows, classes = tables.one_against_rest(rows, label), 2
    if name not in _OF_COUNTS:
        return None
    over = _present(rows, classes)
    if name in ("f1", "macro-f1") and label is not None:
        over = np.arange(len(over)) == label
    return _of_counts(name, rows, over, classes)


def _of_counts(name: str, rows: Rows, over: Mask, classes: int) -> Influence | None:
    """Return what each image adds to a metric of counts over some classes."""
    matrix = tables.confusion(rows, classes).astype(np.float64)
    if name == "mcc" and np.count_nonzero(matrix.sum(axis=0)) < 2:
        return None  # every image gets the same answer
    slope, kind = _OF_COUNTS[name](matrix, over), rows.labels.astype(np.int64)
    added = slope[rows.labels, rows.predictions]
    return Influence(math.nan, added, kind, harm_of(slope), gain_of(slope))


def _present(rows: Rows, classes: int) -> Mask:
    return classes_over(tables.confusion(rows, classes).sum(axis=1), None, classes)[0]
