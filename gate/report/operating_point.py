"""The operating point of a report: the thresholds, and what they change."""

from collections.abc import Iterator

from gate.evidence.operating_point import DELTA, Fit, Threshold
from gate.evidence.records import Evidence
from gate.metrics.operating_point import best_answers, doubt_of_fit
from gate.metrics.row_sets import clean_rows
from gate.metrics.summary import OF_ANSWERS, summary
from gate.report import model
from gate.report.canonical import decimal
from gate.report.metrics import metric_part


def operating_point_part(evidence: Evidence) -> model.OperatingPointPart | None:
    """Return the operating point of evidence whose rows have the answers at it; None without."""
    point = evidence.configuration.operating_point
    if point is None:
        return None
    found = point.fitted_on
    return model.OperatingPointPart(
        order=[_threshold(each) for each in point.order],
        otherwise=point.otherwise,
        fitted_on=None
        if found is None
        else model.FittedOnPart(split=found.split, images=found.images, sha256=found.sha256),
        confidence=decimal(1 - DELTA),
        doubt=doubt_of_fit(evidence) or None,
        at_highest_score=list(_at_highest_score(evidence)),
    )


def _threshold(threshold: Threshold) -> model.ThresholdPart:
    least, nearest = threshold.at_least, threshold.nearest
    fields = {
        "class": threshold.class_name,
        "at_least": None if least is None else decimal(least),
        "fit": None if threshold.fit is None else _fit(threshold.fit),
        "nearest": None if nearest is None else decimal(nearest),
    }
    return model.ThresholdPart.model_validate(fields)


def _fit(fit: Fit) -> str:
    if fit.goal is not None:
        return f"{fit.target} {decimal(fit.goal)}"
    costs = fit.costs
    assert costs is not None, "a fit has a goal, or costs"
    each = (costs.false_positive, costs.false_negative, costs.true_positive, costs.true_negative)
    names = ("false positive", "false negative", "true positive", "true negative")
    said = ", ".join(f"{name} {decimal(cost)}" for name, cost in zip(names, each, strict=True))
    return f"cost ({said}{'; scores taken for chances' if costs.calibrated else ''})"


def _at_highest_score(evidence: Evidence) -> Iterator[model.MetricPart]:
    for split in (each for each in evidence.splits if each.is_labelled):
        rows = clean_rows(evidence, split)
        assert rows is not None, "it was measured"
        for metric in summary(best_answers(rows), evidence.classes, OF_ANSWERS):
            yield metric_part(metric, split)
