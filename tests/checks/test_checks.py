"""Claims that hold for every check; a new one is held to them by being in the list."""

import ast
from collections import Counter
from pathlib import Path

import pytest

import gate.checks
from gate.checks import REGISTRY, reference
from gate.checks.__main__ import markdown
from gate.checks.base import Outcome, Rule
from gate.decision import judge
from gate.evidence.synthetic_evidence import synthetic_evidence

FOLDER = Path(gate.checks.__file__).parent
EXAMPLES = [
    pytest.param(check, example, id=f"{check}: {example.title}")
    for check, rule in REGISTRY.items()
    for example in rule.examples
]


def concrete_rules(module):
    """Yield the names of the classes of a module that state which check they are."""
    for node in ast.parse(module.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef) and any(
            isinstance(line, ast.AnnAssign)
            and isinstance(line.target, ast.Name)
            and line.target.id == "check"
            and line.value is not None
            and isinstance(line.value, ast.Constant)
            for line in node.body
        ):
            yield node.name


@pytest.mark.parametrize(("check", "example"), EXAMPLES)
def test_every_example_comes_out_as_documented(check, example, rule):
    made = rule(check, **example.parameters)
    beside = [rule(**each) for each in example.beside]

    results = judge([made, *beside], synthetic_evidence(example.evidence)).results

    assert next(each for each in results if each.rule is made).outcome is example.outcome


def test_every_check_that_a_module_defines_is_registered():
    written = {name for module in FOLDER.glob("*.py") for name in concrete_rules(module)}

    assert written == {rule.__name__ for rule in REGISTRY.values()}


def test_every_check_is_called_as_its_module():
    for check, rule in REGISTRY.items():
        assert rule.__module__ == f"gate.checks.{check.replace('-', '_')}"


@pytest.mark.parametrize("check", REGISTRY)
def test_every_check_shows_a_pass_and_something_else(check):
    shown = Counter(example.outcome is Outcome.PASSED for example in REGISTRY[check].examples)

    assert shown[True]
    assert shown[False]


@pytest.mark.parametrize("check", REGISTRY)
def test_every_check_describes_each_parameter(check):
    described = reference.own_parameters(REGISTRY[check]) + reference.common_parameters()

    assert [each.name for each in described if not each.description] == []


@pytest.mark.parametrize("check", REGISTRY)
def test_every_check_says_what_it_is_how_it_is_computed_and_how_to_mend_a_failure(check):
    rule = REGISTRY[check]

    assert reference.summary(rule).endswith((".", "?"))
    assert reference.remedy(rule)
    assert rule.formula
    assert rule.interval
    assert rule.family in reference.FAMILIES


@pytest.mark.parametrize("check", REGISTRY)
def test_no_check_passes_on_evidence_of_nothing(check, rule):
    from gate.evidence.synthetic_run import SyntheticRun

    for example in REGISTRY[check].examples:
        decision = judge([rule(check, **example.parameters)], synthetic_evidence(SyntheticRun()))

        assert decision.verdict != "pass"
        assert all(result.outcome is not Outcome.PASSED for result in decision.results)


def test_the_committed_reference_is_what_the_checks_say(golden):
    golden(FOLDER / "README.md", markdown())


def test_a_required_parameter_is_called_required():
    class Demanding(Rule):
        """Demand."""

        check: str = "demanding"
        limit: int

    assert [each.default for each in reference.own_parameters(Demanding)] == [None]
