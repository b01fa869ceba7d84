"""Check: train-test-gap."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from gate.checks.base import Comparison, Example, Outcome, Rule, Scope, SplitName
from gate.evidence.made_up import MadeUp

if TYPE_CHECKING:
    from gate.evidence.records import Evidence, Rows
    from gate.metrics.estimates import Estimate


class TrainTestGap(Rule):
    """Refuse a model that is much better on the images that it was trained on.

    The gap is the metric on train minus the metric on test, both measured by this gate on the data
    as the model sees it in use. With `metric: recall` the gap of every class is judged by itself.

    To fix a failure: the model memorised its training data; use more data or augmentation, a
    smaller model, weight decay, or stop earlier.
    """

    family: ClassVar = "generalisation"
    formula: ClassVar = "metric on train - metric on test"
    interval: ClassVar = (
        "hybrid score interval of a difference of independent shares (Newcombe 1998, method 10)"
    )

    check: Literal["train-test-gap"] = "train-test-gap"
    metric: Literal["accuracy", "recall"] = Field("accuracy", description="The metric to compare.")
    max: float = Field(0.10, ge=0, le=1, description="The largest gap that passes.")
    against: SplitName = Field("test", description="The split that is compared with train.")

    examples: ClassVar = (
        Example(
            "0.97 on train, 0.96 on test",
            {"max": 0.10},
            MadeUp(train=((970, 30), (30, 970)), test=((240, 10), (10, 240))),
            Outcome.PASSED,
        ),
        Example(
            "0.99 on train, 0.70 on test",
            {"max": 0.10},
            MadeUp(train=((990, 10), (10, 990)), test=((140, 60), (60, 140))),
            Outcome.FAILED,
        ),
        Example(
            "no train split was given",
            {"max": 0.10},
            MadeUp(test=((240, 10), (10, 240))),
            Outcome.INCONCLUSIVE,
        ),
    )

    def evaluate(self, evidence: "Evidence") -> list[Comparison]:
        """Return the gap, or that of each class."""
        from gate.evidence.records import Split
        from gate.metrics.estimates import Undefined
        from gate.metrics.selection import judged_rows

        train = judged_rows(evidence, Split.TRAIN)
        test = judged_rows(evidence, Split(self.against))
        if train is None or test is None:
            missing = "train" if train is None else self.against
            return [self._comparison(Undefined(f"no {missing} split was given"), None)]
        if self.metric == "accuracy":
            return [self._comparison(_gap(train, test, None, evidence), None)]
        return [
            self._comparison(_gap(train, test, label, evidence), name)
            for label, name in enumerate(evidence.classes)
        ]

    def _comparison(self, estimate: "Estimate", class_name: str | None) -> Comparison:
        of_class = f" of {class_name}" if class_name is not None else ""
        return Comparison(
            what=f"{self.metric}{of_class} on train minus {self.against}",
            estimate=estimate,
            operator="<=",
            required=self.max,
            scope=Scope(self.against, class_name),
        )


def _gap(train: "Rows", test: "Rows", label: int | None, evidence: "Evidence") -> "Estimate":
    from gate.metrics.rates import accuracy, gap, recall

    if label is None:
        return gap(accuracy(train), accuracy(test))
    count = len(evidence.classes)
    return gap(recall(train, label, count), recall(test, label, count))
