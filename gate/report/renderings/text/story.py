"""The story of a report, gathered once: it is then laid out until it fits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gate.report.model import Report, ResultPart
from gate.report.renderings.grouping import (
    UNSETTLED,
    RuleGroup,
    group_results,
    next_steps,
    rules_by_state,
)


@dataclass(frozen=True, slots=True)
class Story:
    """A report with its results by rule; no more is counted than once."""

    report: Report
    groups: Sequence[RuleGroup]
    unsettled: Sequence[RuleGroup]  # that did not pass, the blocking ones first
    states: Mapping[str, Sequence[str]]  # the names of rules by their worst state
    waived: Sequence[ResultPart]
    steps: Sequence[str]

    @classmethod
    def of(cls, report: Report) -> "Story":
        """Return the story of a report."""
        groups = group_results(report)
        unsettled = [each for each in groups if each.state in UNSETTLED]
        return cls(
            report=report,
            groups=groups,
            unsettled=sorted(unsettled, key=lambda each: not each.blocks),
            states=rules_by_state(groups),
            waived=[each for group in groups if group.state == "WAIVED" for each in group.results],
            steps=next_steps(report),
        )
