"""The results of a report, rule by rule: what a person reads first, in any format."""

from collections.abc import Iterator
from dataclasses import dataclass

from gate.report.messages import requirement
from gate.report.model import Report, ResultPart
from gate.report.renderings.words import level, value_of, word
from gate.wording import printable

MOST_NAMED = 5  # classes or slices of one rule; the rest is counted
_SIGNS = {">=": "≥", "<=": "≤", ">": ">", "<": "<"}


@dataclass(frozen=True, slots=True)
class RuleGroup:
    """The results of one rule that are in one state, worst first."""

    rule: str
    check: str
    state: str  # FAIL, ERROR, INCONCLUSIVE, WARN, WAIVED, PASS or NOT APPLICABLE
    results: tuple[ResultPart, ...]
    all_results: int  # of the rule, in any state

    @property
    def worst(self) -> ResultPart:
        """Return the result with the smallest margin."""
        return self.results[0]

    @property
    def blocks(self) -> bool:
        """Return whether the group keeps the run from passing."""
        return level(self.worst) == "error"

    @property
    def speaks_in_numbers(self) -> bool:
        """Return whether every result is a value against a requirement, and not a sentence."""
        return all(
            each.finding is None and each.measured.value is not None for each in self.results
        )

    @property
    def title(self) -> str:
        """Return the rule, and its requirement where it is one number for all: recall ≥ 0.85."""
        name = printable(self.rule, 200)
        required = {(each.required.operator, each.required.value) for each in self.results}
        if not self.speaks_in_numbers or len(required) > 1:
            return name
        [(operator, value)] = required
        return f"{name} {_SIGNS[operator]} {requirement(value)}"


def group_results(report: Report) -> list[RuleGroup]:
    """Return the results by rule and state, in the order of the report: the worst first."""
    groups: dict[tuple[str, str], list[ResultPart]] = {}
    counted: dict[str, int] = {}
    for result in report.results:
        groups.setdefault((result.rule, word(result)), []).append(result)
        counted[result.rule] = counted.get(result.rule, 0) + 1
    return [
        RuleGroup(rule, results[0].check, state, tuple(results), counted[rule])
        for (rule, state), results in groups.items()
    ]


def rules_by_state(report: Report) -> dict[str, list[str]]:
    """Return the names of rules by the worst state that one of their results is in."""
    found: dict[str, str] = {}
    for group in group_results(report):
        found.setdefault(group.rule, group.state)
    states: dict[str, list[str]] = {}
    for rule, state in found.items():
        states.setdefault(state, []).append(printable(rule, 200))
    return states


def name_scope(result: ResultPart) -> str:
    """Return what of the data a result speaks of: a class, a slice, both; nothing for a split."""
    scope = result.scope
    named = [printable(scope.class_, 200)] if scope.class_ is not None else []
    named += [f"where {printable(scope.slice, 200)}"] if scope.slice is not None else []
    return " ".join(named)


def short_value(result: ResultPart, *, interval: bool = False) -> str:
    """Return what was measured in few signs: 0.765 (13/17), with its interval where asked."""
    measured = result.measured
    inside = []
    if measured.numerator is not None and measured.denominator is not None:
        inside.append(f"{measured.numerator:,}/{measured.denominator:,}")
    bounds = measured.interval
    if interval and bounds is not None and bounds.low is not None and bounds.high is not None:
        inside.append(f"{bounds.low:.2f}–{bounds.high:.2f}")
    said = value_of(result)
    return f"{said} ({', '.join(inside)})" if inside else said


def describe(group: RuleGroup, most: int = MOST_NAMED) -> str:
    """Return what a rule found in one state: numbers by class and slice, or sentences.

    At most ``most`` classes, slices or sentences are told, the worst first; the rest is counted.
    """
    if group.speaks_in_numbers:
        return _numbers(group, most)
    said = list(dict.fromkeys(each.finding or each.message for each in group.results))
    more = f"; and {len(said) - most:,} more" if len(said) > most else ""
    return f"{'; '.join(printable(each, 600) for each in said[:most])}{more}"


def _numbers(group: RuleGroup, most: int) -> str:
    if len(group.results) == 1 and not name_scope(group.worst):
        return short_value(group.worst, interval=True)
    told = ", ".join(f"{name_scope(each)} {short_value(each)}" for each in group.results[:most])
    more = f" and {len(group.results) - most:,} more" if len(group.results) > most else ""
    of = f"{len(group.results):,} of {group.all_results:,} {_counted(group)}: "
    return f"{of if group.all_results > 1 else ''}{told}{more}"


def _counted(group: RuleGroup) -> str:
    scopes = [each.scope for each in group.results]
    if all(each.slice is None for each in scopes):
        return "classes"
    return "slices" if all(each.class_ is None for each in scopes) else "classes and slices"


def next_steps(report: Report) -> list[str]:
    """Return what to do about the rules that block, each remedy once, the worst first.

    The classes or slices that a remedy is for stand before it.
    """
    steps: dict[str, list[str]] = {}
    for result in _blocking(report):
        names = steps.setdefault(result.remedy, [])
        if (name := name_scope(result)) and name not in names:
            names.append(name)
    return [_step(remedy, names) for remedy, names in steps.items()]


def _blocking(report: Report) -> Iterator[ResultPart]:
    for result in report.results:
        if level(result) == "error" and result.remedy:
            yield result


def _step(remedy: str, names: list[str]) -> str:
    said = printable(remedy, 600)
    if not names:
        return said
    more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    return f"{', '.join(names[:MOST_NAMED])}{more}: {said}"
