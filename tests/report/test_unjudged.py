"""Copies that no rule judges are said, and said first; they are never a reason of their own."""

from dataclasses import replace

import pytest

from gate.checks import REGISTRY
from gate.decision import judge
from gate.evidence.records import EXACT, Overlap, Pair, PairKind, Split
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.policy.reading import read_policy
from gate.report.build import build
from gate.report.renderings.registry import render
from gate.report.renderings.text import text
from gate.report.unjudged import unjudged_copies

TRAIN, TEST = ((970, 30), (30, 970)), ((485, 15), (12, 488))
SOUND = {
    "train": TRAIN,
    "test": TEST,
    "copies": 0,
    "duplicates": 0,
    "probe": "sound",
    "train_loss": (0.69, 0.5, 0.3, 0.2, 0.16, 0.14, 0.13, 0.12),
    "validation_loss": (0.69, 0.52, 0.38, 0.3, 0.26, 0.24, 0.23, 0.22),
}


def evidence(**changes):
    return synthetic_evidence(SyntheticRun(**{**SOUND, **changes}))


def rules(*checks):
    return [REGISTRY[check](id=check) for check in checks]


def test_near_copies_that_no_rule_judges_are_said():
    (found,) = unjudged_copies(rules("train-test-overlap"), evidence(near_copies=124))

    assert found == (
        "124 test images nearly equal a train image; metrics are shown with and without them"
    )


def test_one_image_is_said_in_the_singular():
    (found,) = unjudged_copies([], evidence(copies=1))

    assert found.startswith("1 test image also occurs in train; metrics are shown with and")


def test_a_rule_that_only_warns_judges_too():
    asked = [REGISTRY["train-test-overlap"](id="near", warn_near=5, severity="warn")]

    assert unjudged_copies(asked, evidence(near_copies=124)) == []


def test_a_pair_that_no_rule_names_is_said_by_its_names():
    made = evidence(validation=TEST, validation_copies=7)
    only_train = [REGISTRY["train-test-overlap"](id="overlap", between=("train", "test"))]

    (found,) = unjudged_copies(only_train, made)

    assert found.startswith("7 test images also occur in validation")
    assert unjudged_copies(rules("train-test-overlap"), made) == []


def test_copies_inside_test_are_said_without_duplicate_images():
    made = evidence(duplicates=3)

    (found,) = unjudged_copies(rules("train-test-overlap"), made)

    assert found.startswith("3 test images repeat another")
    assert unjudged_copies(rules("duplicate-images"), made) == []


@pytest.mark.parametrize("split", [Split.TRAIN, Split.VALIDATION])
def test_copies_inside_train_and_validation_are_nobodys_concern(split):
    pair = Pair("a", "b", split, split, "cat", "cat", PairKind.BYTES)
    inside = Overlap(split, split, (pair,), compared=tuple(EXACT))

    assert unjudged_copies([], replace(evidence(), overlaps=(inside,))) == []


def report_on(made):
    document = read_policy("baseline")
    return build(judge(document.policy.rules, made), made, document, {"started": "2026-01-01"})


def test_under_baseline_near_copies_are_a_warning_before_the_first_result_and_block_nothing():
    report = report_on(evidence(near_copies=5))
    said = " ".join(text(report).split()).lower()

    assert report.verdict == "pass"
    assert report.leakage.unjudged
    warning = said.index("warn 5 test images nearly equal a train image")
    assert warning < said.index("pass dataset-integrity")


@pytest.mark.parametrize("format_name", ["markdown", "html", "github"])
def test_pull_requests_and_pages_say_it_before_their_tables(format_name):
    report = report_on(evidence(near_copies=5))
    shown = render(report, format_name)

    at = shown.index("5 test images nearly equal a train image")
    table = {"markdown": "### ", "html": 'id="results"', "github": "::notice"}[format_name]
    assert at < (shown.index(table) if table in shown else len(shown))


def test_without_copies_nothing_is_said():
    report = report_on(evidence())

    assert report.leakage.unjudged == []
    assert "metrics are shown with and without" not in text(report)
