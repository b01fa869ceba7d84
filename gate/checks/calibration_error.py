"""Check: calibration-error."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from gate.checks.base import (
    Comparison,
    DataFacts,
    Example,
    Operator,
    Outcome,
    ProofRequirement,
    Remark,
)
from gate.checks.classification import SplitMetric
from gate.checks.sentences import agree
from gate.evidence.synthetic_run import SyntheticRun

if TYPE_CHECKING:
    from gate.checks.classification import Targets
    from gate.evidence.records import Evidence, Rows
    from gate.metrics.estimates import Estimate


class CalibrationError(SplitMetric):
    """Allow at most this distance between confidence and accuracy.

    The expected calibration error of few images is too large on average, even of a perfect model:
    a value within the limit passes, and a value above it fails only where a perfectly calibrated
    model would hardly show it. Below `min_images` nothing is said.

    To fix a failure: fit a temperature on the validation split (it changes no prediction), and
    judge again; never fit it on test.

    To decide it: measure more images, and keep the score of each prediction.
    """

    formula: ClassVar = (
        "mean over images of |accuracy - confidence| in 15 bins of equal width (Guo et al. 2017)"
    )
    interval: ClassVar = "consistency resampling (Broecker and Smith 2007), 1,000 draws, fixed seed"
    operator: ClassVar[Operator] = "<="

    of_answers: ClassVar = False
    check: Literal["calibration-error"] = "calibration-error"
    max: float | None = Field(0.05, gt=0, le=1, description="The highest error that passes.")
    min_images: int = Field(200, ge=1, description="The fewest images that it is computed from.")

    examples: ClassVar = (
        Example(
            "95 % sure and 96 % right",
            {},
            SyntheticRun(test=((480, 20), (20, 480)), confidence=(0.95, 0.95)),
            Outcome.PASSED,
        ),
        Example(
            "99 % sure and 80 % right",
            {},
            SyntheticRun(test=((400, 100), (100, 400)), confidence=(0.99, 0.99)),
            Outcome.FAILED,
        ),
        Example(
            "too few images",
            {},
            SyntheticRun(test=((40, 10), (10, 40)), confidence=(0.99, 0.99)),
            Outcome.INCONCLUSIVE,
        ),
    )

    @property
    def worst(self) -> float:
        """The error of a model of two classes that is always sure and right by chance."""
        return 0.5

    def vacuous(self, data: DataFacts) -> Iterator[Remark]:
        """Yield an error that a model without any calibration meets."""
        for path, _, remedy in super().vacuous(data):
            yield path, "always sure and right every second time is an error of 0.5", remedy

    def compare(
        self, rows: "Rows", slice_name: str | None, evidence: "Evidence", targets: "Targets"
    ) -> list[Comparison]:
        """Return the comparisons; the value itself passes, a failure needs proof."""
        return [
            replace(each, proof=ProofRequirement.TO_FAIL, detail=_if_calibrated(each.estimate))
            for each in super().compare(rows, slice_name, evidence, targets)
        ]

    def estimate(self, rows: "Rows", label: int | None, evidence: "Evidence") -> "Estimate":
        """Return the error; undefined below ``min_images``."""
        from gate.metrics.estimates import Undefined

        images = len(rows) if label is None else int((rows.labels == label).sum())
        if images < self.min_images:
            return Undefined(
                f"{images:,} {agree(images, 'images', 'image')}, {self.min_images:,} are needed",
                remedy=f"measure at least {self.min_images:,} images",
            )
        return super().estimate(rows, label, evidence)


def _if_calibrated(estimate: "Estimate") -> str:
    """Return how likely so large an error would be of a model whose confidence is right."""
    from gate.metrics.calibration import CalibrationError as Measured

    if not isinstance(estimate, Measured):
        return ""
    return (
        estimate.reason or f"perfect calibration would show as much with p = {estimate.p_value:.2g}"
    )
