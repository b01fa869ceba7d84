"""Check: train-test-gap."""

import math
from collections.abc import Iterator, Mapping
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
    in_words,
    without_classes,
)
from gate.evidence.synthetic_run import SyntheticRun

if TYPE_CHECKING:
    from gate.evidence.records import Evidence, Rows
    from gate.metrics.estimates import Estimate

Metric = Literal[
    "accuracy",
    "balanced-accuracy",
    "recall",
    "precision",
    "f1",
    "macro-f1",
    "specificity",
    "mcc",
    "roc-auc",
    "average-precision",
    "log-loss",
]

_BY_HEART = 0.99  # accuracy on train
_WIDE, _EASIER = 0.10, -0.02  # of the gap's own bounds

# The gap of a model that knows train by heart and guesses on test, where it does not depend on the
# number of classes. Else it is 1 - 1 / classes, and 0.9 where nobody says how many there are.
_BY_HEART_ALONE: Mapping[str, float] = {
    "mcc": 1.0,
    "roc-auc": 0.5,
    "specificity": 0.5,
    "log-loss": math.log(1_000_000),
}
_OF_TEN_CLASSES = 0.9


class TrainTestGap(Rule):
    """Refuse a model that is much better on the images that it was trained on.

    The gap is the metric on train minus the metric on test (for `log-loss`, test minus train), both
    measured by this gate on the data as the model sees it in use. A metric of classes, such as
    recall, is judged class by class. Without a train split the accuracy of a training log stands
    in; with augmentation and weights that move it understates the gap, so it can fail and never
    pass. Of accuracy two patterns are named: images learned by heart (0.99 on train, and a gap
    provably above 0.10), and a test that is easier than train (provably by 0.02 or more).

    Train must be more than a few images that suit: to pass, it needs as many images as test, or
    (z / max)^2 where those are fewer: 271 for a gap of 0.10 at 95 % confidence, 1,083 for 0.05. Of
    a metric of classes, so many of the class. With fewer the gap can fail and never pass.

    To fix a failure: use more data or augmentation, a smaller model or weight decay, or stop
    earlier: the model memorised its training data.

    To decide it: give all images that the model was trained on as `train`, and measure more images
    of both splits.
    """

    family: ClassVar = "generalisation"
    formula: ClassVar = "metric on train - metric on test"
    interval: ClassVar = (
        "recovered from the bounds of both splits, each at the stated confidence (MOVER: Zou and "
        "Donner 2008); 59 test images without a mistake prove a gap below 0.05, 29 below 0.10"
    )

    check: Literal["train-test-gap"] = "train-test-gap"
    metric: Metric = Field("accuracy", description="The metric to compare.")
    max: float = Field(0.10, ge=0, description="The largest gap that passes.")
    against: SplitName = Field("test", description="The split that is compared with train.")

    examples: ClassVar = (
        Example(
            "0.97 on train, 0.96 on test",
            {"max": 0.10},
            SyntheticRun(train=((970, 30), (30, 970)), test=((240, 10), (10, 240))),
            Outcome.PASSED,
        ),
        Example(
            "0.99 on train, 0.70 on test",
            {"max": 0.10},
            SyntheticRun(train=((990, 10), (10, 990)), test=((140, 60), (60, 140))),
            Outcome.FAILED,
        ),
        Example(
            "all right on ten train images, where 271 are needed",
            {"max": 0.10},
            SyntheticRun(train=((5, 0), (0, 5)), test=((240, 10), (10, 240))),
            Outcome.INCONCLUSIVE,
        ),
        Example(
            "no train split was given",
            {"max": 0.10},
            SyntheticRun(test=((240, 10), (10, 240))),
            Outcome.INCONCLUSIVE,
        ),
        Example(
            "a log says 0.99 on train, test has 0.70",
            {"max": 0.10},
            SyntheticRun(test=((140, 60), (60, 140)), logged_train_accuracy=0.99),
            Outcome.FAILED,
        ),
        Example(
            "a log says 0.97 on train, test has 0.96",
            {"max": 0.10},
            SyntheticRun(test=((240, 10), (10, 240)), logged_train_accuracy=0.97),
            Outcome.INCONCLUSIVE,
        ),
    )

    @property
    def concern(self) -> Concern:
        """Generalisation."""
        return Concern.GENERALISATION

    def vacuous(self, data: DataFacts) -> Iterator[Remark]:
        """Yield a gap that learning by heart meets."""
        widest = _OF_TEN_CLASSES if data.classes is None else 1 - 1 / data.classes
        widest = _BY_HEART_ALONE.get(self.metric, widest)
        if self.max >= widest:
            fact = f"to know train by heart and guess on {self.against} is a gap of {widest:.3g}"
            yield ("max",), fact, "allow less, or delete the rule"

    def compared_splits(self) -> tuple[SplitName, ...]:
        """Return train and the split that is compared with it."""
        return ("train", self.against)

    def evaluate(self, evidence: "Evidence") -> list[Comparison]:
        """Return the gap, or that of each class."""
        from gate.evidence.records import Split
        from gate.metrics.named import is_per_class
        from gate.metrics.selection import absent, rows_on

        train = rows_on(evidence, Split.TRAIN)
        test = rows_on(evidence, Split(self.against))
        if test is None:
            return [self._comparison(absent(evidence, self.against), None)]
        if train is None:
            return [self._against_log(evidence, test)]
        if not is_per_class(self.metric):
            return [self._between(train, test, None, evidence)]
        return [
            self._between(train, test, label, evidence) for label in range(len(evidence.classes))
        ]

    def _between(
        self, train: "Rows", test: "Rows", label: int | None, evidence: "Evidence"
    ) -> Comparison:
        from gate.metrics.named import metric
        from gate.metrics.rates import gap

        on_train, on_test = (
            metric(self.metric, rows, label, len(evidence.classes)) for rows in (train, test)
        )
        name = None if label is None else evidence.classes[label]
        too_few = self._too_few_to_pass(train, test, label, name)
        proof = ProofRequirement.ONLY_FAIL if too_few else ProofRequirement.BOTH
        loss = self.metric == "log-loss"
        between = gap(on_test, on_train) if loss else gap(on_train, on_test)
        unseen = without_classes(between, evidence.classes)
        said = filter(None, (unseen, self._suspicion(on_train, between), too_few))
        enough = "give all images that the model was trained on as `train`"
        return self._comparison(
            between,
            name,
            proof=proof,
            detail="; ".join(said),
            to_decide=enough if too_few else "",
        )

    def _too_few_to_pass(
        self, train: "Rows", test: "Rows", label: int | None, class_name: str | None
    ) -> str:
        """Return how many train images are missing for a pass, in words; nothing where none are."""
        from gate.metrics.support import min_train_support

        found, tested = (
            len(rows) if label is None else int((rows.labels == label).sum())
            for rows in (train, test)
        )
        needed = min_train_support(tested, self.max, self.one_sided_confidence)
        if found >= needed:
            return ""
        images = "1 image" if found == 1 else f"{found:,} images"
        of_class = "" if class_name is None else f" of {class_name}"
        return f"train has {images}{of_class}, {needed:,} are needed to pass"

    def _suspicion(self, on_train: "Estimate", between: "Estimate") -> str:
        """Return what a gap in accuracy looks like, where it is provably wide or goes backwards."""
        if self.metric != "accuracy" or between.value is None or on_train.value is None:
            return ""
        if on_train.value >= _BY_HEART and between.lower(self.one_sided_confidence) > _WIDE:
            return "nearly perfect on train alone, as a model that learned its images by heart"
        if between.upper(self.one_sided_confidence) < _EASIER:
            return f"{self.against} is easier than train: a leak, or a split that is not random"
        return ""

    def _against_log(self, evidence: "Evidence", test: "Rows") -> Comparison:
        """Return the gap to the last accuracy of a training log, which can only fail."""
        from gate.metrics.logged import last_accuracy, logged_gap
        from gate.metrics.rates import accuracy
        from gate.metrics.selection import absent

        history = evidence.history
        logged = last_accuracy(history) if self.metric == "accuracy" else None
        if logged is None:
            return self._comparison(absent(evidence, "train"), None)
        return self._comparison(
            logged_gap(logged, accuracy(test)),
            None,
            proof=ProofRequirement.ONLY_FAIL,
            detail="train accuracy is from the training log, which can fail and not pass",
            to_decide="give the train split, so that the gate measures accuracy on it",
        )

    def _comparison(
        self,
        estimate: "Estimate",
        class_name: str | None,
        *,
        proof: ProofRequirement = ProofRequirement.BOTH,
        detail: str = "",
        to_decide: str = "",
    ) -> Comparison:
        of_class = f" of {class_name}" if class_name is not None else ""
        order = ("train", self.against)
        more, less = reversed(order) if self.metric == "log-loss" else order
        return Comparison(
            what=f"{in_words(self.metric)}{of_class} on {more} minus {less}",
            estimate=estimate,
            operator="<=",
            required=self.max,
            scope=Scope(self.against, class_name),
            proof=proof,
            detail=detail,
            to_decide=to_decide,
        )
