"""The only place that says pass or fail.

``judge`` asks every rule for its comparisons and draws a conclusion from each; ``Decision`` draws
the verdict from all of them. Nothing here passes by default: what was not measured, what has no
value and what crashed is never a pass.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache, partial

from gate.checks.base import Comparison, Outcome, ProofRequirement, Rule
from gate.evidence.records import Evidence, Failure
from gate.metrics.combined import at_worst
from gate.metrics.estimates import SLACK, Count, Estimate, Undefined
from gate.metrics.row_sets import views_of
from gate.policy.waivers import Acceptance, Case, Ruling, Standing, Waiver
from gate.questions import Question, Reading, describe_crash, nothing_of, questions_of


class Verdict(StrEnum):
    """What is said of the whole run."""

    PASS = "pass"  # noqa: S105 -- no password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"


EXIT_STATUS = {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.INCONCLUSIVE: 3, Verdict.ERROR: 4}

WORST_FIRST = (
    Outcome.FAILED,
    Outcome.ERROR,
    Outcome.INCONCLUSIVE,
    Outcome.WAIVED,
    Outcome.PASSED,
    Outcome.NOT_APPLICABLE,
)
_LETS_PASS = (Outcome.PASSED, Outcome.WAIVED, Outcome.NOT_APPLICABLE)


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds that decided, each by itself at its own confidence."""

    low: float
    high: float
    confidence: float  # of the bound that passing needs; as the rule states it
    failing_confidence: float  # of the bound that failing needs: stricter with more comparisons
    interval: tuple[float, float]  # both bounds at ``confidence``, to be shown


@dataclass(frozen=True, slots=True)
class Result:
    """One rule on one scope: the comparison, what it rests on, and what became of it.

    Where the rows as given and those without leaked and repeated images differ, it is the worst of
    the results on each, and ``others`` has the rest.
    """

    rule: Rule
    comparison: Comparison
    outcome: Outcome
    proven: bool
    bounds: Bounds
    crash: str = ""  # what a rule that crashed said
    waiver: Waiver | None = None  # what accepted it, where the outcome is WAIVED
    rows: str = ""  # the rows that decided, in words; nothing where all sets of rows agree
    others: tuple["Result", ...] = ()  # on the other sets of rows

    @property
    def key(self) -> str:
        """The rule and its scope, unique in a run: ``recall[class=tumour]``."""
        scope = str(self.comparison.scope)
        return f"{self.rule.id}[{scope}]" if scope else self.rule.id

    @property
    def severity(self) -> str:
        """The severity of the rule; what the policy lets be left open only warns while it is.

        A warn band never blocks, whatever its rule does.
        """
        left_open = self.comparison.optional and self.outcome is Outcome.INCONCLUSIVE
        return "warn" if left_open or self.comparison.advisory else self.rule.severity

    @property
    def blocks(self) -> bool:
        """Whether this result alone keeps the run from passing."""
        return self.severity == "block" and self.outcome not in _LETS_PASS


@dataclass(frozen=True, slots=True)
class Decision:
    """The results of all rules, worst first, and the verdict that follows from them."""

    results: tuple[Result, ...]
    failures: tuple[Failure, ...]
    rules_evaluated: int
    enforced: bool = True
    rulings: tuple[Ruling, ...] = ()  # what became of each waiver

    @property
    def verdict(self) -> Verdict:
        """A failure goes before an error, that before an open question.

        What is not applicable counts for nothing: where no other blocking rule is left it is an
        error, for nothing was judged.
        """
        blocking = [
            result.outcome
            for result in self.results
            if result.severity == "block" and result.outcome is not Outcome.NOT_APPLICABLE
        ]
        if Outcome.FAILED in blocking:
            return Verdict.FAIL
        if Outcome.ERROR in blocking or self.failures or not blocking:
            return Verdict.ERROR
        if Outcome.INCONCLUSIVE in blocking:
            return Verdict.INCONCLUSIVE
        settled = all(outcome in (Outcome.PASSED, Outcome.WAIVED) for outcome in blocking)
        return Verdict.PASS if settled else Verdict.ERROR

    @property
    def exit_status(self) -> int:
        """The exit status of the process; in audit mode a fail or an open question exits 0."""
        status = EXIT_STATUS[self.verdict]
        return status if self.enforced or status == EXIT_STATUS[Verdict.ERROR] else 0

    @property
    def retriable(self) -> bool:
        """Whether the same run may reach a verdict: all that stands in its way may heal."""
        heals = bool(self.failures) and all(failure.retriable for failure in self.failures)
        # A rule that crashed, or found data that nobody can judge on, would do so again.
        stays = any(each.blocks and each.outcome is Outcome.ERROR for each in self.results)
        return self.verdict is Verdict.ERROR and heals and not stays

    @property
    def reasons(self) -> tuple[str, ...]:
        """The keys of the results that caused the verdict, worst first."""
        return tuple(result.key for result in self.results if result.blocks)

    @property
    def counts(self) -> dict[str, int]:
        """The number of results by outcome."""
        counted = Counter(result.outcome for result in self.results)
        return {outcome.value: counted[outcome] for outcome in Outcome}


def judge(
    rules: Sequence[Rule],
    evidence: Evidence,
    *,
    enforced: bool = True,
    acceptance: Acceptance | None = None,
) -> Decision:
    """Return the decision of ``rules`` on ``evidence``; every rule is evaluated.

    ``acceptance`` holds the waivers; each is ruled on, whether its result needs it or not.
    """
    views = cache(partial(views_of, evidence))
    asked = [(rule, *questions_of(rule, views)) for rule in rules if not rule.looks_back]
    siblings = Counter[str]()
    for rule, questions, _ in asked:
        siblings[rule.check] += sum(
            not reading.only_withholds and _may_fail_by_chance(reading.comparison, rule)
            for question in questions
            for reading in question.readings
        )
    results = [
        _conclude(rule, question, siblings[rule.check], crash)
        for rule, questions, crash in asked
        for question in questions
    ]
    looking_back = [rule for rule in rules if rule.looks_back]
    results += [found for rule in looking_back for found in _examine(rule, tuple(results))]
    results, rulings = _with_waivers(results, acceptance, evidence)
    return Decision(
        results=tuple(sorted(results, key=_worst_first)),
        failures=(*evidence.failures, *_unreadable_and_unjudged(rules, evidence)),
        rules_evaluated=len(asked) + len(looking_back),
        enforced=enforced,
        rulings=rulings,
    )


def _examine(rule: Rule, results: tuple[Result, ...]) -> list[Result]:
    """Return what a rule finds that looks back at the results of the others."""
    try:
        return [conclude(rule, each) for each in rule.examine(results)]
    except Exception as crash:
        unknown = nothing_of(rule, "the rule crashed")
        return [conclude(rule, unknown, crash=describe_crash(crash))]


def _with_waivers(
    results: list[Result], acceptance: Acceptance | None, evidence: Evidence
) -> tuple[list[Result], tuple[Ruling, ...]]:
    """Return the results, waived where a waiver holds, and what became of each waiver."""
    if acceptance is None:
        return results, ()
    cases = {result.key: _case(result, evidence) for result in results}
    rulings = tuple(
        acceptance.on(placed, cases.get(placed.waiver.result)) for placed in acceptance.waivers
    )
    applied = {
        ruling.placed.waiver.result: ruling.placed.waiver
        for ruling in rulings
        if ruling.standing is Standing.APPLIED
    }
    return [
        replace(result, outcome=Outcome.WAIVED, waiver=applied[result.key])
        if result.key in applied
        else result
        for result in results
    ], rulings


def _case(result: Result, evidence: Evidence) -> Case:
    value = result.comparison.estimate.value
    return Case(
        rule=result.rule.id,
        outcome=result.outcome,
        value=None if value is None or math.isnan(value) else value,
        operator=result.comparison.operator,
        checkpoint=evidence.subject.sha256 if evidence.subject else None,
    )


def _conclude(rule: Rule, question: Question, siblings: int, crash: str) -> Result:
    """Return the worst of the results on each set of rows, with the others beside it."""
    results = [_on_rows(rule, reading, siblings, crash) for reading in question.readings]
    results.sort(key=lambda result: (*_worst_first(result), _proof(result)))
    first, *others = results
    if others:
        return replace(first, others=tuple(others))
    return replace(first, rows="")


def _on_rows(rule: Rule, reading: Reading, siblings: int, crash: str) -> Result:
    """Return the result on one set of rows; bounds are computed only here, and may crash too."""
    try:
        result = conclude(rule, reading.comparison, siblings=siblings, crash=crash)
    except Exception as late:
        unknown = replace(reading.comparison, estimate=Undefined("the rule crashed"))
        result = conclude(rule, unknown, siblings=siblings, crash=describe_crash(late))
    if reading.only_withholds and result.outcome is Outcome.FAILED and result.proven:
        result = replace(result, outcome=Outcome.INCONCLUSIVE, proven=False)
    return replace(result, rows=reading.rows)


def conclude(rule: Rule, comparison: Comparison, *, siblings: int = 1, crash: str = "") -> Result:
    """Return the result of one comparison.

    ``siblings`` is the number of comparisons of the same kind in the run. Passing all of them needs
    no correction (intersection-union test, Berger 1982); failing some by chance does, so the bound
    that failing needs has its error divided among them (Bonferroni).
    """
    alpha = 1 - rule.one_sided_confidence
    shared = alpha / max(siblings, 1) if _may_fail_by_chance(comparison, rule) else alpha
    upwards = comparison.operator in (">=", ">")
    estimate = comparison.estimate
    low, high = estimate.lower(1 - alpha), estimate.upper(1 - alpha)
    bounds = Bounds(
        low=low if upwards or shared == alpha else estimate.lower(1 - shared),
        high=high if not upwards or shared == alpha else estimate.upper(1 - shared),
        confidence=1 - alpha,
        failing_confidence=1 - shared,
        interval=(low, high),
    )
    if crash:
        return Result(rule, comparison, Outcome.ERROR, proven=False, bounds=bounds, crash=crash)
    outcome, proven = _decide(rule, comparison, bounds)
    return Result(rule, comparison, outcome, proven, bounds)


def _may_fail_by_chance(comparison: Comparison, rule: Rule) -> bool:
    """Return whether the comparison needs its bound to fail, and shares the error of doing so."""
    by_its_bound = comparison.proof in (ProofRequirement.BOTH, ProofRequirement.TO_FAIL)
    return by_its_bound and not comparison.advisory and rule.shares_error


def _decide(rule: Rule, comparison: Comparison, bounds: Bounds) -> tuple[Outcome, bool]:
    """Return the outcome and whether the bounds prove it."""
    value = comparison.estimate.value
    if value is None or math.isnan(value):
        return comparison.undefined, False
    upwards = comparison.operator in (">=", ">")
    passing, failing = (bounds.low, bounds.high) if upwards else (bounds.high, bounds.low)
    proven_met = _holds(passing, comparison)
    proven_unmet = _is_number(failing) and not _holds(failing, comparison)
    worst = at_worst(comparison.estimate, upwards=upwards)
    met = worst is not None and _holds(worst, comparison)
    if comparison.proof is ProofRequirement.ONLY_FAIL:
        return (comparison.unmet, True) if proven_unmet else (Outcome.INCONCLUSIVE, False)
    if rule.decide_on == "point" or comparison.advisory:
        return (Outcome.PASSED, proven_met) if met else (comparison.unmet, proven_unmet)
    if proven_met:
        return Outcome.PASSED, True
    if comparison.proof is ProofRequirement.TO_PASS and _is_number(passing):
        return comparison.unmet, True
    if proven_unmet:
        return comparison.unmet, True
    if comparison.proof is ProofRequirement.TO_FAIL and met:
        return Outcome.PASSED, False
    if rule.on_inconclusive == "point" and comparison.proof is ProofRequirement.BOTH:
        return (Outcome.PASSED if met else comparison.unmet), False
    return Outcome.INCONCLUSIVE, False


def _holds(observed: float, comparison: Comparison) -> bool:
    """Return whether ``observed operator required``; false for NaN.

    A value that is a quotient of counts is compared as it is: both sides are correctly rounded.
    What went through sums of floats is forgiven their rounding.
    """
    exact = comparison.estimate.numerator is not None
    slack = 0.0 if exact else SLACK
    required = comparison.required
    match comparison.operator:
        case ">=":
            return observed >= required - slack
        case "<=":
            return observed <= required + slack
        case ">":
            return observed > required
        case "<":
            return observed < required


def _is_number(bound: float) -> bool:
    return not math.isnan(bound)


def _unreadable_and_unjudged(rules: Iterable[Rule], evidence: Evidence) -> list[Failure]:
    """Return a failure for each split with unreadable images that no rule of the policy judges."""
    if any(rule.check == "dataset-integrity" and rule.severity == "block" for rule in rules):
        return []
    return [
        Failure(
            where=f"{split.path}: {split.unreadable[0].id}",
            kind="unreadable",
            message=f"{len(split.unreadable)} of {split.images} images of {name} cannot be read "
            f"({split.unreadable[0].reason})",
            remedy="restore or remove them, or add a dataset-integrity rule that allows some",
        )
        for name, split in evidence.splits.items()
        if split.unreadable
    ]


def _worst_first(result: Result) -> tuple[int, int, float]:
    """Return the order of reports: blocking before warning, then by outcome, then by margin."""
    margin = margin_of(result.comparison.estimate, result.comparison)
    return (
        0 if result.severity == "block" else 1,
        WORST_FIRST.index(result.outcome),
        -math.inf if margin is None else margin,
    )


def _proof(result: Result) -> float:
    """Return by how much the bound that passing needs is better than required; NaN as the least."""
    upwards = result.comparison.operator in (">=", ">")
    bound = result.bounds.low if upwards else result.bounds.high
    distance = bound - result.comparison.required
    return -math.inf if math.isnan(bound) else distance if upwards else -distance


def margin_of(estimate: Estimate, comparison: Comparison) -> float | None:
    """Return by how much the value is better than required, negative where it is worse."""
    if estimate.value is None or not math.isfinite(estimate.value):
        return None
    distance = estimate.value - comparison.required
    return distance if comparison.operator in (">=", ">") else -distance


def is_counted(estimate: Estimate) -> bool:
    """Return whether the value was counted and not sampled, so that it has no interval."""
    return isinstance(estimate, Count)
