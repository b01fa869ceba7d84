"""The operating point in the words that all renderings share, and its price."""

from collections.abc import Iterator
from dataclasses import dataclass

from gate.report.messages import digits
from gate.report.model import MetricPart, Report, ResultPart, ThresholdPart
from gate.wording import printable

_NOTABLE = 0.005  # of a metric: a smaller change is not said
_MOST_SAID = 4  # in a sentence
_RANKED_WELL = 0.9  # ROC AUC, the mean of the classes: below it a threshold would cost too much


@dataclass(frozen=True, slots=True)
class Changed:
    """A metric of answers at the operating point, and if the highest score decided."""

    split: str
    name: str
    class_name: str | None
    here: float | None
    at_highest: float | None

    @property
    def spoken(self) -> str:
        """The metric as a sentence names it: recall of tumour."""
        name = printable(self.name.replace("-", " "), 100)
        return name if self.class_name is None else f"{name} of {printable(self.class_name, 100)}"


def describe_thresholds(report: Report, *, exact: bool = False) -> str:
    """Return how scores become answers, in one clause; nothing where the highest score decides.

    Thresholds have six digits, unless they are to be ``exact``.
    """
    point = report.operating_point
    if point is None:
        return ""
    parts = [f"{printable(each.class_, 100)} {_from(each, exact=exact)}" for each in point.order]
    named = {each.class_ for each in point.order}
    others = [name for name in report.configuration.classes if name not in named]
    best = f"the best of {'the other' if others else 'all'} classes"
    other = f"no answer{_never(others)}" if point.otherwise == "abstain" else best
    said = f"{', then '.join(parts)}; otherwise {other}"
    if point.fitted_on is None:
        return said
    return f"{said}; fitted on {point.fitted_on.images:,} images of {point.fitted_on.split}"


def _never(others: list[str]) -> str:
    """Return which classes are never an answer, where a point abstains and does not list them."""
    if not others:
        return ""
    more = f" and {len(others) - 1:,} more" if len(others) > 1 else ""
    return f" (never {printable(others[0], 100)}{more})"


def _from(threshold: ThresholdPart, *, exact: bool) -> str:
    goal = "" if threshold.fit is None else f" (fitted to {printable(threshold.fit, 200)})"
    if threshold.at_least is None and threshold.nearest is not None:
        return f"from no score (none reaches {printable(threshold.fit or 'it', 200)})"
    if threshold.at_least is None:
        return f"from no known score{goal}"
    least = printable(threshold.at_least, 400) if exact else f"{float(threshold.at_least):.6g}"
    return f"from {least}{goal}"


def describe_price(report: Report, split: str, *, most: int = _MOST_SAID) -> str:
    """Return a split by the highest score, where it differs most first; nothing without a point."""
    return ", ".join(
        f"{each.spoken} {digits(each.at_highest or 0.0)} (here {digits(each.here or 0.0)})"
        for each in notable_changes(report, split)[:most]
    )


def missed_by_the_highest_score(report: Report) -> ResultPart | None:
    """Return the worst recall that a threshold could mend: ranked well on test, and missed.

    None where there is none, where thresholds decide already, and where no validation split could
    find one.
    """
    if report.operating_point is not None or "validation" not in report.data:
        return None
    ranking = {(each.name, each.split): each.value for each in report.metrics}
    if (ranking.get(("roc-auc", "test")) or 0.0) < _RANKED_WELL:
        return None
    missed = [
        each
        for each in report.results
        if (each.check, each.scope.slice) == ("recall", None) and _is_missed(each)
    ]
    return min(missed, key=lambda each: each.measured.value or 0.0, default=None)


def _is_missed(result: ResultPart) -> bool:
    """Return whether a result failed, or is open and its estimate falls short."""
    value = result.measured.value
    falls_short = value is not None and value < result.required.value
    return result.outcome == "failed" or (result.outcome == "inconclusive" and falls_short)


def notable_changes(report: Report, split: str) -> list[Changed]:
    """Return the metrics of a split that the operating point changes, the most changed first."""
    changed = [
        each
        for each in changes_of(report)
        if each.split == split
        and each.here is not None
        and each.at_highest is not None
        and abs(each.here - each.at_highest) >= _NOTABLE
    ]
    return sorted(changed, key=lambda each: -abs((each.here or 0.0) - (each.at_highest or 0.0)))


def changes_of(report: Report) -> Iterator[Changed]:
    """Yield the metrics of answers, each as it is and as it would be without an operating point."""
    if report.operating_point is None:
        return
    here = {_key(each): each.value for each in report.metrics}
    for each in report.operating_point.at_highest_score:
        yield Changed(each.split, each.name, each.class_, here.get(_key(each)), each.value)


def _key(metric: MetricPart) -> tuple[str, str, str | None, str | None]:
    return metric.split, metric.name, metric.class_, metric.slice
