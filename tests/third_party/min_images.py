"""A check of numbers that stand in every evidence."""

from typing import ClassVar, Literal

from pydantic import Field

from gate.checks.base import Comparison, Example, Outcome, Rule, Scope
from gate.evidence.synthetic_run import SyntheticRun
from gate.metrics.estimates import Count


class MinImages(Rule):
    """Require a number of test images.

    Fewer tell nothing of paint.

    To fix a failure: take more pictures of paint.
    """

    family: ClassVar = "data"
    formula: ClassVar = "images of test"
    interval: ClassVar = "none: it is counted"

    check: Literal["min-images"] = "min-images"
    min: int = Field(ge=1, description="The fewest images that pass.")

    examples: ClassVar = (
        Example("as many", {"min": 100}, SyntheticRun(test=((50, 0), (0, 50))), Outcome.PASSED),
        Example("too few", {"min": 101}, SyntheticRun(test=((50, 0), (0, 50))), Outcome.FAILED),
    )

    def evaluate(self, evidence):
        rows = evidence.splits["test"].rows
        return [Comparison("images", Count(len(rows)), ">=", float(self.min), Scope(split="test"))]

    def vacuous(self, data):
        if self.min == 1:
            yield ("min",), "every test set has an image", "require more"
