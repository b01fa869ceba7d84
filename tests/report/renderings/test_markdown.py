"""A pull request is told the verdict, the cause, the rules and the change in 40 lines."""

import re

import pytest

from gate.report.model import BaselinePart, CausePart, ChangePart
from gate.report.renderings.markdown import markdown, marker

BOUNDS = {"low": -0.01, "high": 0.05, "one_sided_confidence": 0.95, "method": "paired"}


def visible(rendered):
    """Return the lines that are seen without a click, those that begin a fold included."""
    folded = re.sub(r"</summary>.*?</details>", "", rendered, flags=re.DOTALL)
    return folded.splitlines()


def change(name="accuracy", class_=None, **given):
    fields = {
        "name": name, "split": "test", "class": class_, "before": 0.9, "after": 0.92,
        "difference": 0.02, "interval": BOUNDS, "reason": None, **given,
    }  # fmt: skip
    return ChangePart.model_validate(fields)


@pytest.fixture
def crowded(golden_reports):
    """Return a report with more rules, errors, causes and changes than there is room for."""
    report = golden_reports["everything"]
    cause = CausePart(kind="leaked-test", message="test is in train", remedy="split anew")
    failed = next(each for each in report.results if each.outcome == "failed")
    results = [
        failed.model_copy(update={"rule": f"rule-{n}", "key": f"rule-{n}", "remedy": f"mend {n}"})
        for n in range(50)
    ]
    names = ["accuracy", "balanced-accuracy", "macro-f1"]
    changes = [*map(change, names), change("recall", "tumour")]
    return report.model_copy(
        update={
            "results": results,
            "errors": report.errors * 5,
            "causes": [cause, cause],
            "baseline": BaselinePart(
                path="champion", sha256=None, evidence_sha256=None, changes=changes
            ),
        }
    )


def test_a_pull_request_sees_at_most_40_lines(crowded):
    assert len(visible(markdown(crowded))) <= 40


@pytest.mark.parametrize("name", ["pass", "everything", "error"])
def test_all_golden_reports_are_seen_in_40_lines(name, golden_reports):
    assert len(visible(markdown(golden_reports[name]))) <= 40


def test_the_first_line_is_a_marker_that_stays_from_run_to_run(golden_reports):
    report = golden_reports["everything"]
    other = report.model_copy(
        update={
            "verdict": "pass",
            "subject": report.subject.model_copy(update={"sha256": "f" * 64}),
        }
    )

    assert markdown(report).splitlines()[0] == "<!-- validate-model: tumour.nets:build-golden -->"
    assert marker(other) == marker(report)


def test_another_policy_has_another_comment(golden_reports):
    report = golden_reports["everything"]
    policy = report.policy.model_copy(update={"name": "other"})

    assert marker(report.model_copy(update={"policy": policy})) != marker(report)


def test_a_cause_stands_before_the_rules(crowded):
    shown = markdown(crowded)

    assert shown.index("**Likely cause:** test is in train") < shown.index("| | rule | found |")


def test_a_champion_is_compared_before_and_after_with_the_interval_of_the_difference(crowded):
    row = "| accuracy | 0.900 → 0.920 | +0.020 (-0.010 to +0.050 with 90 % confidence) |"

    assert row in visible(markdown(crowded))
    assert "| recall of tumour, now the lowest | 0.900 → 0.920 |" in markdown(crowded)


def test_a_change_that_does_not_exist_says_why(crowded):
    none = change(after=None, difference=None, interval=None, reason="one class has no images")
    baseline = crowded.baseline.model_copy(update={"changes": [none]})

    shown = markdown(crowded.model_copy(update={"baseline": baseline}))

    assert "| accuracy | 0.900 → undefined | one class has no images |" in shown


def test_a_champion_of_other_images_is_not_compared(crowded):
    baseline = crowded.baseline.model_copy(update={"changes": []})

    shown = markdown(crowded.model_copy(update={"baseline": baseline}))

    assert "not measured on the same images" in shown


def test_every_result_is_in_a_fold(golden_reports):
    report = golden_reports["pass"]

    folded = "".join(re.findall(r"</summary>(.*?)</details>", markdown(report), flags=re.DOTALL))

    assert folded.count("| PASS |") == sum(each.outcome == "passed" for each in report.results)
