"""Check: top-k-accuracy."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from gate.checks.base import Example, Outcome
from gate.checks.classification import SplitMetric
from gate.evidence.synthetic_run import SyntheticRun

if TYPE_CHECKING:
    from gate.evidence.records import Evidence, Rows
    from gate.metrics.estimates import Estimate


class TopKAccuracy(SplitMetric):
    """Require that the true class is among the `k` that score highest.

    Worth asking where a person picks from a short list; a `k` near the number of classes says
    nothing.

    To fix a failure: look at the classes with the lowest share; they may need more images.

    To decide it: measure more images, and keep the scores of all classes.
    """

    formula: ClassVar = "images whose class is among the k highest scores / images"
    interval: ClassVar = (
        "exact binomial (Clopper and Pearson 1934); by group: padded with one group more, as wrong "
        "as can be (Fay and Feuer 1997)"
    )

    of_answers: ClassVar = False
    check: Literal["top-k-accuracy"] = "top-k-accuracy"
    k: int = Field(5, ge=1, description="How many of the highest scores count.")
    min: float | None = Field(None, ge=0, le=1, description="The lowest share that passes.")

    examples: ClassVar = (
        Example(
            "the truth is second when it is not first",
            {"k": 2, "min": 0.95},
            SyntheticRun(test=((80, 20), (20, 80)), confidence=(0.9, 0.6)),
            Outcome.PASSED,
        ),
        Example(
            "with k = 1 it is accuracy",
            {"k": 1, "min": 0.95},
            SyntheticRun(test=((80, 20), (20, 80)), confidence=(0.9, 0.6)),
            Outcome.FAILED,
        ),
    )

    @property
    def spoken(self) -> str:
        """The metric as a sentence names it."""
        return f"top-{self.k} accuracy"

    def guess(self, classes: int) -> float:
        """Return the share whose class is among any k."""
        return min(1.0, self.k / classes)

    def misfits(self, classes: Sequence[str]) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
        """Yield a ``k`` that every answer meets."""
        if self.k >= len(classes):
            fact = f"of {len(classes)} classes the truth is always among the {self.k} highest"
            yield ("k",), fact, "state a smaller k"

    def estimate(self, rows: "Rows", label: int | None, evidence: "Evidence") -> "Estimate":  # noqa: ARG002 -- needs no classes
        """Return the share on all images, or on those of one class."""
        from gate.metrics.ranking import top_k_accuracy

        return top_k_accuracy(rows if label is None else rows.where(rows.labels == label), self.k)
