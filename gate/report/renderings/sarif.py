"""SARIF 2.1.0: each result that is no pass, at its line of the policy."""

import json
from typing import Any
from urllib.parse import quote

from gate.report.model import ErrorPart, Report, ResultPart
from gate.report.renderings import Mark, Rendering
from gate.report.renderings.places import Place, fingerprint, place_of
from gate.report.renderings.words import SENTENCES, headline, level
from gate.wording import printable

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_NOT_MEASURED = "not-measured"
_VERDICT = "verdict"


def sarif(report: Report) -> str:
    """Return a SARIF log; what passed or is waived is left out.

    An open blocking rule has the level error, like a failure: viewers show what is neither as fine.
    """
    shown = [result for result in report.results if level(result) in ("error", "warning")]
    rules = list(dict.fromkeys(result.rule for result in shown))
    numbered = list(enumerate([*rules, _NOT_MEASURED, _VERDICT]))
    ids = {rule: index for index, rule in reversed(numbered)}  # a rule may be called verdict too
    results = [_result(report, result, ids) for result in shown]
    results += [_error(report, error, ids) for error in report.errors]
    if report.verdict != "pass" and not any(each["level"] == "error" for each in results):
        results.append(_verdict(report, ids))
    log = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": _driver(report, shown, rules)},
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
    return json.dumps(log, indent=2) + "\n"


def _driver(report: Report, shown: list[ResultPart], rules: list[str]) -> dict[str, Any]:
    first = {result.rule: result for result in reversed(shown)}
    described = [
        _rule(rule, f"check {first[rule].check}", first[rule].remedy or first[rule].check)
        for rule in rules
    ]
    return {
        "name": report.tool.name,
        "version": printable(report.tool.version, 40),
        "rules": [
            *described,
            _rule(_NOT_MEASURED, "Something could not be measured", "See the message"),
            _rule(_VERDICT, "The verdict of the run", "See the report"),
        ],
    }


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


def _verdict(report: Report, ids: dict[str, int]) -> dict[str, Any]:
    message = f"{headline(report)}: {SENTENCES[report.verdict]}"
    return {
        **_base(ids[_VERDICT], _VERDICT, message, report, _VERDICT),
        "level": "error",
        "locations": [_location(place_of(report), _VERDICT)],
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
