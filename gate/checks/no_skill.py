"""Check: no-skill."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from gate.checks.base import (
    Comparison,
    Concern,
    Example,
    Outcome,
    ProofRequirement,
    Rule,
    Scope,
    SplitName,
)
from gate.checks.sentences import not_checked
from gate.evidence.synthetic_run import SyntheticRun

if TYPE_CHECKING:
    from gate.evidence.records import Evidence
    from gate.metrics.estimates import Estimate

_TOO_FEW = "too few images or groups to prove more than a guess"


class NoSkill(Rule):
    """Refuse a model that is not proven better than guessing.

    The lower bound of balanced accuracy must lie above 1 / K for the K classes that have images.
    A constant answer and a coin flip both have a balanced accuracy of 1 / K. Where there are so few
    images or groups that a model without a mistake would not pass either, a better value than that
    is inconclusive.

    To fix a failure: check the labels, the input normalisation, the class order and that the right
    checkpoint was loaded. The model has learned nothing that shows on this data.

    To decide it: measure more images of each class, of more groups where images come in groups.
    """

    family: ClassVar = "traps"
    formula: ClassVar = "balanced accuracy > 1 / K"
    interval: ClassVar = (
        "padded: with one image more, or one group, as wrong as can be; Pearson III by three "
        "moments (Fay and Feuer 1997; Gaffke 2005; Learned-Miller and Thomas 2019; Rubin 1981)"
    )

    check: Literal["no-skill"] = "no-skill"
    split: SplitName = Field("test", description="The split to measure.")

    examples: ClassVar = (
        Example(
            "both classes are found", {}, SyntheticRun(test=((45, 5), (3, 47))), Outcome.PASSED
        ),
        Example("a coin flip", {}, SyntheticRun(test=((250, 250), (250, 250))), Outcome.FAILED),
        Example("always background", {}, SyntheticRun(test=((950, 0), (50, 0))), Outcome.FAILED),
        Example("only one class", {}, SyntheticRun(test=((95, 5), (0, 0))), Outcome.INCONCLUSIVE),
    )

    @property
    def concern(self) -> Concern | None:
        """Traps."""
        return Concern.TRAPS if self.split == "test" else None

    def evaluate(self, evidence: "Evidence") -> list[Comparison]:
        """Return balanced accuracy against that of a guess."""
        from gate.evidence.records import Split
        from gate.metrics.estimates import Undefined
        from gate.metrics.rates import balanced_accuracy
        from gate.metrics.selection import absent, rows_on

        rows = rows_on(evidence, Split(self.split))
        present = set() if rows is None else set(rows.labels.tolist())
        classes = len(present)
        estimate: Estimate
        if rows is None:
            estimate = absent(evidence, self.split)
        elif classes < 2:
            estimate = Undefined(
                f"{self.split} has images of fewer than two classes",
                remedy=f"add {self.split} images of other classes",
            )
        else:
            estimate = self._able(balanced_accuracy(rows, len(evidence.classes), present), classes)
        return [
            Comparison(
                what=f"balanced accuracy on {self.split}",
                finding=not_checked(estimate) if estimate.value is None else "",
                estimate=estimate,
                operator=">",
                required=1 / max(classes, 2),
                scope=Scope(self.split),
                proof=ProofRequirement.TO_PASS,
                detail=f"a guess among {classes} classes reaches {1 / classes:.3f}"
                if classes > 1
                else "",
            )
        ]

    def _able(self, found: "Estimate", classes: int) -> "Estimate":
        """Return the estimate, without bounds where not even a flawless model would pass.

        A few images or groups leave open what a model is worth that is better than a guess on them.
        """
        from dataclasses import replace

        from gate.metrics.padded import Padded

        if not isinstance(found, Padded) or found.spotless is None or found.value <= 1 / classes:
            return found
        best = found.spotless.lower(found.most, self.one_sided_confidence)
        return found if best > 1 / classes else replace(found, spread=None, reason=_TOO_FEW)
