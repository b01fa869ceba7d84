"""Fragility: the fewest wrong labels of test images that turn a verdict."""

from collections.abc import Callable
from typing import Literal, NamedTuple

from gate.metrics.planning import first
from gate.metrics.proportions import Proportion, exact_lower, exact_upper

_MOST = 1_000_000  # labels

Stood = Literal["passed", "failed", "inconclusive"]


class Requirement(NamedTuple):
    """What a share was asked, and the confidence of the bounds that decide."""

    operator: Literal[">=", "<="]
    required: float
    passing: float
    failing: float


def labels_to_flip(
    share: Proportion, asked: Requirement, stood: Stood, *, moves: bool = False
) -> int | None:
    """Return the fewest labels whose change gives another outcome; None where none does.

    An image whose answer is right becomes wrong by its label, or the reverse, and the number of
    images stays. ``moves`` is for a share of the images of one class: there the worst label brings
    an image into the class, or one out of it, and the number changes with it.
    """
    upwards = asked.operator == ">="
    images = share.denominator
    good = share.numerator if upwards else images - share.numerator
    required = asked.required if upwards else 1 - asked.required

    def passes(k: int, n: int) -> bool:
        if upwards:
            return exact_lower(k, n, asked.passing) >= required
        return exact_upper(n - k, n, asked.passing) <= asked.required

    def fails(k: int, n: int) -> bool:
        if upwards:
            return exact_upper(k, n, asked.failing) < required
        return exact_lower(n - k, n, asked.failing) > asked.required

    def worse(labels: int) -> tuple[int, int]:
        return (good, images + labels) if moves else (good - labels, images)

    def better(labels: int) -> tuple[int, int]:
        return (good + labels, images + labels) if moves else (good + labels, images)

    most_worse = _MOST if moves else good
    most_better = _MOST if moves else images - good
    match stood:
        case "passed":
            return _fewest(lambda labels: not passes(*worse(labels)), most_worse)
        case "failed":
            return _fewest(lambda labels: not fails(*better(labels)), most_better)
        case "inconclusive":
            ways = (
                _fewest(lambda labels: passes(*better(labels)), most_better),
                _fewest(lambda labels: fails(*worse(labels)), most_worse),
            )
            return min((each for each in ways if each is not None), default=None)


def _fewest(flips: Callable[[int], bool], most: int) -> int | None:
    """Return the fewest labels, 1 or more, that flip; more than them flip, too."""
    if most < 1:
        return None
    found = first(lambda labels: flips(labels + 1), most=most - 1)
    return None if found is None else found + 1
