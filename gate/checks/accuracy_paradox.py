"""Check: accuracy-paradox."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from gate.checks.base import (
    Comparison,
    Concern,
    DataFacts,
    Example,
    Outcome,
    ProofRequirement,
    Remark,
    Rule,
    Scope,
    SplitName,
)
from gate.evidence.synthetic_run import SyntheticRun

if TYPE_CHECKING:
    from gate.evidence.records import Evidence

_NOTHING_MISSED = 0.99  # an accuracy
_ALL_MISSED = 0.05  # a recall


class AccuracyParadox(Rule):
    """Refuse a high accuracy that hides a class which is missed more often than found.

    Where accuracy reaches `min_accuracy`, the recall of each class must reach `min_recall`. A class
    below it is a paradox when its upper bound is below it too; otherwise it is suspected and the
    result is inconclusive. A low accuracy hides nothing, so there the check passes. Kappa, MCC and
    the no-information rate miss an ignored class among many; this check does not.

    To fix a failure: weight or oversample the named class; do not report accuracy alone.
    """

    family: ClassVar = "traps"
    formula: ClassVar = "accuracy >= min_accuracy, and the recall of some class < min_recall"
    interval: ClassVar = (
        "of the recall of the class: exact binomial (Clopper and Pearson 1934); by group: padded "
        "with one group more, as right as can be (Fay and Feuer 1997)"
    )

    # Far from any requirement: five images of a class that is never found suffice to say so.
    shares_error: ClassVar[bool] = False

    check: Literal["accuracy-paradox"] = "accuracy-paradox"
    split: SplitName = Field("test", description="The split to measure.")
    min_accuracy: float = Field(
        0.8, ge=0, le=1, description="The accuracy from which on a model looks good."
    )
    min_recall: float = Field(
        0.5, gt=0, le=1, description="The recall below which a class is missed more than found."
    )

    examples: ClassVar = (
        Example(
            "both classes are found", {}, SyntheticRun(test=((45, 5), (3, 47))), Outcome.PASSED
        ),
        Example(
            "98 % accuracy and 12 % recall",
            {},
            SyntheticRun(test=((4888, 12), (88, 12))),
            Outcome.FAILED,
        ),
        Example(
            "1 of 3 dogs is found, too few to accuse",
            {},
            SyntheticRun(test=((996, 1), (2, 1))),
            Outcome.INCONCLUSIVE,
        ),
        Example(
            "a coin flip does not look good",
            {},
            SyntheticRun(test=((250, 250), (250, 250))),
            Outcome.PASSED,
        ),
    )

    @property
    def concern(self) -> Concern | None:
        """Traps."""
        return Concern.TRAPS if self.split == "test" else None

    def vacuous(self, data: DataFacts) -> Iterator[Remark]:  # noqa: ARG002 -- the same for all data
        """Yield an accuracy from which on nothing is missed, and a recall that anything has."""
        if self.min_accuracy > _NOTHING_MISSED:
            fact = (
                f"only an accuracy of {self.min_accuracy:g} and more is looked at, and who never "
                f"finds a class of one image in a hundred has {_NOTHING_MISSED}"
            )
            yield ("min_accuracy",), fact, "state the accuracy that looks good: 0.8"
        if self.min_recall < _ALL_MISSED:
            fact = f"a class of which {1 - self.min_recall:.3g} is missed meets it"
            yield ("min_recall",), fact, "state the recall below which a class is missed: 0.5"

    def evaluate(self, evidence: "Evidence") -> list[Comparison]:
        """Return the recall of each class that has images, against ``min_recall``."""
        from gate.evidence.records import Split
        from gate.metrics.estimates import Undefined
        from gate.metrics.rates import accuracy, recall
        from gate.metrics.selection import classes_of, rows_on, why_absent

        rows = rows_on(evidence, Split(self.split))
        present = classes_of(evidence, Split(self.split))
        if rows is None or len(present) < 2:
            missing = rows is None
            reason = (
                why_absent(evidence, self.split) if missing else "it needs images of two classes"
            )
            return [
                Comparison(
                    what=f"accuracy paradox on {self.split}",
                    estimate=Undefined(reason),
                    operator=">=",
                    required=self.min_recall,
                    scope=Scope(self.split),
                )
            ]
        overall = accuracy(rows)
        if overall.value is not None and overall.value < self.min_accuracy:
            return [
                Comparison(
                    what=f"accuracy on {self.split}, too low to mislead,",
                    estimate=overall,
                    operator="<=",
                    required=self.min_accuracy,
                    scope=Scope(self.split),
                    proof=ProofRequirement.TO_FAIL,
                )
            ]
        return [
            Comparison(
                what=f"recall of {evidence.classes[label]} on {self.split}",
                estimate=recall(rows, label, len(evidence.classes)),
                operator=">=",
                required=self.min_recall,
                scope=Scope(self.split, evidence.classes[label]),
                proof=ProofRequirement.TO_FAIL,
                detail="" if overall.value is None else f"while accuracy is {overall.value:.3f}",
                unit=f"{evidence.classes[label]} images",
            )
            for label in present
        ]
