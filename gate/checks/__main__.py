"""Print the reference of the checks as Markdown: ``python -m gate.checks``."""

from collections.abc import Iterator

from gate.checks.base import Rule
from gate.checks.reference import (
    ROWS,
    Parameter,
    as_rule,
    by_family,
    common_parameters,
    details,
    name_of,
    numbers,
    own_parameters,
    remedy,
    summary,
    to_decide,
)

_HEAD = """\
# The checks

<!-- Written by `python -m gate.checks` from the checks themselves. Do not edit it by hand. -->

A rule of a policy is a check with its parameters. An example is a rule, made-up numbers, and what
the gate says of them; confusion matrices have one row a class, the truth, separated by `/`.
`validate-model explain CHECK` shows the same in a terminal.
"""


def markdown() -> str:
    """Return the reference of all checks as Markdown, with a final line break."""
    parts = [_HEAD, "## Every check\n", f"{ROWS}\n", _table(common_parameters())]
    for family, about, checks in by_family():
        parts.append(f"## {family.capitalize()}: {about}\n")
        parts += ["\n".join(_section(check)) for check in checks]
    return "\n".join(parts)


def _section(check: type[Rule]) -> Iterator[str]:
    yield f"### {name_of(check)}\n"
    for paragraph in (summary(check), *details(check)):
        yield f"{paragraph}\n"
    yield f"- Formula: {check.formula}"
    yield f"- Interval: {check.interval}"
    yield f"- To fix a failure: {remedy(check)}"
    yield f"- To decide it: {to_decide(check)}\n"
    if own := own_parameters(check):
        yield _table(own)
    yield "| example | rule | measured | outcome |"
    yield "|---|---|---|---|"
    for example in check.examples:
        cells = (
            example.title,
            f"`{as_rule(check, example)}`",
            numbers(example.evidence),
            str(example.outcome),
        )
        yield _row(*cells)
    yield ""


def _table(parameters: list[Parameter]) -> str:
    rows = [
        _row(
            f"`{each.name}`",
            each.type,
            "required" if each.default is None else f"`{each.default}`",
            each.description,
        )
        for each in parameters
    ]
    return "\n".join(["| parameter | type | default | |", "|---|---|---|---|", *rows, ""])


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    print(markdown(), end="")  # noqa: T201 -- a tool, not the product's output
