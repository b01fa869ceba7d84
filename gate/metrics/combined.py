"""Differences of independent estimates, with bounds recovered from those of the parts."""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from gate.metrics.estimates import Estimate
from gate.metrics.proportions import F1, ClusteredShare, Proportion, wilson


@dataclass(frozen=True, slots=True)
class Difference:
    """One estimate minus another of independent images, such as train minus test.

    Between two shares of independent images this is the hybrid score interval of Newcombe (1998,
    method 10); between other estimates, shares of images in groups among them, the same recovery
    (Zou and Donner, 2008) from their own bounds.
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
        """Return the name of the interval."""
        both = isinstance(self.first, Proportion) and isinstance(self.second, Proportion)
        return "Newcombe hybrid score" if both else "MOVER"

    @property
    def reason(self) -> str:
        """Return the first reason that either part gives."""
        return self.first.reason or self.second.reason

    def lower(self, confidence: float) -> float:
        """Return the lower bound; NaN where a part has none."""
        if self.first.value is None or self.second.value is None:
            return math.nan
        low, _ = _limits(self.first, confidence)
        _, high = _limits(self.second, confidence)
        step = math.hypot(self.first.value - low, high - self.second.value)
        return self.first.value - self.second.value - step

    def upper(self, confidence: float) -> float:
        """Return the upper bound; NaN where a part has none."""
        if self.first.value is None or self.second.value is None:
            return math.nan
        _, high = _limits(self.first, confidence)
        low, _ = _limits(self.second, confidence)
        step = math.hypot(high - self.first.value, self.second.value - low)
        return self.first.value - self.second.value + step

    def _exact(self) -> Fraction | None:
        parts = []
        for each in (self.first, self.second):
            if not isinstance(each, Proportion | ClusteredShare | F1):
                return None
            parts.append(Fraction(each.numerator, each.denominator))
        return parts[0] - parts[1]


def _limits(estimate: Estimate, confidence: float) -> tuple[float, float]:
    """Return Wilson limits of a share of independent images, and of anything else its bounds."""
    if not isinstance(estimate, Proportion):
        return estimate.lower(confidence), estimate.upper(confidence)
    images = np.array(float(estimate.denominator))
    low, high = wilson(np.array(estimate.value), images, confidence)
    return float(low), float(high)
