"""The answers of an artefact are compared with those of the model, image by image."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gate.evidence.artefact_answers import (
    GAP,
    NOT_FINITE,
    NOT_SAMPLED,
    PREDICTION,
    REFERENCE,
    REFERENCE_SCORES,
    SCORES,
    STATE,
    ArtefactAnswers,
)
from gate.evidence.records import Evidence, Labels, Numbers, Rows, Split
from gate.metrics import tables
from gate.metrics.baseline import Pairs, accuracy_change
from gate.metrics.estimates import Count, Estimate, Indication, Undefined
from gate.metrics.operating_point import Untold, answers_again
from gate.metrics.proportions import share_of
from gate.metrics.rates import NO_IMAGES
from gate.metrics.selection import absent, rows_on

_COMPUTED = "computed on the images that were asked about"


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """The images of a split that an artefact was asked about; every array has shape (n,)."""

    rows: Rows
    predictions: Labels  # of the artefact; -1 where it abstains, or its scores are not finite
    reference: Labels  # of the model, or of the artefact that it is compared with
    gaps: NDArray[Any]  # the most by which a score differs; NaN where they are not finite
    finite: NDArray[np.bool_]

    def of_class(self, label: int) -> "Compared":
        """Return the images of a class."""
        keep = self.rows.labels == label
        return _where(self, keep)

    @property
    def not_finite(self) -> Count:
        """Return how many images have a score that is NaN or infinite."""
        return Count(int((~self.finite).sum()), len(self.rows))

    @property
    def mean_gap(self) -> Estimate:
        """Return the mean of the score gaps: it is computed, not sampled, and its own bounds."""
        return self._of_gaps(np.mean)

    @property
    def largest_gap(self) -> Estimate:
        """Return the largest of the score gaps."""
        return self._of_gaps(np.max)

    def _of_gaps(self, summary: Any) -> Estimate:  # noqa: ANN401 -- a function of numpy
        known = self.gaps[self.finite]
        if not len(known):
            return Undefined("no score is finite")
        return Indication(float(summary(known)), confirmed=True, method=_COMPUTED)

    @property
    def agreement(self) -> Estimate:
        """Return the share of images with the same answer."""
        same = self.finite & (self.predictions == self.reference)
        return share_of(same, tables.group_codes(self.rows), NO_IMAGES)

    @property
    def change_of_accuracy(self) -> Estimate:
        """Return the accuracy of the artefact minus that of what it is compared with."""
        before, after = (
            replace(self.rows, predictions=each) for each in (self.reference, self.predictions)
        )
        return accuracy_change(Pairs(before, after))


def compared(evidence: Evidence, split: str, measurement: ArtefactAnswers) -> Compared | Undefined:
    """Return the images of a split that an artefact was asked about, or why there are none."""
    rows = rows_on(evidence, Split(split))
    if rows is None:
        return absent(evidence, split)
    columns, key = rows.observed(measurement.key), measurement.key
    try:
        predictions = answers_again(evidence, rows, (key, SCORES), columns[PREDICTION])
        reference = _reference(evidence, rows, measurement, columns[REFERENCE])
    except Untold as error:
        return Undefined(str(error), remedy=error.remedy)
    whole = Compared(rows, predictions, reference, columns[GAP], columns[STATE] != NOT_FINITE)
    asked = _where(whole, columns[STATE] != NOT_SAMPLED)
    return asked if len(asked.rows) else Undefined("no image was asked about")


def _reference(
    evidence: Evidence, rows: Rows, measurement: ArtefactAnswers, predictions: Numbers
) -> Labels:
    """Return the answers that those of an artefact are compared with, (n,)."""
    if measurement.versus is not None:
        return answers_again(evidence, rows, (measurement.key, REFERENCE_SCORES), predictions)
    point = evidence.configuration.operating_point
    return predictions.astype(np.int32) if point is None else rows.predictions


def _where(found: Compared, keep: NDArray[np.bool_]) -> Compared:
    return Compared(
        found.rows.where(keep),
        found.predictions[keep],
        found.reference[keep],
        found.gaps[keep],
        found.finite[keep],
    )
