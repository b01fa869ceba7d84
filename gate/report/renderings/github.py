"""GitHub: annotations on the policy's lines, and the outputs of a step."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from gate.healing import advice
from gate.report.model import Report
from gate.report.renderings import Mark, Rendering
from gate.report.renderings.places import Place, place_of
from gate.report.renderings.words import SENTENCES, headline, level
from gate.wording import printable

MOST_OF_A_KIND = 10  # GitHub shows no more in a step, and drops the rest without a word


def annotations(report: Report) -> str:
    """Return workflow commands for a log, at most ten of a kind; the verdict comes first."""
    lines: list[str] = []
    for kind, found in (("error", list(_errors(report))), ("warning", list(_warnings(report)))):
        cut = len(found) > MOST_OF_A_KIND
        shown = found[: MOST_OF_A_KIND - 1] if cut else found
        lines += [_command(kind, *each) for each in shown]
        if cut:
            more = f"and {len(found) - len(shown)} more, in the report"
            lines.append(_command(kind, place_of(report), "validate-model", more))
    if report.verdict == "pass":
        lines.append(_command("notice", place_of(report), "verdict", headline(report)))
    return "\n".join(lines) + "\n"


def outputs(report: Report, path: Path | None) -> str:
    """Return lines for the file that ``GITHUB_OUTPUT`` names: verdict, retriable and digests."""
    facts = {
        "verdict": report.verdict,
        "exit-status": str(report.decision.exit_status),
        "retriable": str(report.decision.retriable).lower(),
        "report": "" if path is None else str(path),
        "checkpoint-sha256": report.subject.sha256 or "",
        "policy-sha256": report.policy.resolved_sha256,
    }
    return "".join(_output(name, value) for name, value in facts.items())


def _output(name: str, value: str) -> str:
    """Return one output; the delimiter is a digest of the value, so no value can hold it."""
    delimiter = f"end-{sha256(value.encode('utf-8', 'surrogateescape')).hexdigest()}"
    return f"{name}<<{delimiter}\n{value}\n{delimiter}\n"


Annotation = tuple[Place, str, str]


def _errors(report: Report) -> Iterator[Annotation]:
    if report.verdict != "pass":
        said = f"{headline(report)}: {SENTENCES[report.verdict]}"
        yield place_of(report), "verdict", said
    for error in report.errors:
        remedy = f"; {error.remedy}" if error.remedy else ""
        heals = advice(retriable=error.retriable)
        yield place_of(report), error.where, f"{error.message}{remedy} ({heals})"
    for result in report.results:
        if level(result) == "error":
            yield place_of(report, result), result.key, result.message


def _warnings(report: Report) -> Iterator[Annotation]:
    for unjudged in report.leakage.unjudged:
        yield place_of(report), "copies", unjudged
    for result in report.results:
        if level(result) == "warning":
            yield place_of(report, result), result.key, result.message


def _command(kind: str, place: Place, title: str, message: str) -> str:
    properties = {
        "file": printable(place.file),
        "line": str(place.line),
        "col": str(place.column),
        "title": printable(title, 200),
    }
    said = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{kind} {said}::{_data(printable(message))}"


def _data(text: str) -> str:
    """Escape as the runner reads it; ``##[`` would begin a command of its first protocol."""
    defused = text.replace("##[", "##\\[")
    return defused.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


RENDERING = Rendering(
    name="github",
    about="annotations in the log of GitHub Actions",
    render=lambda report, _: annotations(report),
    mark=Mark(r"::(error|warning|notice) file=[^\n]*,title="),
)
