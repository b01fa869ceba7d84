"""The figures that a reader wants at one glance, each against what is required of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gate.report.model import IntervalPart, MetricPart, Report, RequiredPart, ResultPart
from gate.report.renderings.html.bars import (
    Bar,
    interval_in_words,
    required_in_signs,
    scale_of,
)
from gate.report.renderings.words import value_of, word

_WHOLE = {  # of a split, by the name of the check and the metric
    "accuracy": "Accuracy",
    "balanced-accuracy": "Balanced accuracy",
    "macro-f1": "Macro F1",
}


@dataclass(frozen=True, slots=True)
class Glance:
    """One figure: its name, its value, and in words what it lies between and what is required."""

    label: str
    about: str  # which class or which images; empty where the label says it
    value: str
    state: str  # of the rule that asks for it; empty where none does
    interval: str
    required: str
    bar: Bar | None


def glances_of(report: Report, split: str | None) -> list[Glance]:
    """Return the figures that a report has on ``split``, in the order of a page."""
    found = [
        *(_whole(report, split, name, label) for name, label in _WHOLE.items()),
        _worst_class(report, split),
        _leaks(report, split),
        _gap(report),
        _whole(report, split, "calibration-error", "Calibration error"),
    ]
    return [each for each in found if each is not None]


def _whole(report: Report, split: str | None, name: str, label: str) -> Glance | None:
    """Return a metric of a whole split, as its rule read it where there is one."""
    result = next(
        _results(report, name, lambda of: of.scope.split == split and of.scope.class_ is None), None
    )
    if result is not None:
        return _of_result(result, label, f"on {split}")
    metric = next((each for each in _metrics(report, split, name) if each.class_ is None), None)
    return None if metric is None else _of_metric(metric, label, f"on {split}")


def _worst_class(report: Report, split: str | None) -> Glance | None:
    """Return the lowest recall of a class."""
    recalls = [each for each in _metrics(report, split, "recall") if each.class_ is not None]
    known = [each for each in recalls if each.value is not None]
    if not known:
        return None
    worst = min(known, key=lambda each: each.value or 0.0)
    result = next(
        _results(
            report,
            "recall",
            lambda of: of.scope.split == split and of.scope.class_ == worst.class_,
        ),
        None,
    )
    about = f"recall of {worst.class_}"
    if result is not None:
        return _of_result(result, "Worst class", about)
    return _of_metric(worst, "Worst class", about)


def _leaks(report: Report, split: str | None) -> Glance | None:
    """Return how many images of the split an earlier one has too."""
    result = next(
        _results(report, "train-test-overlap", lambda of: of.scope.part in {None, "exact"}), None
    )
    if result is not None:
        return _of_result(result, "Leaks", f"{result.scope.split or 'test'} images also in train")
    compared = [
        each
        for each in report.leakage.compared
        if each.split_a != each.split_b and split in {each.split_a, each.split_b}
    ]
    if not compared:
        return None
    pairs = sum(sum(each.counts.values()) for each in compared)
    return Glance("Leaks", "pairs of images in two splits", f"{pairs:,}", "", "", "", None)


def _gap(report: Report) -> Glance | None:
    result = next(_results(report, "train-test-gap", lambda of: of.scope.class_ is None), None)
    return None if result is None else _of_result(result, "Gap", "accuracy on train minus test")


def _results(
    report: Report, check: str, fits: Callable[[ResultPart], bool]
) -> Iterator[ResultPart]:
    for each in report.results:
        measurable = each.scope.slice is None and each.measured.value is not None
        if each.check == check and measurable and fits(each):
            yield each


def _metrics(report: Report, split: str | None, name: str) -> Iterator[MetricPart]:
    for each in report.metrics:
        if (each.name, each.split, each.slice) == (name, split, None) and each.value is not None:
            yield each


def _of_result(result: ResultPart, label: str, about: str) -> Glance:
    interval, required = result.measured.interval, result.required
    return Glance(
        label,
        about,
        value_of(result),
        word(result),
        interval_in_words(interval),
        required_in_signs(required),
        _bar(result.measured.value, interval, required),
    )


def _of_metric(metric: MetricPart, label: str, about: str) -> Glance:
    said = f"{metric.value:.3f}"
    bar = _bar(metric.value, metric.interval, None)
    return Glance(label, about, said, "", interval_in_words(metric.interval), "", bar)


def _bar(
    value: float | None, interval: IntervalPart | None, required: RequiredPart | None
) -> Bar | None:
    if value is None or interval is None:
        return None
    limit = None if required is None else required.value
    scale = scale_of([value] if limit is None else [value, limit], [interval])
    return scale.bar(value, interval, limit)
