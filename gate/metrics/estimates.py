"""An estimate: a value, and one-sided bounds at any confidence.

A bound that cannot be computed is NaN, and NaN meets no requirement. ``numerator`` and
``denominator`` are given where ``value`` is exactly their quotient, correctly rounded; such a value
may be compared with a requirement as it is. Where they are None the value went through sums of
floats, and a comparison should forgive :data:`SLACK`.
"""

import math
from dataclasses import dataclass
from typing import Protocol

SLACK = 1e-12  # the mean of 0.7, 0.7 and 0.7 is not 0.7: sums of floats miss by less than this


class Estimate(Protocol):
    """A number with what the data can prove about it.

    ``value`` is None where the metric is undefined, and ``reason`` then says why. ``lower`` and
    ``upper`` are one-sided bounds: each alone holds with the given confidence in [0.5, 1). They are
    NaN where nothing can be proven, and NaN meets no requirement.
    """

    @property
    def value(self) -> float | None:
        """Return the number itself."""

    @property
    def numerator(self) -> int | None:
        """Return what was counted, or None."""

    @property
    def denominator(self) -> int | None:
        """Return of how many, or None."""

    @property
    def method(self) -> str:
        """Return the name of the interval."""

    @property
    def reason(self) -> str:
        """Return why there is no value or no bound, or a note on them, or nothing."""

    def lower(self, confidence: float) -> float:
        """Return a number that the truth is not below, with this confidence."""

    def upper(self, confidence: float) -> float:
        """Return a number that the truth is not above, with this confidence."""


@dataclass(frozen=True, slots=True)
class Undefined:
    """No value, and why; whatever is asked of it is not met.

    ``remedy`` says what to give to have a value, where the place that found it missing knows.
    """

    reason: str
    numerator: int | None = None
    denominator: int | None = None
    method: str = "undefined"
    remedy: str = ""

    @property
    def value(self) -> None:
        """Return None."""
        return

    def lower(self, confidence: float) -> float:  # noqa: ARG002 - the same at any confidence
        """Return NaN."""
        return math.nan

    def upper(self, confidence: float) -> float:  # noqa: ARG002 - the same at any confidence
        """Return NaN."""
        return math.nan


@dataclass(frozen=True, slots=True)
class Count:
    """A number that was counted and not sampled: it is its own bounds.

    ``denominator`` tells of how many where that makes sense; ``value`` is then still the count.
    Where not all was looked at, ``at_least``, there may be more: it has no upper bound.
    """

    numerator: int
    denominator: int | None = None
    method: str = "counted"
    reason: str = ""
    at_least: bool = False

    @property
    def value(self) -> float:
        """Return the count."""
        return float(self.numerator)

    def lower(self, confidence: float) -> float:  # noqa: ARG002 - a count is certain
        """Return the count."""
        return self.value

    def upper(self, confidence: float) -> float:  # noqa: ARG002 - a count is certain
        """Return the count, or infinity where there may be more."""
        return math.inf if self.at_least else self.value


@dataclass(frozen=True, slots=True)
class Indication:
    """A number that a heuristic or a test found, and whether the evidence confirms it.

    Confirmed, the bounds are the value itself. Otherwise they are infinite, so that the value
    decides nothing.
    """

    value: float
    confirmed: bool
    method: str
    reason: str = ""
    numerator: int | None = None
    denominator: int | None = None

    def lower(self, confidence: float) -> float:  # noqa: ARG002 - confirmed or not, nothing between
        """Return the value when it is confirmed, else minus infinity."""
        return self.value if self.confirmed else -math.inf

    def upper(self, confidence: float) -> float:  # noqa: ARG002 - confirmed or not, nothing between
        """Return the value when it is confirmed, else infinity."""
        return self.value if self.confirmed else math.inf
