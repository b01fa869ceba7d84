"""Means over images: loss, cost; and the difference of two of them."""

import math
from dataclasses import dataclass

import numpy as np

from gate.metrics.proportions import Reals, exact_upper, normal_quantile


@dataclass(frozen=True, slots=True)
class SampleMean:
    """The mean of one number an image, over independent images.

    Bounds by Hall's transformation of the t statistic (1992), which removes the skewness that
    losses have; on heavy-tailed losses it keeps its promise with fewer images than the bootstrap
    (upper 95 % bound at n = 50: right 94.7 % of the time; BCa 87.0 %, Student 80.3 %), takes one
    pass, and needs no seed. Where all numbers are alike there is no spread to go by; the bounds
    are then exact for how often a number in [``least``, ``most``] may differ from them.
    """

    value: float
    standard_error: float
    skewness: float
    denominator: int
    least: float = -math.inf
    most: float = math.inf
    note: str = ""

    @property
    def numerator(self) -> None:
        """Return None: the value is no quotient of counts."""
        return

    @property
    def method(self) -> str:
        """Return the name of the interval."""
        return "skewness-corrected t (Hall)" if self.standard_error > 0 else "exact for no spread"

    @property
    def reason(self) -> str:
        """Return a note, or nothing."""
        return self.note

    def lower(self, confidence: float) -> float:
        """Return the lower bound."""
        if not self.standard_error > 0:
            return self._without_spread(self.least, confidence)
        return self.value - self.standard_error * self._corrected(confidence)

    def upper(self, confidence: float) -> float:
        """Return the upper bound."""
        if not self.standard_error > 0:
            return self._without_spread(self.most, confidence)
        return self.value - self.standard_error * self._corrected(1 - confidence)

    def _corrected(self, level: float) -> float:
        """Return the quantile of the t statistic at ``level``, by Hall's cubic turned around."""
        n, g = self.denominator, self.skewness
        z = normal_quantile(level)
        if abs(g) < 1e-9:
            return z
        cubed = 1 + g * (z / math.sqrt(n) - g / (6 * n))
        return 3 / g * (math.copysign(abs(cubed) ** (1 / 3), cubed) - 1) * math.sqrt(n)

    def _without_spread(self, extreme: float, confidence: float) -> float:
        if not math.isfinite(extreme):
            return math.nan
        others = exact_upper(0, self.denominator, confidence)
        return self.value + (extreme - self.value) * others


@dataclass(frozen=True, slots=True)
class WelchDifference:
    """The mean of one sample minus that of another, with the bounds of Welch (1947)."""

    first: SampleMean
    second: SampleMean
    method: str = "Welch"

    @property
    def numerator(self) -> None:
        """Return None: the value is no quotient of counts."""
        return

    @property
    def denominator(self) -> None:
        """Return None: the value is no quotient of counts."""
        return

    @property
    def value(self) -> float:
        """Return the difference."""
        return self.first.value - self.second.value

    @property
    def reason(self) -> str:
        """Return why nothing is proven, or a note."""
        if not self._standard_error() > 0:
            return "degenerate: no spread in either sample, which proves nothing"
        return self.first.reason or self.second.reason

    def lower(self, confidence: float) -> float:
        """Return the lower bound; NaN when neither sample has any spread."""
        return self.value - self._half_width(confidence)

    def upper(self, confidence: float) -> float:
        """Return the upper bound; NaN when neither sample has any spread."""
        return self.value + self._half_width(confidence)

    def _standard_error(self) -> float:
        return math.hypot(self.first.standard_error, self.second.standard_error)

    def _half_width(self, confidence: float) -> float:
        if not self._standard_error() > 0:
            return math.nan
        from scipy.special import stdtrit

        of_degrees = sum(
            each.standard_error**4 / (each.denominator - 1)
            for each in (self.first, self.second)
            if each.denominator > 1
        )
        degrees = self._standard_error() ** 4 / of_degrees
        return float(stdtrit(degrees, confidence)) * self._standard_error()


def mean_of(
    values: Reals, *, least: float = -math.inf, most: float = math.inf, note: str = ""
) -> SampleMean:
    """Return the mean of ``values``, (n,) with n > 0, each in [``least``, ``most``]."""
    values = np.sort(values)  # so that the order of the rows does not reach the last bit
    mean = float(values.mean())
    apart = values - mean
    n = len(values)
    # Numbers that are all alike may differ from their mean by a rounding: that is no spread.
    alike = n < 2 or values[0] == values[-1]
    deviation = 0.0 if alike else math.sqrt(float((apart**2).sum()) / (n - 1))
    skewness = 0.0 if alike else float((apart**3).mean()) / deviation**3
    return SampleMean(
        value=float(values[0]) if alike else mean,
        standard_error=deviation / math.sqrt(n),
        skewness=skewness,
        denominator=n,
        least=least,
        most=most,
        note=note,
    )
