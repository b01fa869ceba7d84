"""The verdict for people at a terminal: on one screen, worst first, the verdict first and last."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from gate.report.model import Report
from gate.report.renderings import Mark, Rendering
from gate.report.renderings.text.detail import MOST_LINES, Detail, levels
from gate.report.renderings.text.head import head
from gate.report.renderings.text.layout import Page
from gate.report.renderings.text.notes import (
    background,
    causes,
    important,
    next_command,
    notes,
    signing,
    thresholds_command,
    to_do,
)
from gate.report.renderings.text.rules import errors, every_result, rules
from gate.report.renderings.text.story import Story
from gate.report.renderings.thresholds import missed_by_the_highest_score
from gate.report.renderings.words import VERDICTS

_AUDIT = " (audit mode: not enforced)"


def text(
    report: Report,
    *,
    width: int = 80,
    colour: bool = False,
    path: Path | None = None,
    evidence: Path | None = None,
    verbose: bool = False,
) -> str:
    """Return the report as at most 30 lines of at most ``width`` columns where words allow it.

    Colour marks nothing but the words of states and the verdict. ``path`` is where the report
    lies, and ``evidence`` what it rests on; they make the next command one that can be copied.
    With ``verbose`` every result is told, in as many lines as that takes.
    """
    page, story = Page(width, colour), Story.of(report)
    said = [*(background(report) if verbose else ()), *important(report)]
    end = list(_end(report, page, path, evidence))
    for detail in [Detail.everything()] if verbose else levels():
        results = every_result(report, page) if verbose else rules(story, page, detail)
        parts = [
            head(story, page),
            causes(report, page, detail),
            [*errors(report, page, detail), *results],
            to_do(story.steps, page, detail),
            notes(said, page, detail),
        ]
        lines = [*_joined(parts), *end]
        if len(lines) <= MOST_LINES:
            break
    return _without_commands("\n".join(lines)) + "\n"


def _joined(parts: Sequence[list[str]]) -> Iterator[str]:
    """Yield the lines of all parts that have any, with an empty line between two."""
    for place, part in enumerate(part for part in parts if part):
        yield from ["", *part] if place else part


def verdict_alone(report: Report, *, colour: bool = False) -> str:
    """Return the one line that the text ends in: the verdict and the exit status."""
    return "\n".join(_verdict(report, Page(80, colour))) + "\n"


def _end(report: Report, page: Page, path: Path | None, evidence: Path | None) -> Iterator[str]:
    """Yield the commands to copy, which are never wrapped, and the verdict."""
    if command := signing(report, path):
        yield from page.paragraph("note", "to let the deployment check this verdict, sign it:")
        yield f"      {command}"
    missed = missed_by_the_highest_score(report)
    if missed is not None and path is not None:
        yield from page.paragraph("note", "a lower score may find what this model misses:")
        yield f"      {thresholds_command(missed, path)}"
    if path is not None:
        yield f"next  {next_command(report, path, evidence)}"
    yield from _verdict(report, page)


def _verdict(report: Report, page: Page) -> list[str]:
    verdict = VERDICTS[report.verdict]
    audit = "" if report.decision.enforced else _AUDIT
    return page.paint(verdict, [f"{verdict}  exit status {report.decision.exit_status}{audit}"])


def _without_commands(shown: str) -> str:
    """Return the text with no line that a GitHub runner takes for a command when it is logged."""
    return re.sub(r"(?m)^([ \t]*)::", r"\1\\::", shown).replace("##[", r"##\[")


_WORDS = "|".join(VERDICTS.values())
RENDERING = Rendering(
    name="text",
    about="for people at a terminal",
    render=lambda report, _: text(report),
    mark=Mark(
        rf"({_WORDS}) [\s\S]*\bpolicy \S",
        rf"\n({_WORDS})  exit status \d+({re.escape(_AUDIT)})?\n\Z",
    ),
)
