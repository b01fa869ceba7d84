"""The answers to changed images are compared: agreement, drops, and the worth of a region."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gate.evidence.contradictions import ROUNDING
from gate.evidence.kept_scores import KeptScores, score_of, scores_in
from gate.evidence.records import Evidence, Labels, Numbers, Rows, Split
from gate.evidence.view_answers import (
    ASKED,
    CONFIDENCE,
    NO_DONOR,
    NO_PIXELS,
    NOT_SAMPLED,
    PREDICTION,
    SCORES,
    STATE,
    TOO_SMALL,
    UNCHANGED,
    ViewAnswers,
)
from gate.metrics import tables
from gate.metrics.baseline import Pairs, accuracy_change
from gate.metrics.estimates import Estimate, Undefined
from gate.metrics.operating_point import Untold, answers_again
from gate.metrics.proportions import Share, share_of
from gate.metrics.rates import NO_IMAGES
from gate.metrics.selection import absent
from gate.views.names import SMALLEST
from gate.wording import list_names

_LEAST_CHANGED = 0.5  # of the images asked: a view that changes fewer says nothing
# Of the sample, that a view may leave out; of the images that a weak view changes, whose answers
# may change: as little as a shortcut that is let pass is worth. Who makes the data could else keep
# from the view those images whose answers it changes.
_MOST_LEFT_OUT = 0.1
_REASONS = {
    TOO_SMALL: (
        f"images of less than {SMALLEST} pixels a side are too small for it",
        "judge larger images, or leave the rule out",
    ),
    NO_DONOR: (
        "no image may lend a region to them",
        "give images of several groups, none with most of a class, and two or more of each class",
    ),
    NO_PIXELS: (
        "the data gives tensors, which have no pixels, or images of more than 8 bits",
        "return uint8 images",
    ),
}

ASKED_AT_ALL = (ASKED, UNCHANGED)


def why_left_out(states: Sequence[Numbers]) -> tuple[str, str]:
    """Return why most images of a sample that were not asked were not, and the remedy."""
    counts = {state: sum(int((each == state).sum()) for each in states) for state in _REASONS}
    return _REASONS[max(counts, key=lambda each: counts[each])]


@dataclass(frozen=True, slots=True)
class NotAsked:
    """Why a view shows nothing."""

    reason: str
    remedy: str = ""
    # The view cannot show anything of such images, and whoever made them so gains nothing: the
    # input is the same, and where it is not the answers stay; or all are too small for regions.
    # Then a rule only warns.
    is_harmless: bool = False

    @property
    def estimate(self) -> Undefined:
        """Return the same as an estimate."""
        return Undefined(self.reason, remedy=self.remedy)


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """The images of a split that were asked about one view or several, with the answers to each."""

    rows: Rows  # with the answers to the images themselves
    predictions: tuple[Labels, ...]  # (n,) of each view; -1 where it abstains

    def seen(self, view: int = 0) -> Rows:
        """Return the same images with the answers to a view of them."""
        return replace(self.rows, predictions=self.predictions[view])

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

    Views that change fewer than half of the images between them show nothing; one of several may
    change none, for where a mark tells the class, a donor of the same class lends the same mark.
    Nor does a view that more than a tenth of them cannot have, nor columns that contradict
    themselves.
    """
    name = Split(split)
    if name not in evidence.splits:
        missing = absent(evidence, split)
        return NotAsked(missing.reason, remedy=missing.remedy)
    rows = evidence.splits[name].rows
    columns = [rows.observed(each.key) for each in views]
    found = [
        _contradiction(
            observed,
            rows.kept.get((measurement.key, SCORES)),
            len(evidence.classes),
            str(measurement.view),
        )
        or _why_not_asked(observed[STATE], str(measurement.view))
        for measurement, observed in zip(views, columns, strict=True)
    ]
    if why := min(filter(None, found), key=lambda each: each.is_harmless, default=None):
        return why
    try:
        answers = [
            answers_again(evidence, rows, (measurement.key, SCORES), observed[PREDICTION])
            for measurement, observed in zip(views, columns, strict=True)
        ]
    except Untold as error:
        return NotAsked(str(error), error.remedy)
    keep = np.all([np.isin(each[STATE], ASKED_AT_ALL) for each in columns], axis=0)
    if not keep.any():
        return NotAsked("no image was asked about all of the views")
    differs = [each[STATE] == ASKED for each in columns]
    if why := _why_unchanged(differs, answers, keep, rows, views):
        return why
    return Answered(rows.where(keep), tuple(each[keep] for each in answers))


def _why_not_asked(states: Numbers, view: str) -> NotAsked | None:
    """Return why too many images of the sample were not asked about a view; None: they were."""
    asked = int(np.isin(states, ASKED_AT_ALL).sum())
    sampled = int((states != NOT_SAMPLED).sum())
    if not sampled:
        return NotAsked(f"no image was asked about {view}")
    if sampled - asked <= _MOST_LEFT_OUT * sampled:
        return None
    left_out = {state: int((states == state).sum()) for state in _REASONS}
    state = max(left_out, key=lambda each: left_out[each])
    why, remedy = _REASONS[state]
    all_small = left_out[TOO_SMALL] >= (1 - _MOST_LEFT_OUT) * sampled
    if left_out[state] == sampled:
        return NotAsked(f"the view shows nothing: {why}", remedy, all_small)
    of = f"{sampled - asked:,} of {sampled:,} images were not asked about {view}"
    return NotAsked(f"{of}: {why}", remedy, all_small)


def _why_unchanged(
    differs: Sequence[NDArray[np.bool_]],
    answers: Sequence[Labels],
    keep: NDArray[np.bool_],
    rows: Rows,
    views: Sequence[ViewAnswers],
) -> NotAsked | None:
    """Return that the views change hardly an image between them; None where they do."""
    asked, changed = int(keep.sum()), int((np.any(differs, axis=0) & keep).sum())
    if changed >= _LEAST_CHANGED * asked:
        return None
    flips = [here & (each != rows.predictions) for here, each in zip(differs, answers, strict=True)]
    hardly = int((np.any(flips, axis=0) & keep).sum()) <= _MOST_LEFT_OUT * changed
    names = list_names([str(each.view) for each in views])
    fact = f"{names} changed nothing in {asked - changed:,} of {asked:,} images"
    return NotAsked(fact, "judge larger images, or a stronger view", is_harmless=hardly)


def _contradiction(
    observed: dict[str, Numbers], kept: KeptScores | None, classes: int, view: str
) -> NotAsked | None:
    """Return what no model can have answered; None where the columns agree with each other."""
    states, predictions = observed[STATE], observed[PREDICTION]
    was_asked = np.isin(states, ASKED_AT_ALL)
    known = np.isin(states, (NOT_SAMPLED, *_REASONS)) | was_asked
    answered = (predictions >= 0) & (predictions < classes)
    alike = np.where(was_asked, answered, predictions == -1)
    if known.all() and alike.all() and (kept is None or _agree(observed, kept)):
        return None
    return NotAsked(
        f"the answers to {view} contradict themselves, as no measurement's do",
        "measure again: the evidence was changed by hand, or is damaged",
    )


def _agree(observed: dict[str, Numbers], kept: KeptScores) -> bool:
    """Return whether each answer is the class with the highest of the scores that were kept."""
    predictions, known = observed[PREDICTION], kept.known
    if (known != (predictions >= 0)).any():
        return False
    values = kept.of_known
    top = scores_in(values).max(axis=1, initial=-np.inf)
    given = score_of(values, predictions[known].astype(np.int32))
    sure = np.abs(observed[CONFIDENCE][known] - top) <= ROUNDING
    return bool((sure & (given >= top - ROUNDING)).all())


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
