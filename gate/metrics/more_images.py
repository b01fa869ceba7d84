"""The number of images that would decide an open result: an answer for messages, no promise."""

import math
from dataclasses import replace

import numpy as np

from gate.metrics.combined import Difference, absent_of
from gate.metrics.estimates import Estimate
from gate.metrics.gaps import LargestGap
from gate.metrics.padded import Padded, Spread
from gate.metrics.paired import PairedDifference
from gate.metrics.planning import MOST, POWER, first, tail
from gate.metrics.planning_groups import Groups
from gate.metrics.proportions import (
    ClusteredShare,
    Proportion,
    as_share,
    exact_lower,
    normal_quantile,
)

_MOST_TIMES = 100_000
_MOST_GROUPS = 200_000  # that are laid out to see what they prove


def images_needed(
    estimate: Estimate, required: float, confidence: float, true_value: float | None = None
) -> int | None:
    """Return about how many more images decide a share that is not decided yet.

    ``true_value`` is what the new images are assumed to show, by default what the present ones do.
    If it is above ``required`` the answer is for proving that the share is, else that it is below;
    ``confidence`` is that of the bound which decides it. The new images do so with a chance of 0.8.
    Images in groups are taken to come in groups like the present ones, as alike inside.

    None when the estimate is no share, when it lies on the requirement, or when ten million images
    would not do.
    """
    share = as_share(estimate)
    truth = estimate.value if true_value is None else true_value
    if share is None or share.reason or truth is None or truth == required:
        return None
    groups = Groups.of(share) if isinstance(share, ClusteredShare) else None
    unit, lower = (1.0, exact_lower) if groups is None else (groups.clump, groups.lower)
    hits, images = share.numerator, share.denominator
    if truth < required:  # to prove a share low is to prove the share of the others high
        hits, truth, required = images - hits, 1 - truth, 1 - required

    def likely(more: int) -> bool:
        """Return whether so many more units decide with a chance of 0.8."""

        def proves(new_hits: int) -> bool:
            return lower(hits + new_hits * unit, images + more * unit, confidence) >= required

        fewest = first(proves, most=more)
        return fewest is not None and tail(fewest, more, truth) >= POWER

    more = first(likely, most=MOST)
    return None if more is None else math.ceil(more * unit)


def groups_of(images: int, estimate: Estimate) -> int | None:
    """Return in how many groups like those of the estimate ``images`` come; None without groups."""
    if not isinstance(estimate, ClusteredShare):
        return None
    return math.ceil(images * estimate.groups / estimate.denominator)


def times_needed(estimate: Estimate, required: float, confidence: float) -> int | None:
    """Return about how many times as many images decide an estimate of any kind, at least 1.

    The chance to decide is then 0.8. None where there is no bound, where the value lies on the
    requirement, where a class has no images at all, or where no number of them is known to.
    """
    value = estimate.value
    if value is None or value == required or absent_of(estimate)[0]:
        return None
    bound = estimate.lower(confidence) if value > required else estimate.upper(confidence)
    if not math.isfinite(bound) or bound == value:
        return None
    unlucky = normal_quantile(POWER)

    def decide(times: int) -> bool:
        more, deviation = _many(estimate, max(times, 1))
        if value > required:
            return more.lower(confidence) - unlucky * deviation >= required
        return more.upper(confidence) + unlucky * deviation < required

    try:
        times = first(decide, most=_MOST_TIMES)
    except _UnknownError:
        return _by_the_root(value, bound, required, confidence)
    return None if times is None else max(times, 1)


class _UnknownError(Exception):
    """What more images do to an estimate is not known."""


def _many(estimate: Estimate, times: int) -> tuple[Estimate, float]:
    """Return an estimate of so many times the same units, and its standard deviation.

    Raises _UnknownError for an estimate of another kind.
    """
    match estimate:
        case Proportion(numerator=k, denominator=n):
            share = k / n
            return Proportion(k * times, n * times), math.sqrt(share * (1 - share) / n / times)
        case ClusteredShare() as share if not share.reason:
            if share.groups * times > _MOST_GROUPS:
                raise _UnknownError
            several = ClusteredShare(np.tile(share.hits, times), np.tile(share.sizes, times))
            return several, math.sqrt(several.spread.squares)
        case Padded(spread=Spread() as spread):
            more = Spread(
                squares=spread.squares / times,
                cubes=spread.cubes / times**2,
                down=spread.down / times,
                up=spread.up / times,
            )
            many = replace(
                estimate,
                spread=more,
                spotless=None,
                alone=None,
                too_low=estimate.too_low / times,
            )
            return many, math.sqrt(more.squares)
        case Difference(first=one, second=other):
            (more_of_one, by_one), (more_of_other, by_other) = (
                _many(one, times),
                _many(other, times),
            )
            return Difference(more_of_one, more_of_other), math.hypot(by_one, by_other)
        case LargestGap(shares=shares):
            grown = {name: _many(each, times) for name, each in shares.items()}
            high, low = estimate.widest
            wide = {name: each for name, (each, _) in grown.items()}
            of_more = LargestGap(wide, estimate.missing)  # type: ignore[arg-type]  # more of shares
            return of_more, math.hypot(grown[high][1], grown[low][1])
        case PairedDifference(lost=lost, gained=gained):
            (some, by_some), (others, by_others) = _many(lost, times), _many(gained, times)
            assert isinstance(some, Proportion | ClusteredShare), "more of a share"
            assert isinstance(others, Proportion | ClusteredShare), "more of a share"
            return PairedDifference(some, others), math.hypot(by_some, by_others)
    raise _UnknownError


def _by_the_root(value: float, bound: float, required: float, confidence: float) -> int:
    """Return how many times as many images, where bounds narrow with the root of their number."""
    z = normal_quantile(confidence)
    with_power = (z + normal_quantile(POWER)) / z
    return max(1, math.ceil((with_power * (value - bound) / (value - required)) ** 2))
