"""Check: unknown-accepted."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from gate.checks.abstaining import never_abstains
from gate.checks.base import Comparison, DataFacts, Example, Outcome, Remark, Rule, Scope
from gate.evidence.synthetic_run import SyntheticRun

if TYPE_CHECKING:
    from gate.evidence.records import Evidence, Rows
    from gate.metrics.estimates import Undefined


class UnknownAccepted(Rule):
    """Allow at most this share of pictures of no class to get an answer.

    A classifier is shown what it was never meant for: another organ, a lens cap, a cat. The split
    `unknown` holds such pictures, without labels, and a model that may abstain should not answer
    them. It needs an operating point with `otherwise: abstain`.

    To fix a failure: raise the thresholds, or train the model to be unsure of what it does not
    know.

    To decide it: give more pictures of no class.
    """

    family: ClassVar = "classification"
    formula: ClassVar = "pictures of the split unknown that get an answer / pictures of it"
    interval: ClassVar = (
        "exact binomial (Clopper and Pearson 1934); by group: padded with one group more, as wrong "
        "as can be (Fay and Feuer 1997)"
    )

    check: Literal["unknown-accepted"] = "unknown-accepted"
    max: float = Field(ge=0, le=1, description="The highest share of answers that passes.")
    by: str | None = Field(
        None,
        min_length=1,
        description="A slice column of the split, such as where its pictures are from; each source "
        "must meet the requirement.",
    )

    examples: ClassVar = (
        Example(
            "2 of 200 strange pictures get an answer",
            {"max": 0.05},
            SyntheticRun(test=((90, 10), (10, 90)), unknown=(2, 198)),
            Outcome.PASSED,
        ),
        Example(
            "half of the strange pictures get an answer",
            {"max": 0.05},
            SyntheticRun(test=((90, 10), (10, 90)), unknown=(100, 100)),
            Outcome.FAILED,
        ),
        Example(
            "there are no strange pictures",
            {"max": 0.05},
            SyntheticRun(test=((90, 10), (10, 90))),
            Outcome.INCONCLUSIVE,
        ),
    )

    def vacuous(self, data: DataFacts) -> Iterator[Remark]:  # noqa: ARG002 -- the same for all data
        """Yield a limit that a model meets which answers everything."""
        if self.max == 1:
            yield ("max",), "no model answers more than all of the pictures", "allow less"

    def evaluate(self, evidence: "Evidence") -> list[Comparison]:
        """Return the share of pictures with an answer, of each source where they are told apart."""
        from gate.evidence.records import Split
        from gate.metrics.estimates import Undefined
        from gate.metrics.selection import absent, slices_of

        measured = evidence.splits.get(Split.UNKNOWN)
        if measured is None:
            return [self._nothing(absent(evidence, "unknown"))]
        rows = measured.rows
        if not rows.abstains:
            return [self._nothing(never_abstains(evidence))]
        if self.by is None:
            return [self._compare(rows, None)]
        if self.by not in rows.slices:
            reason = f"the unknown data has no column {self.by}"
            return [self._nothing(Undefined(reason, remedy="declare it under slices"))]
        return [self._compare(part, name) for name, part in slices_of(rows, [self.by])]

    def _compare(self, rows: "Rows", source: str | None) -> Comparison:
        from gate.metrics.rates import coverage

        where = "" if source is None else f" where {source}"
        return Comparison(
            what=f"share of unknown pictures with an answer{where}",
            estimate=coverage(rows),
            operator="<=",
            required=self.max,
            scope=Scope("unknown", slice_name=source),
            unit="unknown images",
        )

    def _nothing(self, why: "Undefined") -> Comparison:
        return Comparison(
            what="share of unknown pictures with an answer",
            estimate=why,
            operator="<=",
            required=self.max,
            scope=Scope("unknown"),
        )
