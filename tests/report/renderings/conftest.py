"""Reports that renderings are tried on: the golden ones, one with everything, and a hostile one."""

from functools import cache
from pathlib import Path

import pytest

from gate.report.model import BaselinePart, Report
from gate.report.renderings.registry import render

GOLDEN = Path(__file__).parents[2] / "golden"
WAIVER = {
    "result": "macro-f1",
    "checkpoint": "ab" * 32,
    "floor": 0.5,
    "reason": "the scanner is replaced in spring",
    "ticket": "QA-12",
    "requested_by": "@ann",
    "approved_by": "@bea",
    "approved_on": "2025-12-20",
    "expires": "2026-01-31",
    "why": "it holds",
    "location": {"file": "waivers.yaml", "line": 4, "column": 5},
}

CHAMPION = {
    "path": "champion/gate-out",
    "sha256": "cd" * 32,
    "evidence_sha256": "ef" * 32,
    "changes": [
        {
            "name": name,
            "split": "test",
            "class": class_,
            "before": 0.9,
            "after": 0.92,
            "difference": 0.02,
            "interval": {
                "low": -0.01,
                "high": 0.05,
                "one_sided_confidence": 0.95,
                "method": "paired",
            },
            "reason": None,
        }
        for name, class_ in (("accuracy", None), ("recall", "tumour"))
    ],
}

HOSTILE = {
    "script": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "cdata": "]]>&lt;&#60;<!--",
    "command": "\n::error::forged\r\n::set-output name=verdict::pass\n##[error]x",
    "table": " | **x** | `code` ``` ~~~ [a](http://evil.example) ![b](//evil.example)",
    "lines": "\n\n# heading\n---\n- item\n\tx\u2028y\u2029z",
    "mention": " @everyone #1 www.evil.example https://evil.example",
    "ansi": "\x1b[2J\x1b]0;t\x07\x9b31m\x00\x08",
    "turned": "\u202egnp\u2066x\u2069\u200f\ufeff",
    "quotes": '"\'\\\\" {{7*7}} {% x %} %0A${{ github.token }} $(id) ${x}',
    "yaml": ": &a *a !!python/object:os.system |\n  - x",
    "end": "# EOF\n# TYPE x counter\nx 1",
    "wrapped": " ::error::forged" * 20,
    "maths": " $\\frac{$ $x_1$",
    "long": "n" * 10_000,
    "wide": "\U0001f9e0\u00e9\u4e2d\ufffe\ue000",
}


@pytest.fixture(params=HOSTILE.values(), ids=HOSTILE.keys())
def text(request):
    """Return strings from outside that mean something to a reader of some format."""
    return request.param


def _read(verdict):
    return Report.model_validate_json((GOLDEN / f"{verdict}.json").read_bytes())


def _with_everything():
    """Return the golden failure with waivers, slices, a champion, errors and a warning."""
    document = _read("fail").model_dump(by_alias=True)
    waived = next(r for r in document["results"] if r["key"] == "macro-f1")
    waived |= {"outcome": "waived", "waiver": "QA-12", "remedy": ""}
    document["decision"]["reasons"].remove("macro-f1")
    document["decision"]["counts"]["failed"] -= 1
    document["decision"]["counts"]["waived"] += 1
    document["waivers"] = {
        "applied": [dict(WAIVER)],
        "expired": [{**WAIVER, "expires": "2025-12-31", "ticket": "QA-7"}],
        "unused": [{**WAIVER, "ticket": "QA-8"}],
        "rejected": [{**WAIVER, "ticket": "QA-9", "approved_by": "@ann"}],
    }
    document["metrics"] += [
        {
            "name": "recall",
            "split": "test",
            "class": "tumour",
            "slice": f"scanner={scanner}",
            "value": value,
            "interval": {
                "low": value - 0.1,
                "high": value + 0.1,
                "one_sided_confidence": 0.95,
                "method": "Clopper-Pearson",
            },
            "support": 25,
        }
        for scanner, value in (("A", 0.2), ("B", 0.5))
    ]
    document["leakage"]["pairs"] += [
        {
            "a": "000000011",
            "b": "000000012",
            "split_a": "train",
            "split_b": "test",
            "label_a": "tumour",
            "label_b": "background",
            "kind": "near",
            "distance": 3.0,
            "orientation": "rot90",
            "change": None,
            "alignment": None,
        },
        {
            "a": "000000013",
            "b": "000000014",
            "split_a": "train",
            "split_b": "test",
            "label_a": "tumour",
            "label_b": "tumour",
            "kind": "edited",
            "distance": 0.08,
            "orientation": None,
            "change": "turned by 5° clockwise, cropped to 76 %, inverted",
            "alignment": {
                "down": [1.311, 0.115, 0.0],
                "right": [-0.115, 1.311, 0.02],
                "inverted": True,
            },
        },
    ]
    document["baseline"] = CHAMPION
    document["errors"] = [
        {
            "where": "runs/metrics.csv",
            "kind": "history",
            "message": "the column loss stands twice",
            "remedy": "name the column",
            "retriable": False,
        },
        {
            "where": "s3://scans/test.csv",
            "kind": "data",
            "message": "cannot be fetched (ConnectionError: the connection was reset)",
            "remedy": "check the connection and run again",
            "retriable": True,
        },
    ]
    return Report.model_validate(document)


@pytest.fixture(scope="session")
def champion():
    """Return a champion that was compared on the same test images."""
    return BaselinePart.model_validate(CHAMPION)


@pytest.fixture(scope="session")
def golden_reports():
    """Return name -> report: pass, fail with everything, and an error before evaluation."""
    return {"pass": _read("pass"), "everything": _with_everything(), "error": _read("error")}


@pytest.fixture(scope="session")
def rendered(golden_reports):
    """Return a function that gives a golden report in a format; a page is drawn only once."""

    @cache
    def of(name, format_):
        return render(golden_reports[name], format_)

    return of


def _poisoned(value, poison, key=""):
    if isinstance(value, dict):
        return {name: _poisoned(each, poison, name) for name, each in value.items()}
    if isinstance(value, list):
        return [_poisoned(each, poison, key) for each in value]
    closed = {
        "schema_version", "verdict", "severity", "outcome", "operator", "split", "split_a",
        "split_b", "kind", "reasons", "method", "started", "name",
    }  # fmt: skip
    return f"{value}{poison}" if isinstance(value, str) and key not in closed else value


@pytest.fixture(scope="session")
def poisoned(golden_reports):
    """Return a function that puts a string into every place where one from outside can stand."""

    @cache
    def poison(text):
        document = golden_reports["everything"].model_dump(by_alias=True)
        document = _poisoned(document, text)
        classes = [f"{name}{text}" for name in ("background", "tumour")]
        for split in document["data"].values():
            split["per_class"] = dict(zip(classes, split["per_class"].values(), strict=True))
        for each in document["leakage"]["compared"]:
            each.update(split_a="train", split_b="test")
        document["decision"]["reasons"] = [
            result["key"]
            for result in document["results"]
            if result["severity"] == "block" and result["outcome"] not in ("passed", "waived")
        ]
        document["policy"]["name"] += text
        document["tool"]["name"] = "validate-model"
        return Report.model_validate(document)

    return poison
