"""Precision and accuracy where the classes come in other shares than in the data.

All of it supposes that images of a class look alike in both places, and only the shares differ.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from gate.evidence.records import Rows
from gate.metrics import tables
from gate.metrics.estimates import Estimate, Undefined
from gate.metrics.proportions import Reals, normal_quantile
from gate.metrics.rates import NEVER_PREDICTED
from gate.metrics.resampling import SEED, Bootstrapped, bootstrap_groups

DRAWS = 4000
_FAR = 100.0  # beyond any likelihood ratio that counts can show, as a logarithm
CLASS_WITHOUT_IMAGES = "a class that occurs in deployment has no images"


@dataclass(frozen=True, slots=True)
class PrecisionAtPrevalence:
    """The precision of one of two classes at a ``prevalence`` in (0, 1) of that class.

    ``found`` of ``positives`` and ``alarms`` of ``negatives`` are taken for the class. Bounds by
    the score interval of the likelihood ratio (Koopman, 1984), finite even without false alarms.
    """

    found: int
    positives: int
    alarms: int
    negatives: int
    prevalence: float
    reason: str = ""
    method: str = "Koopman score"

    @property
    def numerator(self) -> None:
        """Return None: the value is no quotient of counts."""
        return

    @property
    def denominator(self) -> int:
        """Return the images of both classes."""
        return self.positives + self.negatives

    @property
    def value(self) -> float:
        """Return the precision, in [0, 1]."""
        prevalence = Fraction(self.prevalence)
        right = prevalence * Fraction(self.found, self.positives)
        wrong = (1 - prevalence) * Fraction(self.alarms, self.negatives)
        return float(right / (right + wrong))

    def lower(self, confidence: float) -> float:
        """Return the lower bound, in [0, 1]."""
        if self.found == 0:
            return 0.0
        return self._at(self._where_score_is(normal_quantile(confidence)))

    def upper(self, confidence: float) -> float:
        """Return the upper bound, in [0, 1]."""
        if self.alarms == 0:
            return 1.0
        return self._at(self._where_score_is(-normal_quantile(confidence)))

    def _where_score_is(self, z: float) -> float:
        """Return the log of the ratio at which the score, which falls, is ``z``."""
        low, high = -_FAR, _FAR
        for _ in range(70):  # halves the range to the last bit of a double
            middle = (low + high) / 2
            low, high = (middle, high) if self._score(math.exp(middle)) > z else (low, middle)
        return low if z > 0 else high

    def _score(self, ratio: float) -> float:
        """Return Koopman's signed statistic for a true likelihood ratio."""
        x, m, y, n = self.found, self.positives, self.alarms, self.negatives
        b = ratio * (m + y) + x + n
        root = math.sqrt(max(b * b - 4 * ratio * (m + n) * (x + y), 0.0))
        low = 2 * (x + y) / (b + root)  # the rate of the negatives that fits best
        high = min(ratio * low, 1.0)  # and that of the positives
        variance = high * (1 - high) / m + ratio**2 * low * (1 - low) / n
        distance = x / m - ratio * y / n
        return distance / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, distance)

    def _at(self, log_ratio: float) -> float:
        """Return the precision at a likelihood ratio."""
        return 1 / (1 + (1 - self.prevalence) / self.prevalence * math.exp(-log_ratio))


def deployment_precision(rows: Rows, of: int, shares: Sequence[float]) -> Estimate:
    """Return the precision of the class ``of`` where the classes come in the given ``shares``.

    ``shares``, one a class, add up to 1. Of two classes the bounds are Koopman's; of more, each
    class is taken for ``of`` at a rate that is drawn from its posterior (Dirichlet with 1 / classes
    added to each cell).
    """
    classes = len(shares)
    matrix = tables.confusion(rows, classes)
    sizes, taken = matrix.sum(axis=1), matrix[:, of]
    prevalence = np.asarray(shares, dtype=np.float64)
    if (sizes[prevalence > 0] == 0).any():
        return Undefined(CLASS_WITHOUT_IMAGES)
    if taken[prevalence > 0].sum() == 0:
        return Undefined(NEVER_PREDICTED)
    if tables.clustered(rows):
        return _by_groups(
            rows,
            rows.predictions == of,
            prevalence,
            lambda rates: _precision(rates, of, prevalence),
        )
    if classes == 2 and 0 < shares[of] < 1:
        other = 1 - of
        return PrecisionAtPrevalence(
            found=int(taken[of]),
            positives=int(sizes[of]),
            alarms=int(taken[other]),
            negatives=int(sizes[other]),
            prevalence=shares[of],
        )
    random = np.random.default_rng(SEED)
    rates = random.beta(taken + 1 / classes, sizes - taken + 1 - 1 / classes, (DRAWS, classes))
    drawn = np.sort(_precision(rates, of, prevalence))
    value = float(_precision(taken / np.maximum(sizes, 1), of, prevalence))
    return Bootstrapped(value, drawn, posterior=True)


def _precision(rates: Reals, of: int, prevalence: Reals) -> Reals:
    """Return precision from how often each class is taken for ``of``, (..., classes)."""
    taken = rates * prevalence
    return np.asarray(taken[..., of] / taken.sum(axis=-1))


def _by_groups(
    rows: Rows,
    hits: NDArray[np.bool_],
    prevalence: Reals,
    statistic: Callable[[Reals], Reals],
) -> Estimate:
    """Return a statistic of the share of ``hits`` in each class, bounds by drawing whole groups."""
    codes = tables.group_codes(rows)
    assert codes is not None
    classes = len(prevalence)
    cell = codes * classes + rows.labels
    cells = (int(codes.max()) + 1) * classes
    hit = np.bincount(cell, weights=hits, minlength=cells).reshape(-1, classes)
    sizes = np.bincount(cell, minlength=cells).reshape(-1, classes)

    def of_totals(totals: Reals) -> Reals:
        # A draw that misses a class has no value; one of a class that does not occur is not needed.
        with np.errstate(invalid="ignore"):
            shares = totals[..., :classes] / totals[..., classes:]
            return statistic(np.where(prevalence > 0, shares, 0.0))

    return bootstrap_groups(np.concatenate([hit, sizes], axis=1), of_totals)
