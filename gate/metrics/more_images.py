"""How many more images decide what is open: an answer for messages, and no promise."""

import math

from gate.metrics.estimates import Estimate
from gate.metrics.padded import Padded, Spread
from gate.metrics.planning import MOST, POWER, first, tail
from gate.metrics.planning_groups import Groups
from gate.metrics.proportions import ClusteredShare, as_share, exact_lower, normal_quantile

_MOST_TIMES = 100_000


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


def times_needed(estimate: Estimate, required: float, confidence: float) -> float | None:
    """Return about how many times as many images decide an estimate of any kind, at least 1.

    The chance to decide is then 0.8. None where there is no bound, where the value lies on the
    requirement, or where no number of them is known to.
    """
    if estimate.value is None or estimate.value == required:
        return None
    above = estimate.value > required
    bound = estimate.lower(confidence) if above else estimate.upper(confidence)
    if not math.isfinite(bound) or bound == estimate.value:
        return None
    if isinstance(estimate, Padded):
        return _times_padded(estimate, required, confidence)
    z = normal_quantile(confidence)  # bounds narrow with the root of the number of images
    with_power = (z + normal_quantile(POWER)) / z
    return max(1.0, (with_power * (estimate.value - bound) / (estimate.value - required)) ** 2)


def _times_padded(estimate: Padded, required: float, confidence: float) -> float | None:
    """Return how many times the same units decide a padded bound, a whole number."""
    value, spread = estimate.value, estimate.spread
    assert spread is not None, "it has a bound"
    unlucky = normal_quantile(POWER)

    def decide(times: int) -> bool:
        more = Spread(
            squares=spread.squares / max(times, 1),
            cubes=spread.cubes / max(times, 1) ** 2,
            down=spread.down / max(times, 1),
            up=spread.up / max(times, 1),
        )
        off = unlucky * math.sqrt(more.squares)
        if value > required:
            return more.lower(value - off, confidence) >= required
        return estimate.fails and more.upper(value + off, confidence) < required

    times = first(decide, most=_MOST_TIMES)
    return None if times is None else float(max(times, 1))
