"""SARIF 2.1.0: each result that is no pass, at its line of the policy."""

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from gate.report.model import ErrorPart, Report, ResultPart
from gate.report.renderings import Mark, Rendering
from gate.report.renderings.caps import MOST_BYTES, MOST_ENTRIES, first_that_fit
from gate.report.renderings.places import Place, fingerprint, place_of
from gate.report.renderings.words import SENTENCES, headline, level
from gate.wording import printable

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_NOT_MEASURED = "not-measured"
_VERDICT = "verdict"
_MOST_ERRORS = 100  # of what could not be measured


def sarif(report: Report) -> str:
    """Return a SARIF log of at most 1,000 results and 5 MB, worst first; no passes, no waivers.

    An open blocking rule has the level error, like a failure: viewers show what is neither as fine.
    Where results are left out, one says how many.
    """
    found = [result for result in report.results if level(result) in ("error", "warning")]
    shown, errors = _that_fit(report, found)
    rules = list(dict.fromkeys(result.rule for result in shown))
    numbered = list(enumerate([*rules, _NOT_MEASURED, _VERDICT]))
    ids = {rule: index for index, rule in reversed(numbered)}  # a rule may be called verdict too
    results = [_error(report, error, ids) for error in errors]
    results += [_result(report, result, ids) for result in shown]
    left_out = len(found) - len(shown) + len(report.errors) - len(errors)
    if left_out:
        said = f"{left_out:,} more results were left out for length; report.json has them all"
        weighs = any(level(each) == "error" for each in found[len(shown) :])
        results.append(_about_all(report, ids, "left-out", said, "error" if weighs else "warning"))
    if report.verdict != "pass" and not any(each["level"] == "error" for each in results):
        said = f"{headline(report)}: {SENTENCES[report.verdict]}"
        results.append(_about_all(report, ids, _VERDICT, said, "error"))
    return json.dumps(_log(report, _driver(report, shown, rules), results), indent=2) + "\n"


def _that_fit(
    report: Report, found: Sequence[ResultPart]
) -> tuple[list[ResultPart], list[ErrorPart]]:
    """Return as many of the results and errors as may stand in the log, the worst of each."""
    described: set[str] = set()

    def size(result: ResultPart) -> int:
        written = _size(_result(report, result, {result.rule: 0}))
        if result.rule in described:
            return written
        described.add(result.rule)
        return written + _size(_described(result))

    errors = report.errors[:_MOST_ERRORS]
    room = MOST_BYTES // 2 - sum(_size(_error(report, each, {_NOT_MEASURED: 0})) for each in errors)
    entries = MOST_ENTRIES - len(errors) - 2  # that some were left out, and the verdict
    return first_that_fit(found, size, entries=entries, room=room), errors


def _size(entry: dict[str, Any]) -> int:
    return len(json.dumps(entry))


def _log(
    report: Report, driver: dict[str, Any], results: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "automationDetails": {
                    "id": f"validate-model/{printable(report.policy.name, 200)}/"
                },
                "columnKind": "unicodeCodePoints",
                "results": results,
                "properties": {
                    "verdict": report.verdict,
                    "enforced": report.decision.enforced,
                    "checkpointSha256": report.subject.sha256,
                    "policySha256": report.policy.resolved_sha256,
                },
            }
        ],
    }


def _driver(report: Report, shown: Sequence[ResultPart], rules: Sequence[str]) -> dict[str, Any]:
    first = {result.rule: result for result in reversed(shown)}
    return {
        "name": report.tool.name,
        "version": printable(report.tool.version, 40),
        "rules": [
            *(_described(first[rule]) for rule in rules),
            _rule(_NOT_MEASURED, "Something could not be measured", "See the message"),
            _rule(_VERDICT, "The verdict of the run", "See the report"),
        ],
    }


def _described(result: ResultPart) -> dict[str, Any]:
    return _rule(result.rule, f"check {result.check}", result.remedy or result.check)


def _rule(name: str, short: str, help_: str) -> dict[str, Any]:
    return {
        "id": printable(name, 200),
        "shortDescription": {"text": printable(short)},
        "help": {"text": printable(help_)},
    }


def _result(report: Report, result: ResultPart, ids: dict[str, int]) -> dict[str, Any]:
    return {
        **_base(ids[result.rule], result.rule, result.message, report, result.key),
        "level": "error" if level(result) == "error" else "warning",
        "locations": [_location(place_of(report, result), result.key)],
        "properties": {"outcome": result.outcome, "severity": result.severity},
    }


def _error(report: Report, error: ErrorPart, ids: dict[str, int]) -> dict[str, Any]:
    message = f"{printable(error.where, 200)}: {error.message}"
    if error.remedy:
        message += f"; {error.remedy}"
    key = f"{error.where}\n{error.kind}"
    return {
        **_base(ids[_NOT_MEASURED], _NOT_MEASURED, message, report, key),
        "level": "error",
        "locations": [_location(place_of(report), error.where)],
        "properties": {
            "outcome": "error",
            "kind": printable(error.kind, 40),
            "retriable": error.retriable,
        },
    }


def _about_all(
    report: Report, ids: dict[str, int], key: str, message: str, level_: str
) -> dict[str, Any]:
    return {
        **_base(ids[_VERDICT], _VERDICT, message, report, key),
        "level": level_,
        "locations": [_location(place_of(report), key)],
    }


def _base(index: int, rule: str, message: str, report: Report, key: str) -> dict[str, Any]:
    return {
        "ruleId": printable(rule, 200),
        "ruleIndex": index,
        "message": {"text": _message(message)},
        "partialFingerprints": {"resultKey/v1": fingerprint(report, key)},
    }


def _message(text: str) -> str:
    """Return a message without links: SARIF reads ``[text](address)`` as one."""
    return printable(text).replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")


def _location(place: Place, key: str) -> dict[str, Any]:
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": uri(place.file)},
            "region": {"startLine": place.line, "startColumn": place.column},
        },
        "logicalLocations": [{"fullyQualifiedName": printable(key, 400)}],
    }


def uri(path: str) -> str:
    """Return a path as a URI reference: relative as it stands, absolute with the scheme file."""
    slashed = path.replace("\\", "/")
    quoted = quote(slashed, safe="/", errors="backslashreplace")
    if slashed.startswith("/"):
        return f"file://{quoted}"
    if slashed[1:3] == ":/":  # a drive of Windows
        return f"file:///{slashed[0]}:{quote(slashed[2:], safe='/', errors='backslashreplace')}"
    return quoted


RENDERING = Rendering(
    name="sarif",
    about="findings for code scanning and editors",
    render=lambda report, _: sarif(report),
    mark=Mark(r'\{[\s\S]*"driver": \{\s*"name": "validate-model"'),
)
