"""A number of a report: a metric with its bounds, and null where there is none."""

import math

from gate.evidence.records import Split
from gate.metrics.estimates import Estimate
from gate.metrics.summary import Metric
from gate.report import model

SUMMARY_CONFIDENCE = 0.95  # of the bounds of metrics that no rule speaks of


def interval(
    estimate: Estimate, bounds: tuple[float, float], confidence: float
) -> model.IntervalPart | None:
    """Return bounds as reports have them; None where neither is a number."""
    low, high = map(finite, bounds)
    if low is None and high is None:
        return None
    return model.IntervalPart(
        low=low, high=high, one_sided_confidence=confidence, method=estimate.method
    )


def plain_interval(estimate: Estimate) -> model.IntervalPart | None:
    """Return the bounds of an estimate that no rule speaks of; None where neither is a number."""
    confidence = SUMMARY_CONFIDENCE
    return interval(estimate, (estimate.lower(confidence), estimate.upper(confidence)), confidence)


def metric_part(metric: Metric, split: Split) -> model.MetricPart:
    """Return a metric of a split as reports have it."""
    fields = {
        "name": metric.name,
        "split": split.value,
        "class": metric.class_name,
        "slice": metric.slice_name,
        "value": finite(metric.estimate.value),
        "interval": plain_interval(metric.estimate),
        "support": metric.support,
    }
    return model.MetricPart.model_validate(fields)


def finite(value: float | None) -> float | None:
    """Return a number; None for one that is not finite, or not there."""
    return value if value is not None and math.isfinite(value) else None
