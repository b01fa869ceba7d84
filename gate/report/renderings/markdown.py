"""Markdown for pull requests and step summaries: failures first, passes folded away."""

import re
from collections.abc import Iterable, Iterator

from gate.healing import advice
from gate.report.model import Report, ResultPart
from gate.report.renderings import Mark, Rendering
from gate.report.renderings.leaks import describe_comparison, describe_inflation, excluded_images
from gate.report.renderings.words import (
    SENTENCES,
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
_MARKS = {"pass": "✅", "fail": "❌", "inconclusive": "❓", "error": "⚠️"}
_SPECIAL = frozenset("\\`*_[]<>|~$&{}!")


def markdown(report: Report) -> str:
    """Return the report as GitHub-flavoured Markdown of at most 200 kB."""
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


def _lines(report: Report) -> Iterator[tuple[str, bool]]:
    """Yield each line, and whether it may be left out where there is no room."""
    yield from _kept(_head(report))
    not_passed = [result for result in report.results if level(result) in ("error", "warning")]
    if report.errors:
        yield from _kept(["### Could not be measured", ""])
        for error in report.errors:
            remedy = f" To fix: {escape(error.remedy)}." if error.remedy else ""
            fact = f"{escape(error.message)} ({advice(retriable=error.retriable)})"
            yield f"- **{escape(error.where, 200)}**: {fact}.{remedy}", True
        yield "", False
    if not_passed:
        yield from _table(not_passed, remedies=True)
    waived = [result for result in report.results if result.outcome == "waived"]
    if waived:
        yield from _folded(f"{len(waived):,} waived", _table(waived, remedies=False))
    apart = [result for result in report.results if result.outcome == "not-applicable"]
    if apart:
        yield from _folded(f"{len(apart):,} not applicable", _table(apart, remedies=False))
    passed = [result for result in report.results if result.outcome == "passed"]
    if passed:
        yield from _folded(f"{len(passed):,} passed", _table(passed, remedies=False))
    yield from _kept(_end(report))


def _kept(lines: Iterable[str]) -> Iterator[tuple[str, bool]]:
    for line in lines:
        yield line, False


def _head(report: Report) -> Iterator[str]:
    yield f"## {_MARKS[report.verdict]} {headline(report)}"
    yield ""
    yield f"{SENTENCES[report.verdict]}. {outcomes_counted(report)}."
    yield ""
    for unjudged in report.leakage.unjudged:
        yield f"**warn** {escape(unjudged)}"
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
        if any(each.counts.values()) or each.featureless:
            yield f"| copies | {escape(describe_comparison(each))} |"
    for out in excluded_images(report):
        said = f"{out.images:,} of {out.given:,} images; rules must hold with and without them"
        if changed := describe_inflation(report, out.split):
            said += f"; {escape(changed)}"
        yield f"| leaked into or repeated in {out.split} | {said} |"
    yield ""


def _table(results: Iterable[ResultPart], *, remedies: bool) -> Iterator[tuple[str, bool]]:
    yield "| | result | value | required | finding |", False
    yield "|---|---|---|---|---|", False
    for result in results:
        yield _row(result, remedies=remedies), True
    yield "", False


def _row(result: ResultPart, *, remedies: bool) -> str:
    finding = escape(result.message)
    if remedies and result.remedy:
        finding += f". To fix: {escape(result.remedy)}"
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


def _folded(title: str, rows: Iterable[tuple[str, bool]]) -> Iterator[tuple[str, bool]]:
    yield from _kept(["<details>", f"<summary>{title}</summary>", ""])
    yield from rows
    yield from _kept(["</details>", ""])


def _end(report: Report) -> Iterator[str]:
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
    yield f"validate-model {escape(report.tool.version, 40)}"


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
    mark=Mark(
        rf"## \S+ ({'|'.join(VERDICTS.values())})\b"
        r"[\s\S]*\| policy \| [^\n]*, sha256 [0-9a-f]{64} \|"
    ),
)
