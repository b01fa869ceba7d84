"""Answers stay when the picture moves by a pixel."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from gate.checks.base import Comparison, DataFacts, Example, Outcome, Remark, Scope
from gate.checks.views import ViewRule
from gate.evidence.synthetic_run import SyntheticRun

if TYPE_CHECKING:
    from gate.evidence.measurements import Measurement
    from gate.evidence.records import Evidence
    from gate.metrics.estimates import Estimate

_HALF = 0.5
_KEY = "view shift:1 v1 images=1000"


def _seen(same: int) -> SyntheticRun:
    columns = {"prediction": ((same, 0), (500 - same, 1), (500, 1)), "state": ((1000, 1),)}
    return SyntheticRun(test=((500, 0), (0, 500)), observations={"test": {_KEY: columns}})


class Shift(ViewRule):
    """Require that answers stay when the picture moves by a pixel or two.

    Strides without smoothing make a net answer by where a thing lies to the pixel. The picture is
    moved up, down, left or right by so many pixels of the model's input. An unsure model changes
    more answers: how many of the right ones stay is told beside it.

    To fix a failure: put a blur before each stride (Zhang 2019), or shift images in training.

    To decide it: measure again with this policy, and ask about more images with `images`.
    """

    formula: ClassVar = "images with the same answer / images (Azulay and Weiss 2019)"
    interval: ClassVar = "exact (Clopper and Pearson 1934); padded by group (Fay and Feuer 1997)"

    check: Literal["shift"] = "shift"
    pixels: int = Field(1, ge=1, le=4, description="Pixels of the model's input.")
    min_agreement: float = Field(
        0.9, gt=0, le=1, description="The lowest share of images whose answer stays the same."
    )

    examples: ClassVar = (
        Example("30 of 1,000 answers change", {}, _seen(470), Outcome.PASSED),
        Example("150 of 1,000 answers change", {}, _seen(350), Outcome.FAILED),
        Example("105 of 1,000 answers change", {}, _seen(395), Outcome.INCONCLUSIVE),
        Example(
            "it was not measured", {}, SyntheticRun(test=((5, 0), (0, 5))), Outcome.INCONCLUSIVE
        ),
    )

    def needs(self) -> "tuple[Measurement, ...]":
        """Return the answers to the moved images."""
        return (self.answers_to(f"shift:{self.pixels}"),)

    def vacuous(self, data: DataFacts) -> Iterator[Remark]:  # noqa: ARG002 -- the same for all data
        """Yield an agreement that lets half of the answers change."""
        if self.min_agreement <= _HALF:
            yield ("min_agreement",), "half of the answers may change", "require more"

    def evaluate(self, evidence: "Evidence") -> list[Comparison]:
        """Return the share of images with the same answer."""
        from gate.metrics.left_out import LeftOut
        from gate.metrics.view_answers import NotAsked, agreement, answers_to

        view = self.answers_to(f"shift:{self.pixels}")
        answered = answers_to(evidence, self.split, [view])
        estimate: Estimate
        detail = ""
        only_warns = False
        if isinstance(answered, NotAsked):
            estimate, only_warns = answered.estimate, answered.is_harmless
        else:
            left_out = LeftOut.of(evidence, self.split, [view])
            same = agreement(answered)
            estimate = left_out.admit(same, answered, (">=", self.min_agreement), worst=0)
            asked = self.describe_sample(len(answered.rows), evidence)
            right = agreement(answered.right)
            stays = "" if right.value is None else f". Of those answered rightly: {right.value:.3f}"
            detail = f"{asked}{stays}"
        moved = f"{self.pixels} pixel{'s' if self.pixels > 1 else ''}"
        return [
            Comparison(
                what=f"share of {self.split} images with the same answer when moved by {moved}",
                estimate=estimate,
                operator=">=",
                required=self.min_agreement,
                scope=Scope(self.split),
                detail=detail,
                optional=only_warns,
                unit="images",
            )
        ]
