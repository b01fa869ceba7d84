"""The table of thresholds of a class: recall, false alarms, precision and work in deployment.

The class is asked first, against all others: its answer does not depend on the rest of an order.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gate.evidence.records import Rows
from gate.metrics.deployment import deployment_precision
from gate.metrics.estimates import Estimate, Undefined
from gate.metrics.proportions import Share
from gate.metrics.rates import false_positive_rate, recall

RECALLS = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 1.0)  # of which a table has one threshold each
_OF = 1  # the class, where all others are one


@dataclass(frozen=True, slots=True)
class Flagged:
    """The images of 1,000 in deployment that are taken for the class: p recall + (1 - p) alarms.

    The bounds are recovered from those of both (MOVER: Zou and Donner, 2008).
    """

    found: Share
    alarms: Share
    prevalence: float

    @property
    def value(self) -> float:
        """Return the number, in [0, 1000]."""
        return self._of(self.found.value, self.alarms.value)

    def lower(self, confidence: float) -> float:
        """Return the lower bound; NaN where a part has none."""
        return self._bound(self.found.lower(confidence), self.alarms.lower(confidence), -1)

    def upper(self, confidence: float) -> float:
        """Return the upper bound; NaN where a part has none."""
        return self._bound(self.found.upper(confidence), self.alarms.upper(confidence), 1)

    def _bound(self, found: float, alarms: float, side: int) -> float:
        p = self.prevalence
        apart = (p * (found - self.found.value), (1 - p) * (alarms - self.alarms.value))
        return self.value + side * 1000 * math.hypot(*apart)

    def _of(self, found: float, alarms: float) -> float:
        return 1000 * (self.prevalence * found + (1 - self.prevalence) * alarms)


@dataclass(frozen=True, slots=True)
class AtThreshold:
    """What a class is like from one score on."""

    threshold: float
    recall: Estimate
    fpr: Estimate
    precision: Estimate  # at the prevalence
    flagged: Flagged | None  # of 1,000 images, at the prevalence; None without images of both kinds


def at_thresholds(
    rows: Rows, of: int, thresholds: Sequence[float], prevalence: float
) -> list[AtThreshold]:
    """Return what the class ``of`` is like at each threshold, for rows that have scores.

    ``prevalence``, in (0, 1), is the share of the class where the model is used.
    """
    assert rows.scores is not None, "there are scores"
    scores = rows.scores[:, of].astype(np.float64)
    alone = replace(rows, labels=(rows.labels == of).astype(np.int32), scores=None, abstains=False)
    return [
        _at(replace(alone, predictions=(scores >= each).astype(np.int32)), each, prevalence)
        for each in thresholds
    ]


def _at(rows: Rows, threshold: float, prevalence: float) -> AtThreshold:
    found, alarms = recall(rows, _OF, 2), false_positive_rate(rows, _OF, 2)
    flagged = (
        None
        if isinstance(found, Undefined) or isinstance(alarms, Undefined)
        else Flagged(found, alarms, prevalence)
    )
    precision = deployment_precision(rows, _OF, (1 - prevalence, prevalence))
    return AtThreshold(threshold, found, alarms, precision, flagged)


def thresholds_of_recalls(rows: Rows, of: int, recalls: Sequence[float] = RECALLS) -> list[float]:
    """Return the highest threshold with each recall on the rows, the highest first, each once."""
    assert rows.scores is not None, "there are scores"
    mine = np.sort(rows.scores[rows.labels == of, of].astype(np.float64))[::-1]
    if not len(mine):
        return []
    places = [max(0, math.ceil(each * len(mine)) - 1) for each in recalls]
    return sorted({float(mine[place]) for place in places}, reverse=True)
