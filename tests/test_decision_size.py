"""The promise of the gate, proven by enumeration and not by simulation.

For a requirement t and n images every count k of right answers goes through the real decision. The
chance of a wrong verdict at the boundary is then a finite sum of binomial probabilities.
"""

from functools import cache

import pytest
from scipy.stats import binom, binomtest

from gate.checks.base import Comparison, Outcome, Scope
from gate.checks.recall import Recall
from gate.decision import conclude
from gate.metrics.proportions import Proportion

ALPHA = 0.05
REQUIREMENTS = (0.5, 0.8, 0.85, 0.9, 0.95, 0.99)
RULE = Recall(id="recall", min=0.5)


def decide(k, n, required, *, siblings=1, operator=">=", rule=RULE):
    comparison = Comparison("recall", Proportion(k, n), operator, required, Scope("test", "cat"))
    return conclude(rule, comparison, siblings=siblings)


@cache
def outcomes(n, required, operator=">="):
    return tuple(decide(k, n, required, operator=operator).outcome for k in range(n + 1))


def chance_of(outcome, n, required, operator=">="):
    return sum(
        binom.pmf(k, n, required)
        for k, found in enumerate(outcomes(n, required, operator))
        if found is outcome
    )


def assert_size(sizes, required):
    for n in sizes:
        assert chance_of(Outcome.PASSED, n, required) <= ALPHA + 1e-9
        assert chance_of(Outcome.FAILED, n, required) <= ALPHA + 1e-9


@pytest.mark.parametrize("required", REQUIREMENTS)
def test_a_model_at_the_requirement_is_wrongly_judged_in_at_most_one_of_twenty_samples(required):
    assert_size([*range(1, 41), 59, 60, 100, 149, 150, 299, 300], required)


@pytest.mark.slow
@pytest.mark.parametrize("required", REQUIREMENTS)
def test_the_promise_holds_for_every_number_of_images_up_to_300(required):
    assert_size(range(1, 301), required)


@pytest.mark.parametrize("required", REQUIREMENTS)
def test_the_promise_holds_for_requirements_that_are_limits(required):
    for n in (5, 20, 59, 100):
        assert chance_of(Outcome.PASSED, n, required, "<=") <= ALPHA + 1e-9
        assert chance_of(Outcome.FAILED, n, required, "<=") <= ALPHA + 1e-9


def test_the_promise_is_nearly_used_up_so_that_no_image_is_wasted():
    largest = max(chance_of(Outcome.PASSED, n, 0.85) for n in range(19, 150))

    assert 0.045 < largest <= ALPHA


@pytest.mark.parametrize("required", [0.5, 0.85, 0.99])
@pytest.mark.parametrize("n", [1, 18, 19, 58, 59, 100, 299])
def test_passing_is_the_same_event_as_an_exact_binomial_test_that_rejects(n, required):
    for k in range(n + 1):
        better = binomtest(k, n, required, "greater").pvalue <= ALPHA
        worse = binomtest(k, n, required, "less").pvalue <= ALPHA

        assert (decide(k, n, required).outcome is Outcome.PASSED) == better
        assert (decide(k, n, required).outcome is Outcome.FAILED) == worse


@pytest.mark.parametrize(
    ("required", "fewest"), [(0.85, 19), (0.9, 29), (0.95, 59), (0.98, 149), (0.99, 299)]
)
def test_without_a_miss_a_pass_takes_as_many_images_as_the_logarithm_says(required, fewest):
    assert decide(fewest, fewest, required).outcome is Outcome.PASSED
    assert decide(fewest - 1, fewest - 1, required).outcome is Outcome.INCONCLUSIVE


def test_none_of_two_fails_and_none_of_one_does_not():
    assert decide(0, 2, 0.85).outcome is Outcome.FAILED
    assert decide(0, 1, 0.85).outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize("classes", [10, 20])
def test_among_many_classes_at_the_requirement_one_is_wrongly_failed_in_one_of_twenty_runs(classes):
    n, required = 200, 0.85
    alone = sum(
        binom.pmf(k, n, required)
        for k in range(n + 1)
        if decide(k, n, required, siblings=classes).outcome is Outcome.FAILED
    )

    assert 1 - (1 - alone) ** classes <= ALPHA
    assert 1 - (1 - chance_of(Outcome.FAILED, n, required)) ** classes > 0.3  # without correction


def test_more_classes_never_make_passing_harder():
    passes = [decide(92, 100, 0.85, siblings=siblings).outcome for siblings in (1, 10, 1000)]

    assert passes == [Outcome.PASSED] * 3


def test_more_right_answers_never_make_the_outcome_worse():
    order = [Outcome.FAILED, Outcome.INCONCLUSIVE, Outcome.PASSED]
    for n in (1, 7, 20, 100, 257):
        ranks = [order.index(outcome) for outcome in outcomes(n, 0.85)]

        assert ranks == sorted(ranks)


def test_the_naive_rule_would_pass_a_bad_model_in_two_of_five_samples_and_this_one_does_not():
    bad, required, n = 0.8, 0.85, 20
    naive = sum(binom.pmf(k, n, bad) for k in range(n + 1) if k / n >= required)
    gate = sum(
        binom.pmf(k, n, bad)
        for k in range(n + 1)
        if decide(k, n, required).outcome is Outcome.PASSED
    )

    assert naive == pytest.approx(0.411, abs=0.001)
    assert gate == pytest.approx(0.0115, abs=0.0001)
