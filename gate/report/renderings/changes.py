"""Differences from the champion, in words that every format for people shares."""

from gate.report.model import BaselinePart, ChangePart

_MOST_OF_OTHERS = 4  # where the test split was not compared


def shown_changes(baseline: BaselinePart) -> list[ChangePart]:
    """Return the changes that people are shown: those on test, or else the first few."""
    on_test = [each for each in baseline.changes if each.split == "test"]
    return on_test or baseline.changes[:_MOST_OF_OTHERS]


def before_and_after(change: ChangePart) -> str:
    """Return both values: 0.901 → 0.934."""
    return f"{_digits(change.before)} → {_digits(change.after)}"


def difference(change: ChangePart) -> str:
    """Return the paired difference with both bounds, or why there is none."""
    if change.difference is None:
        return change.reason or "undefined"
    bounds = change.interval
    if bounds is None or bounds.low is None or bounds.high is None:
        return f"{change.difference:+.3f}"
    two_sided = 100 * (2 * bounds.one_sided_confidence - 1)
    return (
        f"{change.difference:+.3f} ({bounds.low:+.3f} to {bounds.high:+.3f} with "
        f"{two_sided:.0f} % confidence)"
    )


def _digits(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"
