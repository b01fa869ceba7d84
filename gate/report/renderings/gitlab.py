"""GitLab's code quality report: results that are no pass, in the merge request's widget."""

import json
from collections.abc import Iterator
from typing import Any

from gate.report.model import Report, ResultPart
from gate.report.renderings import Mark, Rendering
from gate.report.renderings.caps import MOST_BYTES, MOST_ENTRIES, first_that_fit
from gate.report.renderings.places import Place, fingerprint, place_of
from gate.report.renderings.words import SENTENCES, headline, level
from gate.wording import printable


def code_quality(report: Report) -> str:
    """Return a JSON array of at most 1,000 entries and 5 MB, worst first.

    It is empty only where nothing but passes and waivers was found. Where entries are left out,
    one says how many.
    """
    entries = []
    if report.verdict != "pass":
        said = f"{headline(report)}: {SENTENCES[report.verdict]}"
        entries.append(_entry(report, "verdict", "verdict", said, "blocker", place_of(report)))
    found = [*_errors(report), *_results(report)]
    kept = first_that_fit(
        found, lambda each: len(json.dumps(each)), entries=MOST_ENTRIES - 2, room=MOST_BYTES // 2
    )
    entries += kept
    if more := len(found) - len(kept):
        said = f"{more:,} more results were left out for length; report.json has them all"
        severity = found[len(kept)]["severity"]
        entries.append(_entry(report, "left-out", "left-out", said, severity, place_of(report)))
    return json.dumps(entries, indent=2) + "\n"


def _errors(report: Report) -> Iterator[dict[str, Any]]:
    for error in report.errors:
        message = f"{printable(error.where, 200)}: {error.message}"
        key = f"{error.where}\n{error.kind}"
        yield _entry(report, key, error.kind, message, "critical", place_of(report))


def _results(report: Report) -> Iterator[dict[str, Any]]:
    for result in report.results:
        if level(result) in ("error", "warning"):
            place, severity = place_of(report, result), _severity(result)
            yield _entry(report, result.key, result.rule, result.message, severity, place)


def _severity(result: ResultPart) -> str:
    if level(result) == "warning":
        return "minor"
    return "critical" if result.outcome == "failed" else "major"


def _entry(
    report: Report, key: str, check: str, message: str, severity: str, place: Place
) -> dict[str, Any]:
    return {
        "description": printable(message),
        "check_name": printable(check, 200),
        "fingerprint": fingerprint(report, key),
        "severity": severity,
        "location": {"path": printable(place.file), "lines": {"begin": place.line}},
    }


RENDERING = Rendering(
    name="gitlab-codequality",
    about="the widget of a merge request in GitLab",
    render=lambda report, _: code_quality(report),
    mark=Mark(
        r'\[(\]\n\Z|\s*\{\s*"description": .*\s*"check_name": .*'
        r'\s*"fingerprint": "[0-9a-f]{64}")'
    ),
)
