"""A policy has the model asked again so often, about so many images, for so long."""

from collections.abc import Sequence
from dataclasses import dataclass

from gate.checks.base import Rule
from gate.policy.needs import needs_of


@dataclass(frozen=True, slots=True)
class AskedAgain:
    """Passes over samples of the data, at so many answers a second."""

    rules: tuple[str, ...]  # that ask, by their ids
    passes: int
    images: int  # of a pass, at most
    answers: int  # in all
    rate: float  # images a second
    seconds: float  # that all answers take


def asked_again(rules: Sequence[Rule], present: int | None, rate: float) -> AskedAgain | None:
    """Return what is asked again at ``rate`` images a second; None where no rule asks.

    ``present`` are the images of test, None where they are not known; other splits are taken to
    have as many as a rule asks for. Raises UsageError where the needs of two rules contradict.
    """
    needs = [need for need in needs_of(rules) if need.images is not None]
    if not needs:
        return None
    most = {"test": present} if present is not None else {}
    sizes = [
        (need.passes, min(need.images or 0, most.get(split, need.images or 0)))
        for need in needs
        for split in need.splits
    ]
    answers = sum(passes * images for passes, images in sizes)
    return AskedAgain(
        rules=tuple(dict.fromkeys(rule for need in needs for rule in need.rules)),
        passes=sum(passes for passes, _ in sizes),
        images=max(images for _, images in sizes),
        answers=answers,
        rate=rate,
        seconds=answers / rate,
    )
