"""The padded bound of a statistic: one more unit, as bad as can be, joins the data.

A bound from the spread of the data alone fails where it matters most: without a mistake there is no
spread, and a model with none looks proven. Here one *unit* (a group of images, or an image where
there are no groups) joins the data before the bound is taken: as bad as a unit can be for a lower
bound, as good for an upper one. With the third moment of the units the bound is then a quantile of
a Pearson III (gamma) distribution.

For counts of rare events that is the interval of Fay and Feuer (1997); for a mean, the fit by three
moments to the bound of Gaffke (2005) and of Learned-Miller and Thomas (2019), Rubin's Bayesian
bootstrap (1981) with one observation more at the worst value, which for a share is Clopper and
Pearson's. Any statistic comes to it through its *influence*: what the weight of one more image
would add to it, one number an image with a sum of 0.

That the bound holds for every distribution is a conjecture in those papers, and no theorem. By
enumeration and simulation a requirement is passed wrongly at most 0.055 times of a promised 0.05
(patients of very unequal size, right or wrong as a whole), and failed wrongly at most 0.058 times,
0.11 for the macro F1 of a thousand classes. Groups prove no more than their images would alone.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

MIN_GROUPS = 10  # with fewer groups their spread cannot be told from chance
METHOD = "padded, Pearson III"

_NO_SKEW = 1e-4  # below, the gamma quantile is the normal one, and loses digits

Side = Literal[-1, 1]  # of a lower bound, of an upper one
Numbers = NDArray[np.float64]


def few_groups(groups: int) -> str:
    """Return how many groups are missing for a bound, as a reason; nothing where there are ten."""
    missing = MIN_GROUPS - groups
    if missing <= 0:
        return ""
    noun, verb = "group" if groups == 1 else "groups", "is" if missing == 1 else "are"
    return f"{groups} {noun}, {missing} more {verb} needed for a bound"


def pearson3_quantile(skew: float, confidence: float) -> float:
    """Return the quantile of the Pearson III distribution of mean 0, variance 1 and this ``skew``.

    It is the gamma distribution of shape 4 / skew^2, moved and turned around; normal for a skew of
    0, exponential for 2.
    """
    from scipy.special import gammainccinv, gammaincinv, ndtri  # here: the import is slow

    if abs(skew) < _NO_SKEW:  # the shape is too large to invert: Cornish and Fisher (1938)
        normal = float(ndtri(confidence))
        return normal + (normal**2 - 1) * skew / 6
    shape = 4 / skew**2
    if skew > 0:
        return float(gammaincinv(shape, confidence) - shape) * skew / 2
    return float(gammainccinv(shape, confidence) - shape) * skew / 2


def typical(first: Numbers | float, second: Numbers | float) -> Numbers:
    """Return the size of a unit that pads, from the mean and mean square over images: M1, M2.

    The mean over images, and not over units (Kish, 1965); where units are very unequal M2 / (2 M1),
    which is what the skewness of a sum of them asks for. 0 where all sizes are.
    """
    mean, square = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    half = np.divide(square, 2 * mean, out=np.zeros_like(mean), where=mean > 0)
    return np.maximum(mean, half)


def typical_group(sizes: NDArray[np.int64]) -> float:
    """Return the size of a group that pads, from the ``sizes`` of all, (groups,), none empty."""
    each = np.sort(sizes).astype(np.float64)
    return float(typical((each**2).sum() / each.sum(), (each**3).sum() / each.sum()))


def unbiased(units: NDArray[np.int64]) -> Numbers:
    """Return sqrt(G / (G - 1)) for ``units`` G: by what influences grow, as their mean is fitted.

    The shape is that of ``units``; 1 for a single unit, which shows no spread.
    """
    return np.sqrt(units / np.maximum(units - 1, 1))


@dataclass(frozen=True, slots=True)
class Spread:
    """What the units show of a statistic: enough for its bounds at any confidence.

    ``squares`` and ``cubes`` are sums over the units of powers of their summed influence. ``down``
    and ``up``, both 0 or more, are by how much the worst and the best unit move the statistic.
    """

    squares: float
    cubes: float
    down: float
    up: float

    def lower(self, value: float, confidence: float) -> float:
        """Return the lower bound of a statistic that is ``value`` on the data, of any range."""
        return self._bound(value, -1, self.down, confidence)

    def upper(self, value: float, confidence: float) -> float:
        """Return the upper bound of a statistic that is ``value`` on the data, of any range."""
        return self._bound(value, 1, self.up, confidence)

    def _bound(self, value: float, side: Side, pad: float, confidence: float) -> float:
        squares = self.squares + pad**2
        if squares == 0:
            return value
        deviation = math.sqrt(squares)
        # The factor 2 is the skewness of the weights of a Bayesian bootstrap.
        skew = 2 * (side * self.cubes + pad**3) / squares / deviation
        return value + side * max(0.0, pad + deviation * pearson3_quantile(skew, confidence))


def spread_of(
    sums: Numbers, down: float, up: float, times: NDArray[np.int64] | None = None, lone: float = 0.0
) -> Spread:
    """Return the spread of units with the summed influences ``sums``, (units,).

    ``times``, (units,), counts units that are alike; ``lone`` is the variance of classes that are
    seen in one unit only. What is added is sorted first, so that the order of the rows and the
    names of groups and classes add no rounding.
    """
    if times is None:
        each = np.sort(sums)
        squares = each**2
    else:
        order = np.lexsort((times, sums))
        each = sums[order]
        squares = each**2 * times[order]
    return Spread(float(squares.sum()) + lone, float((squares * each).sum()), down, up)


@dataclass(frozen=True, slots=True)
class Padded:
    """A statistic with padded bounds, which lie in [``least``, ``most``].

    ``spread`` is None where nothing can be proven, and ``reason`` says why. ``spotless`` has the
    spread of the same images all answered right, whose lower bound no mistake exceeds; its value is
    ``most``. ``alone`` is the spread of images that come in groups as if they did not, whose bounds
    are never wider: groups that are all alike, as who knows the answers can make them, would show
    less spread than their images. ``fails`` is false where the statistic is biased downwards, so
    that its upper bound proves nothing; ``reason`` says that too. ``too_low``, 0 or more, is what
    the upper bound allows for a value that is expected to lie below the truth.
    """

    value: float
    spread: Spread | None
    least: float = 0.0
    most: float = 1.0
    spotless: Spread | None = None
    alone: Spread | None = None
    fails: bool = True
    too_low: float = 0.0
    reason: str = ""
    method: str = METHOD
    numerator: None = None  # the value is no quotient of counts
    denominator: None = None

    def lower(self, confidence: float) -> float:
        """Return the lower bound; NaN where nothing can be proven."""
        if self.spread is None:
            return math.nan
        bound = self.spread.lower(self.value, confidence)
        if self.spotless is not None:
            bound = min(bound, self.spotless.lower(self.most, confidence))
        if self.alone is not None:
            bound = min(bound, self.alone.lower(self.value, confidence))
        return min(max(bound, self.least), self.most)

    def upper(self, confidence: float) -> float:
        """Return the upper bound; NaN where nothing can be proven."""
        if self.spread is None:
            return math.nan
        if not self.fails:
            return self.most
        bound = self.spread.upper(self.value, confidence)
        if self.alone is not None:
            bound = max(bound, self.alone.upper(self.value, confidence))
        bound += self.too_low
        return min(max(bound, self.least), self.most)
