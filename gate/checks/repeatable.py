"""The same image gets the same answer, whenever it is asked and in whatever company."""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from gate.checks.base import Comparison, Example, Outcome, Rule, Scope, SplitName
from gate.checks.parity import ArtefactName
from gate.checks.sentences import allow, known_or
from gate.evidence.synthetic_run import SyntheticRun

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gate.evidence.measurements import Measurement
    from gate.evidence.records import Evidence
    from gate.evidence.repeated_answers import RepeatedAnswers
    from gate.metrics.estimates import Estimate

_KEY = "repeated v1 images=200 batches=1,7,64"
_ROUNDED_ON_A_GPU = 1e-6


def _gaps(twice: float, batches: float | None) -> SyntheticRun:
    """Return a run in which the scores of one of 200 images differ so much from call to call."""
    columns = {
        "gap between two calls": ((1, twice), (199, 0.0)),
        "gap between batch sizes": ((1, batches), (199, None if batches is None else 1e-7)),
        "flipped": ((200, 0),),
    }
    return SyntheticRun(test=((100, 0), (0, 100)), observations={"test": {_KEY: columns}})


class Repeatable(Rule):
    """Require that the model answers the same whenever it is asked.

    Dropout that was left on and random steps in the model show when the same batch is asked twice:
    the scores must be equal, on a GPU to a millionth. Batch norm in training mode shows in batches
    of other sizes: there rounding allows differences up to `max_gap`. Few answers flip by either,
    so that accuracy does not tell. All calls are of one process: what a model takes from the
    process, the machine or the day is not seen.

    With `artefact` a file that is deployed is asked in place of the model: images come one by one
    in use, and `parity` asks in whole batches.

    To fix a failure: call `model.eval()` before the weights are saved or exported; take random
    steps out of `forward`.

    To decide it: measure again with this policy, on a model that takes batches of several sizes.
    """

    family: ClassVar = "model"
    of_answers: ClassVar = False
    formula: ClassVar = "images of which a score differs from call to call"
    interval: ClassVar = "none: counted, not sampled"

    check: Literal["repeatable"] = "repeatable"
    images: int = Field(200, gt=0, description="How many images are asked again.")
    batches: Annotated[tuple[Annotated[int, Field(ge=1, le=64)], ...], Field(min_length=1)] = Field(
        (1, 7, 64), description="The sizes of the batches that they are asked in."
    )
    max_gap: float = Field(
        1e-4, ge=0, le=0.1, description="The largest difference of a score between batch sizes."
    )
    split: SplitName = Field("test", description="The split whose images are asked again.")
    artefact: ArtefactName | None = Field(
        None,
        description="The file that is asked, by its name under `artefacts` of the gate file; by "
        "default the model.",
    )

    examples: ClassVar = (
        Example("equal but for rounding", {}, _gaps(0.0, 2e-6), Outcome.PASSED),
        Example("dropout was left on", {}, _gaps(0.57, 0.6), Outcome.FAILED),
        Example("batch norm in training mode", {}, _gaps(0.0, 0.33), Outcome.FAILED),
        Example("noise of a ten-thousandth", {}, _gaps(3.6e-4, 3.6e-4), Outcome.FAILED),
        Example("batches of one size only", {}, _gaps(0.0, None), Outcome.INCONCLUSIVE),
        Example(
            "it was not measured", {}, SyntheticRun(test=((5, 0), (0, 5))), Outcome.INCONCLUSIVE
        ),
    )

    def needs(self) -> "tuple[Measurement, ...]":
        """Return the answers to images that are asked again."""
        return (self._measurement,)

    @property
    def _measurement(self) -> "RepeatedAnswers":
        from gate.evidence.repeated_answers import RepeatedAnswers

        return RepeatedAnswers(self.images, self.batches, (self.split,), self.artefact)

    def evaluate(self, evidence: "Evidence") -> list[Comparison]:
        """Return how many images differ between two calls, and between batch sizes."""
        from gate.evidence.records import Split
        from gate.evidence.repeated_answers import BATCHES, FLIPPED, TWICE
        from gate.metrics.selection import absent, rows_on

        rows = rows_on(evidence, Split(self.split))
        if rows is None:
            return [self._comparison("twice", "when asked twice", absent(evidence, self.split))]
        columns = rows.observed(self._measurement.key)
        asked = int((columns[FLIPPED] >= 0).sum())
        on_gpu = evidence.environment.get("device", "cpu") != "cpu"
        exact = _ROUNDED_ON_A_GPU if on_gpu else 0.0
        return [
            self._comparison(
                "twice", "when asked twice", *self._beyond(columns[TWICE], exact, asked)
            ),
            self._comparison(
                "batches", "in other batches", *self._beyond(columns[BATCHES], self.max_gap, asked)
            ),
        ]

    def _comparison(
        self, part: str, when: str, estimate: "Estimate", largest: str = ""
    ) -> Comparison:
        of = f" from {self.artefact}" if self.artefact is not None else ""
        scores = f"{'gets' if estimate.numerator == 1 else 'get'} other scores{of}"
        many = f"{estimate.numerator or 0:,} of {estimate.denominator or 0:,} {self.split} images"
        return Comparison(
            what=f"number of {self.split} images with other scores{of} {when}",
            estimate=estimate,
            operator="<=",
            required=0,
            scope=Scope(self.split, part=part),
            finding=known_or(estimate, f"{many} {scores} {when} {allow(0)}"),
            detail=largest,
        )

    def _beyond(self, gaps: "NDArray[Any]", limit: float, asked: int) -> "tuple[Estimate, str]":
        """Return how many gaps are beyond a limit, and the largest in words."""
        import numpy as np

        from gate.metrics.estimates import Count, Undefined

        known = gaps[~np.isnan(gaps)]
        if not len(known):
            who = self.artefact or "the model"
            reason = (
                f"{who} takes batches of one size only" if asked else "no image was asked again"
            )
            return Undefined(reason, remedy="export the model with a free batch size"), ""
        largest = float(known.max())
        found = Count(int((known > limit).sum()), len(known))
        return found, f"The largest difference is {largest:.1e}" if largest else ""
