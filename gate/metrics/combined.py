"""Sums and differences of independent shares, with bounds recovered from those of the parts."""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from gate.metrics.estimates import Estimate
from gate.metrics.proportions import (
    F1,
    ClusteredProportion,
    Counts,
    Proportion,
    Reals,
    as_share,
    wilson,
)


@dataclass(frozen=True, slots=True, eq=False)
class WeightedSum:
    """A weighted sum of independent shares: balanced accuracy, macro recall.

    ``hits`` of ``sizes``, both (parts,), all sizes positive; ``weights``, (parts,), or None for the
    plain mean. Bounds by MOVER (Zou and Donner, 2008) from the Wilson limits of the parts.
    """

    hits: Counts
    sizes: Counts
    weights: Reals | None = None
    reason: str = ""
    method: str = "MOVER with Wilson limits"

    @property
    def numerator(self) -> None:
        """Return None: the value is no quotient of counts."""
        return

    @property
    def denominator(self) -> int:
        """Return the images of all parts."""
        return int(self.sizes.sum())

    @property
    def value(self) -> float:
        """Return the sum; in [0, 1] when the weights add up to 1."""
        shares = self.hits / self.sizes
        if self.weights is None:
            return float(np.mean(shares))  # bit-equal to the usual definition
        return float((self.weights * shares).sum())

    def lower(self, confidence: float) -> float:
        """Return the lower bound."""
        shares, weights = self.hits / self.sizes, self._weights()
        low, _ = wilson(shares, self.sizes.astype(np.float64), confidence)
        return self.value - float(np.sqrt(((weights * (shares - low)) ** 2).sum()))

    def upper(self, confidence: float) -> float:
        """Return the upper bound."""
        shares, weights = self.hits / self.sizes, self._weights()
        _, high = wilson(shares, self.sizes.astype(np.float64), confidence)
        return self.value + float(np.sqrt(((weights * (high - shares)) ** 2).sum()))

    def _weights(self) -> Reals:
        if self.weights is not None:
            return self.weights
        return np.full(len(self.sizes), 1 / len(self.sizes))


@dataclass(frozen=True, slots=True)
class Difference:
    """One estimate minus another of independent images, such as train minus test.

    Between two shares this is the hybrid score interval of Newcombe (1998, method 10); between
    other estimates the same recovery (Zou and Donner, 2008) from their own bounds.
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
        both = as_share(self.first) is not None and as_share(self.second) is not None
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
            if not isinstance(each, Proportion | ClusteredProportion | F1):
                return None
            parts.append(Fraction(each.numerator, each.denominator))
        return parts[0] - parts[1]


def _limits(estimate: Estimate, confidence: float) -> tuple[float, float]:
    """Return Wilson limits of a share, and of anything else its own bounds."""
    share = as_share(estimate)
    if share is None or share.reason:
        return estimate.lower(confidence), estimate.upper(confidence)
    n = share.effective(confidence)
    low, high = wilson(np.array(share.value), np.array(n), confidence)
    return float(low), float(high)
