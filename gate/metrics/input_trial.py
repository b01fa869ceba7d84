"""An exact test of whether another preparation of the input explains the errors."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from gate.evidence.input_trial import (
    AS_DECLARED,
    COLUMN,
    NOT_TRIED,
    PREPARATIONS,
    InputTrial,
    Preparation,
    is_right,
    is_sound,
    least_accuracy,
    mean_of,
)
from gate.evidence.records import Evidence, Rows, Split

_CHANCE = 1e-3  # that any preparation seems to explain the errors of a model that has none

_WORSE = 0.05  # by chance, for one preparation to be called worse than the best
_NAMED = 3  # of preparations that explain the errors equally well

Bits = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Trial:
    """What the sample of train and validation shows: images, and how many are right."""

    images: int
    right: int  # as declared
    tried: int
    splits: tuple[str, ...]  # that the images are of
    classes: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """A preparation in which far more images are right than as declared.

    With how far what reaches the first batch norm lies from its running statistics, in nats, the
    mean of the images, so prepared and as declared; None where that is not known.
    """

    preparation: Preparation
    right: int
    divergence: float | None = None
    as_declared: float | None = None


def trial_of(evidence: Evidence, measurement: InputTrial) -> Trial | None:
    """Return what the sample shows; None where there is none, as without train and validation."""
    sampled = list(_sampled(evidence, measurement))
    if not sampled:
        return None
    return Trial(
        images=sum(len(answers) for _, answers, _ in sampled),
        right=sum(int(declared.sum()) for *_, declared in sampled),
        tried=sum(int((answers > NOT_TRIED).sum()) for _, answers, _ in sampled),
        splits=tuple(split.value for split, *_ in sampled),
        classes=len(evidence.classes),
    )


def explanations(
    evidence: Evidence, measurement: InputTrial, *, min_gain: float
) -> tuple[Explanation, ...]:
    """Return the preparations that explain the errors, the best first; none above the floor.

    As declared, accuracy must lie below the floor; so prepared at or above it, and higher by
    ``min_gain`` or more. The sign test (Dixon and Mood 1946) of the images on which the two differ
    is exact, its error divided among the preparations. An image that was not tried is wrong. Those
    that are provably worse than the best are left out; of the others, the one whose inputs lie
    nearest to the running statistics of the first batch norm comes first. Those statistics alone
    explain nothing: data of another kind than training's differ in them, however prepared.
    """
    trial = trial_of(evidence, measurement)
    if trial is None:
        return ()
    least = least_accuracy(measurement.floor, trial.classes) * trial.images
    if trial.right >= least:
        return ()
    sampled = list(_sampled(evidence, measurement))
    answers = np.concatenate([each for _, each, _ in sampled])
    declared = np.concatenate([each for *_, each in sampled])
    found = [
        (each, right)
        for place, each in enumerate(PREPARATIONS)
        if (right := is_right(answers, place)).sum() >= least
        and right.sum() - trial.right >= min_gain * trial.images
        and _chance(right, declared) * len(PREPARATIONS) <= _CHANCE
    ]
    found.sort(key=lambda each: -int(each[1].sum()))
    as_declared = _mean_nats(evidence, measurement, AS_DECLARED)
    equal = [
        Explanation(
            each,
            int(right.sum()),
            _mean_nats(evidence, measurement, each.divergence),
            as_declared,
        )
        for each, right in found
        if _chance(found[0][1], right) > _WORSE
    ]
    return tuple(
        sorted(equal, key=lambda each: inf if each.divergence is None else each.divergence)
    )


def _sampled(
    evidence: Evidence, measurement: InputTrial
) -> Iterator[tuple[Split, Bits, NDArray[np.bool_]]]:
    """Yield a split, the answers of its sample, (n,), and whether each is right as declared."""
    for split, each in evidence.splits.items():
        rows = each.rows
        answers = rows.observed(measurement.key).get(COLUMN)
        if answers is None:
            continue
        if not is_sound(answers):
            raise ValueError(f"{measurement.key} on {split} holds what no trial gives")
        sample = answers >= 0
        if sample.any():
            yield split, answers[sample].astype(np.int64), _right(rows)[sample]


def _mean_nats(evidence: Evidence, measurement: InputTrial, column: str) -> float | None:
    """Return the mean of a column over all images that were tried; None where there is none."""
    observed = [
        each.rows.observed(measurement.key).get(column) for each in evidence.splits.values()
    ]
    found = [each for each in observed if each is not None]
    return mean_of(np.concatenate(found)) if found else None


def _right(rows: Rows) -> NDArray[np.bool_]:
    return rows.best_is_right  # as the trial counted them, whatever the operating point


def _chance(right: NDArray[np.bool_], declared: NDArray[np.bool_]) -> float:
    """Return how likely at least so many of the images that differ are gained, where none are."""
    from scipy.stats import binom

    gained, lost = int((right & ~declared).sum()), int((declared & ~right).sum())
    return float(binom.sf(gained - 1, gained + lost, 0.5))


def in_words(trial: Trial, found: Sequence[Explanation]) -> str:
    """Return explanations as a clause, with the accuracy of each and that as declared."""
    shares = [
        f"with {each.preparation.words} {each.right / trial.images:.2f}" for each in found[:_NAMED]
    ]
    return (
        f"The input is prepared otherwise than in training: {' or '.join(shares)} of "
        f"{trial.images:,} {' and '.join(trial.splits)} images are right, as declared "
        f"{trial.right / trial.images:.2f}{_statistics_in_words(found[0], len(found))}"
    )


def _statistics_in_words(best: Explanation, equal: int) -> str:
    if best.divergence is None or best.as_declared is None:
        return ""
    nearer = best.divergence < best.as_declared
    which = f" with {best.preparation.words}" if equal > 1 else ""
    return (
        f"; {'and' if nearer else 'but'} what reaches the first batch norm is "
        f"{best.divergence:.2f} nats from its running statistics so prepared{which}, and "
        f"{best.as_declared:.2f} as declared"
    )
