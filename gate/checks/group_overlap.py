"""Check: group-overlap."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from gate.checks.base import (
    Comparison,
    Concern,
    DataFacts,
    Example,
    Outcome,
    Remark,
    Rule,
    Scope,
    SplitName,
    allows_nearly_all,
)
from gate.evidence.made_up import MadeUp

if TYPE_CHECKING:
    from gate.evidence.records import Evidence, Split
    from gate.metrics.estimates import Estimate


class GroupOverlap(Rule):
    """Refuse groups (patients, scenes, batches) that stand in two splits.

    Two pictures of one patient are not the same image, and yet one gives the other away. The group
    is a column of the data, named in the gate file, or a pattern on the names of the images; images
    without a group match nothing.

    To fix a failure: split by group (scikit-learn's GroupShuffleSplit) and train again.
    """

    family: ClassVar = "data"
    formula: ClassVar = "groups that stand in both splits"
    interval: ClassVar = "none: the groups are counted, not sampled"

    check: Literal["group-overlap"] = "group-overlap"
    between: tuple[SplitName, SplitName] = Field(("train", "test"), description="The two splits.")
    groups: Literal["required", "optional"] = Field(
        "required", description="Whether data without groups blocks as inconclusive, or warns."
    )
    max: int = Field(0, ge=0, description="The most groups that may be shared.")

    examples: ClassVar = (
        Example(
            "no patient is shared",
            {},
            MadeUp(train=((50, 0), (0, 50)), test=((45, 5), (3, 47)), groups=0),
            Outcome.PASSED,
        ),
        Example(
            "three patients are in both",
            {},
            MadeUp(train=((50, 0), (0, 50)), test=((45, 5), (3, 47)), groups=3),
            Outcome.FAILED,
        ),
        Example(
            "no group is declared",
            {},
            MadeUp(train=((50, 0), (0, 50)), test=((45, 5), (3, 47))),
            Outcome.INCONCLUSIVE,
        ),
    )

    @model_validator(mode="after")
    def _two_splits(self) -> "GroupOverlap":
        if self.between[0] == self.between[1]:
            raise ValueError("between names one split twice")
        return self

    def vacuous(self, data: DataFacts) -> Iterator[Remark]:
        """Yield a limit that nearly all images may be within."""
        if fact := allows_nearly_all(self.max, data.images):
            yield ("max",), fact, "allow fewer, or delete the rule"

    @property
    def concern(self) -> Concern | None:
        """Leakage into test, where data without groups does not pass."""
        return Concern.LEAKAGE if "test" in self.between and self.groups == "required" else None

    def evaluate(self, evidence: "Evidence") -> list[Comparison]:
        """Return the number of groups that both splits have."""
        from gate.evidence.records import Split
        from gate.metrics.estimates import Count, Undefined

        first, second = (_groups(evidence, Split(split)) for split in self.between)
        estimate: Estimate
        detail = ""
        if first is None or second is None:
            missing = self.between[0] if first is None else self.between[1]
            estimate = Undefined(
                f"{missing} has no group column; declare group: or group_pattern: in the gate file"
            )
        else:
            shared = sorted(first & second)
            estimate = Count(len(shared))
            detail = f"{len(first)} in {self.between[0]}, {len(second)} in {self.between[1]}"
            detail += f", such as {shared[0]}" if shared else ""
            without = sum(_ungrouped(evidence, Split(split)) for split in self.between)
            nouns = "image without one matches" if without == 1 else "images without one match"
            detail += f"; {without} {nouns} nothing" if without else ""
        return [
            Comparison(
                what=f"number of groups in both {self.between[0]} and {self.between[1]}",
                estimate=estimate,
                operator="<=",
                required=self.max,
                scope=Scope(self.between[1]),
                optional=self.groups == "optional",
                detail=detail,
            )
        ]


def _groups(evidence: "Evidence", split: "str") -> set[str] | None:
    """Return the groups of a split; None where none is declared or every one is missing."""
    from gate.evidence.records import Split

    measured = evidence.splits.get(Split(split))
    if measured is None or measured.rows.groups is None:
        return None
    return {str(group) for group in measured.rows.groups if group is not None} or None


def _ungrouped(evidence: "Evidence", split: "Split") -> int:
    """Return how many images of a split, which has groups, have none."""
    groups = evidence.splits[split].rows.groups
    return 0 if groups is None else sum(group is None for group in groups)
