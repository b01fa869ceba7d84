"""The text of the demo: a block for each case, the verdicts, and the commands to try next.

The sentences are those of the reports; nothing is judged here.
"""

import shlex
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path

from gate.demo.cases import Case
from gate.report.model import Report, ResultPart

_WIDTH = 80


def block(case: Case, report: Report, path: Path) -> str:
    """Return the verdict of a case, the sentences that decided it, and where its report lies."""
    sentences = [f"{result.key}: {result.message}" for result in _show(case, report)]
    if _is_of_leaks(case):
        sentences += _leaks(report)
    lines = [
        f"{report.verdict.upper():6}{case.name}: {case.about}",
        *(_fill(sentence, "    - ", 6) for sentence in sentences),
        _fill(f"report: {path}", "      ", 6),
    ]
    return "\n".join(lines)


def summary(reports: Mapping[str, Report]) -> str:
    """Return a table: case, verdict, exit status, and the rules that decided it."""
    lines = [_row("case", "verdict", "exit", "decided by")]
    lines += [
        _row(
            name,
            report.verdict,
            str(report.decision.exit_status),
            ", ".join(_deciding(report)) or f"{report.decision.rules_evaluated} rules, all met",
        )
        for name, report in reports.items()
    ]
    return "\n".join(lines)


def next_steps(out: Path) -> str:
    """Return commands to paste, each under a comment that says what it is for."""
    good, paradox, leaky, shortcut = (
        shlex.quote(str(out / name)) for name in ("good", "paradox", "leaky", "shortcut")
    )
    steps = {
        "the whole verdict on one model": f"validate-model run {leaky}/gate.yaml",
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
    return "\n".join(["Next:", *(f"\n# {why}\n{command}" for why, command in steps.items())])


def _show(case: Case, report: Report) -> Iterator[ResultPart]:
    """Yield the worst result for each beginning of a key that the case shows."""
    for beginning in case.shown:
        found = (
            result
            for result in report.results
            if result.key == beginning or result.key.startswith(f"{beginning}[")
        )
        yield from list(found)[:1]


def _is_of_leaks(case: Case) -> bool:
    """Return whether leaks are the story of a case; a few look-alikes are in every data."""
    return any(each.startswith("train-test-overlap") for each in case.shown)


def _leaks(report: Report) -> Iterator[str]:
    """Yield what the leaked images did to the accuracy on test, where there are any."""
    leaked = len({pair.b for pair in report.leakage.pairs if pair.split_b == "test"})
    for each in report.leakage.inflation:
        if (each.name, each.split) == ("accuracy", "test"):
            yield (
                f"leakage: accuracy is {each.as_given:.3f} with the {leaked} images of test that "
                f"are in train, and {each.clean:.3f} without; rules must hold on both"
            )


def _deciding(report: Report) -> list[str]:
    rules = {result.key: result.rule for result in report.results}
    return list(dict.fromkeys(rules[key] for key in report.decision.reasons))


def _row(case: str, verdict: str, status: str, decided: str) -> str:
    return _fill(decided, f"{case:12}{verdict:9}{status:6}", 27)


def _fill(text: str, start: str, indent: int) -> str:
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent=start,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
