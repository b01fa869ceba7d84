"""The catalogue of the shipped policies as Markdown; ``python -m gate.policy.catalogue``."""

import re
from collections.abc import Iterator

from gate.checks.reference import write_value
from gate.policy.fixtures import read_fixtures
from gate.policy.reading import PolicyDocument, read_policy
from gate.policy.shipped import shipped_folder, shipped_names
from gate.policy.strictness import values_of

_HEAD = """\
# The shipped policies

<!-- Written by `python -m gate.policy.catalogue` from the policies. Do not edit it by hand. -->

Each of these comes with the package and is used by its name: `policy: release` in a gate file,
`--policy release` on the command line, `extends: release` in a policy of your own. The files
explain their numbers; `validate-model policy show NAME --resolved` prints one whole, with the line
that each value comes from. Bold is what blocks; the rest warns.

The fixtures under `fixtures/` show every rule passing and failing on made-up counts. The tests run
them, and so does `validate-model policy test policies/fixtures/NAME.yaml`.

"""
# Said once for the whole policy, or of no use to who compares policies.
_COMMON = ("check", "severity", "decide_on", "on_inconclusive", "one_sided_confidence", "lock")


def markdown() -> str:
    """Return the catalogue as Markdown, with a final line break."""
    documents = {name: read_policy(name) for name in shipped_names()}
    lines = ["| policy | for | rules | block | decided |", "|---|---|---|---|---|"]
    lines += [_summary(name, document) for name, document in documents.items()]
    sections = [line for name, document in documents.items() for line in _section(name, document)]
    return _HEAD + "\n".join([*lines, "", *sections])


def _summary(name: str, document: PolicyDocument) -> str:
    rules = document.policy.rules
    blocking = [rule for rule in rules if rule.severity == "block"]
    proven = sum(rule.on_inconclusive == "block" for rule in blocking)
    decided = {0: "by the estimate where the interval is open", len(blocking): "by proof alone"}
    how = decided.get(proven, f"{proven} by proof alone, the rest by the estimate where it is open")
    link = f"[{name}](#{name})"
    purpose = (document.policy.metadata.description or "").rstrip(".")
    return f"| {link} | {purpose} | {len(rules)} | {len(blocking)} | {how} |"


def _section(name: str, document: PolicyDocument) -> Iterator[str]:
    yield f"## {name}\n"
    yield f"{_purpose(document)}\n"
    above = [layer.document.source.file for layer in document.layers[:-1]]
    if above:
        yield f"Extends {', '.join(f'`{_show(file)}`' for file in above)}.\n"
    if document.policy.non_waivable:
        yield f"No waiver may accept: {', '.join(document.policy.non_waivable)}.\n"
    yield "| rule | check | asks for |"
    yield "|---|---|---|"
    for rule in document.policy.rules:
        values = {
            key: value
            for key, value in values_of(rule).items()
            if key not in _COMMON and value not in ({}, [], "test")  # what goes without saying
        }
        if rule.on_inconclusive == "block":
            values["proven with"] = rule.one_sided_confidence
        asked = "; ".join(f"{key} {write_value(value)}" for key, value in values.items())
        shown = f"**{rule.id}**" if rule.severity == "block" else rule.id
        yield f"| {shown} | {rule.check} | {asked.replace('|', chr(92) + '|')} |"
    yield ""
    cases = read_fixtures(str(shipped_folder() / "fixtures" / f"{name}.yaml")).cases
    yield "Its fixtures:\n"
    for case in cases:
        outcomes = ", ".join(f"{key} {value}" for key, value in case.fixture.expect.items())
        said_of = outcomes if len(case.fixture.expect) < 6 else "every rule passes"
        yield f"- {case.fixture.name}: **{case.fixture.verdict}** ({said_of})"
    yield ""


def _purpose(document: PolicyDocument) -> str:
    """Return the first paragraph of the comment that a shipped policy starts with."""
    comment = [line[1:].strip() for line in _comment(document)]
    paragraph = " ".join(comment).split("  ")[0]
    text = re.sub(r"^[a-z-]+: ", "", paragraph)
    return text[:1].upper() + text[1:]


def _comment(document: PolicyDocument) -> Iterator[str]:
    """Yield the lines of the first comment, without the line for editors."""
    for line in document.document.source.lines[2:]:
        if not line.startswith("#") or line == "#":
            return
        yield line


def _show(file: str) -> str:
    return file.rsplit("/", 1)[-1].removesuffix(".yaml")


if __name__ == "__main__":
    print(markdown(), end="")  # noqa: T201 -- a tool, not the product's output
