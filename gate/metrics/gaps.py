"""The largest gap of a share of images between the slices of a split."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gate.evidence.records import Rows
from gate.metrics import tables
from gate.metrics.combined import Difference
from gate.metrics.estimates import Estimate, Undefined
from gate.metrics.proportions import Reals, Share, share_of
from gate.metrics.rates import NEVER_PREDICTED, NO_IMAGES, NO_IMAGES_OF_CLASS, NO_OTHER_IMAGES

_ANOTHER_SLICE = "add images of a second slice, or choose a column that tells images apart"
_IMAGES = "add images of each slice that the metric can be taken of"

Mask = NDArray[np.bool_]
Counted = tuple[Mask, Mask, str]  # the images that count, the hits, and why there may be none

_COUNTED: Mapping[str, Callable[[Rows, int], Counted]] = {
    "accuracy": lambda rows, of: (  # noqa: ARG005 -- of all classes
        np.ones(len(rows), dtype=bool),
        rows.labels == rows.predictions,
        NO_IMAGES,
    ),
    "recall": lambda rows, of: (rows.labels == of, rows.predictions == of, NO_IMAGES_OF_CLASS),
    "precision": lambda rows, of: (rows.predictions == of, rows.labels == of, NEVER_PREDICTED),
    "specificity": lambda rows, of: (rows.labels != of, rows.predictions != of, NO_OTHER_IMAGES),
    "false-positive-rate": lambda rows, of: (
        rows.labels != of,
        rows.predictions == of,
        NO_OTHER_IMAGES,
    ),
}


@dataclass(frozen=True, eq=False)
class LargestGap:
    """The largest difference between the shares of any two slices, with its bounds.

    ``shares`` has at least two, by the names of the slices. The upper bound is the largest one of
    all differences, each recovered from the bounds of both (MOVER: Zou and Donner, 2008): all of
    them have to be small, which needs no correction (Berger, 1982). The lower bound is the largest
    one too, and there the error is shared among all ordered pairs (Bonferroni). ``missing`` are
    slices without a share: as long as there is one, no gap is proven to be small.
    """

    shares: Mapping[str, Share]
    missing: tuple[str, ...] = ()

    @cached_property
    def widest(self) -> tuple[str, str]:
        """The slices with the highest and the lowest share; of equals the first by name."""
        exact = {
            name: Fraction(each.numerator, each.denominator) for name, each in self.shares.items()
        }
        names = sorted(exact)
        return max(names, key=exact.__getitem__), min(names, key=exact.__getitem__)

    @property
    def between_widest(self) -> Difference:
        """The difference between the highest and the lowest share."""
        high, low = self.widest
        return Difference(self.shares[high], self.shares[low])

    @property
    def numerator(self) -> int | None:
        """Return the numerator of the gap as a fraction."""
        return self.between_widest.numerator

    @property
    def denominator(self) -> int | None:
        """Return the denominator of the gap as a fraction."""
        return self.between_widest.denominator

    @property
    def value(self) -> float | None:
        """Return the gap, in [0, 1]."""
        return self.between_widest.value

    @property
    def method(self) -> str:
        """Return the name of the interval, with those of the shares."""
        parts = dict.fromkeys(each.method for each in self.shares.values())
        return f"largest of MOVER ({'; '.join(parts)})"

    @property
    def reason(self) -> str:
        """Return why nothing is proven, or nothing."""
        if self.missing:
            more = f" and {len(self.missing) - 1} more" if len(self.missing) > 1 else ""
            return f"{self.missing[0]}{more}"
        return next(
            (f"{name}: {each.reason}" for name, each in self.shares.items() if each.reason), ""
        )

    def lower(self, confidence: float) -> float:
        """Return the lower bound, in [-1, 1]; NaN where no pair of slices has one."""
        slices = len(self.shares)
        shared = 1 - (1 - confidence) / (slices * (slices - 1))
        values, below, above = self._distances(shared)
        found = values[:, None] - values[None, :] - np.hypot(below[:, None], above[None, :])
        return _largest(found, np.fmax)

    def upper(self, confidence: float) -> float:
        """Return the upper bound, in [0, 1]; NaN where any slice has none."""
        if self.missing:
            return math.nan
        values, below, above = self._distances(confidence)
        found = values[:, None] - values[None, :] + np.hypot(above[:, None], below[None, :])
        return _largest(found, np.maximum)

    def _distances(self, confidence: float) -> tuple[Reals, Reals, Reals]:
        """Return the shares, and by how much their bounds lie below and above, each (slices,)."""
        shares = self.shares.values()
        values = np.array([each.value for each in shares])
        below = values - np.array([each.lower(confidence) for each in shares])
        above = np.array([each.upper(confidence) for each in shares]) - values
        return values, below, above


def _largest(found: Reals, of: np.ufunc) -> float:
    """Return the largest number off the diagonal of a table, (slices, slices)."""
    return float(of.reduce(found[~np.eye(len(found), dtype=bool)]))


def largest_gap(
    metric: str, rows: Rows, of: int | None, places: Mapping[str, NDArray[np.intp]]
) -> LargestGap | Undefined:
    """Return the largest gap of a metric between slices; undefined where fewer than two have it.

    ``places`` has the rows of each slice by its name. The metric is a share of images: that of the
    class with index ``of``, or accuracy, which is of all.

    Raises KeyError for a metric that is no share.
    """
    counted, hits, empty = _COUNTED[metric](rows, -1 if of is None else of)
    codes = tables.group_codes(rows)
    found: dict[str, Estimate] = {}
    for name, at in places.items():
        kept = at[counted[at]]
        found[name] = share_of(hits[kept], None if codes is None else codes[kept], empty)
    shares = {name: each for name, each in found.items() if not isinstance(each, Undefined)}
    missing = tuple(f"{name}: {each.reason}" for name, each in found.items() if name not in shares)
    if len(shares) < 2:
        if len(places) == 1:
            return Undefined("there is one slice, and a gap takes two", remedy=_ANOTHER_SLICE)
        return Undefined("fewer than two slices have images for it", remedy=_IMAGES)
    return LargestGap(shares, missing)  # type: ignore[arg-type]  # what is defined is a share
