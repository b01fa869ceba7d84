"""What leaked images did to the metrics: as given, clean, and the difference.

The difference gets bounds of its own, because the clean images are part of those given: the bounds
of the two values say nothing of it. Which images leaked is taken as known.

- Shares and means of images: the part that leaked images have of the images times the gap between
  the metric on them and on the others, with the bounds of that gap, which are recovered from those
  of both (Newcombe, 1998; Zou and Donner, 2008).
- What else comes from the confusion matrix: a bootstrap (Efron, 1987) that draws leaked and clean
  images of a true class apart, and takes the metric of both less that of the clean ones.
- Areas under curves: from what each image adds to the one area less what it adds to the other
  (DeLong, DeLong and Clarke-Pearson, 1988).
- The calibration error is biased by an amount that depends on the number of images: no bounds.

Where images come in groups, leaked and clean ones of a group count as groups of their own in the
first kind; in the others whole groups are drawn or summed.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gate.evidence.records import Rows
from gate.metrics import ranking, rates, skill, tables
from gate.metrics.estimates import Estimate, Undefined
from gate.metrics.named import metric
from gate.metrics.padded import few_groups
from gate.metrics.proportions import Proportion, Reals, as_share, normal_quantile
from gate.metrics.ranking import Influences
from gate.metrics.rates import gap
from gate.metrics.resampling import CountStatistic, bootstrap_without
from gate.metrics.summary import OF_A_CLASS, OF_A_SPLIT

_MEANS = frozenset({"log-loss", "brier", "expected-cost"})
_AREAS = frozenset({"roc-auc", "average-precision"})
_OF_COUNTS: Mapping[str, CountStatistic] = {
    "balanced-accuracy": rates.mean_recall,
    "macro-precision": rates.mean_precision,
    "macro-f1": rates.mean_f1,
    "mcc": skill.matthews,
    "kappa": skill.cohen,
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
        """Return the rows with those that leaked and those that did not."""
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
class Linearised:
    """A difference of areas with normal bounds from what each image adds to it."""

    value: float
    standard_error: float
    method: str
    reason: str = ""

    numerator: None = None
    denominator: None = None

    def lower(self, confidence: float) -> float:
        """Return the lower bound; NaN where there is a reason that there is none."""
        return self._bound(-1, confidence)

    def upper(self, confidence: float) -> float:
        """Return the upper bound; NaN where there is a reason that there is none."""
        return self._bound(1, confidence)

    def _bound(self, side: int, confidence: float) -> float:
        if self.reason:
            return math.nan
        return self.value + side * normal_quantile(confidence) * self.standard_error


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
    if name in _AREAS:
        return _of_areas(name, label, leak)
    if name == "mcc" and label is not None:
        rest = Leak.of(tables.one_against_rest(leak.rows, label), leak.spoilt, ("rest", "class"))
        return _counted(rest)["mcc", None]
    of_a_class = "f1" if name == "macro-f1" and label is not None else name
    counted = _counted(leak).get((of_a_class, label))
    if counted is not None:
        return counted
    value = (whole.value or 0.0) - (kept.value or 0.0)  # both have one
    return Unbounded(value, "no interval is known for a difference of this metric")


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


@lru_cache(maxsize=3)  # of one leak, all metrics come from one draw
def _counted(leak: Leak) -> dict[tuple[str, int | None], Estimate]:
    """Return the differences of the metrics that come from the confusion matrix."""
    count = len(leak.classes)
    names: list[tuple[str, int | None]] = [(name, None) for name in _OF_COUNTS]
    names += [("f1", label) for label in range(count)]

    def statistics(margins: tables.Margins) -> Reals:
        of_split = [statistic(margins)[..., None] for statistic in _OF_COUNTS.values()]
        return np.concatenate([*of_split, rates.f1_of_each(margins)], axis=-1)

    found = dict(
        zip(names, bootstrap_without(leak.rows, leak.spoilt, count, statistics), strict=True)
    )
    of_leaked = tables.margins(leak.leaked, count)
    for label in np.flatnonzero(of_leaked.true + of_leaked.predicted == 0).tolist():
        found["f1", label] = Scaled(rates.f1(leak.clean, label, count), factor=0.0)
    return found


def _of_areas(name: str, label: int | None, leak: Leak) -> Estimate:
    """Return the difference of two areas, from what each image adds to it.

    Its variance is that among leaked images plus that among clean ones, as they are drawn apart.
    """
    whole, kept = (
        ranking.influences(name, rows, label, len(leak.classes)) for rows in (leak.rows, leak.clean)
    )
    assert isinstance(whole, Influences), "the area has a value"
    assert isinstance(kept, Influences), "the clean area has a value"
    value = whole.value - kept.value
    added = whole.of_images.copy()
    added[~leak.spoilt] -= kept.of_images
    if tables.clustered(leak.rows):
        return _of_groups(value, added, leak.rows, whole.method)
    method = f"{whole.method}, leaked and clean images apart"
    if len(leak.leaked) < 2 or len(leak.clean) < 2:
        return Linearised(value, math.nan, method, "a single image shows no spread")
    variance = sum(
        part.size * float(np.var(np.sort(part), ddof=1))
        for part in (added[leak.spoilt], added[~leak.spoilt])
    )
    return _linearised(value, variance, method)


def _of_groups(value: float, added: Reals, rows: Rows, method: str) -> Estimate:
    codes = tables.group_codes(rows)
    assert codes is not None, "clustered rows have groups"
    totals = tables.sums_by(added, codes, int(codes.max()) + 1)
    if few := few_groups(len(totals)):
        return Linearised(value, math.nan, method, few)
    variance = len(totals) * float(np.var(totals, ddof=1))
    return _linearised(value, variance, f"{method}, images summed by group")


def _linearised(value: float, variance: float, method: str) -> Linearised:
    alike = not variance > 1e-24  # sums of influences that cancel leave a rounding behind
    nothing = "degenerate: the images show no spread, which proves nothing" if alike else ""
    return Linearised(value, math.sqrt(variance), method, nothing)
