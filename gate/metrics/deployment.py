"""Precision under other class shares than those of the data.

All of it supposes that images of a class look alike in both places, and only the shares differ.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gate.evidence.records import Rows
from gate.metrics import tables
from gate.metrics.estimates import Estimate, Undefined
from gate.metrics.influence import Influence, bound_statistic
from gate.metrics.padded import Padded
from gate.metrics.proportions import Reals, Share
from gate.metrics.rates import NEVER_PREDICTED, recall

CLASS_WITHOUT_IMAGES = "a class that occurs in deployment has no images"


@dataclass(frozen=True, slots=True)
class PrecisionAtPrevalence:
    """The precision of a class at a ``prevalence`` in (0, 1] of that class.

    ``recall`` of the class, and ``alarms``: of all images in deployment, those of other classes
    that are taken for it. Precision is p / (p + t) of the prevalence p and the ratio t of alarms to
    recall, whose bounds are recovered from those of both (MOVER-R: Donner and Zou, 2012).
    """

    recall: Share
    alarms: Padded
    prevalence: float

    numerator: None = None
    denominator: None = None

    @property
    def method(self) -> str:
        """Return the name of the interval, with those of the parts."""
        parts = dict.fromkeys((self.recall.method, self.alarms.method))
        return f"MOVER-R ({'; '.join(parts)})"

    @property
    def reason(self) -> str:
        """Return why nothing is proven, or nothing."""
        return self.recall.reason or self.alarms.reason

    @property
    def value(self) -> float:
        """Return the precision, in [0, 1]."""
        right = self.prevalence * self.recall.value
        return right / (right + self.alarms.value)

    def lower(self, confidence: float) -> float:
        """Return the lower bound, in [0, 1]; NaN where a part has none."""
        if self.reason:
            return math.nan
        least = self.recall.lower(confidence)
        return self._at(self._ratio(self.alarms.upper(confidence), least, 1)) if least else 0.0

    def upper(self, confidence: float) -> float:
        """Return the upper bound, in [0, 1]; NaN where a part has none.

        1 where the recall may be more than twice what was seen.
        """
        if self.reason:
            return math.nan
        most = self.recall.upper(confidence)
        if 2 * self.recall.value <= most:
            return 1.0
        return self._at(self._ratio(self.alarms.lower(confidence), most, -1))

    def _ratio(self, alarms: float, recall: float, side: int) -> float:
        """Return a bound of the ratio from those of both: the upper one for a ``side`` of 1."""
        product = self.alarms.value * self.recall.value
        twice = recall * (2 * self.recall.value - recall)
        inside = product**2 - alarms * (2 * self.alarms.value - alarms) * twice
        return max(0.0, (product + side * math.sqrt(max(0.0, inside))) / twice)

    def _at(self, ratio: float) -> float:
        return self.prevalence / (self.prevalence + ratio)


def deployment_precision(rows: Rows, of: int, shares: Sequence[float]) -> Estimate:
    """Return the precision of the class ``of`` where the classes come in the given ``shares``.

    ``shares``, one a class, add up to 1.
    """
    classes = len(shares)
    matrix = tables.confusion(rows, classes)[:classes]
    sizes, taken = matrix.sum(axis=1), matrix[:, of]
    prevalence = np.asarray(shares, dtype=np.float64)
    if sizes[of] == 0 or (sizes[prevalence > 0] == 0).any():
        return Undefined(CLASS_WITHOUT_IMAGES)
    if taken[prevalence > 0].sum() == 0:
        return Undefined(NEVER_PREDICTED)
    found = recall(rows, of, classes)
    assert not isinstance(found, Undefined), "the class has images"
    return PrecisionAtPrevalence(found, _alarms(rows, of, prevalence), shares[of])


def _alarms(rows: Rows, of: int, prevalence: Reals) -> Padded:
    """Return the share of all images in deployment that are falsely taken for the class ``of``."""
    matrix = tables.confusion(rows, len(prevalence))[: len(prevalence)]
    sizes = np.maximum(matrix.sum(axis=1), 1)
    weights = np.where(np.arange(len(prevalence)) == of, 0.0, prevalence)
    rates = matrix[:, of] / sizes
    each = weights / sizes
    influence = Influence(
        float((weights * rates).sum()),
        of_images=each[rows.labels] * ((rows.predictions == of) - rates[rows.labels]),
        kind=rows.labels.astype(np.int64),
        down=each * rates,
        up=each * (1 - rates),
    )
    return bound_statistic(rows, influence, most=float(weights.sum()))
