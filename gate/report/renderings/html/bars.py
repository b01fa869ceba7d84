"""Intervals as bars against their requirement, in percent of the width that the page gives them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gate.report.messages import requirement
from gate.report.model import IntervalPart, RequiredPart

_ROOM = 0.06  # of the span, left free on both sides
_SIGNS = {">=": "≥", "<=": "≤", ">": ">", "<": "<"}


@dataclass(frozen=True, slots=True)
class Bar:
    """Places in percent of the width: the ends of the interval, the value, the requirement."""

    start: float
    end: float
    value: float
    required: float | None


@dataclass(frozen=True, slots=True)
class Scale:
    """The values that the left and the right edge of bars stand for."""

    low: float
    high: float

    def place(self, value: float) -> float:
        """Return where a value stands, in percent of the width, at most at an edge."""
        share = (value - self.low) / (self.high - self.low)
        return round(100 * min(max(share, 0.0), 1.0), 1)

    def bar(self, value: float, interval: IntervalPart, required: float | None) -> Bar:
        """Return the bar of one interval; an end that it lacks lies at the edge."""
        return Bar(
            0.0 if interval.low is None else self.place(interval.low),
            100.0 if interval.high is None else self.place(interval.high),
            self.place(value),
            None if required is None else self.place(required),
        )

    def marks(self, most: int = 5) -> list[tuple[float, str]]:
        """Return the places and the names of round values between the edges."""
        return [(self.place(each), f"{each:g}") for each in round_values(self.low, self.high, most)]


def scale_of(values: Sequence[float], intervals: Sequence[IntervalPart]) -> Scale:
    """Return a scale that shows all values and all ends of the intervals."""
    ends = [end for each in intervals for end in (each.low, each.high) if end is not None]
    low, high = min(*values, *ends), max(*values, *ends)
    room = _ROOM * (high - low) or 0.05
    return Scale(low - room, high + room)


def round_values(low: float, high: float, most: int) -> list[float]:
    """Return at most ``most`` round values from ``low`` to ``high``, in steps of 1, 2 or 5."""
    if not low < high or not math.isfinite(high - low):
        return [low]
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    steps = (each * power for each in (1, 2, 5, 10, 20))
    wide = next(each for each in steps if len(_multiples(low, high, each)) <= most)
    found = (float(f"{each * wide:.12g}") for each in _multiples(low, high, wide))
    return list(dict.fromkeys(found))  # beside large numbers, small steps fall together


def _multiples(low: float, high: float, step: float) -> range:
    """Return which multiples of a step lie from ``low`` to ``high``."""
    return range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)


def interval_in_words(interval: IntervalPart | None) -> str:
    """Return the bounds in few words: 0.54–0.96, at least 0.54; nothing where they are one number.

    >>> part = IntervalPart(low=0.9041, high=0.9049, one_sided_confidence=0.95, method="Wilson")
    >>> interval_in_words(part)
    '0.904–0.905'
    """
    if interval is None or (interval.low is None and interval.high is None):
        return ""
    if interval.low is None:
        return f"at most {_rounded(interval.high, 2)}"
    if interval.high is None:
        return f"at least {_rounded(interval.low, 2)}"
    between = "–" if interval.low >= 0 else " to "  # a dash beside a minus reads as another minus
    for places in (2, 3):
        low, high = _rounded(interval.low, places), _rounded(interval.high, places)
        if low != high:
            return f"{low}{between}{high}"
    return ""


def required_in_signs(required: RequiredPart) -> str:
    """Return the condition for passing: ≥ 0.90."""
    return f"{_SIGNS[required.operator]} {requirement(required.value)}"


def _rounded(bound: float | None, places: int) -> str:
    assert bound is not None, "one of two bounds is there"
    return f"{round(bound, places) + 0.0:.{places}f}"  # + 0.0: there is no minus nought
