"""Command: explain."""

import textwrap
from collections.abc import Iterator

import click

from gate.errors import UsageError

_WIDTH = 80


@click.command(name="explain")
@click.argument("check", required=False)
def command(check: str | None) -> None:
    """Show the catalogue of checks, or one CHECK in full."""
    from gate.checks import REGISTRY
    from gate.policy.words import quoted, suggestion

    if check is None:
        lines = _catalogue()
    elif check in REGISTRY:
        lines = _in_full(check)
    else:
        remedy = suggestion(check, REGISTRY, what="the checks are")
        raise UsageError("explain", f"there is no check {quoted(check)}", remedy)
    click.echo("\n".join(lines))


def _catalogue() -> Iterator[str]:
    from gate.checks.reference import by_family, name_of, summary

    for family, about, checks in by_family():
        yield f"{family}: {about}"
        for check in checks:
            yield from _filled(summary(check), f"  {name_of(check):<22}", 24)
        yield ""
    yield "validate-model explain CHECK shows one of them in full."


def _in_full(name: str) -> Iterator[str]:
    from gate.checks import REGISTRY
    from gate.checks.reference import (
        as_rule,
        common_parameters,
        details,
        numbers,
        own_parameters,
        remedy,
        summary,
    )

    check = REGISTRY[name]
    yield f"{name} ({check.family})"
    for paragraph in (summary(check), *details(check)):
        yield ""
        yield from _filled(paragraph)
    yield ""
    yield from _filled(check.formula, "formula   ", 10)
    yield from _filled(check.interval, "interval  ", 10)
    yield from _filled(remedy(check), "to fix    ", 10)
    for title, parameters in (
        ("parameters", own_parameters(check)),
        ("parameters of every check", common_parameters()),
    ):
        if parameters:
            yield ""
            yield title
        for each in parameters:
            default = "required" if each.default is None else f"default {each.default}"
            yield from _filled(f"{each.name}: {each.type}; {default}", "  ", 6)
            yield from _filled(each.description, " " * 6, 6)
    yield ""
    yield "examples"
    for example in check.examples:
        yield from _filled(f"{example.outcome}: {example.title}", "  ", 6)
        yield from _filled(as_rule(check, example), " " * 6, 6)
        yield from _filled(numbers(example.evidence), " " * 6, 6)


def _filled(text: str, first: str = "", indent: int = 0) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
