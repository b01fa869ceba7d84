"""The results of a report, rule by rule: what a person reads first, in any format."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from gate.report.messages import requirement
from gate.report.model import IntervalPart, Report, ResultPart
from gate.report.renderings.words import level, value_of, word
from gate.views.names import name_cell
from gate.wording import pluralize, printable

MOST_NAMED = 5  # classes or slices of one rule; the rest is counted
STATES = ("FAIL", "ERROR", "INCONCLUSIVE", "WARN", "WAIVED", "PASS", "NOT APPLICABLE")
_COUNTED: Mapping[str, str] = {
    "FAIL": "failed",
    "ERROR": "with an error",
    "INCONCLUSIVE": "inconclusive",
    "WARN": "with a warning",
    "WAIVED": "waived",
    "PASS": "passed",
    "NOT APPLICABLE": "not applicable",
}
UNSETTLED = ("FAIL", "ERROR", "INCONCLUSIVE", "WARN")  # the states of what did not pass
_SIGNS = {">=": "≥", "<=": "≤", ">": ">", "<": "<"}
_LONGEST_NAME = 80  # of a class or slice among others


@dataclass(frozen=True)
class RuleGroup:
    """The results of one rule that are in one state, worst first."""

    rule: str
    check: str
    state: str  # one of STATES
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
    def is_proven(self) -> bool:
        """Return whether no result of the group passed by its estimate alone."""
        return not any(map(passed_by_estimate, self.results))

    @cached_property
    def sentences(self) -> tuple[ResultPart, ...]:
        """Return the results whose finding is a sentence."""
        return tuple(each for each in self.results if each.finding is not None)

    @cached_property
    def numbers(self) -> tuple[ResultPart, ...]:
        """Return the results that are told as a value against a requirement, and not a sentence."""
        return tuple(
            each
            for each in self.results
            if each.finding is None and each.measured.value is not None
        )

    @cached_property
    def unmeasured(self) -> tuple[ResultPart, ...]:
        """Return the results that have neither a sentence nor a value."""
        return tuple(
            each for each in self.results if each.finding is None and each.measured.value is None
        )

    @cached_property
    def title(self) -> str:
        """Return the rule, and its requirement where it is one number for all: recall ≥ 0.85."""
        name = printable(self.rule, 200)
        if len(self.numbers) < len(self.results) or self.has_several_limits:
            return name
        return f"{name} {_limit(self.worst)}"

    @cached_property
    def has_several_limits(self) -> bool:
        """Return whether its numbers are held against more than one requirement."""
        return len({(each.required.operator, each.required.value) for each in self.numbers}) > 1


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


def rules_by_state(groups: Sequence[RuleGroup]) -> dict[str, list[str]]:
    """Return state -> the names of the rules whose worst result is in it, the worst state first."""
    found: dict[str, str] = {}
    for group in groups:
        known = found.get(group.rule, group.state)
        found[group.rule] = min(known, group.state, key=STATES.index)
    states: dict[str, list[str]] = {state: [] for state in STATES}
    for rule, state in found.items():
        states[state].append(printable(rule, 200))
    return {state: rules for state, rules in states.items() if rules}


def is_unmeasured(report: Report) -> bool:
    """Return whether an error left nothing to judge: every rule is open for that one reason."""
    return not report.data and bool(report.errors)


def count_rules(report: Report, groups: Sequence[RuleGroup]) -> str:
    """Return how many rules failed, or passed where none did, and how many are in other states."""
    counts = {state: len(rules) for state, rules in rules_by_state(groups).items()}
    of = report.decision.rules_evaluated
    if is_unmeasured(report):
        return f"nothing was measured; {pluralize(of, 'rule')} had to be judged"
    first = "FAIL" if counts.get("FAIL") else "PASS"
    said = [f"{counts.pop(first, 0)} of {pluralize(of, 'rule')} {_COUNTED[first]}"]
    counts.pop("PASS", None)
    return ", ".join([*said, *(f"{count} {_COUNTED[state]}" for state, count in counts.items())])


def passed_by_estimate(result: ResultPart) -> bool:
    """Return whether a result passed while its interval leaves that open."""
    return result.outcome == "passed" and not result.proven and result.measured.interval is not None


def name_scope(result: ResultPart) -> str:
    """Return what of the data a result speaks of: a class, a slice, both; nothing for a split."""
    scope = result.scope
    named = [printable(scope.class_, _LONGEST_NAME)] if scope.class_ is not None else []
    named += [f"where {printable(scope.slice, _LONGEST_NAME)}"] if scope.slice is not None else []
    return " ".join(named)


def name_part(result: ResultPart) -> str:
    """Return which of several conditions of a rule a result is about, a region in words.

    >>> from types import SimpleNamespace as Of
    >>> [name_part(Of(scope=Of(part=each))) for each in ("cell:4:0", "frame:0.2", "exact", None)]
    ['top left cell of 4 x 4', 'frame of 20 %', 'exact', '']
    """
    part = printable(result.scope.part or "", _LONGEST_NAME)
    if cell := re.fullmatch(r"cell:([1-9][0-9]?):([0-9]{1,3})", part):
        return name_cell(int(cell[1]), int(cell[2]))
    if frame := re.fullmatch(r"frame:(0\.[0-9]{1,6})", part):
        return f"frame of {100 * float(frame[1]):g} %"
    return part


def short_value(result: ResultPart, *, interval: bool = False) -> str:
    """Return what was measured in few signs: 0.765 (13/17), with its interval where asked."""
    measured = result.measured
    inside = []
    if measured.numerator is not None and measured.denominator is not None:
        inside.append(f"{measured.numerator:,}/{measured.denominator:,}")
    if interval and measured.interval is not None:
        inside += _both_ends(measured.interval, result.required.value)
    said = value_of(result)
    return f"{said} ({', '.join(inside)})" if inside else said


def _both_ends(bounds: IntervalPart, required: float) -> list[str]:
    """Return an interval with two digits, or three; nothing where it is one number to a reader.

    Three where two would put an end on the other side of the requirement: 0.948 is below 0.95.
    """
    if bounds.low is None or bounds.high is None:
        return []
    ends = bounds.low, bounds.high
    for places in (2, 3):
        low, high = (f"{end:.{places}f}" for end in ends)
        is_told = all(_on_its_side(end, places, required) for end in ends)
        if low != high and (is_told or places == 3):
            return [f"{low}–{high}"]
    return []


def _on_its_side(end: float, places: int, required: float) -> bool:
    """Return whether a bound is above, at or below a requirement as it is without rounding."""
    shown = round(end, places)
    return (shown > required, shown < required) == (end > required, end < required)


def describe(group: RuleGroup, most: int = MOST_NAMED) -> str:
    """Return what a rule found in one state: sentences, numbers by class and slice, what is open.

    At most ``most`` classes, slices or sentences are told, the worst first; the rest is counted.
    """
    parts = [
        *_sentences(group.sentences, most),
        *_numbers(group, most),
        *_unmeasured(group.unmeasured, most),
    ]
    if group.state == "INCONCLUSIVE" and group.worst.needed:
        of = name_scope(group.worst) if len(group.results) > 1 else ""
        parts.append(f"{of}{': ' if of else ''}{printable(group.worst.needed, 400)}")
    return "; ".join(parts)


def _sentences(results: Sequence[ResultPart], most: int) -> Iterator[str]:
    said = list(dict.fromkeys(each.finding or "" for each in results))
    yield from (printable(each, 600) for each in said[:most])
    if len(said) > most:
        yield f"and {len(said) - most:,} more"


def _numbers(group: RuleGroup, most: int) -> Iterator[str]:
    numbers = group.numbers
    if not numbers:
        return
    alone = len(numbers) == 1
    told = [
        f"{_of_what(each)}{short_value(each, interval=alone)}"
        + (f" ({_limit(each)})" if group.has_several_limits else "")
        for each in numbers[:most]
    ]
    more = f" and {len(numbers) - most:,} more" if len(numbers) > most else ""
    counted = _counted(numbers) if group.all_results > 1 else ""
    of = f"{len(numbers):,} of {group.all_results:,} {counted}: " if counted else ""
    yield f"{of}{', '.join(told)}{more}"


def _limit(result: ResultPart) -> str:
    return f"{_SIGNS[result.required.operator]} {requirement(result.required.value)}"


def _of_what(result: ResultPart) -> str:
    names = ": ".join(filter(None, (name_scope(result), name_part(result))))
    return f"{names} " if names else ""


def _counted(results: Sequence[ResultPart]) -> str:
    by_class = any(each.scope.class_ is not None for each in results)
    by_slice = any(each.scope.slice is not None for each in results)
    if (by_class or by_slice) and len({name_part(each) for each in results}) > 1:
        return "results"
    if by_class and by_slice:
        return "classes and slices"
    return "classes" if by_class else "slices" if by_slice else ""


def _unmeasured(results: Sequence[ResultPart], most: int) -> Iterator[str]:
    """Yield why there is no number, each reason once, with the classes or slices that it is of."""
    by_reason: dict[str, list[ResultPart]] = {}
    for each in results:
        by_reason.setdefault(_why_unmeasured(each), []).append(each)
    for reason, of_reason in list(by_reason.items())[:most]:
        named = (name_scope(each) or name_part(each) for each in of_reason)
        names = list(dict.fromkeys(filter(None, named)))
        said = printable(reason, 600)
        yield f"{listed(names, most)}: {said}" if names else said
    if len(by_reason) > most:
        yield f"and {len(by_reason) - most:,} more"


def _why_unmeasured(result: ResultPart) -> str:
    """Return the reason why a result has no value; where it is of a whole split, as a sentence."""
    reason = result.measured.reason
    if reason and (name_scope(result) or name_part(result)):
        return reason
    return result.message if result.outcome == "failed" or not reason else f"Not checked: {reason}"


def listed(names: Sequence[str], most: int = MOST_NAMED) -> str:
    """Return the first names, and how many more there are; they are escaped already.

    >>> listed(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def next_steps(report: Report) -> list[str]:
    """Return what to do, each remedy once: about causes, about errors, about rules that block.

    The classes or slices that a remedy is for stand before it, but not before that of a cause: it
    is for the whole model.
    """
    steps: dict[str, dict[str, None]] = {}  # the names in order, each once
    for remedy, name in _remedies(report):
        names = steps.setdefault(remedy, {})
        if name:
            names[name] = None
    return [_step(remedy, list(names)) for remedy, names in steps.items()]


def _remedies(report: Report) -> Iterator[tuple[str, str]]:
    """Yield each remedy with the class or slice that it is for, the most urgent first."""
    yield from ((each.remedy, "") for each in report.causes)
    yield from ((each.remedy, "") for each in report.errors if each.remedy)
    if is_unmeasured(report):
        return
    of_causes = {each.remedy for each in report.causes}
    for result in report.results:
        if report.verdict == "error" and result.outcome == "inconclusive":
            continue  # the error is mended first: it may be all that is missing
        if level(result) == "error" and result.remedy:
            yield result.remedy, "" if result.remedy in of_causes else name_scope(result)


def _step(remedy: str, names: Sequence[str]) -> str:
    said = printable(remedy, 600)
    return f"{listed(names)}: {said}" if names else said
