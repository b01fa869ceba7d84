"""The text of the demo: a block for each case, and the commands to try next.

The sentences are those of the reports; nothing is judged here.
"""

import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path

from gate.demo.cases import Case
from gate.report.model import Report
from gate.report.renderings.grouping import describe, group_results, listed
from gate.report.renderings.leaks import describe_inflation
from gate.report.renderings.thresholds import describe_price
from gate.report.renderings.words import VERDICTS

_WIDTH = 80
_NAMED = 2  # classes of a rule


def block(case: Case, report: Report) -> str:
    """Return the verdict of a case, the rules that tell its story, and how many others decided."""
    lines = [
        f"{VERDICTS[report.verdict]:6}{case.name}: {case.about}",
        *(_fill(sentence) for sentence in _told(case, report)),
    ]
    return "\n".join(lines)


def next_steps(out: Path) -> str:
    """Return commands to paste, each under a comment that says what it is for."""
    good, paradox, shortcut = (
        shlex.quote(str(out / name)) for name in ("good", "paradox", "shortcut")
    )
    steps = {
        "a whole verdict: the paradox at its own best threshold fails, too": (
            f"validate-model run {paradox}/best-threshold.yaml"
        ),
        "the same evidence by another policy; no model, no data": (
            f"validate-model judge {paradox}/gate-out --policy recall-first"
        ),
        "a page for the browser; it shows the corner that the model reads": (
            f"validate-model render {shortcut}/gate-out -o html=page.html"
        ),
        "what a check looks at, and how to fix its failure": (
            "validate-model explain accuracy-paradox"
        ),
        "your turn: each gate.yaml begins with something to try": f"cat {good}/gate.yaml",
    }
    return "\n".join(["Next:", *(f"# {why}\n{command}" for why, command in steps.items())])


def _told(case: Case, report: Report) -> Iterator[str]:
    """Yield what the rules of the case found, and what thresholds and leaked images changed."""
    groups = {each.rule: each for each in reversed(group_results(report))}
    for rule in case.shown:
        yield f"{groups[rule].title}: {describe(groups[rule], _NAMED)}"
    if price := describe_price(report, "test", most=2):
        yield f"by the highest score: {price}"
    yield from (f"cause: {each.message}" for each in report.causes)
    is_told = "train-test-overlap" in case.shown and not report.causes
    if is_told and (changed := describe_inflation(report, "test", most=1)):
        yield changed
    others = [rule for rule in _deciding(report) if rule not in case.shown]
    if others:
        yield f"also failed: {listed(others)}"


def _deciding(report: Report) -> list[str]:
    rules = {result.key: result.rule for result in report.results if result.outcome == "failed"}
    return list(dict.fromkeys(rules[key] for key in report.decision.reasons if key in rules))


def _fill(text: str) -> str:
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent="      ",
        subsequent_indent="        ",
        break_long_words=False,
        break_on_hyphens=False,
    )
