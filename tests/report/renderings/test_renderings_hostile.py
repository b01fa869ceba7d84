"""Strings from outside are data in every format; other tools read back what we wrote."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest
import yaml
from junitparser import JUnitXml
from markdown_it import MarkdownIt
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from gate.report.renderings.registry import FORMATS, render
from gate.wording import printable

SCHEMA = json.loads(
    (Path(__file__).parent / "reference" / "sarif-schema-2.1.0.json").read_text(encoding="utf-8")
)
WRITTEN = [name for name in FORMATS if name not in ("json", "html")]


@pytest.mark.parametrize("format_", WRITTEN)
def test_no_format_writes_what_can_move_a_cursor_or_turn_a_line(text, format_, poisoned):
    rendered = render(poisoned(text), format_)

    assert all(character.isprintable() or character == "\n" for character in rendered)


def test_junit_is_read_back_with_every_result(text, poisoned):
    report = poisoned(text)

    suites = list(JUnitXml.fromstring(render(report, "junit").encode()))

    cases = [case for suite in suites for case in suite]
    assert len(cases) == 1 + len(report.errors) + len(report.results)
    assert {case.name for case in cases} >= {printable(r.key, 400) for r in report.results}


def test_sarif_is_valid_against_the_schema_of_oasis(text, poisoned):
    log = json.loads(render(poisoned(text), "sarif"))

    jsonschema.Draft4Validator(
        SCHEMA, format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER
    ).validate(log)


def test_openmetrics_is_read_back_with_every_value(text, poisoned):
    report = poisoned(text)

    families = {f.name: f for f in text_string_to_metric_families(render(report, "openmetrics"))}

    values = [sample.value for sample in families["gate_result_value"].samples]
    assert values == [r.measured.value for r in report.results if r.measured.value is not None]
    margins = [sample.value for sample in families["gate_result_margin"].samples]
    assert margins == [r.margin for r in report.results if r.margin is not None]


def test_the_model_card_is_yaml_with_the_metrics_and_nothing_else(text, poisoned):
    report = poisoned(text)

    card = yaml.safe_load(render(report, "model-card").split("\n---\n")[0])

    assert set(card) == {"pipeline_tag", "tags", "model-index"}
    [entry] = card["model-index"]
    [result] = entry["results"]
    accuracy = next(m for m in report.metrics if m.name == "accuracy" and m.split == "test")
    found = {metric["type"]: metric["value"] for metric in result["metrics"]}
    assert found["accuracy"] == pytest.approx(accuracy.value, abs=1e-6)


@pytest.mark.parametrize("format_", ["github", "text"])
def test_a_log_holds_only_the_commands_that_we_wrote(text, format_, poisoned):
    rendered = render(poisoned(text), format_)

    commands = [line.split("::")[1] for line in rendered.split("\n") if line.strip()[:2] == "::"]
    allowed = r"(error|warning|notice) file=[^,]*,line=\d+,col=\d+,title=[^,]*"
    assert all(re.fullmatch(allowed, command) for command in commands)
    assert bool(commands) == (format_ == "github")
    assert "##[" not in rendered


def test_github_shows_at_most_ten_of_a_kind(text, poisoned):
    report = poisoned(text)
    many = report.model_copy(update={"results": report.results * 10})

    lines = render(many, "github").splitlines()

    for kind in ("error", "warning", "notice"):
        assert sum(line.startswith(f"::{kind} ") for line in lines) <= 10


def test_code_quality_is_json_with_fingerprints_that_differ(text, poisoned):
    entries = json.loads(render(poisoned(text), "gitlab-codequality"))

    assert all(
        set(entry) == {"description", "check_name", "fingerprint", "severity", "location"}
        for entry in entries
    )
    assert len({entry["fingerprint"] for entry in entries}) == len(entries)


class _Tags(HTMLParser):
    """Collects the tags and addresses of HTML."""

    def __init__(self, html):
        super().__init__()
        self.tags = set()
        self.text = ""
        self.addresses = []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.addresses += [value for name, value in attributes if name in ("href", "src")]

    def handle_data(self, data):
        self.text += data


OURS = {"h2", "h3", "p", "table", "thead", "tbody", "tr", "th", "td", "strong", "ul", "ol", "li"}


@pytest.mark.parametrize("format_", ["markdown", "model-card"])
def test_markdown_makes_no_element_that_is_not_ours(text, format_, poisoned):
    rendered = render(poisoned(text), format_)
    if format_ == "model-card":
        rendered = rendered.split("\n---\n")[1]
    reader = MarkdownIt("gfm-like", {"html": True, "linkify": False}).disable("linkify")

    found = _Tags(reader.render(rendered))

    assert found.tags <= OURS | {"h1", "details", "summary"}
    assert found.addresses == []
    assert not re.search(r"(^|\s)@\w|(^|\s)#\d|https?://|www\.", found.text)


def test_every_row_of_markdown_keeps_its_columns(text, poisoned):
    columns = 0
    for line in render(poisoned(text), "markdown").splitlines():
        if not line.startswith("|"):
            columns = 0  # the table is at its end
            continue
        cells = len(re.split(r"(?<!\\)\|", re.sub(r"\\\\", "", line)))
        assert columns in (0, cells)
        columns = cells


def test_the_marker_of_a_comment_cannot_be_ended_from_outside(text, poisoned):
    first = render(poisoned(text), "markdown").splitlines()[0]

    assert re.fullmatch(r"<!-- validate-model: [A-Za-z0-9.:_-]+ -->", first)
    assert "--" not in first.removeprefix("<!--").removesuffix("-->")


def test_markdown_stays_under_200_kb_and_says_what_it_left_out(golden_reports):
    report = golden_reports["everything"]
    many = [
        result.model_copy(update={"key": f"{result.key}{index}", "message": "m" * 500})
        for index in range(100)
        for result in report.results
    ]

    rendered = render(report.model_copy(update={"results": many}), "markdown")

    assert len(rendered.encode()) <= 200_000
    assert "rows were left out for length" in rendered


def test_two_long_names_never_come_out_as_one():
    first, second = printable("a" * 10_000 + "b" + "a" * 9_999), printable("a" * 20_000)

    assert first != second
    assert len(first) < 700
