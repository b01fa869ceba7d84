"""The answers to the same images asked again: twice alike, and in batches of other sizes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from gate.errors import CheckpointError
from gate.evidence.measurements import ImageBatch, SampledBatch, SampledMeasurement, SplitName

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gate.evidence.measurements import Columns
    from gate.evidence.records import Rows

_VERSION = 1
TWICE = "gap between two calls"
BATCHES = "gap between batch sizes"
FLIPPED = "flipped"  # 1 where some call gives another class; -1: not asked


@dataclass(frozen=True)
class RepeatedAnswers(SampledMeasurement):
    """By how much the scores of an image differ from call to call; NaN where it was not asked.

    Two calls of the same batch, and one call in batches of each of the given sizes, are compared
    with the first call: the largest difference of the score of a class. NaN between batch sizes
    where the model does not take batches of all these sizes: what refuses those that would show
    another answer is not known to give the same one.
    """

    images: int
    batches: tuple[int, ...]
    splits: tuple[SplitName, ...] = ("test",)
    artefact: str | None = None  # that is asked in place of the model

    @property
    def key(self) -> str:  # type: ignore[override]  # it follows from the sizes
        """The name of the columns."""
        sizes = ",".join(map(str, self.batches))
        of = "" if self.artefact is None else f" of {self.artefact}"
        return f"repeated{of} v{_VERSION} images={self.images} batches={sizes}"

    @property
    def artefacts(self) -> tuple[str, ...]:  # type: ignore[override]  # it follows from the name
        """The one that is asked, if any."""
        return () if self.artefact is None else (self.artefact,)

    @property
    def passes(self) -> int:  # type: ignore[override]  # it follows from the sizes
        """Twice the same call, and once in batches of each size."""
        return 2 + len(self.batches)

    def plan_facts(self) -> Mapping[str, Any]:
        """Return the size of the sample and those of the batches."""
        return {
            "version": _VERSION,
            "artefact": self.artefact,
            "images": self.images,
            "batches": list(self.batches),
        }

    def observe(self, batch: ImageBatch) -> "Columns":
        """Return the gaps and whether the answer flipped."""
        import numpy as np

        sampled = cast("SampledBatch", batch)
        n = len(batch.indices)
        columns: dict[str, NDArray[Any]] = {
            TWICE: np.full(n, np.nan),
            BATCHES: np.full(n, np.nan),
            FLIPPED: np.full(n, -1, np.int64),
        }
        asked = np.flatnonzero(np.isin(batch.indices, sampled.members(self.images)))
        if not len(asked):
            return columns
        inputs = np.asarray(sampled.inputs)[asked]
        first, second = self._ask(sampled, inputs), self._ask(sampled, inputs)
        columns[TWICE][asked] = _gap(first, second)
        others = self._in_other_batches(sampled, inputs)
        if len(others) == len(self.batches):
            columns[BATCHES][asked] = np.max([_gap(first, each) for each in others], axis=0)
        flips = [each.argmax(axis=1) != first.argmax(axis=1) for each in (second, *others)]
        columns[FLIPPED][asked] = np.any(flips, axis=0)
        return columns

    def _ask(
        self, batch: SampledBatch, inputs: "NDArray[np.float32]", together: int | None = None
    ) -> "NDArray[np.float64]":
        """Return the scores, (m, classes), of who is asked; NaN where an artefact has none."""
        if self.artefact is None:
            return batch.probabilities_of(inputs, together=together)
        return batch.probabilities_of_artefact(self.artefact, inputs, together=together)

    def _in_other_batches(
        self, batch: SampledBatch, inputs: "NDArray[np.float32]"
    ) -> "list[NDArray[np.float64]]":
        """Return the scores in batches of each size that the model takes."""
        found = []
        for size in self.batches:
            try:
                found.append(self._ask(batch, inputs, together=size))
            except CheckpointError:  # such as an ONNX file for batches of one size
                continue
        return found

    def summarise(self, columns: "Columns", rows: "Rows") -> Any:  # noqa: ANN401, ARG002 -- JSON
        """Return the largest gaps and the number of flips."""
        import numpy as np

        def largest(gaps: "NDArray[Any]") -> float | None:
            known = gaps[~np.isnan(gaps)]
            return float(known.max()) if len(known) else None

        return {
            "asked": int((columns[FLIPPED] >= 0).sum()),
            "flipped": int((columns[FLIPPED] == 1).sum()),
            TWICE: largest(columns[TWICE]),
            BATCHES: largest(columns[BATCHES]),
        }


def _gap(one: "NDArray[np.float64]", other: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Return the largest difference of a score, (n,), between two answers (n, classes)."""
    import numpy as np

    gaps: NDArray[np.float64] = np.abs(one - other).max(axis=1)
    return np.where(np.isnan(gaps), 1.0, gaps)  # a score that is no number is as far as can be
