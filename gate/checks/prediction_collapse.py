"""Check: prediction-collapse."""

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
from gate.checks.sentences import agree, not_checked
from gate.evidence.synthetic_run import SyntheticRun

if TYPE_CHECKING:
    from gate.evidence.records import Evidence, Rows

_MISSED_MORE_THAN_FOUND = 0.5


class PredictionCollapse(Rule):
    """Refuse a model that never predicts a class that is there.

    A class with images and without a single prediction fails when its number of images proves that
    it is missed more often than found (five images at 95 % confidence); with fewer it is suspected.

    To fix a failure: train with images of the class, or give it more weight in the loss; check the
    class order too.

    To decide it: measure more images of the named class.
    """

    family: ClassVar = "traps"
    formula: ClassVar = "some class has images, and no prediction"
    interval: ClassVar = (
        "the upper bound of a recall of 0 must be below 0.5: exact binomial (Clopper and Pearson "
        "1934); by group: padded with one group more, as right as can be (Fay and Feuer 1997)"
    )

    # Far from any requirement: five images of a class that is never found suffice to say so.
    shares_error: ClassVar[bool] = False

    check: Literal["prediction-collapse"] = "prediction-collapse"
    split: SplitName = Field("test", description="The split to measure.")

    examples: ClassVar = (
        Example(
            "both classes are predicted", {}, SyntheticRun(test=((45, 5), (3, 47))), Outcome.PASSED
        ),
        Example("always background", {}, SyntheticRun(test=((95, 0), (5, 0))), Outcome.FAILED),
        Example(
            "two images of a class prove nothing",
            {},
            SyntheticRun(test=((95, 0), (2, 0))),
            Outcome.INCONCLUSIVE,
        ),
    )

    @property
    def concern(self) -> Concern | None:
        """Traps."""
        return Concern.TRAPS if self.split == "test" else None

    def evaluate(self, evidence: "Evidence") -> list[Comparison]:
        """Return one comparison for each class that has images."""
        from gate.evidence.records import Split
        from gate.metrics.estimates import Undefined
        from gate.metrics.selection import absent, classes_of, rows_on

        rows = rows_on(evidence, Split(self.split))
        present = classes_of(evidence, Split(self.split))
        if rows is None or not present:
            none = Undefined(f"{self.split} has no images", remedy=f"give {self.split} images")
            missing = absent(evidence, self.split) if rows is None else none
            return [
                Comparison(
                    what=f"prediction collapse on {self.split}",
                    estimate=missing,
                    finding=not_checked(missing),
                    operator=">=",
                    required=1,
                    scope=Scope(self.split),
                )
            ]
        return [self._compare(rows, label, evidence) for label in present]

    def _compare(self, rows: "Rows", label: int, evidence: "Evidence") -> Comparison:
        from gate.metrics.estimates import Count
        from gate.metrics.rates import recall

        name = evidence.classes[label]
        predicted = int((rows.predictions == label).sum())
        if predicted:
            return Comparison(
                what=f"predictions of {name} on {self.split}",
                finding=f"{name} is predicted for {predicted:,} {self.split} "
                f"{agree(predicted, 'images', 'image')}",
                estimate=Count(predicted),
                operator=">=",
                required=1,
                scope=Scope(self.split, name),
            )
        return Comparison(
            what=f"recall of {name} on {self.split}",
            finding=f"{name} is never predicted, though {self.split} has "
            f"{int((rows.labels == label).sum()):,}",
            estimate=recall(rows, label, len(evidence.classes)),
            operator=">=",
            required=_MISSED_MORE_THAN_FOUND,
            scope=Scope(self.split, name),
            proof=ProofRequirement.TO_FAIL,
            unit=f"{name} images",
        )
