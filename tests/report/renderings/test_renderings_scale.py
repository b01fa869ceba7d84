"""A report of 27,000 results: the work of each rendering grows with them, not with their square."""

import sys
from collections import Counter

import pytest

from gate.report.model import Report
from gate.report.renderings.registry import FORMATS, render


@pytest.fixture(scope="session")
def large(golden_reports):
    """Return a function that gives a report of so many results, a rule for every tenth."""
    document = golden_reports["everything"].model_dump(by_alias=True)
    failed = next(each for each in document["results"] if each["outcome"] == "failed")

    def of(count):
        results = [
            {
                **failed,
                "rule": f"recall-{place // 10}",
                "key": f"recall-{place // 10}[class=c{place}]",
                "scope": {**failed["scope"], "class": f"c{place}"},
                "message": f"recall of c{place} is 0.5, required 0.9",
            }
            for place in range(count)
        ]
        decision = {
            **document["decision"],
            "reasons": [each["key"] for each in results],
            "counts": {**document["decision"]["counts"], "failed": count},
        }
        return Report.model_validate({**document, "results": results, "decision": decision})

    return of


def calls_of(report, format_):
    """Return how many functions are called, of Python and of C, while a report is rendered."""
    calls = Counter()
    render(report, format_)  # what is imported and kept is not counted

    def count(_, event, __):
        calls[event] += 1

    sys.setprofile(count)
    try:
        render(report, format_)
    finally:
        sys.setprofile(None)
    return calls["call"] + calls["c_call"]


@pytest.mark.parametrize("format_", [each for each in FORMATS if each not in ("html", "json")])
def test_twice_the_results_take_twice_the_work(large, format_):
    assert calls_of(large(400), format_) < 2.2 * calls_of(large(200), format_)


@pytest.mark.slow
@pytest.mark.parametrize("format_", FORMATS)
def test_27000_results_are_rendered(large, format_):
    if format_ == "html":
        pytest.importorskip("jinja2", reason="the extra 'html' is not installed")

    assert render(large(27_000), format_)
