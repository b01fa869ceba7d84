"""The median of ratios that were measured in pairs, with the bound of a sign test."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class MedianRatio:
    """The median of independent ratios, (n,): distribution-free.

    The bounds are order statistics: below the (j + 1)-th smallest lie at most j of n, and the sign
    test refuses a median there where P(Bin(n, 1/2) <= j) <= 1 - confidence. NaN below 5 ratios at
    0.95.
    """

    ratios: NDArray[np.float64]

    @property
    def value(self) -> float:
        """Return the median; NaN of none."""
        return float(np.median(self.ratios)) if len(self.ratios) else math.nan

    def lower(self, confidence: float) -> float:
        """Return the lower bound; NaN where so few ratios prove none."""
        from scipy.special import bdtr

        n = len(self.ratios)
        tails = bdtr(np.arange(n), n, 0.5)
        outside = int((tails <= 1 - confidence).sum())  # j + 1; they grow with j
        return float(np.sort(self.ratios)[outside - 1]) if outside else math.nan
