"""The number of images for a proof: exact, because a pass is an exact binomial event.

A share of ``n`` images passes ``>= required`` when few enough of them are misses. Allowing one miss
more takes a certain number of images; between two such numbers more images only make a pass less
likely, so that power against ``n`` is a saw. Everything here follows its teeth. A requirement
``<= required`` is the same question about the misses.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gate.metrics.proportions import Reals, normal_quantile, tail_at_least

Direction = Literal[">=", "<="]
Whole = NDArray[np.int64]

POWER = 0.8  # the usual chance that a study which should succeed does
MOST = 10_000_000  # images; beyond this, "more images" is no advice


@dataclass(frozen=True, slots=True)
class Plan:
    """Images that give a pass with the wanted power when ``true_value`` is the truth.

    From ``first`` on it is possible; after ``stable`` more images never take the power below the
    wanted one. Of ``stable`` images, ``most_misses`` may be wrong.
    """

    required: float
    true_value: float
    power: float
    confidence: float
    first: int
    stable: int
    most_misses: int


def minimum_images(required: float, confidence: float, direction: Direction = ">=") -> int | None:
    """Return the images with which a pass is possible at all, when none of them is wrong.

    That is ln(1 - confidence) / ln(required), rounded up, for ``>=``. None when no number will do.
    """
    share = as_at_least(required, direction)
    if share >= 1:
        return None
    return int(_first_images(np.zeros(1, dtype=np.int64), share, confidence)[0])


def provable(images: int, confidence: float) -> float:
    """Return the exact lower bound of ``images`` without a mistake, (1 - confidence)^(1 / n)."""
    bound: float = (1 - confidence) ** (1 / images)
    return bound


def most_misses(images: int, required: float, confidence: float) -> int:
    """Return how many of ``images`` may be wrong so that the share is proven ``>= required``.

    -1 when not even none is few enough. Put otherwise: the misses to allow on other data so that a
    threshold set there has a recall below ``required`` with a chance of at most 1 - confidence
    (a tolerance limit: Wilks, 1941).
    """
    low, high = -1, images + 1  # low is allowed; high is not, or is beyond all images
    while high - low > 1:
        middle = (low + high) // 2
        allowed = middle <= images and tail(images - middle, images, required) <= 1 - confidence
        low, high = (middle, high) if allowed else (low, middle)
    return low


def power(
    images: int,
    required: float,
    true_value: float,
    confidence: float,
    direction: Direction = ">=",
) -> float:
    """Return the chance that ``images`` independent images pass when ``true_value`` is true."""
    misses = most_misses(images, as_at_least(required, direction), confidence)
    if misses < 0:
        return 0.0
    return tail(images - misses, images, as_at_least(true_value, direction))


def plan(
    required: float,
    true_value: float,
    confidence: float,
    direction: Direction = ">=",
    wanted: float = POWER,
) -> Plan | None:
    """Return how many images pass ``required`` with the wanted power; None when no number does.

    The planner of single-arm trials (A'Hern, 2001). Images in groups take more: see
    :mod:`gate.metrics.planning_groups`.
    """
    share, truth = as_at_least(required, direction), as_at_least(true_value, direction)
    if truth <= share:
        return None
    expected = _by_normal_law(share, truth, confidence, wanted)
    if expected > MOST:
        return None
    centre, reach = int(expected * (1 - truth)), 32 + int(8 * math.sqrt(expected * (1 - truth)))
    while True:
        misses = np.arange(max(0, centre - reach), centre + reach)
        starts = _first_images(misses, share, confidence)
        misses, ends = misses[:-1], starts[1:] - 1  # the most images that allow as few misses
        peaks = _tails(starts[:-1] - misses, starts[:-1], truth)
        troughs = _tails(ends - misses, ends, truth)
        enough, short = np.flatnonzero(peaks >= wanted), np.flatnonzero(troughs < wanted)
        stable = int(short[-1]) + 1 if len(short) else 0
        starts_low = misses[0] == 0 or (len(enough) > 0 and enough[0] > 0)
        if starts_low and len(enough) and stable < len(misses) - 16:
            return Plan(
                required=required,
                true_value=true_value,
                power=wanted,
                confidence=confidence,
                first=int(starts[enough[0]]),
                stable=int(starts[stable]),
                most_misses=int(misses[stable]),
            )
        reach *= 2


def first(holds: Callable[[int], bool], *, most: int) -> int | None:
    """Return a number up to ``most`` for which ``holds`` is true, and false for the one before.

    Where it becomes true once and stays true, as good as always here, that is the first.
    """
    low, high = -1, 0
    while not holds(high):
        if high >= most:
            return None
        low, high = high, min(2 * high + 1, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def tail(hits: int, images: int, share: float) -> float:
    """Return P(Binomial(images, share) >= hits), 0 for more hits than images."""
    return tail_at_least(hits, images, share) if hits <= images else 0.0


def as_at_least(share: float, direction: Direction) -> float:
    """Return the share, or for ``<=`` that of the others, which is then to be high."""
    return share if direction == ">=" else 1 - share


def _by_normal_law(share: float, truth: float, confidence: float, wanted: float) -> float:
    """Return about how many images prove ``share`` when ``truth`` is true."""
    spread = normal_quantile(confidence) * math.sqrt(share * (1 - share))
    spread += normal_quantile(wanted) * math.sqrt(truth * (1 - truth))
    return (spread / (truth - share)) ** 2


def _first_images(misses: Whole, required: float, confidence: float) -> Whole:
    """Return, for each number of misses, the fewest images that prove a share ``>= required``."""
    alpha = 1 - confidence
    low = misses.copy()  # as many images as misses prove nothing
    high = misses + 1
    while (open_ := _tails(high - misses, high, required) > alpha).any():
        low, high = np.where(open_, high, low), np.where(open_, 2 * high, high)
    while (high - low > 1).any():
        middle = (low + high) // 2
        proves = _tails(middle - misses, middle, required) <= alpha
        low, high = np.where(proves, low, middle), np.where(proves, middle, high)
    return high


def _tails(hits: Whole, images: Whole, share: float) -> Reals:
    """Return P(Binomial(images, share) >= hits), element by element."""
    from scipy.special import betainc

    inside = np.where(hits > 0, hits, 1)
    return np.where(hits > 0, betainc(inside, images - inside + 1, share), 1.0)
