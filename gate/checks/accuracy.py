"""Check: accuracy."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from gate.checks.base import Comparison, Example, Outcome
from gate.checks.classification import SplitMetric
from gate.evidence.synthetic_run import SyntheticRun

if TYPE_CHECKING:
    from gate.evidence.records import Evidence, Rows

_NO_BETTER = 0.05  # P[accuracy > no-information rate] above which accuracy is no evidence of skill


class Accuracy(SplitMetric):
    """Require a minimum share of right answers.

    Accuracy says little where one class is common: always answering "background" is right 95 times
    in 100 when 95 of 100 images are background. Use it with `recall` and `accuracy-paradox`.

    To fix a failure: look at the confusion matrix; the classes with the lowest recall cost most.

    To decide it: measure more images of the split.
    """

    formula: ClassVar = "right answers / images"
    interval: ClassVar = (
        "exact binomial (Clopper and Pearson 1934); by group: padded with one group more, as wrong "
        "as can be (Fay and Feuer 1997)"
    )

    check: Literal["accuracy"] = "accuracy"
    min: float | None = Field(None, ge=0, le=1, description="The lowest accuracy that passes.")

    examples: ClassVar = (
        Example(
            "480 of 500 are right",
            {"min": 0.9},
            SyntheticRun(test=((240, 10), (10, 240))),
            Outcome.PASSED,
        ),
        Example(
            "400 of 500 are right",
            {"min": 0.9},
            SyntheticRun(test=((200, 50), (50, 200))),
            Outcome.FAILED,
        ),
        Example(
            "92 of 100 are right, which luck could explain",
            {"min": 0.9},
            SyntheticRun(test=((45, 5), (3, 47))),
            Outcome.INCONCLUSIVE,
        ),
    )

    def guess(self, classes: int) -> float:
        """Return the share that is right by chance."""
        return 1 / classes

    def comparison(self, rows: "Rows", evidence: "Evidence", **named: Any) -> Comparison:  # noqa: ANN401 -- passed on
        """Return the comparison, with a word where always guessing one class would do as well."""
        from gate.metrics.skill import no_information_rate, p_no_information

        found = super().comparison(rows, evidence, **named)
        count = len(evidence.classes)
        chance, rate = p_no_information(rows, count), no_information_rate(rows, count)
        if named["class_name"] is not None or chance is None or chance <= _NO_BETTER:
            return found
        return replace(
            found, detail=f"not shown to beat always answering the commonest class ({rate:.3f})"
        )
