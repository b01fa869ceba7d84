"""What an attestation would say of a report."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.report.statement import (
    DOES_NOT_SAY,
    EXTENSION,
    canonical,
    decimal,
    digest_of,
    statement,
)

LISTS = ("passedTests", "warnedTests", "failedTests")


def predicate_of(report):
    return statement(report, {"model.pt": "ab" * 32})["predicate"]


def with_result(report, **changes):
    """Return a report of one result, changed."""
    (result, *_) = [each for each in report.results if each.severity == "block"]
    return report.model_copy(update={"results": [result.model_copy(update=changes)]})


@pytest.mark.parametrize(
    ("outcome", "severity", "where"),
    [
        ("passed", "block", "passedTests"),
        ("passed", "warn", "passedTests"),
        ("failed", "block", "failedTests"),
        ("error", "block", "failedTests"),
        ("inconclusive", "block", "failedTests"),
        ("failed", "warn", "warnedTests"),
        ("error", "warn", "warnedTests"),
        ("inconclusive", "warn", "warnedTests"),
    ],
)
def test_a_result_stands_in_one_list_by_its_outcome_and_severity(
    outcome, severity, where, report_on
):
    report = with_result(report_on("pass"), outcome=outcome, severity=severity)

    predicate = predicate_of(report)

    assert {name: len(predicate[name]) for name in LISTS} == {
        name: int(name == where) for name in LISTS
    }


def test_what_is_said_to_be_waived_without_a_waiver_failed(report_on):
    report = with_result(report_on("pass"), outcome="waived")

    predicate = predicate_of(report)

    assert len(predicate["failedTests"]) == 1
    assert predicate["result"] == "FAILED"


@pytest.mark.parametrize(
    ("verdict", "enforced", "result"),
    [
        ("pass", True, "WARNED"),
        ("pass", False, "FAILED"),
        ("fail", True, "FAILED"),
        ("inconclusive", True, "FAILED"),
        ("error", True, "FAILED"),
    ],
)
def test_only_an_enforced_pass_is_no_failure(verdict, enforced, result, report_on):
    assert predicate_of(report_on(verdict, enforced=enforced))["result"] == result


def test_a_pass_without_a_warning_passed(report_on):
    report = report_on("pass")
    quiet = [result for result in report.results if result.outcome == "passed"]

    assert predicate_of(report.model_copy(update={"results": quiet}))["result"] == "PASSED"


def test_every_number_is_a_decimal_string(report_on):
    def values(part):
        if isinstance(part, dict):
            return [each for inner in part.values() for each in values(inner)]
        return (
            [each for inner in part for each in values(inner)] if isinstance(part, list) else [part]
        )

    found = values(statement(report_on("fail"), {"model.pt": "ab" * 32}))

    assert {type(each) for each in found} == {str, type(None)}  # null: no champion, no time


def test_a_number_is_read_back_as_the_one_of_the_report(report_on):
    report = report_on("fail")

    numbers = predicate_of(report)[EXTENSION]["numbers"]

    assert list(numbers) == [result.key for result in report.results]
    for result in report.results:
        said = numbers[result.key].get("value")
        assert (None if said is None else float(said)) == result.measured.value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_decimal_has_no_exponent_and_is_read_back_as_the_same_number(value):
    text = decimal(value)

    assert float(text) == value
    assert set(text) <= set("-.0123456789")


def test_what_is_bound_has_names_of_its_own_and_digests(report_on):
    report = report_on("pass")

    entries = predicate_of(report)["configuration"]

    named = {each["name"]: each["digest"]["sha256"] for each in entries}
    assert len(named) == len(entries)
    assert named["policy"] == report.policy.resolved_sha256
    assert named["policy-file:0"] == report.policy.sha256
    assert named["data:test"] == report.data["test"].manifest_sha256
    assert named["report"] == digest_of(report)


def test_it_says_what_it_does_not_say(report_on):
    assert predicate_of(report_on("pass"))[EXTENSION]["doesNotSay"] == list(DOES_NOT_SAY)


def test_the_bytes_that_are_signed_have_one_form(report_on):
    document = statement(report_on("pass"), {"b": "0" * 64, "a": "1" * 64})

    data = canonical(document)

    assert data.isascii()
    assert json.loads(data) == document
    assert data == canonical(json.loads(data))
    assert [each["name"] for each in document["subject"]] == ["a", "b"]
