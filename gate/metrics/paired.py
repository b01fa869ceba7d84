"""Two answers to the same images: the difference of their shares, its bounds and its p-value."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gate.metrics.padded import Side, spread_of, unbiased
from gate.metrics.proportions import ClusteredShare, Share, normal_quantile


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """The share of images gained minus the share lost, of the same images.

    ``lost`` were right and are wrong now, ``gained`` were wrong and are right: two shares of the
    same images, or of the same groups. The bounds are recovered from those of both, each at the
    same confidence (MOVER: Zou and Donner, 2008). Where nothing changed in n images they are those
    of a share of none in n, so that a margin of 0.01 takes 299 images.

    The recovery takes both for independent, and no image is lost and gained: where a quarter of the
    images change, that makes bounds too narrow. None is therefore inside Tango's (1998), nor, of
    groups, inside the padded bound of the mean of -1, 0 and 1.
    """

    lost: Share
    gained: Share

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
    def method(self) -> str:
        """Return the name of the interval, with that of the shares."""
        return f"MOVER of lost and gained ({self.lost.method})"

    @property
    def reason(self) -> str:
        """Return why nothing is proven, or nothing."""
        return self.lost.reason or self.gained.reason

    def lower(self, confidence: float) -> float:
        """Return the lower bound, in [-1, 1]; NaN with fewer than ten groups."""
        if self.reason:
            return math.nan
        step = math.hypot(
            self.gained.value - self.gained.lower(confidence),
            self.lost.upper(confidence) - self.lost.value,
        )
        return max(min(self.value - step, self._together(confidence, -1)), -1.0)

    def upper(self, confidence: float) -> float:
        """Return the upper bound, in [-1, 1]; NaN with fewer than ten groups."""
        if self.reason:
            return math.nan
        step = math.hypot(
            self.gained.upper(confidence) - self.gained.value,
            self.lost.value - self.lost.lower(confidence),
        )
        return min(max(self.value + step, self._together(confidence, 1)), 1.0)

    def _together(self, confidence: float, side: Side) -> float:
        """Return a bound that knows that no image is both lost and gained."""
        lost, gained, n = self.lost, self.gained, self.denominator
        alone = tango(lost.numerator, gained.numerator, n, confidence, side)
        if not isinstance(lost, ClusteredShare) or not isinstance(gained, ClusteredShare):
            return alone
        sums = gained.hits - lost.hits - self.value * lost.sizes
        group = lost.group_size / n
        spread = spread_of(
            sums / n * unbiased(np.array(lost.groups)),
            down=(self.value + 1) * group,
            up=(1 - self.value) * group,
        )
        if side < 0:
            return min(spread.lower(self.value, confidence), alone)
        return max(spread.upper(self.value, confidence), alone)


def tango(lost: int, gained: int, images: int, confidence: float, side: Side) -> float:
    """Return a score limit of Tango (1998) for the share gained minus the share lost.

    The lower one for a ``side`` of -1, the upper one for 1. It holds with ``confidence``, about:
    where hardly anything changed, a drop of just the margin passes 6 times in 100 of a promised 5.
    """
    wanted, value = -side * normal_quantile(confidence), (gained - lost) / images
    low, high = (-1.0, value) if side < 0 else (value, 1.0)
    for _ in range(60):  # halves [-1, 1] to the last bit of a double; the score falls
        middle = (low + high) / 2
        above = _score(lost, gained, images, middle) > wanted
        low, high = (middle, high) if above else (low, middle)
    return low if side < 0 else high


def _score(lost: int, gained: int, images: int, difference: float) -> float:
    """Return Tango's statistic for a true ``difference`` in (-1, 1)."""
    a = 2 * images
    b = -lost - gained + (2 * images - gained + lost) * difference
    c = -lost * difference * (1 - difference)
    losing = (math.sqrt(max(b * b - 4 * a * c, 0.0)) - b) / (2 * a)
    variance = images * (2 * losing + difference * (1 - difference))
    distance = gained - lost - images * difference
    if variance <= 0:
        return math.copysign(math.inf, distance)
    return distance / math.sqrt(variance)


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
