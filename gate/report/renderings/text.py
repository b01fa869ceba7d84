"""The verdict for people at a terminal: worst first, the verdict last, at any width."""

import re
import shlex
import textwrap
from pathlib import Path

from gate.healing import advice
from gate.report.model import ErrorPart, HistoryPart, Report, ResultPart
from gate.report.renderings import Mark, Rendering
from gate.report.renderings.leaks import describe_comparison, describe_inflation, excluded_images
from gate.report.renderings.words import (
    VERDICTS,
    champion_of,
    door_command,
    epochs_in_words,
    headline,
    outcomes_counted,
    policy_argument,
    subject_name,
    waivers_of,
    word,
)
from gate.wording import pluralize, printable

_COLUMN = 8  # where sentences begin
_MOST_VIEWS = 4  # named one by one; the report lists all
_MOST_PASSES = 30  # of a policy with 1,000 classes nobody reads the rest
_RED, _YELLOW, _GREEN, _RESET = "\x1b[31m", "\x1b[33m", "\x1b[32m", "\x1b[0m"
_COLOURS = {"FAIL": _RED, "ERROR": _RED, "OPEN": _YELLOW, "warn": _YELLOW, "pass": _GREEN}
_VERDICT_COLOURS = {"pass": _GREEN, "fail": _RED, "inconclusive": _YELLOW, "error": _RED}


def text(
    report: Report,
    *,
    width: int = 80,
    colour: bool = False,
    path: Path | None = None,
    evidence: Path | None = None,
) -> str:
    """Return the report as lines of at most ``width`` columns where words allow it.

    Colour marks nothing but the words of outcomes and the verdict. ``path`` is where the report
    lies, and ``evidence`` what it rests on; they make the next command one that can be copied.
    """
    parts = [
        _head(report, width),
        _unjudged(report, width, colour),
        *(_error(error, width, colour) for error in report.errors if error.kind != "rule-crashed"),
        _results(report, width, colour),
        _waivers(report, width),
        _left_out(report, width),
        _assumptions(report, width),
        _door(report, width),
        _verdict(report, width, colour, None if path is None else _next(report, path, evidence)),
    ]
    return _without_commands("\n\n".join(part for part in parts if part)) + "\n"


def _head(report: Report, width: int) -> str:
    subject = report.subject
    lines = [
        f"model   {printable(subject_name(report))}"
        + (
            f", checkpoint sha256 {printable(subject.sha256)[:12]} "
            f"({printable(subject.format or '?')})"
            if subject.sha256
            else ""
        ),
    ]
    if report.baseline is not None:
        lines.append(f"{'':8}against the champion {printable(champion_of(report.baseline))}")
    lines.append(f"policy  {printable(report.policy.name)} {printable(report.policy.version)}")
    for name, split in report.data.items():
        label = "data" if name == next(iter(report.data)) else ""
        lines.append(
            f"{label:8}{name}: {split.images:,} images of {len(split.per_class)} classes, "
            f"{printable(split.path)}"
        )
    lines += _measured(report)
    lines += [f"{'':8}{describe_comparison(each)}" for each in report.leakage.compared]
    if report.history is not None:
        lines += _history(report.history)
    return "\n".join(_wrapped(line, width) for line in lines)


def _measured(report: Report) -> list[str]:
    """Return what was measured beside the answers, a line a split."""
    keys: dict[str, list[str]] = {}
    for each in report.measurements:
        keys.setdefault(each.split, []).append(printable(each.key, 200))
    return [
        f"{'':8}measured on {split} because rules need it: {_listed(several)}"
        for split, several in keys.items()
    ]


def _listed(keys: list[str]) -> str:
    """Return the measurements by their keys, and of many views how many there are."""
    views = [each for each in keys if each.startswith("view ")]
    if len(views) <= _MOST_VIEWS:
        return ", ".join(keys)
    return ", ".join([*(each for each in keys if each not in views), f"{len(views)} views"])


def _unjudged(report: Report, width: int, colour: bool) -> str:
    """Return the copies that no rule judges: a pass must not hide them."""
    return "\n".join(_sentence("warn", each, width, colour) for each in report.leakage.unjudged)


def _history(history: HistoryPart) -> list[str]:
    """Return what was read, what was taken for what, and how doubtful parts were read."""
    taken: dict[str, list[str | None]] = {
        "train loss": [history.train_loss],
        "validation loss": [*history.validation_losses],
        "train accuracy": [history.train_accuracy],
        "validation accuracy": [history.validation_accuracy],
    }
    parts = [f"{epochs_in_words(history.epochs)} of {printable(history.format)}"]
    parts += [
        f"{role} is column '{printable(column)}'"
        for role, columns in taken.items()
        for column in columns
        if column
    ]
    parts += [f"no {role}" for role in ("train loss", "validation loss") if not any(taken[role])]
    parts += [
        f"'{printable(column)}' looks like a held-out loss: not read as one"
        for column in history.unread
    ]
    return [
        f"history {'; '.join(parts)}; {printable(history.path)}",
        *(f"{'':8}{printable(note, 200)}" for note in history.notes),
    ]


def _error(error: ErrorPart, width: int, colour: bool) -> str:
    lines = [_sentence("ERROR", f"{printable(error.where)}: {error.message}", width, colour)]
    if error.remedy:
        lines.append(_sentence("", f"to fix: {error.remedy}", width))
    return "\n".join(lines)


def _results(report: Report, width: int, colour: bool) -> str:
    unmeasured = _unmeasured(report)
    lines = [_sentence("OPEN", unmeasured, width, colour)] if unmeasured else []
    passes = 0
    for result in report.results:
        if unmeasured and result.outcome == "inconclusive":
            continue
        passes += result.outcome == "passed"
        if result.outcome == "passed" and passes > _MOST_PASSES:
            continue
        lines.append(_result(result, width, colour))
    if passes > _MOST_PASSES:
        more = f"and {passes - _MOST_PASSES} more, in the report"
        lines.append(_sentence("pass", more, width, colour))
    return "\n".join(lines)


def _unmeasured(report: Report) -> str:
    """Return which rules are open because no split was measured, in one sentence for all.

    Nothing where a split was: then each has a reason of its own.
    """
    errors = [each for each in report.errors if each.kind != "rule-crashed"]
    if report.data or not errors:
        return ""
    results = [each for each in report.results if each.outcome == "inconclusive"]
    rules = list(dict.fromkeys(printable(each.rule, 200) for each in results))
    if not rules:
        return ""
    number = pluralize(len(rules), "rule")
    because = "this error" if len(errors) == 1 else "these errors"
    return f"nothing was measured for {number} because of {because}: {', '.join(rules)}"


def _result(result: ResultPart, width: int, colour: bool) -> str:
    sentence = f"{printable(result.key, 200)}: {printable(result.message)}"
    lines = [_sentence(word(result), sentence, width, colour)]
    if result.remedy and result.outcome in ("failed", "error") and result.severity == "block":
        lines.append(_sentence("", f"to fix: {result.remedy}", width))
    return "\n".join(lines)


def _waivers(report: Report, width: int) -> str:
    """Return the waivers that were given and do not hold; those that do stand with their result."""
    return "\n".join(
        _sentence(
            "note",
            f"waiver {printable(waiver.ticket, 100)} for {printable(waiver.result, 200)} is "
            f"{standing}: {printable(waiver.why)}",
            width,
        )
        for waiver, standing in waivers_of(report)
        if standing != "applied"
    )


def _left_out(report: Report, width: int) -> str:
    """Return how many images of each split leaked or are repeated, and what they change."""
    lines = []
    for each in excluded_images(report):
        lines.append(
            f"{each.images:,} of {each.given:,} images of {each.split} also occur in an earlier "
            "split or repeat another; rules must hold with and without them; pairs.csv lists them"
        )
        if changed := describe_inflation(report, each.split):
            lines.append(f"on {each.split}, {printable(changed, 500)}")
    return "\n".join(_sentence("note", line, width) for line in lines)


def _assumptions(report: Report, width: int) -> str:
    assumed = [str(each) for each in report.environment.get("assumed", [])]
    return _sentence("note", f"assumed: {'; '.join(assumed)}", width) if assumed else ""


def _door(report: Report, width: int) -> str:
    """Return how the verdict is checked where the file is deployed."""
    command = door_command(report)
    said = f"signed with validate-model attest, it is checked where it is deployed by: {command}"
    return _sentence("note", said, width) if command else ""


def _verdict(report: Report, width: int, colour: bool, following: str | None) -> str:
    unproven = sum(
        result.outcome == "passed" and not result.proven and result.measured.interval is not None
        for result in report.results
    )
    lines = [_wrapped(outcomes_counted(report), width)]
    if unproven:
        lines.append(f"{unproven} passed on the estimate alone, not proven")
    if report.verdict == "error":
        lines.append(advice(retriable=report.decision.retriable))
    if following is not None:
        lines.append(f"next    {following}")  # never wrapped: it is there to be copied
    why = ": there is not enough evidence to decide" if report.verdict == "inconclusive" else ""
    said = f"{headline(report)}{why} (exit status {report.decision.exit_status})"
    lines.append(_coloured(said, _VERDICT_COLOURS[report.verdict]) if colour else said)
    return "\n".join(lines)


def _next(report: Report, path: Path, evidence: Path | None) -> str:
    """Return the command that helps most after this verdict."""
    has_classes = evidence is not None and bool(report.subject.classes)
    images = f" --evidence {_quoted(str(evidence))}" if has_classes else ""
    if _wants_images(report) and report.policy.sources:
        return f"validate-model plan --policy {_quoted(policy_argument(report))}{images}"
    refused = next((e for e in report.errors if e.kind in ("refused-unsafe", "corrupt")), None)
    if refused:
        return f"validate-model inspect {_quoted(refused.where)}"
    return f"validate-model render {_quoted(str(path))} -o html=report.html"


def _wants_images(report: Report) -> bool:
    """Return whether the verdict is open where something was measured, if too little of it."""
    return report.verdict == "inconclusive" and any(
        each.outcome == "inconclusive" and each.measured.value is not None
        for each in report.results
    )


def _quoted(argument: str) -> str:
    return shlex.quote(printable(argument))


def _sentence(start: str, sentence: str, width: int, colour: bool = False) -> str:
    filled = textwrap.fill(
        " ".join(printable(sentence, 2000).split()),
        width,
        initial_indent=f"{start:<{_COLUMN}}",
        subsequent_indent=" " * _COLUMN,
        break_long_words=False,
        break_on_hyphens=False,
    )
    if colour and start in _COLOURS:
        return _coloured(start, _COLOURS[start]) + filled[len(start) :]
    return filled


def _coloured(said: str, colour: str) -> str:
    return f"{colour}{said}{_RESET}"


def _wrapped(line: str, width: int) -> str:
    return textwrap.fill(
        line,
        width,
        subsequent_indent=" " * _COLUMN,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _without_commands(shown: str) -> str:
    """Return the text with no line that a GitHub runner takes for a command when it is logged."""
    return re.sub(r"(?m)^([ \t]*)::", r"\1\\::", shown).replace("##[", r"##\[")


RENDERING = Rendering(
    name="text",
    about="for people at a terminal",
    render=lambda report, _: text(report),
    mark=Mark(r"model   ", rf"\n({'|'.join(VERDICTS.values())})\b[^\n]* \(exit status \d+\)\n\Z"),
)
