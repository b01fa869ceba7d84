import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.metrics.planning import minimum_images, most_misses, plan, power
from gate.metrics.proportions import Proportion


@pytest.mark.parametrize(
    ("required", "true", "at_80", "at_90"),
    [
        (0.80, 0.90, (82, 94), (112, 124)),
        (0.85, 0.88, (814, 864), (1120, 1170)),
        (0.85, 0.90, (281, 304), (379, 408)),
        (0.85, 0.92, (134, 150), (182, 197)),
        (0.85, 0.95, (59, 68), (76, 85)),
        (0.90, 0.95, (179, 203), (239, 263)),
        (0.90, 0.97, (76, 89), (103, 116)),
        (0.95, 0.97, (601, 694), (832, 900)),
        (0.95, 0.98, (234, 286), (311, 361)),
        (0.95, 0.99, (124, 124), (153, 181)),
    ],
)
def test_plans_are_those_of_the_exact_binomial(required, true, at_80, at_90):
    planned = [plan(required, true, 0.95, wanted=wanted) for wanted in (0.8, 0.9)]

    assert [(each.first, each.stable) for each in planned] == [at_80, at_90]


@pytest.mark.parametrize(("wanted", "images"), [(0.8, 25), (0.9, 33)])
def test_a_plan_is_aherns(wanted, images):
    assert plan(0.1, 0.3, 0.95, wanted=wanted).first == images


@settings(max_examples=25, deadline=None)
@given(st.integers(50, 95), st.integers(3, 30), st.sampled_from([0.8, 0.9]))
def test_power_never_falls_below_the_wanted_one_from_stable_on(required, more, wanted):
    required, true = required / 100, min(required + more, 99) / 100
    planned = plan(required, true, 0.95, wanted=wanted)

    later = [power(n, required, true, 0.95) for n in range(planned.stable, planned.stable + 201)]

    assert min(later) >= wanted
    assert power(planned.first, required, true, 0.95) >= wanted
    assert planned.first == 1 or power(planned.first - 1, required, true, 0.95) < wanted
    assert (
        planned.stable == 1
        or power(planned.stable - 1, required, true, 0.95) < wanted
        or (planned.stable == planned.first)
    )


def test_a_plan_for_at_most_is_that_of_the_others_for_at_least():
    assert plan(0.05, 0.02, 0.95, "<=").stable == plan(0.95, 0.98, 0.95).stable


def test_no_number_of_images_proves_what_is_not_true():
    assert plan(0.9, 0.9, 0.95) is None
    assert plan(0.9, 0.85, 0.95) is None
    assert plan(0.9, 0.95, 0.95, "<=") is None


def test_a_hopeless_plan_is_refused_at_once():
    assert plan(0.9, 0.90001, 0.95) is None


def test_a_large_plan_keeps_its_power():
    planned = plan(0.9, 0.901, 0.95)

    assert power(planned.stable, 0.9, 0.901, 0.95) >= 0.8
    assert power(planned.stable - 1, 0.9, 0.901, 0.95) < 0.8


@pytest.mark.parametrize(
    ("required", "images"),
    [(0.8, 14), (0.85, 19), (0.9, 29), (0.95, 59), (0.98, 149), (0.99, 299), (0.999, 2995)],
)
def test_a_pass_without_misses_takes_so_many_images(required, images):
    assert minimum_images(required, 0.95) == images
    assert images == math.ceil(math.log(0.05) / math.log(required))
    assert Proportion(images, images).lower(0.95) >= required
    assert Proportion(images - 1, images - 1).lower(0.95) < required


def test_certainty_takes_more_images_than_there_are():
    assert minimum_images(1.0, 0.95) is None


@pytest.mark.parametrize("images", [28, 29, 100, 333])
def test_so_many_misses_still_pass_and_one_more_does_not(images):
    misses = most_misses(images, 0.9, 0.95)

    assert misses < 0 or Proportion(images - misses, images).lower(0.95) >= 0.9
    assert Proportion(images - misses - 1, images).lower(0.95) < 0.9
