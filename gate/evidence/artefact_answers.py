"""The answers of an artefact that is deployed in place of the checkpoint, to the same images."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from gate.evidence.measurements import ImageBatch, SampledBatch, SampledMeasurement, SplitName

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gate.evidence.measurements import Columns
    from gate.evidence.records import Rows

_VERSION = 1
PREDICTION = "prediction"  # the class that the artefact scores highest; -1: none, or not asked
REFERENCE = "reference"  # that of the model, or of the artefact that it is compared with
GAP = "score gap"  # the most by which the score of a class differs; NaN: not known
STATE = "state"
# As many as are kept: see gate.evidence.kept_scores.
SCORES = "scores"
REFERENCE_SCORES = "reference scores"  # of the artefact that it is compared with, where there is

# Of the column `state`.
NOT_SAMPLED = -1
NOT_FINITE = 0  # a score is NaN or infinite
FINITE = 1


@dataclass(frozen=True)
class ArtefactAnswers(SampledMeasurement):
    """What an artefact answers to the very inputs that the model is given.

    It is compared with the model, or with another artefact, ``versus``.
    """

    artefact: str
    versus: str | None
    images: int
    splits: tuple[SplitName, ...] = ("test",)

    @property
    def key(self) -> str:  # type: ignore[override]  # it follows from the names
        """The name of the columns."""
        with_what = "" if self.versus is None else f" versus {self.versus}"
        return f"artefact {self.artefact}{with_what} v{_VERSION} images={self.images}"

    @property
    def artefacts(self) -> tuple[str, ...]:  # type: ignore[override]  # it follows from the names
        """Those that are asked."""
        return tuple(each for each in (self.artefact, self.versus) if each is not None)

    def plan_facts(self) -> Mapping[str, Any]:
        """Return the names and the size of the sample."""
        return {
            "version": _VERSION,
            "artefact": self.artefact,
            "versus": self.versus,
            "images": self.images,
        }

    def observe(self, batch: ImageBatch) -> "Columns":
        """Return both predictions, the score gap, the state and the scores that are kept."""
        import numpy as np

        from gate.evidence.kept_scores import keep, keep_none

        sampled = cast("SampledBatch", batch)
        n, classes = len(batch.indices), batch.probabilities.shape[1]
        columns: dict[str, NDArray[Any]] = {
            PREDICTION: np.full(n, -1, np.int64),
            REFERENCE: np.full(n, -1, np.int64),
            GAP: np.full(n, np.nan),
            STATE: np.full(n, NOT_SAMPLED, np.int64),
            SCORES: keep_none(n, classes),
        }
        if self.versus is not None:
            columns[REFERENCE_SCORES] = keep_none(n, classes)
        asked = np.flatnonzero(np.isin(batch.indices, sampled.members(self.images)))
        if not len(asked):
            return columns
        inputs = np.asarray(sampled.inputs)[asked]
        answers = sampled.probabilities_of_artefact(self.artefact, inputs)
        reference = batch.probabilities[asked]
        if self.versus is not None:
            reference = sampled.probabilities_of_artefact(self.versus, inputs)
            columns[REFERENCE_SCORES][asked] = keep(reference)
        columns[SCORES][asked] = keep(answers)
        columns[PREDICTION][asked] = _best(answers)
        columns[REFERENCE][asked] = _best(reference)
        columns[GAP][asked] = np.abs(answers - reference).max(axis=1)
        finite = _is_finite(answers) & _is_finite(reference)
        columns[STATE][asked] = np.where(finite, FINITE, NOT_FINITE)
        return columns

    def summarise(self, columns: "Columns", rows: "Rows") -> Any:  # noqa: ANN401, ARG002 -- JSON
        """Return how many images were asked about, how many agree, and the gaps."""
        import numpy as np

        gaps = columns[GAP][~np.isnan(columns[GAP])]
        same = columns[PREDICTION] == columns[REFERENCE]
        return {
            "asked": int((columns[STATE] != NOT_SAMPLED).sum()),
            "not finite": int((columns[STATE] == NOT_FINITE).sum()),
            "agree": int((same & (columns[STATE] == FINITE)).sum()),
            "mean score gap": float(gaps.mean()) if len(gaps) else None,
            "largest score gap": float(gaps.max()) if len(gaps) else None,
        }


def _is_finite(scores: "NDArray[np.float64]") -> "NDArray[np.bool_]":
    import numpy as np

    return np.asarray(np.isfinite(scores).all(axis=1))


def _best(scores: "NDArray[np.float64]") -> "NDArray[np.int64]":
    """Return the class with the highest score, (n,); -1 where the scores are not finite."""
    import numpy as np

    best: NDArray[np.int64] = np.where(_is_finite(scores), scores.argmax(axis=1), -1)
    return best
