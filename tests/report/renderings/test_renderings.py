"""One decision, many renderings: committed, equal twice, and of one verdict."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from gate.report.renderings.registry import FORMATS, render
from gate.report.renderings.text import text
from gate.report.statement import EXTENSION

GOLDEN = Path(__file__).parents[2] / "golden" / "renderings"
WORDS = {"FAIL", "ERROR", "INCONCLUSIVE", "WARN", "WAIVED", "PASS", "pass", "NOT APPLICABLE"}
SUFFIXES = {
    "text": "txt",
    "markdown": "md",
    "junit": "xml",
    "sarif": "sarif",
    "github": "github.txt",
    "openmetrics": "openmetrics.txt",
    "gitlab-codequality": "gitlab.json",
    "model-card": "card.md",
    "intoto": "intoto.json",
}
names = pytest.mark.parametrize("name", ["pass", "everything", "error"])
formats = pytest.mark.parametrize("format_", list(SUFFIXES))


@names
@formats
def test_the_rendering_is_the_committed_one(name, format_, rendered, golden):
    golden(GOLDEN / f"{name}.{SUFFIXES[format_]}", rendered(name, format_))


@names
def test_json_is_the_report_and_can_be_read_back(name, golden_reports, rendered):
    report = golden_reports[name]

    assert type(report).model_validate_json(rendered(name, "json")) == report


@pytest.mark.parametrize("format_", FORMATS)
def test_two_renderings_are_equal_and_leave_the_report_as_it_was(format_, golden_reports):
    report = golden_reports["everything"]
    before = report.to_json()

    assert render(report, format_) == render(report, format_)
    assert report.to_json() == before


def _says_pass(format_, rendered):
    """Return whether a reader of the format takes the run for passed."""
    match format_:
        case "text":
            return rendered.startswith("PASS ") and "\nPASS  exit" in rendered
        case "markdown":
            return rendered.splitlines()[1].startswith("## ✅ PASS")
        case "junit":
            return not ET.fromstring(rendered).findall(".//failure") + ET.fromstring(
                rendered
            ).findall(".//error")
        case "sarif":
            results = json.loads(rendered)["runs"][0]["results"]
            return not any(result["level"] == "error" for result in results)
        case "github":
            return "::error" not in rendered
        case "openmetrics":
            families = {f.name: f for f in text_string_to_metric_families(rendered)}
            verdict = {s.labels["gate_verdict"]: s.value for s in families["gate_verdict"].samples}
            return verdict["pass"] == 1
        case "gitlab-codequality":
            severities = {entry["severity"] for entry in json.loads(rendered)}
            return not severities & {"blocker", "critical", "major"}
        case "model-card":
            yaml.safe_load(rendered.split("---\n")[1])
            return "**PASS" in rendered
        case "intoto":
            return json.loads(rendered)["predicate"][EXTENSION]["verdict"] == "pass"


@formats
@pytest.mark.parametrize("verdict", ["pass", "fail", "inconclusive", "error"])
@pytest.mark.parametrize("enforced", [True, False])
def test_every_format_says_pass_exactly_when_the_verdict_is_pass(
    verdict, format_, enforced, report_on
):
    report = report_on(verdict, enforced=enforced)

    assert _says_pass(format_, render(report, format_)) == (verdict == "pass")


@formats
def test_a_run_that_judged_nothing_is_green_in_no_format(format_, golden_reports):
    empty = golden_reports["error"].model_copy(update={"results": [], "errors": []})

    assert not _says_pass(format_, render(empty, format_))


@names
@pytest.mark.parametrize("width", [80, 200])
def test_text_keeps_its_columns_at_any_width(name, width, golden_reports):
    lines = text(golden_reports[name], width=width).splitlines()

    starts = {re.match(r"[A-Za-z]*(?: APPLICABLE)?", line)[0] for line in lines}
    assert max(len(line) for line in lines if "validate-model " not in line) <= width
    assert starts <= {"", *WORDS, "cause", "do", "note", "next"}
    assert starts & WORDS
