"""A number of a report: a metric with its bounds, and null where there is none."""

import math

from gate.decision import Bounds
from gate.evidence.records import Split
from gate.metrics.estimates import Estimate
from gate.metrics.summary import Metric
from gate.report import model

SUMMARY_CONFIDENCE = 0.95  # of the bounds of metrics that no rule speaks of


def interval(estimate: Estimate, bounds: Bounds) -> model.IntervalPart | None:
    """Return bounds as reports have them; None where neither is a number."""
    low, high = finite(bounds.low), finite(bounds.high)
    if low is None and high is None:
        return None
    return model.IntervalPart(
        low=low, high=high, one_sided_confidence=bounds.confidence, method=estimate.method
    )


def metric_part(metric: Metric, split: Split) -> model.MetricPart:
    """Return a metric of a split as reports have it."""
    fields = {
        "name": metric.name,
        "split": split.value,
        "class": metric.class_name,
        "slice": metric.slice_name,
        "value": finite(metric.estimate.value),
        "interval": interval(metric.estimate, plain_bounds(metric.estimate)),
        "support": metric.support,
    }
    return model.MetricPart.model_validate(fields)


def plain_bounds(estimate: Estimate) -> Bounds:
    """Return the bounds of an estimate that no rule speaks of."""
    return Bounds(
        low=estimate.lower(SUMMARY_CONFIDENCE),
        high=estimate.upper(SUMMARY_CONFIDENCE),
        confidence=SUMMARY_CONFIDENCE,
        failing_confidence=SUMMARY_CONFIDENCE,
    )


def finite(value: float | None) -> float | None:
    """Return a number; None for one that is not finite, or not there."""
    return value if value is not None and math.isfinite(value) else None
