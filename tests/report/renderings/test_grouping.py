"""Results are grouped by rule and state, told in few words, and each remedy once."""

import pytest

from gate.report.model import CausePart, ResultPart
from gate.report.renderings.grouping import (
    STATES,
    count_rules,
    describe,
    group_results,
    next_steps,
    rules_by_state,
    short_value,
)


def result(rule="recall", value=0.5, outcome="failed", **given):
    """Return a result; ``class``, ``slice`` and ``part`` go to its scope."""
    scope = {name: given.pop(name, None) for name in ("class", "slice", "part")}
    fields = {
        "key": f"{rule}[{scope}]",
        "rule": rule,
        "check": rule,
        "severity": "block",
        "outcome": outcome,
        "proven": True,
        "scope": {"split": "test", **scope},
        "measured": {
            "value": value,
            "numerator": None,
            "denominator": None,
            "interval": None,
            "reason": given.pop("reason", None),
        },
        "required": {"operator": ">=", "value": 0.85},
        "margin": None,
        "message": f"a message of {rule}",
        "remedy": "" if outcome in ("passed", "waived") else "do something",
        "rows": None,
        "readings": [],
        "waiver": None,
        "location": None,
    }
    return ResultPart.model_validate({**fields, **given})


@pytest.fixture
def reporting(golden_reports):
    """Return a function that gives a report of some results."""
    return lambda *results, **update: golden_reports["pass"].model_copy(
        update={"results": list(results), **update}
    )


def group(reporting, *results):
    [found] = group_results(reporting(*results))
    return found


def test_a_rule_that_failed_for_some_classes_and_passed_for_others_is_in_two_groups(reporting):
    report = reporting(
        result(**{"class": "cat"}), result(outcome="passed", value=0.9, **{"class": "dog"})
    )

    assert [(each.state, len(each.results)) for each in group_results(report)] == [
        ("FAIL", 1),
        ("PASS", 1),
    ]
    assert rules_by_state(group_results(report)) == {"FAIL": ["recall"]}


def test_a_rule_is_counted_by_its_worst_state_wherever_that_stands(reporting):
    report = reporting(
        result(outcome="passed", **{"class": "cat"}),
        result(severity="warn", **{"class": "dog"}),
        result(outcome="not-applicable", value=None, rule="loss-curve"),
        result(outcome="inconclusive", rule="accuracy"),
        result(outcome="waived", rule="macro-f1"),
    )

    states = rules_by_state(group_results(report))

    assert states == {
        "INCONCLUSIVE": ["accuracy"],
        "WARN": ["recall"],
        "WAIVED": ["macro-f1"],
        "NOT APPLICABLE": ["loss-curve"],
    }
    assert list(states) == sorted(states, key=STATES.index)


def test_what_is_not_applicable_is_counted_apart_and_is_no_pass(reporting):
    report = reporting(
        result(outcome="passed"), result(outcome="not-applicable", value=None, rule="loss-curve")
    )

    assert count_rules(report, group_results(report)) == "1 of 14 rules passed, 1 not applicable"


def test_classes_are_told_worst_first_and_the_rest_is_counted(reporting):
    found = group(reporting, *(result(value=0.1 * n, **{"class": f"c{n}"}) for n in range(1, 9)))

    assert describe(found, 2) == "8 of 8 classes: c1 0.100, c2 0.200 and 6 more"
    assert found.title == "recall ≥ 0.85"


def test_one_number_has_its_interval_and_no_name(reporting):
    bounds = {"low": 0.41, "high": 0.59, "one_sided_confidence": 0.95, "method": "exact"}
    alone = result(
        measured={
            "value": 0.5, "numerator": 50, "denominator": 100, "interval": bounds, "reason": None,
        }
    )  # fmt: skip

    assert describe(group(reporting, alone)) == "0.500 (50/100, 0.41–0.59)"


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(0.4, 0.6, " (0.40–0.60)"), (0.501, 0.504, " (0.501–0.504)"), (0.5, 0.5, "")],
)
def test_an_interval_has_two_digits_or_three(low, high, said):
    bounds = {"low": low, "high": high, "one_sided_confidence": 0.95, "method": "exact"}
    measured = {"value": 0.5, "numerator": None, "denominator": None, "reason": None}

    found = result(measured={**measured, "interval": bounds})

    assert short_value(found, interval=True) == f"0.500{said}"


def test_each_number_has_its_limit_where_a_rule_has_several(reporting):
    def of_region(part, value, limit):
        required = {"operator": "<=", "value": limit}
        return result("region-evidence", value, part=part, required=required)

    found = group(reporting, of_region("cell:4:0", 0.3, 0.1), of_region("frame:0.2", 0.07, 0.05))

    assert found.title == "region-evidence"
    assert describe(found) == "top left cell of 4 x 4 0.300 (≤ 0.10), frame of 20 % 0.070 (≤ 0.05)"


def test_a_class_is_told_with_the_region_that_it_is_judged_by(reporting):
    found = group(
        reporting, *(result(value=0.3, part=f"cell:4:{n}", **{"class": "cat"}) for n in (0, 3))
    )

    assert describe(found) == (
        "2 of 2 results: cat: top left cell of 4 x 4 0.300, cat: top right cell of 4 x 4 0.300"
    )


def test_a_sentence_stands_in_place_of_number_and_requirement(reporting):
    found = group(reporting, result(finding="3 test images also occur in train (allowed: 0)"))

    assert found.title == "recall"
    assert describe(found) == "3 test images also occur in train (allowed: 0)"


def test_a_reason_is_said_once_with_the_classes_that_it_is_of(reporting):
    of = [result(value=None, reason="it has no images", **{"class": name}) for name in "abcdef"]

    assert describe(group(reporting, *of), 3) == "a, b, c and 3 more: it has no images"


def test_a_reason_of_a_whole_split_comes_first_and_names_no_metric(reporting):
    """Rules that are open for one reason then share a line."""
    found = group(reporting, result(outcome="inconclusive", value=None, reason="no threshold fits"))

    assert describe(found) == "Not checked: no threshold fits"


def test_a_reason_of_several_regions_is_said_once(reporting):
    of = [
        result("region-evidence", None, outcome="inconclusive", reason="too small", part=part)
        for part in ("frame:0.2", "cell:4:0")
    ]

    assert describe(group(reporting, *of)) == "frame of 20 %, top left cell of 4 x 4: too small"


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.948, 0.999, "0.948–0.999"),  # and not 0.95, which would be enough
        (0.95, 0.999, "0.95–1.00"),
        (0.90, 0.9504, "0.900–0.950"),
        (0.91, 0.98, "0.91–0.98"),
    ],
)
def test_no_end_of_an_interval_is_shown_on_the_other_side_of_the_requirement(low, high, said):
    bounds = {"low": low, "high": high, "one_sided_confidence": 0.95, "method": "exact"}
    measured = {"value": 0.96, "numerator": None, "denominator": None, "reason": None}

    found = result(
        measured={**measured, "interval": bounds}, required={"operator": ">=", "value": 0.95}
    )

    assert short_value(found, interval=True) == f"0.960 ({said})"


def test_what_an_inconclusive_rule_needs_is_told_of_its_worst_class(reporting):
    found = group(
        reporting,
        result(outcome="inconclusive", needed="30 more images of cat", **{"class": "cat"}),
        result(outcome="inconclusive", needed="20 more images of dog", **{"class": "dog"}),
    )

    assert describe(found).endswith("; cat: 30 more images of cat")


def test_a_failure_does_not_ask_for_evidence(reporting):
    assert "more images" not in describe(group(reporting, result(needed="30 more images")))


def test_each_remedy_is_told_once_with_the_classes_that_it_is_for(reporting):
    report = reporting(
        result(**{"class": "cat"}),
        result(**{"class": "dog"}),
        result(rule="accuracy", remedy="look at the confusion matrix"),
        result(rule="precision", severity="warn", remedy="only a warning"),
    )

    assert next_steps(report) == ["cat, dog: do something", "look at the confusion matrix"]


def test_the_remedy_of_a_cause_comes_first_and_an_equal_one_of_a_rule_is_not_repeated(reporting):
    cause = CausePart(kind="leaked-test", message="test is in train", remedy="split anew")
    report = reporting(result(remedy="weight it"), result(remedy="split anew"), causes=[cause])

    assert next_steps(report) == ["split anew", "weight it"]
