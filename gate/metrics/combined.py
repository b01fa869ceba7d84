"""Estimates from estimates: differences of independent ones, means over classes not all seen."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from gate.metrics.estimates import Estimate
from gate.metrics.proportions import F1, ClusteredShare, Counts, Proportion

Over = Collection[int] | None  # the classes that a mean is taken over; None: all that are declared


@dataclass(frozen=True, slots=True)
class Difference:
    """One estimate minus another of independent images, such as train minus test.

    The bounds are recovered from those of both, each at the same confidence (MOVER: Zou and Donner,
    2008): d -+ hypot(distance of one bound, distance of the other). Of two shares of independent
    images these are Clopper and Pearson's; the score limits of Newcombe (1998) are too narrow near
    0 and 1, where gates work.
    """

    first: Estimate
    second: Estimate

    @property
    def numerator(self) -> int | None:
        """Return the numerator of the difference as a fraction, for two shares."""
        exact = self._exact()
        return None if exact is None else exact.numerator

    @property
    def denominator(self) -> int | None:
        """Return the denominator of the difference as a fraction, for two shares."""
        exact = self._exact()
        return None if exact is None else exact.denominator

    @property
    def value(self) -> float | None:
        """Return the difference; None when either is undefined.

        Counts are subtracted as fractions: in floats 0.90 - 0.85 is more than 0.05.
        """
        exact = self._exact()
        if exact is not None:
            return float(exact)
        if self.first.value is None or self.second.value is None:
            return None
        return self.first.value - self.second.value

    @property
    def method(self) -> str:
        """Return the name of the interval, with those of the parts."""
        parts = dict.fromkeys((self.first.method, self.second.method))
        return f"MOVER ({'; '.join(parts)})"

    @property
    def reason(self) -> str:
        """Return the first reason that either part gives."""
        return self.first.reason or self.second.reason

    def lower(self, confidence: float) -> float:
        """Return the lower bound; NaN where a part has none."""
        if self.first.value is None or self.second.value is None:
            return math.nan
        below = self.first.value - self.first.lower(confidence)
        above = self.second.upper(confidence) - self.second.value
        return self.first.value - self.second.value - math.hypot(below, above)

    def upper(self, confidence: float) -> float:
        """Return the upper bound; NaN where a part has none."""
        if self.first.value is None or self.second.value is None:
            return math.nan
        above = self.first.upper(confidence) - self.first.value
        below = self.second.value - self.second.lower(confidence)
        return self.first.value - self.second.value + math.hypot(above, below)

    def _exact(self) -> Fraction | None:
        parts = []
        for each in (self.first, self.second):
            if not isinstance(each, Proportion | ClusteredShare | F1):
                return None
            parts.append(Fraction(each.numerator, each.denominator))
        return parts[0] - parts[1]


@dataclass(frozen=True, slots=True)
class MeanOverClasses:
    """A mean over classes of which some have no images, and may have any value.

    ``seen`` is the mean over the ``present`` classes; each of the ``absent`` ones is somewhere in
    [``least``, 1]. The value is that of the classes that were seen.
    """

    seen: Estimate
    present: int
    absent: tuple[int, ...]  # the indices of the classes without images
    least: float = 0.0

    numerator: None = None
    denominator: None = None

    @property
    def value(self) -> float | None:
        """Return the mean over the classes that have images."""
        return self.seen.value

    @property
    def method(self) -> str:
        """Return the method of the mean over the classes that have images."""
        return self.seen.method

    @property
    def reason(self) -> str:
        """Return the reason of the mean over the classes that have images."""
        return self.seen.reason

    def lower(self, confidence: float) -> float:
        """Return the lower bound if all absent classes were as bad as can be."""
        return self.with_absent(self.seen.lower(confidence), self.least)

    def upper(self, confidence: float) -> float:
        """Return the upper bound if all absent classes were as good as can be."""
        return self.with_absent(self.seen.upper(confidence), 1.0)

    def with_absent(self, mean: float, each: float) -> float:
        """Return the mean over all classes: of those seen ``mean``, of the others ``each``."""
        return (self.present * mean + len(self.absent) * each) / (self.present + len(self.absent))


def complete_mean(
    seen: Estimate, present: int, absent: tuple[int, ...], *, least: float = 0.0
) -> Estimate:
    """Return a mean over ``present`` classes as one over them and the ``absent`` ones, if any."""
    return MeanOverClasses(seen, present, absent, least) if absent else seen


def classes_over(
    sizes: Counts, over: Over, classes: int
) -> tuple[NDArray[np.bool_], tuple[int, ...]]:
    """Return which of the ``classes`` a mean ``over`` some can see, and which it cannot.

    ``sizes``, (answers,), are the images of each, and so many are the flags: no image is truly of
    the answer to abstain.
    """
    asked = np.arange(len(sizes)) < classes
    if over is not None:
        asked[:] = False
        asked[list(over)] = True
    return asked & (sizes > 0), tuple(np.flatnonzero(asked & (sizes == 0)).tolist())


def absent_of(estimate: Estimate) -> tuple[tuple[int, ...], int]:
    """Return the classes that an estimate averages and has no images of, and of how many classes.

    Of a difference, those of either part.
    """
    match estimate:
        case MeanOverClasses():
            return estimate.absent, estimate.present + len(estimate.absent)
        case Difference():
            one, other = absent_of(estimate.first), absent_of(estimate.second)
            return tuple(sorted({*one[0], *other[0]})), max(one[1], other[1])
    return (), 0


def at_worst(estimate: Estimate, *, upwards: bool) -> float | None:
    """Return the value if what was not seen were as bad as can be: what the estimate may decide on.

    ``upwards`` says whether more is better.
    """
    match estimate:
        case MeanOverClasses(seen=seen) if seen.value is not None:
            return estimate.with_absent(seen.value, estimate.least if upwards else 1.0)
        case Difference() if absent_of(estimate)[0]:
            first = at_worst(estimate.first, upwards=upwards)
            second = at_worst(estimate.second, upwards=not upwards)
            return None if first is None or second is None else first - second
    return estimate.value
