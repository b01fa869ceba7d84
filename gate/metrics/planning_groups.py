"""The number of images for a proof where they come in groups: groups count, not images.

The padded bound adds a group of typical size m that is all wrong. Without a mistake in n images it
is 1 - ln(1 / (1 - confidence)) m / n, so that a share of t takes ln(1 / (1 - confidence)) / (1 - t)
groups of equal size at the least: 60 for 0.95, 150 for 0.98. With mistakes, images are taken to be
right and wrong in clumps of equal size.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gate.metrics.padded import MIN_GROUPS, Spread, typical_group
from gate.metrics.planning import MOST, POWER, Direction, as_at_least, first, tail
from gate.metrics.proportions import ClusteredShare, exact_lower

_ROUNDING = 1e-9  # of a product that is a whole number but for floats


@dataclass(frozen=True, slots=True)
class GroupSizes:
    """How many images groups have: on average, and as the padded bound takes a typical one."""

    mean: float
    typical: float

    @classmethod
    def of(cls, sizes: Iterable[int]) -> "GroupSizes":
        """Return what ``sizes`` come to, one a group, none empty and at least one."""
        each = np.fromiter(sizes, dtype=np.int64)
        return cls(float(each.mean()), typical_group(each))

    def alike(self, icc: float) -> "Groups":
        """Return such groups with images alike by ``icc`` in [0, 1], the correlation inside one."""
        return Groups(self.mean, self.typical, 1 + (self.typical - 1) * icc)


@dataclass(frozen=True, eq=False)
class Grouping:
    """Which group each image is of.

    ``labels``, (n,), index ``classes``, -1 where the class is not known; ``codes``, (n,), number
    the groups.
    """

    classes: tuple[str, ...]
    labels: NDArray[np.int64]
    codes: NDArray[np.int64]

    def of(self, name: str | None, *, others: bool = False) -> GroupSizes | None:
        """Return the sizes of groups in the images of one class, or of all; None without any.

        With ``others`` those in the images of all other classes.
        """
        codes = self.codes
        if name is not None:
            codes = codes[(self.labels == self.classes.index(name)) != others]
        sizes = np.bincount(codes)
        return GroupSizes.of(sizes[sizes > 0]) if len(codes) else None


@dataclass(frozen=True, slots=True)
class Groups:
    """Groups of images as they are, or are expected.

    ``mean`` images a group; ``typical`` is the size that the bound takes, which is larger where
    sizes differ (:attr:`ClusteredShare.group_size`). ``clump`` is how many images prove as much as
    one that is independent, in [1, ``typical``]: the design effect (Kish, 1965).
    """

    mean: float
    typical: float
    clump: float

    @classmethod
    def of(cls, share: ClusteredShare) -> "Groups":
        """Return the groups of a share; a typical group is one clump where they show no spread."""
        typical, n, value = share.group_size, share.denominator, share.value
        independent = value * (1 - value) / n
        seen = share.spread.squares / independent if independent else typical
        return cls(n / share.groups, typical, min(max(seen, 1.0), typical))

    def lower(self, hits: float, images: float, confidence: float) -> float:
        """Return the padded lower bound of ``hits`` of ``images``, in clumps.

        It is never above the exact one of as many images that are independent: a rule is asked of
        images one by one too, as groups never narrow a bound.
        """
        clumps = images / self.clump
        if clumps <= 1:
            return 0.0
        share, pad = hits / images, self.typical / images
        variance = share * (1 - share)
        of_mean = clumps / (clumps - 1)
        spread = Spread(
            squares=variance / clumps * of_mean,
            cubes=variance * (1 - 2 * share) / clumps**2 * of_mean**1.5,
            down=share * pad,
            up=0.0,
        )
        bound = spread.lower(share, confidence)
        apart = exact_lower(hits, images, confidence)
        return max(0.0, min(bound, apart, self.provable(images, confidence)))

    def provable(self, images: float, confidence: float) -> float:
        """Return the bound of ``images`` without a mistake; 0 with fewer than ten groups."""
        if images < MIN_GROUPS * self.mean - _ROUNDING:
            return 0.0
        return max(0.0, 1 + math.log1p(-confidence) * self.typical / images)

    def number(self, images: int) -> int:
        """Return in how many groups so many images come."""
        return math.ceil(images / self.mean - _ROUNDING)

    def minimum_images(
        self, required: float, confidence: float, direction: Direction = ">="
    ) -> int | None:
        """Return the images with which a pass is possible at all, when none of them is wrong.

        None when no number will do.
        """
        share = as_at_least(required, direction)
        if share >= 1:
            return None
        fewest = -math.log1p(-confidence) * self.typical / (1 - share)
        return math.ceil(max(fewest, MIN_GROUPS * self.mean) - _ROUNDING)

    def number_with_a_miss(
        self, required: float, confidence: float, direction: Direction = ">="
    ) -> int | None:
        """Return in how many groups a pass is possible when one clump of images is wrong."""
        share = as_at_least(required, direction)

        def enough(groups: int) -> bool:
            return self._most_clumps(self._of(groups), share, confidence) >= 1

        return None if share >= 1 else first(enough, most=int(MOST / self.mean))

    def most_misses(self, images: int, required: float, confidence: float) -> int:
        """Return how many of ``images`` may be wrong to prove a share ``>= required``, in clumps.

        -1 when not even none is few enough.
        """
        clumps = self._most_clumps(images, required, confidence)
        return -1 if clumps < 0 else int(clumps * self.clump)

    def power(
        self,
        images: int,
        required: float,
        true_value: float,
        confidence: float,
        direction: Direction = ">=",
    ) -> float:
        """Return about the chance that ``images`` pass when ``true_value`` is true."""
        misses = self._most_clumps(images, as_at_least(required, direction), confidence)
        if misses < 0:
            return 0.0
        clumps = int(images / self.clump)
        return tail(clumps - misses, clumps, as_at_least(true_value, direction))

    def images_needed(
        self,
        required: float,
        true_value: float,
        confidence: float,
        direction: Direction = ">=",
        wanted: float = POWER,
    ) -> int | None:
        """Return about how many images, in whole groups, pass with the wanted power; or None."""
        if as_at_least(true_value, direction) <= as_at_least(required, direction):
            return None

        def enough(groups: int) -> bool:
            images = self._of(groups)
            power = self.power(images, required, true_value, confidence, direction)
            return power >= wanted

        groups = first(enough, most=int(MOST / self.mean))
        return None if groups is None else self._of(groups)

    def _most_clumps(self, images: int, required: float, confidence: float) -> int:
        """Return how many clumps may be wrong, -1 when not even none is few enough."""

        def too_many(clumps: int) -> bool:
            right = images - clumps * self.clump
            return right < 0 or self.lower(right, images, confidence) < required

        found = first(too_many, most=MOST)
        assert found is not None, "more clumps than there are images are too many"
        return found - 1

    def _of(self, groups: int) -> int:
        return math.ceil(groups * self.mean - _ROUNDING)
