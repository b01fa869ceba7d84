"""A rehearsal: the fixtures of a policy are judged for real, and their outcomes compared."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gate.checks import REGISTRY
from gate.checks.base import Outcome, Rule
from gate.checks.plugins import reading
from gate.decision import WORST_FIRST, Decision, Result, judge
from gate.errors import DocumentError
from gate.evidence.records import Evidence
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.evidence.synthetic_views import ask_again
from gate.policy.binding import with_critical
from gate.policy.fixtures import Case, Cases
from gate.policy.needs import needs_of
from gate.policy.reading import check_classes
from gate.wording import plain, quote


@dataclass(frozen=True, slots=True)
class Surprise:
    """A fixture whose outcome is another than expected."""

    place: str
    fixture: str
    what: str  # a rule, the key of a result, "the verdict"
    expected: str
    found: str

    def __str__(self) -> str:
        return (
            f"{self.place}: {self.fixture}: {self.what} is {self.found}, expected {self.expected}"
        )


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What came of the fixtures of one policy."""

    fixtures: int
    surprises: tuple[Surprise, ...]
    rules: tuple[str, ...]
    shown_passing: frozenset[str]  # rules that a fixture expects to pass, and that do
    shown_failing: frozenset[str]  # rules that a fixture expects to stop a model, and that do

    @property
    def never_failing(self) -> tuple[str, ...]:
        """The rules that no fixture shows failing."""
        return tuple(rule for rule in self.rules if rule not in self.shown_failing)

    @property
    def never_passing(self) -> tuple[str, ...]:
        """The rules that no fixture shows passing."""
        return tuple(rule for rule in self.rules if rule not in self.shown_passing)


def synthetic_evidence_for(rules: Sequence[Rule], numbers: SyntheticRun) -> Evidence:
    """Return synthetic evidence, with what rules need of a model that is asked again.

    Raises UsageError where the needs of two rules contradict each other.
    """
    needed = [each.measurement for each in needs_of(rules)]
    return ask_again(synthetic_evidence(numbers), numbers, needed)


def rehearse(cases: Cases) -> Rehearsal:
    """Return what came of each fixture; only what a fixture expects counts as shown.

    Raises UsageError where the needs of two rules contradict each other.
    """
    surprises: list[Surprise] = []
    passing: set[str] = set()
    failing: set[str] = set()
    for case in cases.cases:
        try:
            check_classes(cases.policy, case.numbers.classes, case.numbers.critical)
        except DocumentError as error:
            surprises.append(_surprise(case, "the policy", "to fit the classes", error.fact))
            continue
        policy = cases.policy.policy
        evidence = synthetic_evidence_for(policy.rules, case.numbers)
        decision = judge(policy.rules, with_critical(evidence, policy))
        surprises += _surprises(case, decision)
        for results in _as_expected(case, decision):
            rule = results[0].rule.id
            if all(result.outcome is Outcome.PASSED for result in results):
                passing.add(rule)
            if any(_stops(result) for result in results):
                failing.add(rule)
    return Rehearsal(
        fixtures=len(cases.cases),
        surprises=tuple(surprises),
        rules=tuple(rule.id for rule in cases.policy.policy.rules),
        shown_passing=frozenset(passing),
        shown_failing=frozenset(failing),
    )


def wrong_examples(check: type[Rule]) -> Iterator[str]:
    """Yield what is wrong with each example of a check: its outcome is another than it says."""
    for example in check.examples:
        said = {"id": "example", "check": check.model_fields["check"].default, **example.parameters}
        try:
            with reading(check):
                rule = check.model_validate_json(json.dumps(said))
        except ValueError as error:
            yield f"the example {quote(example.title)} is no rule ({plain(error, 200)})"
            continue
        rules = [rule, *map(_rule_beside, example.beside)]
        results = judge(rules, synthetic_evidence(example.evidence)).results
        first = next(each for each in results if each.rule is rule)
        if first.outcome is not example.outcome:
            why = f" ({first.crash})" if first.crash else ""
            yield (
                f"the example {quote(example.title)} is {first.outcome}, and not "
                f"{example.outcome}{why}"
            )


def _rule_beside(said: Mapping[str, Any]) -> Rule:
    return REGISTRY[said["check"]].model_validate_json(json.dumps({"id": "beside", **said}))


def _surprises(case: Case, decision: Decision) -> Iterator[Surprise]:
    expected = case.fixture.verdict
    if expected is not None and decision.verdict != expected:
        yield _surprise(case, "the verdict", expected, decision.verdict.value)
    for name, outcome in case.fixture.expect.items():
        found = _outcome(_results(decision, name))
        if found != outcome:
            yield _surprise(case, name, outcome, found)


def _as_expected(case: Case, decision: Decision) -> Iterator[list[Result]]:
    for name, outcome in case.fixture.expect.items():
        results = _results(decision, name)
        if _outcome(results) == outcome:
            yield results


def _results(decision: Decision, name: str) -> list[Result]:
    """Return the results of a rule, or the one with a key; warn bands only by their key."""
    return [
        result
        for result in decision.results
        if result.key == name or (result.rule.id == name and not result.comparison.advisory)
    ]


def _outcome(results: list[Result]) -> str:
    outcomes = {result.outcome for result in results}
    return next((each.value for each in WORST_FIRST if each in outcomes), "not there")


def _stops(result: Result) -> bool:
    """Return whether the condition itself was not met; an open question shows nothing."""
    return result.outcome is result.comparison.unmet and not result.crash


def _surprise(case: Case, what: str, expected: str, found: str) -> Surprise:
    return Surprise(case.place, case.fixture.name, what, expected, found)
