"""Shares of images with bounds: the exact binomial, padded for clusters, and F1 through both."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gate.metrics.estimates import Estimate, Undefined
from gate.metrics.padded import METHOD, Spread, few_groups, spread_of, typical_group, unbiased

Counts = NDArray[np.int64]
Reals = NDArray[np.float64]


def exact_lower(k: float, n: float, confidence: float) -> float:
    """Return the lower Clopper-Pearson (1934) bound of a share of ``k`` in ``n``, in [0, 1].

    The bound alone holds with ``confidence``.
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

    def lower(self, confidence: float) -> float:
        """Return the exact lower bound, in [0, 1]."""
        return exact_lower(self.numerator, self.denominator, confidence)

    def upper(self, confidence: float) -> float:
        """Return the exact upper bound, in [0, 1]."""
        return exact_upper(self.numerator, self.denominator, confidence)


@dataclass(frozen=True, eq=False)
class ClusteredShare:
    """A share of images that come in groups (patients, parts), with padded bounds.

    ``hits`` and ``sizes``, (groups,), are the counts of each group, none of them empty. Images of a
    group resemble each other, so that they prove less than their number says. How much they do is
    not assumed: what joins the data is a whole group, all wrong for the lower bound and all right
    for the upper one (see :mod:`gate.metrics.padded`). With fewer than ten groups nothing is
    proven.
    """

    hits: Counts
    sizes: Counts
    method: str = f"{METHOD}, by group"

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
        return len(self.sizes)

    @property
    def value(self) -> float:
        """Return the share, correctly rounded, in [0, 1]."""
        return self.numerator / self.denominator

    @property
    def reason(self) -> str:
        """Return why nothing is proven, or nothing."""
        return few_groups(self.groups)

    @cached_property
    def group_size(self) -> float:
        """The images of the group that joins the data: the typical size, as images see it."""
        return typical_group(self.sizes)

    @cached_property
    def spread(self) -> Spread:
        """What the groups show of the share."""
        n, share = self.denominator, self.value
        sums = (self.hits - share * self.sizes) / n * unbiased(np.array(self.groups))
        weight = self.group_size / n
        return spread_of(sums, down=share * weight, up=(1 - share) * weight)

    def lower(self, confidence: float) -> float:
        """Return the lower bound, in [0, 1]; NaN with fewer than ten groups.

        It is never above that of groups without a miss, 1 - ln(1 / (1 - confidence)) m / n for
        groups of m in n images, nor above that of the same images alone: who makes groups in which
        as many are wrong in each would have no spread at all.
        """
        if self.reason:
            return math.nan
        bound = self.spread.lower(self.value, confidence)
        alone = exact_lower(self.numerator, self.denominator, confidence)
        return max(0.0, min(bound, 1 - self._of_no_spread(confidence), alone))

    def upper(self, confidence: float) -> float:
        """Return the upper bound, in [0, 1]; NaN with fewer than ten groups.

        It is never below that of groups without a hit, nor below that of the images alone.
        """
        if self.reason:
            return math.nan
        bound = self.spread.upper(self.value, confidence)
        alone = exact_upper(self.numerator, self.denominator, confidence)
        return min(1.0, max(bound, self._of_no_spread(confidence), alone))

    def _of_no_spread(self, confidence: float) -> float:
        return -math.log1p(-confidence) * self.group_size / self.denominator


Share = Proportion | ClusteredShare


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
            return ClusteredShare(hits_of[counted], sizes[counted])
    return Proportion(int(np.count_nonzero(hits)), len(hits))


def counted_share(k: int, n: int, empty: str) -> Proportion | Undefined:
    """Return the share of ``k`` in ``n`` independent images, or the reason ``empty`` for none."""
    return Proportion(int(k), int(n)) if n else Undefined(empty, 0, 0)


def as_share(estimate: Estimate) -> Share | None:
    """Return the estimate itself when it is a share of images, else None."""
    return estimate if isinstance(estimate, Proportion | ClusteredShare) else None
