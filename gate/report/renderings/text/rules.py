"""The rules in the text: those that did not pass one by one, the others in a line a state."""

from collections.abc import Iterator, Sequence

from gate.report.model import Report
from gate.report.renderings.grouping import (
    UNSETTLED,
    RuleGroup,
    describe,
    is_unmeasured,
    listed,
    name_scope,
)
from gate.report.renderings.text.detail import Detail
from gate.report.renderings.text.layout import INDENT, Page
from gate.report.renderings.text.story import Story
from gate.report.renderings.words import word
from gate.wording import pluralize, printable

_WIDEST_TITLE = 24  # columns; what is longer stands before its own sentence


def rules(story: Story, page: Page, detail: Detail) -> list[str]:
    """Return a paragraph for each rule that did not pass, worst first, then the other states."""
    if is_unmeasured(story.report):  # one reason for all
        lines = _unmeasured(story, page)
    else:
        lines = _told(story.unsettled[: detail.rules], page, detail)
        lines += _rest(story.unsettled[detail.rules :], page, detail)
    for each in story.report.leakage.unjudged:
        lines += page.paragraph("WARN", each, most=detail.lines)
    lines += _passed(story, page, detail)
    lines += _not_applicable(story.groups, page, detail)
    lines += _waived(story, page, detail)
    return lines


def every_result(report: Report, page: Page) -> list[str]:
    """Return a paragraph for what no rule judges, then for each result, worst first."""
    lines = [line for each in report.leakage.unjudged for line in page.paragraph("WARN", each)]
    for each in report.results:
        said = f"{printable(each.key, 200)}: {printable(each.message, 2000)}"
        lines += page.paragraph(word(each), said)
    return lines


def _unmeasured(story: Story, page: Page) -> list[str]:
    lines: list[str] = []
    for state in UNSETTLED:
        if names := story.states.get(state):
            said = f"{pluralize(len(names), 'rule')}: nothing was measured ({listed(names, 3)})"
            lines += page.paragraph(state, said, most=2)
    return lines


def _told(groups: Sequence[RuleGroup], page: Page, detail: Detail) -> list[str]:
    """Return a paragraph for each finding; rules that found the same in words share one."""
    found: dict[tuple[str, str], list[str]] = {}
    for group in groups:
        found.setdefault((group.state, describe(group, detail.named)), []).append(group.title)
    told = [(state, ", ".join(titles), said) for (state, said), titles in found.items()]
    aligned = [len(title) for state, title, _ in told if len(state) < INDENT]
    column = max((width for width in aligned if width <= _WIDEST_TITLE), default=0)
    lines: list[str] = []
    for state, title, said in told:
        has_column = len(state) < INDENT and len(title) <= column
        start = f"{title:<{column}}" if has_column else title
        after = column + 2 if has_column else 0
        lines += page.paragraph(state, f"{start}  {said}", most=detail.lines, after=after)
    return lines


def _rest(groups: Sequence[RuleGroup], page: Page, detail: Detail) -> list[str]:
    """Return the rules that there is no room for, by state."""
    by_state: dict[str, list[str]] = {}
    for group in groups:
        by_state.setdefault(group.state, []).append(printable(group.rule, 60))
    return [
        line
        for state, names in by_state.items()
        for line in page.paragraph(state, f"also {listed(names, detail.listed)}", most=detail.lines)
    ]


def _passed(story: Story, page: Page, detail: Detail) -> list[str]:
    """Return the rules of which every result passed; ``~`` before what the estimate decided."""
    passed = [each for each in story.groups if each.state == "PASS"]
    unproven = {printable(each.rule, 200) for each in passed if not each.is_proven}
    names = [f"~{name}" if name in unproven else name for name in story.states.get("PASS", [])]
    return page.paragraph("pass", listed(names, detail.listed), most=3) if names else []


def _not_applicable(groups: Sequence[RuleGroup], page: Page, detail: Detail) -> list[str]:
    """Return the rules about what was not declared, those of one reason together."""
    reasons: dict[str, dict[str, None]] = {}
    for group in groups:
        if group.state == "NOT APPLICABLE":
            why = group.worst.measured.reason or group.worst.message
            reasons.setdefault(why, {})[printable(group.rule, 60)] = None
    return [
        line
        for why, names in list(reasons.items())[: detail.notes]
        for line in page.paragraph(
            "NOT APPLICABLE", f"{listed(list(names), detail.listed)}: {why}", most=detail.lines
        )
    ]


def _waived(story: Story, page: Page, detail: Detail) -> list[str]:
    """Return what was accepted in writing, by whom and until when."""
    waived, accepted = story.waived, {each.result: each for each in story.report.waivers.applied}
    lines: list[str] = []
    for result in waived[: detail.notes]:
        name = f"{printable(result.rule, 60)} {name_scope(result)}".strip()
        said = printable(result.message, 400)
        if waiver := accepted.get(result.key):
            by = printable(waiver.approved_by, 60)
            said = f"accepted by {by} until {printable(waiver.expires, 20)}"
            said += f" ({printable(waiver.ticket, 60)}): {printable(waiver.reason, 200)}"
        lines += page.paragraph("WAIVED", f"{name}  {said}", most=detail.lines)
    more = len(waived) - detail.notes
    return lines + (page.paragraph("WAIVED", f"and {more:,} more") if more > 0 else [])


def errors(report: Report, page: Page, detail: Detail) -> Iterator[str]:
    """Yield what could not be measured."""
    found = [each for each in report.errors if each.kind != "rule-crashed"]
    for error in found[: detail.errors]:
        said = f"{printable(error.where)}: {printable(error.message, 2000)}"
        yield from page.paragraph("ERROR", said, most=detail.error_lines)
    if len(found) > detail.errors:
        yield from page.paragraph("ERROR", f"and {len(found) - detail.errors:,} more")
