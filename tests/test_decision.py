"""What may be concluded from a comparison, and what from all of them."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest

from gate.checks.accuracy import Accuracy
from gate.checks.base import Comparison, Outcome, ProofRequirement, Rule, Scope
from gate.checks.recall import Recall
from gate.decision import EXIT_STATUS, Bounds, Decision, Result, Verdict, conclude, judge
from gate.evidence.records import Failure
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.metrics.estimates import Count, Indication, Undefined
from gate.metrics.proportions import Proportion

GOOD = synthetic_evidence(SyntheticRun(test=((240, 10), (10, 240))))


@dataclass(frozen=True)
class Known:
    """An estimate whose bounds are written down, the same at any confidence."""

    value: float | None
    low: float
    high: float
    numerator: int | None = None
    denominator: int | None = None
    method: str = "written down"
    reason: str = ""

    def lower(self, confidence):
        return self.low

    def upper(self, confidence):
        return self.high


class Crashing(Rule):
    """Crash."""

    check: str = "crashing"

    def evaluate(self, evidence):
        raise ZeroDivisionError("division by zero")


class Silent(Rule):
    """Compare nothing."""

    check: str = "silent"

    def evaluate(self, evidence):
        return []


def concluded(estimate, operator=">=", required=0.8, *, rule=None, **more):
    rule = rule or Recall(id="recall", min=0.5)
    return conclude(rule, Comparison("it", estimate, operator, required, Scope("test"), **more))


def result(outcome, *, severity="block", optional=False):
    rule = Recall(id=f"{severity}-{outcome}", min=0.5, severity=severity)
    estimate = Undefined("not asked")
    comparison = Comparison("it", estimate, ">=", 0.5, Scope("test"), optional=optional)
    return Result(rule, comparison, outcome, proven=True, bounds=Bounds(0, 1, 0.95, 0.95, (0, 1)))


def verdict(*results, failures=(), enforced=True):
    return Decision(results, failures, rules_evaluated=len(results), enforced=enforced).verdict


# One comparison


@pytest.mark.parametrize("operator", [">=", "<=", ">", "<"])
@pytest.mark.parametrize("decide_on", ["interval", "point"])
@pytest.mark.parametrize("on_inconclusive", ["block", "point"])
@pytest.mark.parametrize("proof", ProofRequirement)
@pytest.mark.parametrize(
    "nothing",
    [
        Undefined("no images"),
        Known(math.nan, math.nan, math.nan),
        Known(math.nan, -math.inf, math.inf),
        Known(None, 0.0, 1.0),
    ],
)
def test_no_number_meets_no_condition(operator, decide_on, on_inconclusive, proof, nothing):
    rule = Recall(id="recall", min=0.5, decide_on=decide_on, on_inconclusive=on_inconclusive)

    found = concluded(nothing, operator, 0.0, rule=rule, proof=proof)

    assert found.outcome is Outcome.INCONCLUSIVE
    assert not found.proven


@pytest.mark.parametrize("operator", [">=", "<=", ">", "<"])
def test_bounds_that_are_not_numbers_prove_nothing(operator):
    found = concluded(Known(0.8, math.nan, math.nan), operator, 0.5)

    assert found.outcome is Outcome.INCONCLUSIVE


def test_55_of_100_meets_055():
    assert not 0.55 * 100 <= 55  # what a comparison of products would say

    found = concluded(
        Proportion(55, 100), required=0.55, rule=Accuracy(id="a", min=0.55, decide_on="point")
    )

    assert found.outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("operator", "outcome"),
    [
        (">=", Outcome.PASSED),
        ("<=", Outcome.PASSED),
        (">", Outcome.FAILED),
        ("<", Outcome.FAILED),
    ],
)
def test_equality_meets_at_least_and_at_most_and_not_more_or_less(operator, outcome):
    assert concluded(Count(3), operator, 3).outcome is outcome


def test_a_mean_is_forgiven_the_rounding_of_its_sum():
    mean = float(np.mean([0.7, 0.7, 0.7]))
    assert mean < 0.7

    assert concluded(Known(mean, mean, mean), required=0.7).outcome is Outcome.PASSED


def test_more_than_a_rounding_is_not_forgiven():
    value = 0.7 - 1e-11

    assert concluded(Known(value, value, value), required=0.7).outcome is Outcome.FAILED


def test_a_quotient_of_counts_is_forgiven_nothing():
    value = math.nextafter(0.7, 0)

    found = concluded(Known(value, value, value, numerator=7), required=0.7)

    assert found.outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("low", "high", "outcome"),
    [
        (0.80, 0.95, Outcome.PASSED),
        (0.79, 0.95, Outcome.INCONCLUSIVE),
        (0.60, 0.79, Outcome.FAILED),
        (0.60, 0.80, Outcome.INCONCLUSIVE),
    ],
)
def test_both_sides_need_proof(low, high, outcome):
    found = concluded(Known((low + high) / 2, low, high))

    assert found.outcome is outcome
    assert found.proven == (outcome is not Outcome.INCONCLUSIVE)


@pytest.mark.parametrize(
    ("value", "high", "outcome"),
    [
        (0.9, 0.99, Outcome.PASSED),  # the estimate is enough to pass
        (0.7, 0.85, Outcome.INCONCLUSIVE),  # suspected
        (0.7, 0.75, Outcome.FAILED),  # confirmed
    ],
)
def test_a_suspicion_fails_only_when_it_is_proven(value, high, outcome):
    assert concluded(Known(value, 0.5, high), proof=ProofRequirement.TO_FAIL).outcome is outcome


@pytest.mark.parametrize(("low", "outcome"), [(0.81, Outcome.PASSED), (0.7, Outcome.FAILED)])
def test_skill_fails_unless_it_is_proven(low, outcome):
    assert concluded(Known(0.9, low, 0.99), proof=ProofRequirement.TO_PASS).outcome is outcome


def test_the_estimate_may_decide_what_the_interval_cannot_and_is_then_not_proven():
    rule = Recall(id="recall", min=0.5, on_inconclusive="point")

    met = concluded(Known(0.85, 0.7, 0.9), rule=rule)
    unmet = concluded(Known(0.75, 0.7, 0.9), rule=rule)

    assert (met.outcome, met.proven) == (Outcome.PASSED, False)
    assert (unmet.outcome, unmet.proven) == (Outcome.FAILED, False)


def test_a_suspicion_stays_open_even_where_the_estimate_may_decide():
    rule = Recall(id="recall", min=0.5, on_inconclusive="point")

    found = concluded(Known(0.7, 0.5, 0.9), rule=rule, proof=ProofRequirement.TO_FAIL)

    assert found.outcome is Outcome.INCONCLUSIVE


def test_point_mode_decides_on_the_estimate_and_still_says_whether_it_is_proven():
    rule = Recall(id="recall", min=0.5, decide_on="point")

    loose = concluded(Known(0.85, 0.7, 0.9), rule=rule)
    tight = concluded(Known(0.85, 0.81, 0.9), rule=rule)
    below = concluded(Known(0.75, 0.7, 0.9), rule=rule)

    assert (loose.outcome, loose.proven) == (Outcome.PASSED, False)
    assert (tight.outcome, tight.proven) == (Outcome.PASSED, True)
    assert (below.outcome, below.proven) == (Outcome.FAILED, False)


def test_more_comparisons_share_the_error_of_failing_and_not_that_of_passing():
    rule = Recall(id="recall", min=0.5)
    comparison = Comparison("it", Proportion(80, 100), ">=", 0.85, Scope("test"))

    alone, among_ten = (conclude(rule, comparison, siblings=count) for count in (1, 10))

    assert among_ten.bounds.low == alone.bounds.low
    assert among_ten.bounds.high > alone.bounds.high
    assert among_ten.bounds.confidence == pytest.approx(0.95)
    assert among_ten.bounds.failing_confidence == pytest.approx(0.995)


def test_a_limit_shares_the_error_on_its_own_failing_side():
    comparison = Comparison("it", Proportion(80, 100), "<=", 0.85, Scope("test"))

    alone, among_ten = (
        conclude(Recall(id="recall", min=0.5), comparison, siblings=count) for count in (1, 10)
    )

    assert among_ten.bounds.high == alone.bounds.high
    assert among_ten.bounds.low < alone.bounds.low


def test_an_indication_that_is_not_confirmed_decides_nothing():
    confirmed = Indication(0.3, confirmed=True, method="trend")
    suspected = Indication(0.3, confirmed=False, method="trend")

    assert concluded(confirmed, "<=", 0.1).outcome is Outcome.FAILED
    assert concluded(suspected, "<=", 0.1).outcome is Outcome.INCONCLUSIVE


def test_what_cannot_be_judged_on_is_an_error_and_not_a_failure_of_the_model():
    assert concluded(Count(3), "<=", 0, unmet=Outcome.ERROR).outcome is Outcome.ERROR


# All of them


def test_a_rule_that_crashed_is_an_error_that_says_so():
    decision = judge([Crashing(id="crash"), Recall(id="recall", min=0.5)], GOOD)

    assert decision.verdict is Verdict.ERROR
    assert decision.exit_status == 4
    assert decision.results[0].crash == "ZeroDivisionError: division by zero"
    assert decision.rules_evaluated == 2
    assert decision.counts["passed"] == 2


def test_a_rule_whose_bounds_crash_is_an_error_of_its_scope(monkeypatch):
    def broken(self, confidence):
        raise FloatingPointError("underflow")

    monkeypatch.setattr(Proportion, "lower", broken)

    decision = judge([Recall(id="recall", min=0.5)], GOOD)

    assert decision.verdict is Verdict.ERROR
    assert {found.key for found in decision.results} == {"recall[class=cat]", "recall[class=dog]"}
    assert all(found.crash == "FloatingPointError: underflow" for found in decision.results)


def test_a_failure_does_not_hide_the_rules_after_it():
    decision = judge([Accuracy(id="high", min=1.0), Accuracy(id="low", min=0.5)], GOOD)

    assert [found.key for found in decision.results] == ["high", "low"]
    assert decision.reasons == ("high",)


def test_a_rule_that_compares_nothing_does_not_pass():
    assert judge([Silent(id="silent")], GOOD).verdict is Verdict.INCONCLUSIVE


def test_no_rules_never_pass():
    assert judge([], GOOD).verdict is Verdict.ERROR


def test_rules_of_which_none_blocks_never_pass():
    decision = judge([Accuracy(id="a", min=0.5, severity="warn")], GOOD)

    assert decision.results[0].outcome is Outcome.PASSED
    assert decision.verdict is Verdict.ERROR


def test_a_policy_whose_only_blocking_rule_may_be_left_open_never_passes():
    assert verdict(result(Outcome.INCONCLUSIVE, optional=True)) is Verdict.ERROR


def test_what_may_be_left_open_only_warns_beside_a_rule_that_is_met():
    assert verdict(result(Outcome.INCONCLUSIVE, optional=True), result(Outcome.PASSED)) == "pass"


def test_a_failure_is_a_failure_even_where_the_rule_may_be_left_open():
    assert verdict(result(Outcome.FAILED, optional=True), result(Outcome.PASSED)) == "fail"


def test_a_split_that_could_not_be_measured_is_never_a_pass():
    failure = Failure("data/train", "data", "the folder is empty")

    assert verdict(result(Outcome.PASSED), failures=(failure,)) is Verdict.ERROR


HEALS = Failure("s3://set/test", "data", "cannot be fetched", retriable=True)
STAYS = Failure("model.pt", "corrupt", "is empty")


@pytest.mark.parametrize(
    ("failures", "outcomes", "expected"),
    [
        ([HEALS], [Outcome.INCONCLUSIVE], True),
        ([HEALS], [Outcome.PASSED], True),
        ([HEALS, HEALS], [], True),
        ([HEALS, STAYS], [], False),
        ([STAYS], [], False),
        ([], [], False),
        ([HEALS], [Outcome.FAILED], False),  # there is a verdict, and it stays
        ([HEALS], [Outcome.ERROR], False),  # the data that were there cannot be judged on
        ([], [Outcome.PASSED], False),
    ],
)
def test_a_run_may_heal_where_all_that_stands_in_its_way_may(failures, outcomes, expected):
    results = tuple(result(outcome) for outcome in outcomes)

    assert Decision(results, tuple(failures), len(results)).retriable is expected


def test_a_rule_that_crashes_does_not_heal():
    evidence = replace(GOOD, failures=(HEALS,))

    assert judge([Accuracy(id="a", min=0.5)], evidence).retriable
    assert not judge([Accuracy(id="a", min=0.5), Crashing(id="b")], evidence).retriable


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([Outcome.FAILED, Outcome.ERROR, Outcome.INCONCLUSIVE, Outcome.PASSED], 1),
        ([Outcome.ERROR, Outcome.INCONCLUSIVE, Outcome.PASSED], 4),
        ([Outcome.INCONCLUSIVE, Outcome.PASSED], 3),
        ([Outcome.PASSED], 0),
        ([Outcome.WAIVED, Outcome.PASSED], 0),
        ([Outcome.WAIVED], 0),
    ],
)
def test_a_failure_goes_before_an_error_and_that_before_an_open_question(outcomes, expected):
    decision = Decision(tuple(result(outcome) for outcome in outcomes), (), len(outcomes))

    assert decision.exit_status == expected


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_leads_to_a_verdict_and_only_two_of_them_to_a_pass(outcome):
    expected = {
        Outcome.PASSED: Verdict.PASS,
        Outcome.WAIVED: Verdict.PASS,
        Outcome.FAILED: Verdict.FAIL,
        Outcome.INCONCLUSIVE: Verdict.INCONCLUSIVE,
        Outcome.ERROR: Verdict.ERROR,
        Outcome.NOT_APPLICABLE: Verdict.ERROR,  # nothing was judged
    }

    assert verdict(result(outcome)) is expected[outcome]


def test_what_is_not_applicable_counts_for_nothing():
    apart = result(Outcome.NOT_APPLICABLE)

    assert verdict(apart, result(Outcome.PASSED)) is Verdict.PASS
    assert verdict(apart, result(Outcome.FAILED)) is Verdict.FAIL
    assert verdict(apart, result(Outcome.INCONCLUSIVE)) is Verdict.INCONCLUSIVE
    assert verdict(apart, apart) is Verdict.ERROR


def test_an_outcome_that_nobody_thought_of_is_no_pass():
    assert verdict(result("skipped"), result(Outcome.PASSED)) is Verdict.ERROR


@pytest.mark.parametrize("outcome", Outcome)
def test_a_warning_never_changes_the_verdict(outcome):
    assert verdict(result(outcome, severity="warn"), result(Outcome.PASSED)) is Verdict.PASS


def test_every_verdict_has_an_exit_status_of_its_own():
    assert set(EXIT_STATUS) == set(Verdict)
    assert len(set(EXIT_STATUS.values())) == len(Verdict)


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Outcome.PASSED, 0),
        (Outcome.FAILED, 0),
        (Outcome.INCONCLUSIVE, 0),
        (Outcome.ERROR, 4),
    ],
)
def test_audit_mode_forgives_failures_and_open_questions_and_nothing_else(outcome, status):
    decision = Decision((result(outcome),), (), 1, enforced=False)

    assert decision.exit_status == status


def test_audit_mode_does_not_change_the_verdict():
    assert verdict(result(Outcome.FAILED), enforced=False) is Verdict.FAIL


def test_the_worst_comes_first():
    rules = [
        Recall(id="proven", min=0.5),
        Accuracy(id="warned", min=1.0, severity="warn"),
        Accuracy(id="open", min=0.97),
        Crashing(id="crash"),
        Accuracy(id="failed", min=1.0),
    ]

    keys = [found.key for found in judge(rules, GOOD).results]

    assert keys[:3] == ["failed", "crash", "open"]
    assert keys[-1] == "warned"


def test_unreadable_images_that_no_blocking_rule_judges_are_a_failure():
    numbers = SyntheticRun(test=((240, 10), (10, 240)), unreadable=2)

    decision = judge([Accuracy(id="accuracy", min=0.5)], synthetic_evidence(numbers))

    assert decision.verdict is Verdict.ERROR
    assert decision.failures[0].message == "2 of 502 images of test cannot be read (truncated)"
