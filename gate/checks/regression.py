"""Check: regression."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from gate.checks.base import (
    Comparison,
    DataFacts,
    Example,
    Outcome,
    Remark,
    Rule,
    Scope,
    SplitName,
    in_words,
    without_classes,
)
from gate.evidence.synthetic_run import SyntheticRun

if TYPE_CHECKING:
    from gate.evidence.records import Evidence
    from gate.metrics.baseline import Pairs
    from gate.metrics.estimates import Estimate

_HALF = 0.5
_TOLD = 0.95  # the confidence of each limit that is told


class Regression(Rule):
    """Require that the model is not worse than the champion by more than a margin.

    Both are compared on the same images, pair by pair. "No significant difference" is no proof:
    with few images it passes nearly everything. What must be shown is that the drop is smaller than
    the margin (non-inferiority). Recall, precision and F1 are judged for every class by itself.

    A model compared with itself proves nothing: that is inconclusive, unless `allow_same` is true
    or the policy pins the checkpoint as the champion in production. Two checkpoints are told apart
    by their digests, whatever they answer; where one is not known, by their answers; saved
    predictions of both are a comparison like any other.

    To fix a failure: look at the images that the champion had right and this model has wrong.

    To decide it: give what the run of the champion on the same images left as `baseline:`. Where
    the margin is too near, measure more images.
    """

    family: ClassVar = "baseline"
    formula: ClassVar = "(images repaired - images broken) / images >= -margin"
    interval: ClassVar = (
        "accuracy and recall: recovered from the bounds of the shares broken and repaired (MOVER: "
        "Zou and Donner 2008), which are Clopper and Pearson's (1934), by group padded with one "
        "group more, as bad as can be (Fay and Feuer 1997), and no narrower than Tango's (1998); "
        "other metrics: padded, with one image or group more that the champion has right and the "
        "model wrong (Fay and Feuer 1997). Without any change 149 images prove a drop below 0.02, "
        "by group 150 groups of equal size"
    )

    check: Literal["regression"] = "regression"
    metric: Literal["accuracy", "balanced-accuracy", "macro-f1", "recall", "precision", "f1"] = (
        Field("accuracy", description="The metric to compare; the last three class by class.")
    )
    margin: float = Field(0.02, ge=0, lt=1, description="The largest drop that passes.")
    split: SplitName = Field("test", description="The split that both were measured on.")
    allow_same: bool = Field(
        False,
        description="Whether the champion may be the judged model itself: a model in production "
        "that is judged again.",
    )

    examples: ClassVar = (
        Example(
            "4 images broken, 6 repaired, of 1,000",
            {"margin": 0.02},
            SyntheticRun(test=((480, 20), (20, 480)), broken=4, repaired=6),
            Outcome.PASSED,
        ),
        Example(
            "40 images broken, none repaired, of 1,000",
            {"margin": 0.02},
            SyntheticRun(test=((480, 20), (20, 480)), broken=40),
            Outcome.FAILED,
        ),
        Example(
            "the champion is this very checkpoint",
            {"margin": 0.02},
            SyntheticRun(test=((480, 20), (20, 480)), broken=0, same_champion=True),
            Outcome.INCONCLUSIVE,
        ),
        Example(
            "the champion is this very checkpoint, in production and judged again",
            {"margin": 0.02, "allow_same": True},
            SyntheticRun(test=((480, 20), (20, 480)), broken=0, same_champion=True),
            Outcome.PASSED,
        ),
        Example(
            "there is no champion",
            {"margin": 0.02},
            SyntheticRun(test=((480, 20), (20, 480))),
            Outcome.INCONCLUSIVE,
        ),
    )

    def vacuous(self, data: DataFacts) -> Iterator[Remark]:  # noqa: ARG002 -- the same for all data
        """Yield a margin that guessing is within."""
        if self.margin >= _HALF:
            fact = "guessing between two classes is that much worse than a perfect champion"
            yield ("margin",), fact, "allow less, or delete the rule"

    def evaluate(self, evidence: "Evidence") -> list[Comparison]:
        """Return the change, or that of each class, against minus the margin."""
        from gate.metrics.champion import champion_pairs, metric_change
        from gate.metrics.estimates import Undefined
        from gate.metrics.named import is_per_class

        pairs = champion_pairs(evidence, self.split, allow_same=self.allow_same)
        if isinstance(pairs, Undefined):
            return [self._comparison(pairs, None)]
        count = len(evidence.classes)
        if not is_per_class(self.metric):
            change = metric_change(self.metric, pairs, None, count)
            unseen = without_classes(change, evidence.classes)
            return [self._comparison(change, None, _flips(pairs), unseen)]
        return [
            self._comparison(
                metric_change(self.metric, pairs, label, count),
                name,
                _flips(pairs.of_class(label)) if self.metric == "recall" else "",
            )
            for label, name in enumerate(evidence.classes)
        ]

    def _comparison(
        self, estimate: "Estimate", class_name: str | None, detail: str = "", unseen: str = ""
    ) -> Comparison:
        of_class = f" of {class_name}" if class_name is not None else ""
        metric = in_words(self.metric)
        return Comparison(
            what=f"change of {metric}{of_class} on {self.split} against the champion",
            estimate=estimate,
            operator=">=",
            required=-self.margin,
            scope=Scope(self.split, class_name),
            detail="; ".join(filter(None, (detail, unseen))),
        )


def _flips(pairs: "Pairs") -> str:
    """Return how many images changed sides, with a test and limits that decide nothing."""
    from gate.metrics.paired import mcnemar_p, tango

    broken, repaired = int(pairs.lost.sum()), int(pairs.gained.sum())
    counted = f"{broken:,} broken and {repaired:,} repaired of {len(pairs.rows):,}"
    if not broken + repaired:
        return counted
    low, high = (tango(broken, repaired, len(pairs.rows), _TOLD, side) for side in (-1, 1))
    return (
        f"{counted} (McNemar's exact p = {mcnemar_p(broken, repaired):.2g}, Tango's limits "
        f"{low:.3f} to {high:.3f})"
    )
