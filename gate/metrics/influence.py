"""From what each image adds to a statistic to its padded bounds, whole groups together."""

from dataclasses import dataclass

import numpy as np

from gate.evidence.records import Rows
from gate.metrics import tables
from gate.metrics.padded import METHOD, Padded, Spread, few_groups, spread_of, typical, unbiased
from gate.metrics.proportions import Counts, Reals
from gate.metrics.tables import GroupTable

BY_GROUP = f"{METHOD}, by group"


@dataclass(frozen=True, slots=True, eq=False)
class Influence:
    """A statistic that is ``value`` on the data, and what each image adds to it.

    ``of_images``, (n,), are its derivatives by the weight of each image, which add up to 0. Images
    are of a ``kind``, (n,): their true class, or 0 where all are alike. ``down`` and ``up``,
    (kinds,), both 0 or more, are by how much one more image of a kind moves the statistic, as bad
    and as good as an image of it can be. ``range_``, (kinds,), is how far all images of a kind
    together can move it; it counts for kinds that are seen in one unit, and show no spread.
    ``spotless``, (kinds,), is what ``down`` would be if the same images were all as good as can be.
    """

    value: float
    of_images: Reals
    kind: Counts
    down: Reals
    up: Reals
    range_: Reals | None = None
    spotless: Reals | None = None


def bound_statistic(
    rows: Rows, influence: Influence, *, least: float = 0.0, most: float = 1.0, note: str = ""
) -> Padded:
    """Return a statistic in [``least``, ``most``] of ``rows``, at least one, with padded bounds.

    ``note`` is its reason where it has a bound.
    """
    value, kinds = influence.value, len(influence.down)
    sizes = np.bincount(influence.kind, minlength=kinds)
    codes = tables.group_codes(rows)
    groups = None
    if codes is not None and tables.has_clusters(rows):
        groups = tables.groups_by_kind(codes, influence.kind, kinds)
        if few := few_groups(groups.groups):
            return Padded(value, None, least=least, most=most, reason=few, method=BY_GROUP)
    spotless = None
    if influence.spotless is not None:
        spotless = Spread(0.0, 0.0, down=pad_of(influence.spotless, sizes, groups), up=0.0)
    return Padded(
        value,
        _spread(influence, sizes, groups, codes),
        least=least,
        most=most,
        spotless=spotless,
        alone=None if groups is None else _spread(influence, sizes, None, None),
        reason=note,
        method=METHOD if groups is None else BY_GROUP,
    )


def _spread(
    influence: Influence, sizes: Counts, groups: GroupTable | None, codes: Counts | None
) -> Spread:
    """Return the spread over images, or over groups, of which ``codes``, (n,), has the numbers."""
    units = sizes if groups is None else groups.groups_of_kinds()
    sums = influence.of_images * unbiased(units)[influence.kind]
    if groups is not None and codes is not None:
        sums = tables.sums_by(sums, codes, groups.groups)
    return spread_of(
        sums,
        down=pad_of(influence.down, sizes, groups),
        up=pad_of(influence.up, sizes, groups),
        lone=lone_of(influence.range_, units),
    )


def pad_of(harm: Reals, sizes: Counts, groups: GroupTable | None) -> float:
    """Return how far a unit of typical size moves a statistic, in the kind where that is most.

    ``harm`` and ``sizes`` are those of each kind, (kinds,); a unit is a group, or an image.
    """
    if groups is None:
        return float(harm[sizes > 0].max())
    of_groups, images = groups.sums_of_groups(harm), np.maximum(sizes, 1)
    first, second = groups.sums_of_kinds(of_groups), groups.sums_of_kinds(of_groups**2)
    return float(typical(first / images, second / images).max())


def lone_of(range_: Reals | None, units: Counts) -> float:
    """Return the variance of kinds seen in one unit only, which show none.

    At most a quarter of the square of their ``range_``, (kinds,).
    """
    if range_ is None:
        return 0.0
    return float(np.sort(np.where(units == 1, range_ / 2, 0.0) ** 2).sum())
