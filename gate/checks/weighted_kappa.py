"""Check: weighted-kappa."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from gate.checks.base import Example, Outcome
from gate.checks.grades import GradesRule
from gate.evidence.synthetic_run import SyntheticRun

if TYPE_CHECKING:
    from gate.evidence.records import Evidence, Rows
    from gate.metrics.estimates import Estimate

_GRADES = ("none", "mild", "severe")


class WeightedKappa(GradesRule):
    """Require a minimum agreement of grades beyond that of chance.

    A mistake costs as much as the grades between answer and truth, or that number squared. The
    classes must stand in the order of their grades: `order` says it where they are declared in
    another. An image without an answer counts as wrong as it can be.

    To fix a failure: look at the mistakes that are furthest from the truth; they cost most.

    To decide it: measure more images, some of every class.
    """

    formula: ClassVar = (
        "1 - weighted mistakes / weighted mistakes by chance, weight |answer - truth| or its "
        "square (Cohen 1968)"
    )
    interval: ClassVar = (
        "padded: with one image more, or one group, as wrong as can be; Pearson III by three "
        "moments (Fay and Feuer 1997; Gaffke 2005; Learned-Miller and Thomas 2019; Rubin 1981)"
    )
    chance: ClassVar[float] = 0.0

    check: Literal["weighted-kappa"] = "weighted-kappa"
    weights: Literal["linear", "quadratic"] = Field(
        "quadratic", description="How a mistake weighs: by the grades between, or their square."
    )
    min: float = Field(ge=0, le=1, description="The lowest kappa that passes.")

    examples: ClassVar = (
        Example(
            "nearly all mistakes are of one grade",
            {"weights": "quadratic", "min": 0.8},
            SyntheticRun(classes=_GRADES, test=((180, 19, 1), (15, 170, 15), (1, 9, 190))),
            Outcome.PASSED,
        ),
        Example(
            "a fifth of the severe ones is taken for none",
            {"weights": "quadratic", "min": 0.8},
            SyntheticRun(classes=_GRADES, test=((190, 9, 1), (15, 170, 15), (40, 10, 150))),
            Outcome.FAILED,
        ),
        Example(
            "60 images prove little",
            {"weights": "quadratic", "min": 0.9},
            SyntheticRun(classes=_GRADES, test=((18, 2, 0), (1, 18, 1), (0, 1, 19))),
            Outcome.INCONCLUSIVE,
        ),
    )

    def targets(self, evidence: "Evidence") -> "Iterator[tuple[str | None, float]]":  # noqa: ARG002 -- it is of all
        """Yield all images."""
        yield None, self.min

    def estimate(self, rows: "Rows", label: int | None, evidence: "Evidence") -> "Estimate":  # noqa: ARG002 -- it is of all
        """Return kappa of all rows."""
        from gate.metrics.ordinal import ordinal_kappa

        if contradiction := self.contradiction(evidence):
            return contradiction
        over = self.classes_to_average(evidence)
        return ordinal_kappa(rows, self.grades(evidence), self.weights, over)
