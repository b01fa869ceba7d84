"""Check: group-overlap."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

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
    allows_nearly_all,
)
from gate.checks.copies import LIMIT_IN_WORDS, Limit, allowed_images
from gate.checks.sentences import agree, allow, known_or
from gate.evidence.synthetic_run import SyntheticRun
from gate.keys import shared_groups

if TYPE_CHECKING:
    from gate.evidence.records import Evidence, Rows
    from gate.metrics.estimates import Estimate


class GroupOverlap(Rule):
    """Refuse groups (patients, scenes, batches) that stand in two splits.

    Two pictures of one patient are not the same image, and yet one gives the other away. The group
    is a column of the data, named in the gate file, or a pattern on the names of the images. Groups
    whose names could be taken for each other are one: `P-007` and `p-7`, `1000` and `1000.0`, `Ann`
    with a Latin and with a Cyrillic A. An image without a group could be of any: above
    `max_ungrouped` the result is inconclusive, but a group that both splits have fails all the
    same. Groups of one split by another column or pattern than those of the other can fail and
    never pass.

    To fix a failure: split by group (scikit-learn's GroupShuffleSplit) and train again.

    To decide it: give every image of both splits its group, by a column or a pattern that both
    splits share.
    """

    family: ClassVar = "data"
    of_answers: ClassVar = False
    formula: ClassVar = "groups that stand in both splits"
    interval: ClassVar = "none: the groups are counted, not sampled"

    check: Literal["group-overlap"] = "group-overlap"
    between: tuple[SplitName, SplitName] = Field(("train", "test"), description="The two splits.")
    groups: Literal["required", "optional"] = Field(
        "required",
        description="Whether data that declares no groups in either split blocks as inconclusive, "
        "or warns. Groups that are declared and missing always block.",
    )
    max: int = Field(0, ge=0, description="The most groups that may be shared.")
    max_ungrouped: Limit = Field(
        0,
        description=f"The most images without a group. {LIMIT_IN_WORDS} A count is of both splits "
        "together, a fraction holds in each.",
    )
    match: Literal["alike", "exact"] = Field(
        "alike",
        description="Whether names that differ only in look-alike letters, case or leading zeros "
        "are one group, or not.",
    )
    columns: Literal["same", "any"] = Field(
        "same",
        description="Whether both splits must form their groups by one column, or one pattern: a "
        "patient of one split is never found among the scans of the other.",
    )

    examples: ClassVar = (
        Example(
            "no patient is shared",
            {},
            SyntheticRun(train=((50, 0), (0, 50)), test=((45, 5), (3, 47)), groups=0),
            Outcome.PASSED,
        ),
        Example(
            "three patients are in both",
            {},
            SyntheticRun(train=((50, 0), (0, 50)), test=((45, 5), (3, 47)), groups=3),
            Outcome.FAILED,
        ),
        Example(
            "no group is declared",
            {},
            SyntheticRun(train=((50, 0), (0, 50)), test=((45, 5), (3, 47))),
            Outcome.INCONCLUSIVE,
        ),
        Example(
            "two test images have no group",
            {},
            SyntheticRun(train=((50, 0), (0, 50)), test=((45, 5), (3, 47)), groups=0, ungrouped=2),
            Outcome.INCONCLUSIVE,
        ),
        Example(
            "two test images of 100 have no group, and 5 % may",
            {"max_ungrouped": 0.05},
            SyntheticRun(train=((50, 0), (0, 50)), test=((45, 5), (3, 47)), groups=0, ungrouped=2),
            Outcome.PASSED,
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

        measured = {name: evidence.splits.get(Split(name)) for name in self.between}
        rows: dict[str, Rows] = {
            name: each.all_rows for name, each in measured.items() if each is not None
        }
        estimate, detail = self._counted(rows, evidence)
        earlier, later = self.between
        found = int(estimate.value or 0)
        of = "" if later not in rows else f" of {len(_groups(rows[later]) or ()):,}"
        said = (
            f"{found:,}{of} {later} groups also {agree(found, 'occur', 'occurs')} in {earlier} "
            f"{allow(self.max)}"
        )
        declared = any(each.groups is not None for each in rows.values())
        otherwise = self._formed_otherwise(evidence)
        return [
            Comparison(
                what=f"groups in both {earlier} and {later}",
                estimate=estimate,
                operator="<=",
                required=self.max,
                scope=Scope(self.between[1]),
                # Half a declaration is none that was left out on purpose.
                optional=self.groups == "optional" and not declared,
                proof=ProofRequirement.ONLY_FAIL if otherwise else ProofRequirement.BOTH,
                finding=known_or(estimate, said),
                detail="; ".join(filter(None, (detail, otherwise))),
                to_decide="form the groups of both splits alike in the gate file, or say "
                "`columns: any` in the rule"
                if otherwise
                else "",
            )
        ]

    def _formed_otherwise(self, evidence: "Evidence") -> str:
        """Return how the groups of one split are formed otherwise than those of the other."""
        from gate.evidence.records import Split

        first, second = (evidence.configuration.groups.get(Split(name)) for name in self.between)
        if self.columns == "any" or first is None or second is None or first == second:
            return ""
        ways = (
            f"{name} by {_way(way)}"
            for name, way in zip(self.between, (first, second), strict=True)
        )
        return f"groups are formed {', '.join(ways)}"

    def _counted(self, rows: "dict[str, Rows]", evidence: "Evidence") -> "tuple[Estimate, str]":
        """Return the number of shared groups, or why it is not known; and what else was seen."""
        from gate.metrics.estimates import Count, Undefined
        from gate.metrics.selection import absent

        groups = {name: _groups(each) for name, each in rows.items()}
        for name in self.between:
            if name not in rows:
                return absent(evidence, name), ""
            if groups[name] is None:
                return Undefined(
                    f"{name} has no group column (add `group:` or `group_pattern:`)",
                    remedy=f"declare the groups of {name} in the gate file, as a column or by a "
                    "pattern on the names of its images",
                ), ""
        first, second = (groups[name] or set() for name in self.between)
        shared = shared_groups(first, second, exact=self.match == "exact")
        without = {name: _ungrouped(each) for name, each in rows.items()}
        if len(shared) <= self.max and self._too_many(without, rows):
            return Undefined(
                f"{_list(without, rows)} no group, and could be of any",
                remedy="give every image its group, or allow some by `max_ungrouped`",
            ), ""
        parts = [f"{self.between[0]} has {len(first):,}"]
        parts += [_such_as(*shared[0], self.between)] if shared else []
        detail = ", ".join(parts)
        if any(without.values()):
            detail += f"; {_list(without, rows)} no group"
        return Count(len(shared)), detail

    def _too_many(self, without: dict[str, int], rows: "dict[str, Rows]") -> bool:
        """Return whether more images than allowed, or all of a split, have no group."""
        if any(count == len(rows[name]) for name, count in without.items()):
            return True
        if isinstance(self.max_ungrouped, int):
            return sum(without.values()) > self.max_ungrouped
        # In each split: a large train split must not pay for a small test split.
        return any(
            count > allowed_images(self.max_ungrouped, len(rows[name]))
            for name, count in without.items()
        )


def _groups(rows: "Rows") -> set[str] | None:
    """Return the groups of a split; None where none are declared."""
    return None if rows.groups is None else set(rows.groups.tolist()) - {None}


def _ungrouped(rows: "Rows") -> int:
    """Return how many images of a split have no group."""
    return len(rows) if rows.groups is None else rows.groups.tolist().count(None)


def _list(without: dict[str, int], rows: "dict[str, Rows]") -> str:
    """Return the images without a group by split, up to the verb."""
    said = [
        f"{count:,} of {len(rows[name]):,} images of {name}"
        for name, count in without.items()
        if count
    ]
    one = sum(without.values()) == 1
    return f"{' and '.join(said)} {'has' if one else 'have'}"


def _way(formed: Mapping[str, str]) -> str:
    return " ".join(f"{kind} '{name}'" for kind, name in formed.items())


def _such_as(first: str, second: str, splits: tuple[str, str]) -> str:
    if first == second:
        return f"such as {second}"
    return (
        f"such as {first} in {splits[0]}, which looks like {second} in {splits[1]} (where they are "
        "two, the policy's rule may say `match: exact`)"
    )
