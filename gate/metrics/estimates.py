"""What every metric gives: a value and one-sided bounds at any confidence."""

from typing import Protocol


class Estimate(Protocol):
    """A number with what the data can prove about it.

    ``value`` is None where the metric is undefined, and ``reason`` then says why. ``lower`` and
    ``upper`` are one-sided bounds: each alone holds with the given confidence in (0, 1). They are
    NaN where nothing can be proven, and NaN meets no requirement.
    """

    @property
    def value(self) -> float | None: ...
    @property
    def numerator(self) -> int | None: ...
    @property
    def denominator(self) -> int | None: ...
    @property
    def method(self) -> str: ...
    @property
    def reason(self) -> str: ...
    def lower(self, confidence: float) -> float: ...
    def upper(self, confidence: float) -> float: ...
