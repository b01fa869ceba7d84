"""Shares of images, with exact bounds: the binomial, the same for clusters, and F1 through it."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gate.metrics.estimates import Estimate, Undefined

MIN_GROUPS = 10  # with fewer groups their spread cannot be told from chance

Counts = NDArray[np.int64]
Reals = NDArray[np.float64]


def exact_lower(k: float, n: float, confidence: float) -> float:
    """Return the lower Clopper-Pearson (1934) bound of a share of ``k`` in ``n``, in [0, 1].

    The bound alone holds with ``confidence``. Neither count need be whole, as for an effective
    sample size.
    """
    if k <= 0:
        return 0.0
    from scipy.special import betaincinv  # here: the import is slow, and many commands need none

    return float(betaincinv(k, n - k + 1, 1 - confidence))


def exact_upper(k: float, n: float, confidence: float) -> float:
    """Return the upper Clopper-Pearson (1934) bound of a share of ``k`` in ``n``, in [0, 1]."""
    if k >= n:
        return 1.0
    from scipy.special import betaincinv

    return float(betaincinv(k + 1, n - k, confidence))


def normal_quantile(confidence: float) -> float:
    """Return the standard normal quantile of ``confidence``."""
    from scipy.special import ndtri

    return float(ndtri(confidence))


def wilson(share: Reals, n: Reals, confidence: float) -> tuple[Reals, Reals]:
    """Return lower and upper Wilson (1927) score limits of shares, arrays of one shape.

    Each limit alone holds with ``confidence``, approximately: they serve inside sums and
    differences, where the errors of several shares even out, and decide nothing alone.
    """
    z = normal_quantile(confidence)
    shrink = 1 + z * z / n
    centre = (share + z * z / (2 * n)) / shrink
    half = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / shrink
    # At the ends the limit is the share itself; floats would miss it by a rounding.
    lower = np.where(share == 0, 0.0, centre - half)
    upper = np.where(share == 1, 1.0, centre + half)
    return lower, upper


def tail_at_least(k: int, n: int, p: float) -> float:
    """Return the chance of ``k`` or more successes in ``n`` trials of chance ``p``."""
    if k <= 0:
        return 1.0
    from scipy.special import betainc

    return float(betainc(k, n - k + 1, p))


@dataclass(frozen=True, slots=True)
class Proportion:
    """A share of independent images, ``numerator`` of ``denominator``, with exact bounds.

    Clopper and Pearson (1934): the only interval that keeps its promise one-sided at high
    thresholds; a pass is the same event as an exact binomial test that rejects.
    """

    numerator: int
    denominator: int
    reason: str = ""
    method: str = "Clopper-Pearson"

    def __post_init__(self) -> None:
        if not 0 <= self.numerator <= self.denominator or self.denominator == 0:
            raise ValueError(f"no share: {self.numerator} of {self.denominator}")

    @property
    def value(self) -> float:
        """Return the share, correctly rounded, in [0, 1]."""
        return self.numerator / self.denominator

    def effective(self, confidence: float) -> float:  # noqa: ARG002 - clusters depend on it
        """Return how many independent images the share rests on."""
        return float(self.denominator)

    def lower(self, confidence: float) -> float:
        """Return the exact lower bound, in [0, 1]."""
        return exact_lower(self.numerator, self.denominator, confidence)

    def upper(self, confidence: float) -> float:
        """Return the exact upper bound, in [0, 1]."""
        return exact_upper(self.numerator, self.denominator, confidence)


@dataclass(frozen=True, slots=True, eq=False)
class ClusteredProportion:
    """A share of images that come in groups (patients, parts), with Korn-Graubard (1998) bounds.

    ``hits`` and ``sizes``, (groups,), are the counts of each group. Images of a group resemble each
    other, so that they prove less than their number says: the exact bounds are taken at the
    effective number of images. With fewer than ten groups nothing is proven.
    """

    hits: Counts
    sizes: Counts
    method: str = "Korn-Graubard"

    @property
    def numerator(self) -> int:
        """Return the images that count."""
        return int(self.hits.sum())

    @property
    def denominator(self) -> int:
        """Return all images."""
        return int(self.sizes.sum())

    @property
    def groups(self) -> int:
        """Return the groups that have images here."""
        return int(np.count_nonzero(self.sizes))

    @property
    def value(self) -> float:
        """Return the share, correctly rounded, in [0, 1]."""
        return self.numerator / self.denominator

    @property
    def reason(self) -> str:
        """Return why nothing is proven, or nothing."""
        if self.groups >= MIN_GROUPS:
            return ""
        return f"{self.groups} groups, and at least {MIN_GROUPS} are needed for a bound"

    @property
    def standard_error(self) -> float:
        """Return the standard error of the share as a ratio of group totals."""
        g = self.groups
        residuals = self.hits - self.value * self.sizes
        return math.sqrt(g / (g - 1) * float((residuals**2).sum())) / self.denominator

    @property
    def design_effect(self) -> float:
        """Return by what the groups inflate the variance, 1 or more; NaN for a share of 0 or 1."""
        p = self.value
        if p in (0.0, 1.0) or self.groups < 2:
            return math.nan
        return max(1.0, self.standard_error**2 / (p * (1 - p) / self.denominator))

    def effective(self, confidence: float) -> float:
        """Return how many independent images would prove as much, at most ``denominator``."""
        if self.value in (0.0, 1.0):
            return float(self.groups)  # nothing is known of the spread: a group counts once
        from scipy.special import stdtrit

        n = self.denominator
        wide, narrow = stdtrit([self.groups - 1, n - 1], confidence)
        fewer_degrees = 1.0 if wide <= 0 else float(narrow / wide) ** 2
        return n / self.design_effect * fewer_degrees

    def lower(self, confidence: float) -> float:
        """Return the lower bound, in [0, 1]; NaN with fewer than ten groups."""
        if self.groups < MIN_GROUPS:
            return math.nan
        n = self.effective(confidence)
        return exact_lower(self.value * n, n, confidence)

    def upper(self, confidence: float) -> float:
        """Return the upper bound, in [0, 1]; NaN with fewer than ten groups."""
        if self.groups < MIN_GROUPS:
            return math.nan
        n = self.effective(confidence)
        return exact_upper(self.value * n, n, confidence)


Share = Proportion | ClusteredProportion


@dataclass(frozen=True, slots=True)
class F1:
    """The F1 of one class, 2 TP / (2 TP + FP + FN), with exact bounds.

    Of the images that are of the class, or are taken for it, the share that is both is binomial; F1
    is 2j / (1 + j) of that share ``jaccard``, and so are its bounds.
    """

    jaccard: Share

    @property
    def numerator(self) -> int:
        """Return 2 TP."""
        return 2 * self.jaccard.numerator

    @property
    def denominator(self) -> int:
        """Return 2 TP + FP + FN."""
        return self.jaccard.numerator + self.jaccard.denominator

    @property
    def value(self) -> float:
        """Return F1, in [0, 1]."""
        return self.numerator / self.denominator

    @property
    def method(self) -> str:
        """Return the method of the share beneath."""
        return f"{self.jaccard.method} through the Jaccard index"

    @property
    def reason(self) -> str:
        """Return why nothing is proven, or nothing."""
        return self.jaccard.reason

    def lower(self, confidence: float) -> float:
        """Return the lower bound, in [0, 1]."""
        j = self.jaccard.lower(confidence)
        return 2 * j / (1 + j)

    def upper(self, confidence: float) -> float:
        """Return the upper bound, in [0, 1]."""
        j = self.jaccard.upper(confidence)
        return 2 * j / (1 + j)


def share_of(
    hits: NDArray[np.bool_], codes: NDArray[np.int64] | None, empty: str
) -> Share | Undefined:
    """Return the share of true ``hits``, (n,); clustered where ``codes``, (n,), number the groups.

    Where every image is a group of its own there are no clusters, and the bounds are the exact
    ones. ``empty`` is the reason that is given when there are no images.
    """
    if len(hits) == 0:
        return Undefined(empty, 0, 0)
    if codes is not None:
        sizes = np.bincount(codes)
        if sizes.max() > 1:
            counted = sizes > 0
            hits_of = np.bincount(codes, weights=hits).astype(np.int64)
            return ClusteredProportion(hits_of[counted], sizes[counted])
    return Proportion(int(np.count_nonzero(hits)), len(hits))


def counted_share(k: int, n: int, empty: str) -> Proportion | Undefined:
    """Return the share of ``k`` in ``n`` independent images, or the reason ``empty`` for none."""
    return Proportion(int(k), int(n)) if n else Undefined(empty, 0, 0)


def as_share(estimate: Estimate) -> Share | None:
    """Return the estimate itself when it is a share of images, else None."""
    return estimate if isinstance(estimate, Proportion | ClusteredProportion) else None
