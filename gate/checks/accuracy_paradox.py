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
from gate.checks.sentences import not_checked
from gate.evidence.synthetic_run import SyntheticRun

if TYPE_CHECKING:
    from gate.evidence.records import Evidence
    from gate.metrics.estimates import Estimate

_NOTHING_MISSED = 0.99  # an accuracy
_ALL_MISSED = 0.05  # a recall


class AccuracyParadox(Rule):
    """Refuse a high accuracy that hides a class which is missed more often than found.

    Where accuracy reaches `min_accuracy`, the recall of each class must reach `min_recall`. A class
    below it is a paradox when its upper bound is below it too; otherwise it is suspected and the
    result is inconclusive. A low accuracy hides nothing, so there the check passes; where it is low
    because a model abstains, the images that get an answer are looked at. Kappa, MCC and the
    no-information rate miss an ignored class among many; this check does not.

    To fix a failure: weight or oversample the named class; do not report accuracy alone.

    To decide it: measure more images of the named class.
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
        from gate.metrics.selection import absent, classes_of, rows_on

        rows = rows_on(evidence, Split(self.split))
        present = classes_of(evidence, Split(self.split))
        if rows is None or len(present) < 2:
            one = Undefined(
                f"{self.split} has images of fewer than two classes",
                remedy=f"add {self.split} images of other classes",
            )
            missing = absent(evidence, self.split) if rows is None else one
            return [
                Comparison(
                    what=f"accuracy paradox on {self.split}",
                    estimate=missing,
                    finding=not_checked(missing),
                    operator=">=",
                    required=self.min_recall,
                    scope=Scope(self.split),
                )
            ]
        overall = accuracy(rows)
        answered = rows.where(rows.predictions >= 0) if rows.abstains else rows
        if self._is_low(overall) and 0 < len(answered) < len(rows):  # what else would look good
            rows, overall = answered, accuracy(answered)
            present = [label for label in present if (rows.labels == label).any()]
        if self._is_low(overall):
            return [
                Comparison(
                    what=f"accuracy on {self.split}",
                    estimate=overall,
                    finding=f"Accuracy is below {self.min_accuracy:.2f}, so it cannot hide a "
                    "missed class",
                    operator="<=",
                    required=self.min_accuracy,
                    scope=Scope(self.split),
                    proof=ProofRequirement.TO_FAIL,
                )
            ]
        return [
            self._of_class(
                evidence.classes[label], recall(rows, label, len(evidence.classes)), overall
            )
            for label in present
        ]

    def _is_low(self, overall: "Estimate") -> bool:
        return overall.value is not None and overall.value < self.min_accuracy

    def _of_class(self, name: str, found: "Estimate", overall: "Estimate") -> Comparison:
        """Return the recall of a class beside the accuracy that may hide it."""
        accuracy = "" if overall.value is None else f"accuracy is {overall.value:.3f}"
        hidden = ""
        if accuracy and found.value is not None and found.value < self.min_recall:
            hidden = (
                f"{accuracy.capitalize()}, but {name} is found in only {found.numerator:,} of "
                f"{found.denominator:,} images (required: {self.min_recall:.2f})"
            )
        return Comparison(
            what=f"recall of {name} on {self.split}",
            estimate=found,
            operator=">=",
            required=self.min_recall,
            scope=Scope(self.split, name),
            proof=ProofRequirement.TO_FAIL,
            finding=hidden,
            detail="" if hidden or not accuracy else f"while {accuracy}",
            unit=f"{name} images",
        )
