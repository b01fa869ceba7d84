"""The questions of a rule: a comparison on each set of rows that gives another answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from gate.checks.base import OTHERS, Comparison, ProofRequirement, Rule, Scope, SplitName
from gate.errors import PluginError
from gate.evidence.records import Evidence
from gate.metrics.estimates import Estimate, Undefined
from gate.metrics.operating_point import doubt_of_fit, missing_answers
from gate.metrics.row_sets import RowSet, View
from gate.policy.needs import lacking

_OTHER_TARGET = (
    "collect more validation images, state a target that is reached, or at_least, or ask for the "
    "class earlier in the order"
)
_APART = "take what test shares with validation out of one, and fit the thresholds again"
_SAME_AT = 0.95  # the confidence at which two estimates are compared


@dataclass(frozen=True, slots=True)
class Reading:
    """A comparison on one set of rows."""

    rows: str  # which, in words
    comparison: Comparison
    only_withholds: bool


@dataclass(frozen=True, slots=True)
class Question:
    """What a rule asks on one scope, on each set of rows that gives another answer."""

    readings: tuple[Reading, ...]


def questions_of(
    rule: Rule, views_of: Callable[[tuple[SplitName, ...]], Sequence[View]]
) -> tuple[list[Question], str]:
    """Return what a rule asks, scope by scope, and what it said if it crashed.

    ``views_of`` gives the evidence as a rule is asked on it that compares some splits.
    """
    try:
        compared = rule.compared_splits()
    except Exception as crash:
        return _crashed(rule), describe_crash(crash)
    found: dict[tuple[str, bool], list[Reading]] = {}
    for view in views_of(compared):
        try:
            comparisons = _comparisons(rule, view.evidence)
        except Exception as crash:
            return _crashed(rule), describe_crash(crash)
        for each in comparisons:
            readings = found.setdefault((str(each.scope), each.advisory), [])
            reading = Reading(_rows_in_words(compared, each, view), each, view.only_withholds)
            _add(readings, reading)
    return [Question(tuple(readings)) for readings in found.values()], ""


def _add(readings: list[Reading], reading: Reading) -> None:
    """Add a reading unless an earlier one is the same; one that also proves goes before it."""
    for place, other in enumerate(readings):
        if _same(other.comparison, reading.comparison):
            if other.only_withholds and not reading.only_withholds:
                readings[place] = reading
            return
    readings.append(reading)


def _same(one: Comparison, other: Comparison) -> bool:
    """Return whether two comparisons say the same, whatever rows they were computed from."""
    worded_alike = replace(one, estimate=other.estimate, finding=other.finding)
    if worded_alike != other or type(one.estimate) is not type(other.estimate):
        return False
    return one.estimate == other.estimate or _facts(one.estimate) == _facts(other.estimate)


def _facts(estimate: Estimate) -> tuple[object, ...]:
    low, high = estimate.lower(_SAME_AT), estimate.upper(_SAME_AT)
    facts = (estimate.value, estimate.numerator, estimate.denominator, estimate.reason, low, high)
    return tuple(str(each) for each in facts)  # NaN is not equal to itself


def _rows_in_words(compared: tuple[SplitName, ...], comparison: Comparison, view: View) -> str:
    """Return which rows a comparison looked at: of each split where several are ``compared``."""
    if compared:
        return ", ".join(f"{split} {view.sets[split]}" for split in view.sets if split in compared)
    split = comparison.scope.split
    return next((str(name) for each, name in view.sets.items() if each == split), str(RowSet.GIVEN))


def _comparisons(rule: Rule, evidence: Evidence) -> list[Comparison]:
    if lack := lacking(rule, evidence):
        return [nothing_of(rule, lack.fact, lack.remedy)]
    if rule.of_answers and (missing := missing_answers(evidence)):
        return [nothing_of(rule, missing, _OTHER_TARGET)]
    found = rule.evaluate(evidence) or [_without_target(rule, evidence)]
    if rule.of_answers and (doubt := doubt_of_fit(evidence)):
        return [_unprovable(each, doubt) for each in found]
    return found


def _without_target(rule: Rule, evidence: Evidence) -> Comparison:
    """Return the comparison of a rule that found nothing to judge, and why."""
    is_of_others = any(name == OTHERS for _, name in rule.class_names())
    if is_of_others and set(evidence.critical) == set(evidence.classes):
        reason = "every class is critical, and this rule is about the others"
        return nothing_of(rule, reason, "call fewer classes critical, or delete the rule")
    return nothing_of(rule, "nothing was compared")


def _unprovable(comparison: Comparison, doubt: str) -> Comparison:
    """Return a comparison that may fail and cannot pass, and that says why."""
    detail = f"{comparison.detail}; {doubt}" if comparison.detail else doubt
    return replace(comparison, proof=ProofRequirement.ONLY_FAIL, detail=detail, remedy=_APART)


def _crashed(rule: Rule) -> list[Question]:
    nothing = nothing_of(rule, "the rule crashed")
    return [Question((Reading("", nothing, only_withholds=False),))]


def describe_crash(crash: Exception) -> str:
    """Return what a rule that crashed said, and of which package it is where it is not ours."""
    if isinstance(crash, PluginError):
        return f"{crash.where}: {crash.fact}"
    return f"{type(crash).__name__}: {crash}"


def nothing_of(rule: Rule, reason: str, remedy: str = "") -> Comparison:
    """Return the comparison of a rule that compared nothing, for this reason."""
    return Comparison(
        what=rule.check.replace("-", " "),
        estimate=Undefined(reason, remedy=remedy),
        operator=">=",
        required=0.0,
        scope=Scope(),
    )
