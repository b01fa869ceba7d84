"""Check: recall-at-fpr."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from gate.checks.base import (
    Comparison,
    Concern,
    DataFacts,
    Example,
    Key,
    Outcome,
    ProofRequirement,
    Remark,
    Rule,
    Scope,
    resolve_classes,
)
from gate.evidence.synthetic_run import SyntheticRun

if TYPE_CHECKING:
    from gate.evidence.records import Evidence
    from gate.metrics.estimates import Undefined

_SURE = (0.9, 0.8)  # the scores of right and of wrong answers, for examples


class RecallAtFpr(Rule):
    """Require a recall of a class at the threshold that keeps its false alarms rare.

    The threshold is fitted on the validation split, so that the false-positive rate is at most
    `fpr` but for a chance of 0.2 %. On test both have to hold: the recall, and the rate. It looks
    at scores, whatever the operating point is, and needs a validation split that shares no image
    with test.

    To fix a failure: train for a better ranking of the class, or allow more false alarms.

    To decide it: measure more images of the class and of others, on validation and on test.
    """

    family: ClassVar = "classification"
    of_answers: ClassVar = False
    formula: ClassVar = (
        "recall and false-positive rate on test of `score of the class >= threshold`; the "
        "threshold is a float above an order statistic of the scores of other classes (Wilks 1941)"
    )
    interval: ClassVar = (
        "exact binomial (Clopper and Pearson 1934); by group: padded with one group more, as wrong "
        "as can be (Fay and Feuer 1997)"
    )

    check: Literal["recall-at-fpr"] = "recall-at-fpr"
    class_: str = Field(
        alias="class", min_length=1, description="The class, by name, or `$critical` for each."
    )
    fpr: float = Field(gt=0, lt=1, description="The highest false-positive rate of the class.")
    min: float = Field(ge=0, le=1, description="The lowest recall that passes.")

    examples: ClassVar = (
        Example(
            "98 % of the dogs are found with hardly a false alarm",
            {"class": "dog", "fpr": 0.05, "min": 0.9},
            SyntheticRun(
                validation=((990, 10), (10, 990)), test=((990, 10), (10, 990)), confidence=_SURE
            ),
            Outcome.PASSED,
        ),
        Example(
            "one dog in five looks like a cat",
            {"class": "dog", "fpr": 0.05, "min": 0.9},
            SyntheticRun(
                validation=((900, 100), (200, 800)), test=((900, 100), (200, 800)), confidence=_SURE
            ),
            Outcome.FAILED,
        ),
        Example(
            "without validation there is no threshold",
            {"class": "dog", "fpr": 0.05, "min": 0.9},
            SyntheticRun(test=((990, 10), (10, 990)), confidence=_SURE),
            Outcome.INCONCLUSIVE,
        ),
        Example(
            "a threshold that was fitted on images of test proves nothing",
            {"class": "dog", "fpr": 0.05, "min": 0.9},
            SyntheticRun(
                validation=((990, 10), (10, 990)),
                test=((990, 10), (10, 990)),
                confidence=_SURE,
                copies=0,
                validation_copies=5,
            ),
            Outcome.INCONCLUSIVE,
        ),
    )

    @property
    def concern(self) -> Concern | None:
        """Single classes."""
        return Concern.PER_CLASS

    def class_names(self) -> Iterator[tuple[tuple[Key, ...], str]]:
        """Yield the class."""
        yield ("class",), self.class_

    def vacuous(self, data: DataFacts) -> Iterator[Remark]:  # noqa: ARG002 -- the same for all data
        """Yield a recall that guessing has: that of the false-positive rate."""
        if self.min <= self.fpr:
            fact = (
                f"guessing finds {self.fpr:g} of a class at a false-positive rate of {self.fpr:g}"
            )
            yield ("min",), fact, f"require more than {self.fpr:g}"

    def evaluate(self, evidence: "Evidence") -> list[Comparison]:
        """Return the recall and the false-positive rate of each class, or why there are none."""
        names = resolve_classes((self.class_,), evidence)
        return [each for name in names for each in self._compare(name, evidence)]

    def _compare(self, name: str, evidence: "Evidence") -> list[Comparison]:
        from gate.evidence.records import Split
        from gate.metrics.operating_point import doubt_of_validation
        from gate.metrics.rates import share_from
        from gate.metrics.selection import absent

        test = evidence.splits.get(Split.TEST)
        if test is None:
            return [self._nothing(name, absent(evidence, "test"))]
        threshold = self._threshold(name, evidence)
        if not isinstance(threshold, float):
            return [self._nothing(name, threshold)]
        rows, label = test.rows, evidence.classes.index(name)
        at = f"at a false-positive rate of {self.fpr:g} on test"
        doubt = doubt_of_validation(evidence)
        proof = ProofRequirement.ONLY_FAIL if doubt else ProofRequirement.BOTH
        detail = f"with the threshold {threshold:.6g}" + (f"; {doubt}" if doubt else "")
        return [
            Comparison(
                what=f"recall of {name} {at}",
                estimate=share_from(rows, label, threshold, of_class=True),
                operator=">=",
                required=self.min,
                scope=Scope("test", name, part="recall"),
                proof=proof,
                detail=detail,
                unit=f"{name} images",
            ),
            Comparison(
                what=f"false-positive rate of {name} on test",
                estimate=share_from(rows, label, threshold, of_class=False),
                operator="<=",
                required=self.fpr,
                scope=Scope("test", name, part="fpr"),
                proof=proof,
                detail=detail,
                unit="images of other classes",
            ),
        ]

    def _threshold(self, name: str, evidence: "Evidence") -> "float | Undefined":
        """Return the threshold of a class, or why there is none; the same for all rows of test."""
        import numpy as np

        from gate.evidence.operating_point import Fit
        from gate.metrics.estimates import Undefined
        from gate.metrics.fitting import find_threshold, rows_to_fit_on
        from gate.metrics.selection import absent

        rows = rows_to_fit_on(evidence)
        if rows is None:
            return absent(evidence, "validation")
        if rows.scores is None:
            return Undefined("no scores of validation were kept to fit a threshold on")
        nobody = np.zeros(len(rows), dtype=bool)
        fit = Fit("fpr", self.fpr)
        found, nearest = find_threshold(rows, evidence.classes.index(name), fit, nobody)
        if found is not None:
            return found
        least = "" if nearest is None else f"; the lowest that it could show is {nearest:.3g}"
        return Undefined(
            f"validation has too few images of other classes to show so low a rate{least}",
            remedy="collect more validation images, or allow more false alarms",
        )

    def _nothing(self, name: str, why: "Undefined") -> Comparison:
        return Comparison(
            what=f"recall of {name} at a false-positive rate of {self.fpr:g} on test",
            estimate=why,
            operator=">=",
            required=self.min,
            scope=Scope("test", name, part="recall"),
        )
