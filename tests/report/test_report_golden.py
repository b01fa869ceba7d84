"""Whole reports, compared with committed ones: pass, fail, inconclusive, error."""

import json
from pathlib import Path

import pytest

from gate.report.renderings.text import text

GOLDEN = Path(__file__).parents[1] / "golden"

verdicts = pytest.mark.parametrize("verdict", ["pass", "fail", "inconclusive", "error"])


def rounded(value):
    """Return JSON with floats to nine digits: the last ones differ between releases of scipy."""
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, list):
        return [rounded(each) for each in value]
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    return value


@verdicts
def test_the_report_is_the_committed_one(verdict, report_on, golden):
    report = report_on(verdict)

    assert report.verdict == verdict
    document = rounded(json.loads(report.to_json()))
    golden(GOLDEN / f"{verdict}.json", json.dumps(document, indent=2, ensure_ascii=False) + "\n")


@verdicts
def test_the_text_is_the_committed_one(verdict, report_on, golden):
    golden(GOLDEN / f"{verdict}.txt", text(report_on(verdict), width=80))
