"""Markdown for pull requests and step summaries: the verdict on one screen, the rest folded."""

import re
from collections.abc import Iterable, Iterator, Sequence

from gate.healing import advice
from gate.report.model import BaselinePart, Report, ResultPart
from gate.report.renderings import Mark, Rendering
from gate.report.renderings.changes import before_and_after, difference, shown_changes
from gate.report.renderings.grouping import (
    UNSETTLED,
    RuleGroup,
    count_rules,
    describe,
    group_results,
    listed,
    next_steps,
)
from gate.report.renderings.leaks import describe_comparison, describe_inflation, excluded_images
from gate.report.renderings.words import (
    VERDICTS,
    artefact_line,
    champion_of,
    headline,
    level,
    outcomes_counted,
    required_of,
    subject_name,
    value_of,
    waivers_of,
    word,
)
from gate.wording import printable

MOST_BYTES = 200_000  # GitHub takes a megabyte of summary; nobody reads that much
_ROOM_FOR_THE_END = 2_000  # the closing tags and the line that says what was left out
_MOST_RULES, _MOST_ERRORS, _MOST_WARNINGS, _MOST_STEPS = 6, 2, 1, 3  # that need no click
_MARKS = {"pass": "✅", "fail": "❌", "inconclusive": "❓", "error": "⚠️"}
_SPECIAL = frozenset("\\`*_[]<>|~$&{}!")
Line = tuple[str, bool]  # a line, and whether it may be left out where there is no room


def markdown(report: Report) -> str:
    """Return the report as GitHub-flavoured Markdown of at most 200 kB.

    At most 40 lines of it are seen without a click. The first is a comment that is the same for
    each run of this model under this policy: it lets CI find the comment that it made before.
    """
    lines: list[str] = []
    room = MOST_BYTES - _ROOM_FOR_THE_END
    left_out = 0
    for line, may_go in _lines(report):
        size = len(line.encode()) + 1
        if may_go and size > room:
            left_out += 1
            continue
        room -= size
        lines.append(line)
    if left_out:
        lines += ["", f"{left_out:,} rows were left out for length; report.json has them all."]
    return "\n".join(lines) + "\n"


def marker(report: Report) -> str:
    """Return the comment that stands first, of letters, digits and single signs only."""
    name = f"{subject_name(report)} {report.policy.name}"
    plain = re.sub(r"[^A-Za-z0-9.:_]+", "-", printable(name, 120)).strip("-")
    return f"<!-- validate-model: {plain} -->"


def _lines(report: Report) -> Iterator[Line]:
    groups = group_results(report)
    yield from _kept(_head(report, groups))
    yield from _kept(_failing(groups))
    yield from _kept(_steps(report))
    if report.baseline is not None:
        yield from _kept(changes_table(report.baseline))
    yield from _folded("all results, and what was judged", _everything(report))
    yield f"validate-model {escape(report.tool.version, 40)}", False


def _everything(report: Report) -> Iterator[Line]:
    yield from _kept(_judged(report))
    for title, states in (
        ("did not pass", UNSETTLED),
        ("waived", ("WAIVED",)),
        ("not applicable", ("NOT APPLICABLE",)),
        ("passed", ("PASS",)),
    ):
        found = [result for result in report.results if word(result) in states]
        if found:
            yield from _kept([f"### {len(found):,} {title}", ""])
            yield from _table(found)
    yield from _kept(_waivers_and_assumptions(report))


def _kept(lines: Iterable[str]) -> Iterator[Line]:
    for line in lines:
        yield line, False


def _head(report: Report, groups: Sequence[RuleGroup]) -> Iterator[str]:
    yield marker(report)
    yield f"## {_MARKS[report.verdict]} {headline(report)}: {count_rules(report, groups)}"
    yield ""
    policy = f"policy {escape(report.policy.name, 100)} {escape(report.policy.version, 40)}"
    images = "".join(f", {name} {each.images:,} images" for name, each in report.data.items())
    yield f"{escape(subject_name(report), 200)}, {policy}{images}"
    yield ""
    for cause in report.causes:
        yield f"- **Likely cause:** {escape(cause.message)}"
    for error in report.errors[:_MOST_ERRORS]:
        fact = f"{escape(error.message)} ({advice(retriable=error.retriable)})"
        yield f"- **ERROR** {escape(error.where, 200)}: {fact}"
    if more := len(report.errors) - _MOST_ERRORS:
        yield from [f"- and {more:,} more errors"] if more > 0 else []
    for unjudged in report.leakage.unjudged[:_MOST_WARNINGS]:
        yield f"- **WARN** {escape(unjudged)}"
    if report.causes or report.errors or report.leakage.unjudged:
        yield ""


def _failing(groups: Sequence[RuleGroup]) -> Iterator[str]:
    """Yield a table of the rules that did not pass, worst first."""
    found = [each for each in groups if each.state in UNSETTLED]
    if not found:
        return
    yield "| | rule | found |"
    yield "|---|---|---|"
    for group in found[:_MOST_RULES]:
        state = f"**{group.state}**" if group.blocks else group.state
        yield f"| {state} | {escape(group.title, 200)} | {escape(describe(group))} |"
    rest = found[_MOST_RULES:]
    if rest:
        names = listed([printable(group.rule, 60) for group in rest], 10)
        yield f"| | {len(rest):,} more | {escape(names)} |"
    yield ""


def _steps(report: Report) -> Iterator[str]:
    steps = next_steps(report)
    if not steps:
        return
    yield "**To do**"
    yield ""
    for number, step in enumerate(steps[:_MOST_STEPS], 1):
        yield f"{number}. {escape(step)}"
    yield ""


def changes_table(baseline: BaselinePart) -> Iterator[str]:
    """Yield the table before → after of the images that both answered, and an empty line."""
    champion, shown = champion_of(baseline), shown_changes(baseline)
    if not shown:
        yield f"Champion {escape(champion)}: not measured on the same images."
        yield ""
        return
    yield f"| {shown[0].split}, against {escape(champion)} | before → after | difference |"
    yield "|---|---|---|"
    for each in shown:
        of = "" if each.class_ is None else f" of {escape(each.class_, 100)}, now the lowest"
        found = f"{before_and_after(each)} | {escape(difference(each))}"
        yield f"| {escape(each.name)}{of} | {found} |"
    yield ""


def _judged(report: Report) -> Iterator[str]:
    yield outcomes_counted(report) + "."
    yield ""
    yield "| | |"
    yield "|---|---|"
    yield f"| model | {escape(subject_name(report), 200)} |"
    if report.subject.sha256:
        yield f"| checkpoint | sha256 {escape(report.subject.sha256, 80)} |"
    for artefact in report.subject.artefacts:
        yield f"| artefact | {escape(artefact_line(artefact), 200)} |"
    if report.baseline is not None:
        yield f"| champion | {escape(champion_of(report.baseline))} |"
    policy = report.policy
    yield (
        f"| policy | {escape(policy.name, 100)} {escape(policy.version, 40)}, "
        f"sha256 {escape(policy.resolved_sha256, 80)} |"
    )
    for name, split in report.data.items():
        found = f"{split.images:,} images of {len(split.per_class):,} classes"
        yield f"| {name} | {found}, {escape(split.path, 200)} |"
    for each in report.leakage.compared:
        if any(each.counts.values()) or each.featureless or each.look_alikes:
            yield f"| copies | {escape(describe_comparison(each))} |"
    for out in excluded_images(report):
        said = f"{out.images:,} of {out.given:,} images; rules must hold with and without them"
        if changed := describe_inflation(report, out.split):
            said += f"; {escape(changed)}"
        yield f"| leaked into or repeated in {out.split} | {said} |"
    yield ""


def _table(results: Iterable[ResultPart]) -> Iterator[Line]:
    yield "| | result | value | required | finding |", False
    yield "|---|---|---|---|---|", False
    for result in results:
        yield _row(result), True
    yield "", False


def _row(result: ResultPart) -> str:
    finding = escape(result.message)
    if result.waiver:
        finding += f". Waived by {escape(result.waiver, 200)}"
    cells = [
        f"**{word(result)}**" if level(result) == "error" else word(result),
        escape(result.key, 200),
        value_of(result),
        escape(required_of(result)),
        finding,
    ]
    return f"| {' | '.join(cells)} |"


def _folded(title: str, rows: Iterable[Line]) -> Iterator[Line]:
    yield from _kept(["<details>", f"<summary>{title}</summary>", ""])
    yield from rows
    yield from _kept(["</details>", ""])


def _waivers_and_assumptions(report: Report) -> Iterator[str]:
    for waiver, state in waivers_of(report):
        ticket, result = escape(waiver.ticket, 100), escape(waiver.result, 200)
        approval = f"{escape(waiver.expires, 40)}, approved by {escape(waiver.approved_by, 100)}"
        yield f"- waiver {ticket} for {result} is {state} (until {approval}): " + escape(
            waiver.reason
        )
        yield ""
    assumed = [str(each) for each in report.environment.get("assumed", [])]
    if assumed:
        yield f"Assumed: {escape('; '.join(assumed), 1000)}."
        yield ""


def escape(text: str, limit: int = 600) -> str:
    """Return ``text`` so that Markdown shows it as it is: no markup, link, mention or new line.

    What a backslash cannot stop is cut with a zero-width space: GitHub looks for mentions, issue
    numbers and addresses after it has read the Markdown.
    """
    shown = "".join(f"\\{c}" if c in _SPECIAL else c for c in printable(text, limit))
    return re.sub(r"[@#]|:(?=//)|w(?=ww\\?\.)", r"\g<0>&#8203;", shown)


RENDERING = Rendering(
    name="markdown",
    about="for pull requests and step summaries",
    render=lambda report, _: markdown(report),
    mark=Mark(rf"<!-- validate-model: [^\n]* -->\n## \S+ ({'|'.join(VERDICTS.values())})\b"),
)
