"""The part below the rules: steps, notes, and the command that helps most."""

import re
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from gate.healing import advice
from gate.report.model import ErrorPart, HistoryPart, Report, ResultPart, ThresholdPart
from gate.report.renderings.grouping import is_unmeasured, passed_by_estimate
from gate.report.renderings.leaks import describe_comparison, describe_inflation, excluded_images
from gate.report.renderings.text.detail import Detail
from gate.report.renderings.text.layout import Page
from gate.report.renderings.thresholds import describe_price
from gate.report.renderings.words import (
    attest_command,
    door_command,
    epochs_in_words,
    policy_argument,
    waivers_of,
)
from gate.wording import printable


def causes(report: Report, page: Page, detail: Detail) -> list[str]:
    """Return what probably lies behind several results at once."""
    return [
        line
        for each in report.causes
        for line in page.paragraph("cause", each.message, most=detail.step_lines)
    ]


def to_do(steps: Sequence[str], page: Page, detail: Detail) -> list[str]:
    """Return numbered steps, the most urgent first."""
    lines: list[str] = []
    for number, step in enumerate(steps[: detail.steps], 1):
        start = "do" if number == 1 else ""
        lines += page.paragraph(start, f"{number} {step}", most=detail.step_lines, after=2)
    more = len(steps) - detail.steps
    return lines + (page.paragraph("", f"and {more:,} more, with -v") if more > 0 else [])


def notes(said: Sequence[str], page: Page, detail: Detail) -> list[str]:
    """Return notes as paragraphs, as many as there is room for."""
    lines: list[str] = []
    for each in said[: detail.notes]:
        lines += page.paragraph("note", each, most=detail.note_lines)
    more = len(said) - detail.notes
    return lines + (page.paragraph("", f"and {more:,} more, with -v") if more > 0 else [])


def important(report: Report) -> Iterator[str]:
    """Yield what a reader has to know besides, the most important first."""
    if report.verdict == "error":
        yield advice(retriable=report.decision.retriable)
    if not any(each.kind == "leaked-test" for each in report.causes):
        for each in excluded_images(report):
            if changed := describe_inflation(report, each.split, most=1):
                yield f"on {each.split}, {printable(changed, 500)}"
    if price := describe_price(report, "test"):
        yield f"on test, by the highest score: {price}"
    for search in report.searches:
        among = f"among {search.searched:,} slices of {search.split}"
        yield f"{printable(search.rule, 100)}: {among}, {search.said}"
    for waiver, standing in waivers_of(report):
        if standing != "applied":
            ticket, result = printable(waiver.ticket, 100), printable(waiver.result, 100)
            yield f"waiver {ticket} for {result} is {standing}: {printable(waiver.why)}"
    if unproven := sum(map(passed_by_estimate, report.results)):
        several = "results were" if unproven > 1 else "result was"
        leave = "intervals leave them" if unproven > 1 else "interval leaves it"
        yield f"~ {unproven:,} {several} decided by the estimate; the {leave} open"
    if report.history is not None:
        for column in report.history.unread:
            looks = "looks like a held-out loss, and is not read as one"
            yield f"'{printable(column)}' of the history {looks}"
    if assumed := [str(each) for each in report.environment.get("assumed", [])]:
        yield f"assumed: {'; '.join(assumed)}"


def background(report: Report) -> Iterator[str]:
    """Yield what was read and compared on the way to the verdict."""
    for name, split in report.data.items():
        classes = f"{len(split.per_class):,}" if split.per_class else "none of the"
        yield f"{name}: {split.images:,} images of {classes} classes, {printable(split.path)}"
    views = Counter(each.split for each in report.measurements if each.key.startswith("view "))
    for each in report.measurements:
        if each.key.startswith("view "):  # many, and each is named by its result
            continue
        yield f"also measured on {each.split}, because rules need it: {printable(each.key, 200)}"
    for part, count in views.items():
        yield f"asked again about {part}, because rules need it: {count} views"
    yield from map(describe_comparison, report.leakage.compared)
    for out in excluded_images(report):
        yield (
            f"{out.images:,} of {out.given:,} {out.split} images also occur in an earlier split or "
            "repeat another; pairs.csv lists them"
        )
    if report.history is not None:
        yield from _history(report.history)
    if command := door_command(report):
        yield f"where the file is deployed, a signed verdict is checked by: {command}"


def _history(history: HistoryPart) -> Iterator[str]:
    """Yield what was read, what was taken for what, and how doubtful parts were read."""
    taken: dict[str, list[str | None]] = {
        "train loss": [history.train_loss],
        "validation loss": [*history.validation_losses],
        "train accuracy": [history.train_accuracy],
        "validation accuracy": [history.validation_accuracy],
    }
    parts = [f"history {epochs_in_words(history.epochs)} of {printable(history.format)}"]
    parts += [
        f"{role} is column '{printable(column)}'"
        for role, columns in taken.items()
        for column in columns
        if column
    ]
    parts += [f"no {role}" for role in ("train loss", "validation loss") if not any(taken[role])]
    yield f"{'; '.join(parts)}; {printable(history.path)}"
    yield from (printable(note, 200) for note in history.notes)


def next_command(report: Report, path: Path, evidence: Path | None) -> str:
    """Return the command that helps most after this verdict."""
    if unfitted := next((each for each in _order_of(report) if each.at_least is None), None):
        found = f"validate-model thresholds {_quoted(str(folder_of(path)))}"
        goal = re.fullmatch(r"(recall|fpr|precision) (\S+)", unfitted.fit or "")
        asked = f" --{goal[1]} {_quoted(goal[2])}" if goal else ""
        return f"{found} --class {_quoted(unfitted.class_)}{asked}"
    has_classes = evidence is not None and bool(report.subject.classes)
    images = f" --evidence {_quoted(str(evidence))}" if has_classes else ""
    if _wants_images(report) and report.policy.sources:
        return f"validate-model plan --policy {_quoted(policy_argument(report))}{images}"
    refused = next(filter(_is_of_a_file, report.errors), None)
    if refused:
        return f"validate-model inspect {_quoted(refused.where)}"
    return f"validate-model render {_quoted(str(folder_of(path)))} -o html=report.html"


def _order_of(report: Report) -> Sequence[ThresholdPart]:
    """Return the thresholds that evidence was judged at; none where nothing was measured."""
    point = report.operating_point
    return point.order if point is not None and not is_unmeasured(report) else ()


def thresholds_command(missed: ResultPart, path: Path) -> str:
    """Return how a threshold is found for a class whose recall failed; the report is at a path."""
    named = _quoted(missed.scope.class_ or "NAME")
    folder, goal = _quoted(str(folder_of(path))), missed.required.value
    return f"validate-model thresholds {folder} --class {named} --recall {goal:g}"


def signing(report: Report, path: Path | None) -> str:
    """Return how the verdict is signed for the deployment; nothing where it would be refused."""
    folder = _quoted(str(folder_of(path))) if path is not None else "gate-out"
    return attest_command(folder) if door_command(report) else ""


def folder_of(path: Path) -> Path:
    """Return the folder that a run left, where a report has the name that runs give it."""
    return path.parent if path.name == "report.json" else path


def _is_of_a_file(error: ErrorPart) -> bool:
    """Return whether a checkpoint was refused for what it is: then it is there to look at."""
    is_refusal = error.kind in ("refused-unsafe", "corrupt")
    return is_refusal and not error.message.startswith("there is no such file")


def _wants_images(report: Report) -> bool:
    """Return whether the verdict is open where something was measured, if too little of it."""
    return report.verdict == "inconclusive" and any(
        each.outcome == "inconclusive" and each.measured.value is not None
        for each in report.results
    )


def _quoted(argument: str) -> str:
    return shlex.quote(printable(argument))
