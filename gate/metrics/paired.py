"""Two answers to the same images: the difference of their shares, and McNemar's test."""

import math
from dataclasses import dataclass
from typing import Literal

from gate.metrics.padded import METHOD
from gate.metrics.proportions import Share, normal_quantile


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """The share of images gained minus the share lost, of independent images.

    ``lost`` were right and are wrong now, ``gained`` were wrong and are right. Bounds by the score
    interval of Tango (1998), which has a width even where nothing was lost or gained.
    """

    lost: int
    gained: int
    denominator: int
    reason: str = ""
    method: str = "Tango score"

    @property
    def numerator(self) -> int:
        """Return the images gained, less those lost; it may be negative."""
        return self.gained - self.lost

    @property
    def value(self) -> float:
        """Return the difference, in [-1, 1]."""
        return self.numerator / self.denominator

    def lower(self, confidence: float) -> float:
        """Return the lower bound, in [-1, 1]."""
        return self._where_score_is(normal_quantile(confidence), -1.0, self.value)

    def upper(self, confidence: float) -> float:
        """Return the upper bound, in [-1, 1]."""
        return self._where_score_is(-normal_quantile(confidence), self.value, 1.0)

    def _where_score_is(self, z: float, low: float, high: float) -> float:
        """Return the difference in [low, high] at which the score, which falls, is ``z``."""
        for _ in range(60):  # halves [-1, 1] to the last bit of a double
            middle = (low + high) / 2
            low, high = (middle, high) if self._score(middle) > z else (low, middle)
        return low if z > 0 else high

    def _score(self, difference: float) -> float:
        """Return Tango's statistic for a true ``difference`` in (-1, 1)."""
        n = self.denominator
        a = 2 * n
        b = -self.lost - self.gained + (2 * n - self.gained + self.lost) * difference
        c = -self.lost * difference * (1 - difference)
        losing = (math.sqrt(max(b * b - 4 * a * c, 0.0)) - b) / (2 * a)
        variance = n * (2 * losing + difference * (1 - difference))
        distance = self.gained - self.lost - n * difference
        if variance <= 0:
            return math.copysign(math.inf, distance)
        return distance / math.sqrt(variance)


@dataclass(frozen=True, slots=True, eq=False)
class ClusteredPairedDifference:
    """The share of images gained minus the share lost, of images that come in groups.

    Both are shares of the same images by group, with padded bounds; those of their difference are
    recovered from them (MOVER: Zou and Donner, 2008). Where no group changed there is a bound too.
    """

    lost: Share
    gained: Share
    method: str = f"MOVER of shares, {METHOD}, by group"

    @property
    def numerator(self) -> int:
        """Return the images gained, less those lost; it may be negative."""
        return self.gained.numerator - self.lost.numerator

    @property
    def denominator(self) -> int:
        """Return all images."""
        return self.lost.denominator

    @property
    def value(self) -> float:
        """Return the difference, in [-1, 1]."""
        return self.numerator / self.denominator

    @property
    def reason(self) -> str:
        """Return why nothing is proven, or nothing."""
        return self.lost.reason or self.gained.reason

    def lower(self, confidence: float) -> float:
        """Return the lower bound, in [-1, 1]; NaN with fewer than ten groups."""
        step = math.hypot(
            self.gained.value - self.gained.lower(confidence),
            self.lost.upper(confidence) - self.lost.value,
        )
        return max(self.value - step, -1.0) if not math.isnan(step) else math.nan

    def upper(self, confidence: float) -> float:
        """Return the upper bound, in [-1, 1]; NaN with fewer than ten groups."""
        step = math.hypot(
            self.gained.upper(confidence) - self.gained.value,
            self.lost.value - self.lost.lower(confidence),
        )
        return min(self.value + step, 1.0) if not math.isnan(step) else math.nan


def mcnemar_p(lost: int, gained: int, variant: Literal["exact", "mid"] = "exact") -> float:
    """Return the two-sided p-value of McNemar's test that as many are lost as gained.

    "exact" is binomial; "mid" takes half of the observed case away (Fagerland, Lydersen and Laake,
    2013). 1 when nothing changed. A large value does not show that nothing was lost.
    """
    from scipy.special import bdtr

    changed, fewer = lost + gained, min(lost, gained)
    if changed == 0:
        return 1.0
    tails = 2 * float(bdtr(fewer, changed, 0.5))
    here = float(math.comb(changed, fewer) / 2**changed)
    if variant == "mid":
        return 1 - here / 2 if lost == gained else tails - here
    return min(1.0, tails)
