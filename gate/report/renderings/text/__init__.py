"""The verdict for people at a terminal: on one screen, worst first, the verdict first and last."""

import re
from collections.abc import Iterator
from pathlib import Path

from gate.report.model import Report
from gate.report.renderings import Mark, Rendering
from gate.report.renderings.text.detail import MOST_LINES, Detail, levels
from gate.report.renderings.text.head import head
from gate.report.renderings.text.layout import Page
from gate.report.renderings.text.notes import (
    causes,
    every_note,
    next_command,
    notes,
    signing,
    to_do,
)
from gate.report.renderings.text.rules import errors, every_result, rules
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
    page = Page(width, colour)
    end = list(_end(report, page, path, evidence))
    for detail in [None] if verbose else levels():
        lines = [*_above(report, page, detail), *end]
        if len(lines) <= MOST_LINES:
            break
    return _without_commands("\n".join(lines)) + "\n"


def verdict_alone(report: Report, *, colour: bool = False) -> str:
    """Return the one line that the text ends in: the verdict and the exit status."""
    return "\n".join(_verdict(report, Page(80, colour))) + "\n"


def _above(report: Report, page: Page, detail: Detail | None) -> Iterator[str]:
    """Yield all lines but the last ones; None stands for everything there is."""
    told = detail or Detail.everything()
    results = rules(report, page, told) if detail else every_result(report, page)
    parts = [
        head(report, page),
        causes(report, page, told),
        [*errors(report, page, told), *results],
        to_do(report, page, told),
        notes(report, page, told) if detail else every_note(report, page),
    ]
    for place, part in enumerate(part for part in parts if part):
        yield from ["", *part] if place else part


def _end(report: Report, page: Page, path: Path | None, evidence: Path | None) -> Iterator[str]:
    """Yield the commands to copy, which are never wrapped, and the verdict."""
    if command := signing(report, path):
        yield from page.paragraph("note", "to let the deployment check this verdict, sign it:")
        yield f"      {command}"
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
