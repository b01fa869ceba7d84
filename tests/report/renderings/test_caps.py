"""The platforms' limits are kept on 300 classes in 30 slices by 3 rules; what is cut is counted.

GitHub takes SARIF of 25,000 results a run, shows 5,000, and no more than 10 MB packed; of
annotations it shows ten of a kind a step, and of a step's summary 1 MiB.
"""

import gzip
import json

import pytest

from gate.report.model import Report
from gate.report.renderings.github import annotations
from gate.report.renderings.gitlab import code_quality
from gate.report.renderings.junit import junit
from gate.report.renderings.markdown import markdown
from gate.report.renderings.sarif import sarif
from gate.report.renderings.text import text

SHOWN_BY_GITHUB, TAKEN_BY_GITHUB, PACKED = 5_000, 25_000, 10_000_000
SUMMARY = 1 << 20
CLASSES, SLICES, RULES = 300, 30, ("recall", "precision", "f1")
ALL = CLASSES * SLICES * len(RULES)


def _large(golden_reports, name="class-{}", message="recall is 0.5, required 0.9", passes=0):
    """Return a failed report with a result for each class, slice and rule; the first ones pass."""
    document = golden_reports["everything"].model_dump(by_alias=True)
    failed = next(each for each in document["results"] if each["outcome"] == "failed")
    results = [
        {
            **failed,
            "rule": rule,
            "key": f"{rule}[class={name.format(label)},slice=site={site}]",
            "scope": {**failed["scope"], "class": name.format(label), "slice": f"site={site}"},
            "message": message,
            "finding": None,
        }
        for rule in RULES
        for label in range(CLASSES)
        for site in range(SLICES)
    ]
    for place, each in enumerate(results):
        if place < passes:
            each["outcome"], each["remedy"] = "passed", ""
    document["decision"]["reasons"] = [
        each["key"] for each in results if each["outcome"] == "failed"
    ]
    return Report.model_validate({**document, "results": results})


@pytest.fixture(scope="module")
def large(golden_reports):
    """Return the report with short names and messages."""
    return _large(golden_reports)


@pytest.fixture(scope="module")
def wide(golden_reports):
    """Return the report with names and messages that are written in six bytes a sign, and long."""
    return _large(golden_reports, name="\U0001f9e0" * 300 + "{}", message="\u4e2d" * 900)


@pytest.fixture(params=["large", "wide"])
def report(request):
    """Return one report after the other."""
    return request.getfixturevalue(request.param)


def test_sarif_keeps_far_below_what_github_takes(report):
    written = sarif(report).encode()

    count = len(json.loads(written)["runs"][0]["results"])
    assert count <= 1_000 < SHOWN_BY_GITHUB < TAKEN_BY_GITHUB
    assert len(written) <= 5_000_000
    assert len(gzip.compress(written)) <= PACKED


def test_sarif_says_how_many_results_it_left_out(large):
    results = json.loads(sarif(large))["runs"][0]["results"]

    *_, last = results
    shown = sum(each["ruleId"] in RULES for each in results)
    assert last["message"]["text"].startswith(f"{ALL - shown:,} more results were left out")
    assert last["level"] == "error"


def test_sarif_keeps_the_worst(large):
    found = json.loads(sarif(large))["runs"][0]["results"]

    keys = [each["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] for each in found]
    errors = len(large.errors)
    assert keys[errors:-1] == [each.key for each in large.results[: len(keys) - errors - 1]]


def test_what_fits_is_written_whole_and_nothing_is_said_of_a_rest(golden_reports):
    few = golden_reports["everything"]

    assert "left out" not in sarif(few)
    assert "left out" not in code_quality(few)


def test_code_quality_is_capped_and_says_so(report):
    written = code_quality(report)

    entries = json.loads(written)
    assert len(entries) <= 1_000
    assert len(written.encode()) <= 5_000_000
    assert "more results were left out for length" in entries[-1]["description"]
    assert entries[0]["severity"] == "blocker"


@pytest.mark.parametrize("verbose", [False, True])
def test_text_is_at_most_300_lines_unless_all_is_asked_for(report, verbose):
    lines = text(report, verbose=verbose).splitlines()

    assert (len(lines) <= 300) is not verbose


def test_text_of_so_many_results_still_fits_a_screen(report):
    assert len(text(report).splitlines()) <= 30


def test_annotations_are_ten_of_a_kind(report):
    lines = annotations(report).splitlines()

    assert all(
        sum(line.startswith(f"::{kind} ") for line in lines) <= 10
        for kind in ("error", "warning", "notice")
    )


def test_the_summary_of_a_step_takes_the_markdown(report):
    assert len(markdown(report).encode()) <= SUMMARY


def test_junit_has_every_result(large):
    assert junit(large).count("<testcase ") == 1 + len(large.errors) + ALL


def test_a_failure_behind_a_thousand_warnings_is_an_error_in_the_log(golden_reports):
    large = _large(golden_reports)
    results = [each.model_copy(update={"severity": "warn"}) for each in large.results[:-1]]
    report = large.model_copy(
        update={"results": [*results, large.results[-1]], "verdict": "fail", "errors": []}
    )

    levels = {each["level"] for each in json.loads(sarif(report))["runs"][0]["results"]}

    assert "error" in levels
