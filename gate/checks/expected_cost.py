"""Check: expected-cost."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from gate.checks.base import Comparison, Example, Operator, Outcome
from gate.checks.classification import SplitMetric
from gate.evidence.synthetic_run import SyntheticRun

if TYPE_CHECKING:
    from gate.checks.classification import Targets
    from gate.evidence.records import Evidence, Rows
    from gate.metrics.estimates import Estimate


class ExpectedCost(SplitMetric):
    """Allow at most this mean cost of an image, given what each kind of mistake costs.

    Rows of `costs` are the truth and columns the prediction, in the order of the classes; the cost
    holds for the class mix of the split. Where the operating point abstains, one column
    more says what it costs to give no answer.

    To fix a failure: see which cell of the confusion matrix costs most, and lower that mistake.

    To decide it: measure more images, first of the classes whose mistakes cost most.
    """

    formula: ClassVar = "mean over images of costs[truth][prediction]"
    interval: ClassVar = (
        "padded: with one image more, or one group, at the highest cost of the matrix; Pearson III "
        "by three moments (Fay and Feuer 1997; Gaffke 2005; Learned-Miller and Thomas 2019; Rubin "
        "1981)"
    )
    operator: ClassVar[Operator] = "<="

    check: Literal["expected-cost"] = "expected-cost"
    costs: tuple[tuple[float, ...], ...] = Field(
        description="Cost of each truth (row) and prediction (column), in the order of the classes."
    )
    unit_of_cost: str = Field(alias="unit", description="What the costs are in: EUR, minutes.")
    max: float | None = Field(None, description="The highest mean cost of an image that passes.")

    per_class: dict[str, float] = Field(
        {}, description="Requirements by class name, `$critical` or `$others`."
    )

    examples: ClassVar = (
        Example(
            "few misses at 100 EUR each",
            {"costs": [[0, 1], [100, 0]], "unit": "EUR", "max": 1.0},
            SyntheticRun(test=((9800, 200), (10, 9990))),
            Outcome.PASSED,
        ),
        Example(
            "many misses at 100 EUR each",
            {"costs": [[0, 1], [100, 0]], "unit": "EUR", "max": 1.0},
            SyntheticRun(test=((980, 20), (100, 900))),
            Outcome.FAILED,
        ),
    )

    @model_validator(mode="after")
    def _square(self) -> "ExpectedCost":
        side = len(self.costs)
        widths = {len(row) for row in self.costs}
        if side < 2 or widths not in ({side}, {side + 1}):
            raise ValueError(
                "costs must be square: one row and one column a class, and perhaps one column more "
                "for no answer"
            )
        return self

    @property
    def worst(self) -> float:
        """The greatest cost of an image."""
        return max(cost for row in self.costs for cost in row)

    def misfits(self, classes: Sequence[str]) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
        """Yield a matrix that has not one row a class."""
        side = len(self.costs)
        if side != len(classes):
            fact = f"costs is {side} x {side} and there are {len(classes)} classes"
            yield ("costs",), fact, f"give {len(classes)} rows of {len(classes)} costs"

    def compare(
        self, rows: "Rows", slice_name: str | None, evidence: "Evidence", targets: "Targets"
    ) -> list[Comparison]:
        """Return the comparisons, with the unit of the costs."""
        found = super().compare(rows, slice_name, evidence, targets)
        return [replace(each, detail=f"in {self.unit_of_cost} an image") for each in found]

    def estimate(self, rows: "Rows", label: int | None, evidence: "Evidence") -> "Estimate":
        """Return the mean cost of all images, or of those of one class.

        Undefined where the matrix does not fit the classes, as in evidence without any.
        """
        from gate.metrics.estimates import Undefined
        from gate.metrics.losses import expected_cost

        for _, fact, _ in self.misfits(evidence.classes):
            return Undefined(fact)
        if rows.abstains and len(self.costs[0]) == len(self.costs):
            return Undefined("costs has no column for the answer that is none of the classes")
        return expected_cost(
            rows if label is None else rows.where(rows.labels == label), self.costs
        )
