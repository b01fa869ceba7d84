"""Accuracies as fractions, whatever unit they were logged in."""

import math
from collections.abc import Sequence

Values = Sequence[float | None]


def as_fractions(values: Values, *, in_percent: bool) -> tuple[tuple[float | None, ...], str]:
    """Return accuracies in [0, 1] and an empty string, or the values as they are and a reason.

    A column is in per cent when its format says so or when all that is not zero lies above 1. One
    that mixes both, or leaves [0, 100], is no accuracy that could be compared with anything.
    """
    known = [value for value in values if value is not None and math.isfinite(value)]
    as_they_are = tuple(values)
    if any(not 0 <= value <= 100 for value in known):
        return as_they_are, "it leaves the range of 0 to 100 %"
    small = [value for value in known if 0 < value <= 1]
    large = [value for value in known if value > 1]
    if in_percent or (large and not small):
        return tuple(value if value is None else value / 100 for value in values), ""
    if large:
        return as_they_are, f"it mixes fractions ({small[0]:g}) and percentages ({large[0]:g})"
    return as_they_are, ""
