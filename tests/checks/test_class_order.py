"""Classes in another order than the outputs: what is called so, and what is not."""

import pytest

from gate.checks.base import Outcome
from gate.decision import judge
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun

TEN = tuple(f"d{digit}" for digit in range(10))


def ten(order, right=60, wrong=1):
    """Return ten classes whose outputs stand in ``order``."""
    return SyntheticRun(
        classes=TEN,
        test=tuple(
            tuple(right if column == order[row] else wrong for column in range(10))
            for row in range(10)
        ),
    )


def exchanged(*moved):
    order = list(range(10))
    for one, other in zip(moved, (*moved[1:], moved[0]), strict=True):
        order[one] = other
    return order


@pytest.mark.parametrize("moved", [(2, 7), (1, 2, 3), tuple(range(10))])
def test_an_exchange_of_two_of_three_or_of_all_is_proven_and_named(moved, rule):
    (found,) = judge([rule("class-order")], synthetic_evidence(ten(exchanged(*moved)))).results

    assert found.outcome is Outcome.FAILED
    assert found.proven
    first = min(moved)
    meant = exchanged(*moved)[first]
    assert f"the output called d{meant} seems to be d{first}" in found.comparison.detail


def test_no_more_than_five_are_named(rule):
    (found,) = judge([rule("class-order")], synthetic_evidence(ten(exchanged(*range(10))))).results

    assert found.comparison.detail.count("seems to be") == 5
    assert found.comparison.detail.endswith("and 5 more")


def test_a_poor_model_in_the_right_order_passes(outcome):
    assert outcome("class-order", ten(range(10), right=20, wrong=10)) is Outcome.PASSED


def test_a_class_that_is_never_found_is_not_an_exchange(outcome):
    numbers = SyntheticRun(classes=("a", "b", "c"), test=((450, 0, 0), (0, 450, 0), (0, 100, 0)))

    assert outcome("class-order", numbers) is Outcome.PASSED


def test_few_images_leave_it_open_even_where_the_estimate_may_decide(outcome):
    numbers = SyntheticRun(test=((1, 2), (2, 1)))

    assert outcome("class-order", numbers, on_inconclusive="point") is Outcome.INCONCLUSIVE
