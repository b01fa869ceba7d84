"""The answers to changed images are compared: agreement, drops, and the worth of a region."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gate.evidence.records import Evidence, Rows, Split
from gate.evidence.view_answers import (
    ASKED,
    NO_DONOR,
    NO_PIXELS,
    NOT_SAMPLED,
    PREDICTION,
    STATE,
    TOO_SMALL,
    UNCHANGED,
    ViewAnswers,
)
from gate.metrics import tables
from gate.metrics.baseline import Pairs, accuracy_change
from gate.metrics.estimates import Estimate, Undefined
from gate.metrics.operating_point import best_answers
from gate.metrics.proportions import Share, share_of
from gate.metrics.rates import NO_IMAGES
from gate.metrics.selection import absent
from gate.wording import list_names

_LEAST_CHANGED = 0.5  # of the images asked: a view that changes fewer says nothing
_REASONS = {
    TOO_SMALL: ("the images are too small for it", "judge larger images, or leave the rule out"),
    NO_DONOR: (
        "no image may lend a region to them",
        "give images of several groups, and at least two of each class",
    ),
    NO_PIXELS: ("the data gives tensors, which have no pixels", "return uint8 images"),
}


@dataclass(frozen=True, slots=True)
class NotAsked:
    """Why a view shows nothing."""

    reason: str
    remedy: str = ""
    # The view cannot show anything of such images, and whoever made them so gains nothing: the
    # input is the same, or too small for regions. Then a rule only warns.
    is_harmless: bool = False

    @property
    def estimate(self) -> Undefined:
        """Return the same as an estimate."""
        return Undefined(self.reason, remedy=self.remedy)


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """The images of a split that were asked about one view or several, with the answers to each."""

    rows: Rows  # with the answers to the images themselves
    predictions: tuple[NDArray[np.int64], ...]  # (n,) of each view

    def seen(self, view: int = 0) -> Rows:
        """Return the same images with the answers to a view of them."""
        return replace(self.rows, predictions=self.predictions[view].astype(np.int32))

    @property
    def right(self) -> "Answered":
        """Return the images that were answered rightly as they are."""
        return self._where(self.rows.labels == self.rows.predictions)

    def of_class(self, label: int) -> "Answered":
        """Return the images of a class."""
        return self._where(self.rows.labels == label)

    def _where(self, keep: NDArray[np.bool_]) -> "Answered":
        return Answered(self.rows.where(keep), tuple(each[keep] for each in self.predictions))


def answers_to(evidence: Evidence, split: str, views: Sequence[ViewAnswers]) -> Answered | NotAsked:
    """Return the images that were asked about each of the views, or why there are none.

    Views that change fewer than half of the images between them show nothing. One of several may
    change none: where a mark tells the class, a donor of the same class lends the same mark.
    """
    name = Split(split)
    if name not in evidence.splits:
        missing = absent(evidence, split)
        return NotAsked(missing.reason, remedy=missing.remedy)
    rows = evidence.splits[name].rows
    if evidence.configuration.operating_point is not None:  # views have no scores, only answers
        rows = best_answers(rows)
    columns = [rows.observed(each.key) for each in views]
    for measurement, observed in zip(views, columns, strict=True):
        if why := _why_not_asked(observed[STATE], str(measurement.view)):
            return why
    keep = np.all([np.isin(each[STATE], (ASKED, UNCHANGED)) for each in columns], axis=0)
    if not keep.any():
        return NotAsked("no image was asked about all of the views")
    asked = int(keep.sum())
    changed = int(np.any([each[STATE][keep] == ASKED for each in columns], axis=0).sum())
    if changed < _LEAST_CHANGED * asked:
        same = f"{asked - changed:,} of {asked:,} images"
        names = list_names([str(each.view) for each in views])
        remedy = "judge larger images, or a stronger view"
        return NotAsked(f"{names} changed nothing in {same}", remedy, is_harmless=True)
    predictions = tuple(each[PREDICTION][keep].astype(np.int64) for each in columns)
    return Answered(rows.where(keep), predictions)


def _why_not_asked(states: NDArray[np.int64] | NDArray[np.float64], view: str) -> NotAsked | None:
    """Return why most images of the sample were not asked about a view; None where they were."""
    sampled = int((states != NOT_SAMPLED).sum())
    if not sampled:
        return NotAsked(f"no image was asked about {view}")
    for state, (why, remedy) in _REASONS.items():
        if 2 * int((states == state).sum()) > sampled:
            return NotAsked(f"{view} shows nothing: {why}", remedy, state == TOO_SMALL)
    return None


def agreement(answered: Answered) -> Share | Undefined:
    """Return the share of images whose answer is the same under the view."""
    same = answered.rows.predictions == answered.predictions[0]
    return share_of(same, tables.group_codes(answered.rows), NO_IMAGES)


def accuracy_under(answered: Answered) -> Estimate:
    """Return the accuracy under the view minus that on the images themselves."""
    return accuracy_change(Pairs(answered.rows, answered.seen()))


def accuracy_owed(answered: Answered) -> Estimate:
    """Return what a region contributes: P(right) with one lent by the same class minus by another.

    ``answered`` has the answers to both, in this order.
    """
    return accuracy_change(Pairs(answered.seen(1), answered.seen(0)))
