"""Metrics of classes that stand in an order, or under parents.

``grades``, (classes,), says where each class stands: 0 for the lowest. An image without an answer
(prediction -1) is no severe error, outside every parent, and for kappa as wrong as it can be.
"""

from collections.abc import Collection
from dataclasses import replace
from functools import lru_cache
from typing import Literal

import numpy as np

from gate.evidence.records import Rows
from gate.metrics import tables
from gate.metrics.combined import Over
from gate.metrics.estimates import Estimate, Undefined
from gate.metrics.proportions import Counts, Reals, Share, share_of
from gate.metrics.rates import NO_IMAGES, NO_IMAGES_OF_CLASS
from gate.metrics.skill import weighted_kappa

Weights = Literal["linear", "quadratic"]

_NO_FAR_CLASS = "no class stands that far from it"
_NO_IMAGES_OF_CLASSES = "its classes have no images"


def severe_error(
    rows: Rows, of: int | None, grades: tuple[int, ...], distance: int
) -> Share | Undefined:
    """Return the share of images whose answer is ``distance`` grades or more from the truth.

    Of all images, or of those of the class with index ``of``.
    """
    place = np.array(grades)
    reachable = place if of is None else np.array([place[of]])
    if max(reachable.max() - place.min(), place.max() - reachable.min()) < distance:
        return Undefined(_NO_FAR_CLASS, remedy="ask for a shorter distance, or of another class")
    kept = np.ones(len(rows), dtype=bool) if of is None else rows.labels == of
    answered = rows.predictions >= 0
    far = np.abs(place[rows.predictions] - place[rows.labels]) >= distance
    codes = tables.group_codes(rows)
    return share_of(
        (far & answered)[kept],
        None if codes is None else codes[kept],
        NO_IMAGES if of is None else NO_IMAGES_OF_CLASS,
    )


def ordinal_kappa(
    rows: Rows, grades: tuple[int, ...], weights: Weights, over: Over = None
) -> Estimate:
    """Return Cohen's weighted kappa (1968) of grades, in [-1, 1].

    A mistake weighs as much as the grades between answer and truth, or that number squared.
    """
    place = np.array(grades)
    return weighted_kappa(_answered(rows, grades), gravity(place, weights), over)


def gravity(grades: Counts, weights: Weights) -> Reals:
    """Return how much each mistake weighs, (classes, classes), rows = truth."""
    apart = np.abs(np.subtract.outer(grades, grades)).astype(np.float64)
    return apart if weights == "linear" else apart**2


@lru_cache(maxsize=8)
def _answered(rows: Rows, grades: tuple[int, ...]) -> Rows:
    """Return the rows; those without an answer have the class that is furthest from the truth."""
    silent = rows.predictions < 0
    if not silent.any():
        return rows
    place = np.array(grades)
    furthest = np.abs(np.subtract.outer(place, place)).argmax(axis=1).astype(np.int32)
    answers = np.where(silent, furthest[rows.labels], rows.predictions)
    return replace(rows, predictions=answers.astype(np.int32), abstains=False)


def parent_recall(rows: Rows, members: Collection[int]) -> Share | Undefined:
    """Return the share of the images of some classes whose answer is one of them."""
    kept = np.isin(rows.labels, list(members))
    codes = tables.group_codes(rows)
    return share_of(
        np.isin(rows.predictions[kept], list(members)),
        None if codes is None else codes[kept],
        _NO_IMAGES_OF_CLASSES,
    )
