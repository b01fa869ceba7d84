"""Images of a sample that could not be asked about a view may not decide what is said of it.

Who makes the data can keep images from a view: as a group of their own, which no other lends to, or
as thumbnails. So all that are left out are taken to be as bad as can be, and where that would turn
a verdict for the better, there is none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np

from gate.evidence.records import Evidence, Labels, Rows, Split
from gate.evidence.view_answers import NOT_SAMPLED, STATE, ViewAnswers
from gate.metrics.estimates import SLACK, Estimate, Undefined
from gate.metrics.view_answers import ASKED_AT_ALL, Answered, why_left_out

Required = tuple[Literal["<=", ">="], float]


@dataclass(frozen=True, slots=True, eq=False)
class LeftOut:
    """The images of a sample that were not asked about all of some views."""

    labels: Labels  # (m,)
    why: str
    remedy: str

    @classmethod
    def of(cls, evidence: Evidence, split: str, views: Sequence[ViewAnswers]) -> Self:
        """Return those of a split; it was measured, and so were the views."""
        rows: Rows = evidence.splits[Split(split)].rows
        states = [rows.observed(each.key)[STATE] for each in views]
        asked = np.all([np.isin(each, ASKED_AT_ALL) for each in states], axis=0)
        out = np.any([each != NOT_SAMPLED for each in states], axis=0) & ~asked
        why, remedy = why_left_out(states)
        return cls(rows.labels[out], why, remedy)

    def of_class(self, label: int) -> "LeftOut":
        """Return those of a class."""
        return LeftOut(self.labels[self.labels == label], self.why, self.remedy)

    def admit(
        self, estimate: Estimate, answered: Answered, required: Required,
        *, worst: float,
    ) -> Estimate:  # fmt: skip
        """Return an estimate of images that were asked; undefined where the others could turn it.

        ``estimate`` is a mean over the images ``answered``, each in [-1, 1], and ``worst`` what one
        of the others would add at worst. Only what would pass is doubted: a failure is one.
        """
        count, asked = len(self.labels), len(answered.rows)
        if estimate.value is None or not count:
            return estimate
        operator, limit = required
        at_worst = (estimate.value * asked + worst * count) / (asked + count)
        sign = 1 if operator == "<=" else -1
        if sign * (estimate.value - limit) > 0 or sign * (at_worst - limit) <= SLACK:
            return estimate
        return Undefined(
            f"{count:,} of {asked + count:,} images were not asked, and could turn it: {self.why}",
            remedy=self.remedy,
        )
