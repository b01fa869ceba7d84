"""Check: class-order."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from gate.checks.base import Comparison, Example, Outcome, ProofRequirement, Rule, Scope, SplitName
from gate.checks.sentences import not_checked
from gate.evidence.synthetic_run import SyntheticRun

if TYPE_CHECKING:
    from gate.evidence.records import Evidence
    from gate.metrics.class_order import BetterOrder
    from gate.metrics.estimates import Undefined

_MOST_NAMED = 5


class ClassOrder(Rule):
    """Refuse outputs that stand in another order than the classes.

    A model trained on folders in one order and judged with `classes` in another is wrong nearly
    everywhere, and its confusion matrix is good once its columns are exchanged. The check looks for
    the exchange that adds most to balanced accuracy. It passes where none adds anything, fails
    where one provably does, and is inconclusive between, as with few images or a model that
    guesses.

    To fix a failure: write `classes` in the order of the model's outputs; the message names what
    each of them seems to be.

    To decide it: measure more images of each class.
    """

    family: ClassVar = "model"
    formula: ClassVar = (
        "greatest balanced accuracy over all orders of the outputs (assignment, Kuhn 1955) minus "
        "that of the present order"
    )
    interval: ClassVar = (
        "Hoeffding's inequality (1963) for all orders that move as many classes at once; groups "
        "count once"
    )

    check: Literal["class-order"] = "class-order"
    split: SplitName = Field("test", description="The split to measure.")

    examples: ClassVar = (
        Example("each class is itself", {}, SyntheticRun(test=((45, 5), (3, 47))), Outcome.PASSED),
        Example(
            "two classes are exchanged", {}, SyntheticRun(test=((5, 45), (47, 3))), Outcome.FAILED
        ),
        Example(
            "three classes went round",
            {},
            SyntheticRun(classes=("cat", "cow", "dog"), test=((2, 90, 8), (5, 5, 90), (88, 7, 5))),
            Outcome.FAILED,
        ),
        Example(
            "always the same answer, which no order mends",
            {},
            SyntheticRun(test=((0, 950), (0, 50))),
            Outcome.PASSED,
        ),
        Example(
            "exchanged it seems, on six images",
            {},
            SyntheticRun(test=((1, 2), (2, 1))),
            Outcome.INCONCLUSIVE,
        ),
    )

    def evaluate(self, evidence: "Evidence") -> list[Comparison]:
        """Return what the best order adds, against nothing."""
        from gate.evidence.records import Split
        from gate.metrics.class_order import better_order
        from gate.metrics.estimates import Undefined
        from gate.metrics.selection import absent, rows_on

        rows = rows_on(evidence, Split(self.split))
        estimate: BetterOrder | Undefined = absent(evidence, self.split)
        if rows is not None:
            estimate = better_order(rows, len(evidence.classes))
        return [
            Comparison(
                what=f"balanced accuracy on {self.split} gained by another order of the classes",
                finding=self._finding(estimate),
                estimate=estimate,
                operator="<=",
                required=0.0,
                scope=Scope(self.split),
                proof=ProofRequirement.TO_FAIL,
                detail=""
                if isinstance(estimate, Undefined)
                else in_words(estimate, evidence.classes),
            )
        ]

    def _finding(self, estimate: "BetterOrder | Undefined") -> str:
        if estimate.value is None:
            return not_checked(estimate)
        if not estimate.value:
            return f"No other order of the classes is better on {self.split}"
        return (
            f"Another order of the classes raises balanced accuracy on {self.split} by "
            f"{estimate.value:.3f}"
        )


def in_words(better: "BetterOrder", classes: tuple[str, ...]) -> str:
    """Return which output seems to be which class, the first few, in words for a report."""
    named = [
        f"the output called {classes[better.order[label]]} seems to be {classes[label]}"
        for label in better.moved[:_MOST_NAMED]
    ]
    more = len(better.moved) - len(named)
    return ", ".join([*named, f"and {more} more"] if more else named)
