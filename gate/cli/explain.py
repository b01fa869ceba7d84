"""Command: explain."""

import textwrap
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import click

from gate.cli.streams import say
from gate.errors import UsageError

if TYPE_CHECKING:
    from gate.checks.base import Rule

_WIDTH = 80


@click.command(name="explain")
@click.argument("check", required=False)
@click.option(
    "--policy", metavar="NAME|FILE", help="Show a rule of this policy, by its id, or a check of it."
)
@click.option(
    "--plugin",
    "plugins",
    multiple=True,
    metavar="PACKAGE",
    help="Also show the checks of an installed package; may repeat.",
)
def command(check: str | None, policy: str | None, plugins: tuple[str, ...]) -> None:
    """Show the catalogue of checks, one CHECK in full, or a rule of a policy."""
    from gate.checks.plugins import packages_of, registry_with
    from gate.wording import quote, suggestion

    checks = registry_with(packages_of(plugins))
    if policy is not None:
        lines = _of_policy(policy, check)
    elif check is None:
        lines = _catalogue(checks)
    elif check in checks:
        lines = _in_full(check, checks[check])
    else:
        remedy = suggestion(check, checks, what="the checks are")
        raise UsageError("explain", f"there is no check {quote(check)}", remedy)
    say("\n".join(lines))


def _catalogue(checks: "Mapping[str, type[Rule]]") -> Iterator[str]:
    from gate.checks.reference import by_family, name_of, summary

    for family, about, members in by_family(checks):
        yield f"{family}: {about}"
        for check in members:
            yield from _fill(summary(check), f"  {name_of(check):<22}", 24)
        yield ""
    yield "validate-model explain CHECK shows one of them in full."


def _of_policy(path_or_name: str, rule_id: str | None) -> Iterator[str]:
    """Yield what a policy asks by a rule, with the place of each value; or the rules it has."""
    from gate.checks.reference import details, remedy, summary, to_decide, write_value
    from gate.policy.reading import read_policy
    from gate.policy.showing import places
    from gate.policy.strictness import values_of
    from gate.wording import quote, suggestion

    document = read_policy(path_or_name)
    rules = {rule.id: rule for rule in document.policy.rules}
    if rule_id is None:
        for rule in rules.values():
            yield from _fill(summary(type(rule)), f"  {rule.id:<22}", 24)
        return
    if rule_id not in rules and rule_id in document.checks:
        yield from _in_full(rule_id, document.checks[rule_id])
        return
    if rule_id not in rules:
        fact = f"{path_or_name} has no rule {quote(rule_id)}"
        raise UsageError("explain", fact, suggestion(rule_id, rules, what="its rules are"))
    rule, where = rules[rule_id], places(document)[rule_id]
    yield f"{rule.id} ({rule.check}) in {path_or_name}{_origin(type(rule))}"
    for paragraph in (summary(type(rule)), *details(type(rule))):
        yield ""
        yield from _fill(paragraph)
    yield ""
    for key, value in values_of(rule).items():
        yield from _fill(f"{key}: {write_value(value)}  ({where[key]})", "  ", 6)
    yield ""
    if rule.owner:
        yield f"owned by  {rule.owner}"
    if rule.id in document.policy.non_waivable:
        yield "waivers   none may accept its failure"
    yield from _fill(remedy(type(rule)), "to fix    ", 10)
    yield from _fill(to_decide(type(rule)), "to decide ", 10)


def _origin(check: "type[Rule]") -> str:
    """Return the package that adds a check, nothing for those that are shipped."""
    from gate.checks.plugins import plugin_behind

    plugin = plugin_behind(check)
    return "" if plugin is None else f", a check of {plugin.package} {plugin.version}"


def _in_full(name: str, check: "type[Rule]") -> Iterator[str]:
    from gate.checks.reference import (
        ROWS,
        as_rule,
        common_parameters,
        details,
        numbers,
        own_parameters,
        remedy,
        summary,
        to_decide,
    )

    yield f"{name} ({check.family}){_origin(check)}"
    for paragraph in (summary(check), *details(check)):
        yield ""
        yield from _fill(paragraph)
    yield ""
    yield from _fill(check.formula, "formula   ", 10)
    yield from _fill(check.interval, "interval  ", 10)
    yield from _fill(remedy(check), "to fix    ", 10)
    yield from _fill(to_decide(check), "to decide ", 10)
    yield from _fill(ROWS, "rows      ", 10)
    for title, parameters in (
        ("parameters", own_parameters(check)),
        ("parameters of every check", common_parameters()),
    ):
        if parameters:
            yield ""
            yield title
        for each in parameters:
            default = "required" if each.default is None else f"default {each.default}"
            yield from _fill(f"{each.name}: {each.type}; {default}", "  ", 6)
            yield from _fill(each.description, " " * 6, 6)
    yield ""
    yield "examples (of a matrix the rows are the truth, the columns the answers)"
    for example in check.examples:
        yield from _fill(f"{example.outcome}: {example.title}", "  ", 6)
        yield from _fill(as_rule(check, example), " " * 6, 6)
        yield from _fill(numbers(example.evidence), " " * 6, 6)


def _fill(text: str, first: str = "", indent: int = 0) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
