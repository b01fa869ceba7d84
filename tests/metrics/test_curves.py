import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from gate.evidence.records import History
from gate.metrics import curves
from gate.metrics.curves import Curve, CurveFact

REFERENCE = json.loads((Path(__file__).parent / "reference" / "curves.json").read_text())
LN2 = math.log(2)
STATES = {"met": "pass", "unmet": "fail", "undecided": "inconclusive"}


def a_curve(*values: float, name: str = "train loss") -> Curve:
    return Curve.logged(range(len(values)), [float(value) for value in values], name)


def holds(fact: CurveFact) -> bool:
    value = math.nan if fact.value is None else fact.value
    return {
        "<=": value <= fact.bound,
        ">=": value >= fact.bound,
        "<": value < fact.bound,
        ">": value > fact.bound,
    }[fact.operator]


def every_fact(curve: Curve) -> list[CurveFact]:
    return [
        curves.non_finite([curve]),
        curves.diverged(curve),
        curves.decreasing(curve, prior_entropy=LN2),
        curves.better_than_prior(curve, prior_entropy=LN2),
        curves.tail(curve),
        curves.val_rising(curve),
        curves.best_checkpoint(curve, 0),
    ]


# --- the reference curves -----------------------------------------------------------------------


def expectations():
    for case in REFERENCE:
        for rule, expected in case["expected"].items():
            yield pytest.param(case, rule, expected, id=f"{case['id']}-{rule}")


def answer(case, rule: str) -> str:
    train = a_curve(*map(float, case["train"]))
    val = a_curve(*map(float, case["val"] or ()), name="validation loss")
    prior = case["prior_entropy"]
    match rule:
        case "non_finite":
            fact = curves.non_finite([train, val])
        case "decreasing":
            fact = curves.decreasing(train, prior_entropy=prior)
        case "diverged":
            fact = curves.diverged(train)
        case "better_than_prior":
            fact = curves.better_than_prior(train, prior_entropy=prior)
        case "phase":
            return curves.tail(train).phase
        case "val_rising":
            fact = curves.val_rising(val, checkpoint_epoch=case["checkpoint_epoch"])
            exempt = fact.reason.startswith("the checkpoint of epoch")
            return STATES[fact.state] + ("_best_checkpoint" if exempt else "")
    return STATES[fact.state]


@pytest.mark.parametrize(("case", "rule", "expected"), list(expectations()))
def test_every_expectation_of_the_reference_curves_is_met(case, rule, expected):
    assert answer(case, rule) == expected


def test_the_u_shaped_curve_is_unmet_when_its_last_epoch_ships():
    case = next(each for each in REFERENCE if each["id"] == "overfit_u_best_checkpoint")
    curve = a_curve(*case["val"], name="validation loss")

    last = curves.val_rising(curve, checkpoint_epoch=29)
    unknown = curves.val_rising(curve)

    assert (last.state, unknown.state) == ("unmet", "unmet")
    assert unknown.value == pytest.approx(0.860821 / 0.584808 - 1)


# --- numbers that are known elsewhere -----------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "score", "tail"),
    [(4, 6, 0.042), (5, 10, 0.0083), (8, 16, 0.031), (10, 21, 0.036), (10, 23, 0.023)],
)
def test_mann_kendall_has_the_exact_tail_of_kendalls_score(n, score, tail):
    discordant = (n * (n - 1) // 2 - score) // 2
    values = list(range(n))
    for swap in range(discordant):  # bubble the permutation up: each swap costs two of the score
        row = [i for i in range(n - 1) if values[i] < values[i + 1]][swap % 1]
        values[row], values[row + 1] = values[row + 1], values[row]

    assert curves.mann_kendall(values, "increasing") == pytest.approx(tail, rel=0.02)


def test_mann_kendall_of_equal_values_does_not_exist():
    assert curves.mann_kendall([0.5] * 8, "increasing") is None


def test_the_tail_uses_the_slope_of_theil_and_sen():
    epochs, values = [1, 2, 3, 4, 10, 12, 18, 19], [9, 15, 19, 20, 45, 55, 78, 81]

    fact = curves.tail(Curve.logged(epochs, list(map(float, values))))

    expected = stats.theilslopes(values[-5:], epochs[-5:]).slope * 15 / 55
    assert fact.value == pytest.approx(expected)


def test_noise_is_that_which_was_added_to_a_trend():
    rng = np.random.default_rng(4)
    trend = 2 * np.exp(-np.arange(4000) / 800)

    assert curves.noise(trend + rng.normal(0, 0.03, 4000)) == pytest.approx(0.03, rel=0.06)
    assert curves.noise(trend) < 1e-5


# --- what cannot be said ------------------------------------------------------------------------


def test_a_loss_that_was_not_logged_decides_nothing():
    assert {fact.state for fact in every_fact(a_curve())} == {"undecided"}


def test_one_epoch_shows_only_that_it_is_finite_and_its_own_best():
    states = {fact.name: fact.state for fact in every_fact(a_curve(0.3))}

    assert [name for name, state in states.items() if state != "undecided"] == [
        "non_finite",
        "best_checkpoint",
    ]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_no_number_is_unmet_and_leaves_the_rest_undecided(bad):
    facts = every_fact(a_curve(1, 0.8, bad, 0.5, 0.4, 0.3, 0.2, 0.1, 0.1))

    assert facts[0].state == "unmet"
    assert {fact.state for fact in facts[1:]} == {"undecided"}


def test_the_place_of_a_nan_is_named():
    fact = curves.non_finite([a_curve(1, 0.9), a_curve(1, math.nan, name="validation loss")])

    assert fact.reason == "validation loss is nan at epoch 1 (1 of 4 values)"


@pytest.mark.parametrize("values", [(1, 0.2), (1, 0.5, 0.2), (1, 1), (1, 1, 1), (1, 2)])
def test_two_and_three_epochs_do_not_show_a_fall(values):
    fact = curves.decreasing(a_curve(*values), prior_entropy=100)

    assert fact.state == "undecided"
    assert "too few" in fact.reason


def test_three_epochs_show_divergence_and_two_do_not():
    assert curves.decreasing(a_curve(1, 1.5, 2)).state == "unmet"
    assert curves.diverged(a_curve(1, 1.5, 2)).state == "unmet"
    assert curves.diverged(a_curve(1, 2)).state == "undecided"


def test_a_flat_loss_is_undecided_with_four_epochs_and_unmet_with_five():
    assert curves.decreasing(a_curve(1, 1, 1, 1)).state == "undecided"
    assert curves.decreasing(a_curve(1, 1, 1, 1, 1)).state == "unmet"


def test_seven_epochs_have_no_tail():
    fact = curves.tail(a_curve(7, 6, 5, 4, 3, 2, 1))

    assert (fact.state, fact.phase) == ("undecided", None)


@pytest.mark.parametrize("prior", [None, 0.0])
def test_without_class_shares_or_with_one_class_there_is_no_prior_to_beat(prior):
    fact = curves.better_than_prior(a_curve(1, 0.1, 0.1), prior_entropy=prior)

    assert fact.state == "undecided"


def test_a_loss_below_zero_is_no_cross_entropy():
    assert curves.better_than_prior(a_curve(1, -1), prior_entropy=LN2).state == "undecided"


# --- boundaries ---------------------------------------------------------------------------------


def test_a_fall_of_exactly_a_tenth_is_enough():
    assert curves.decreasing(a_curve(1, 0.9, 0.9, 0.9, 0.9)).state == "met"
    assert curves.decreasing(a_curve(1, 0.9, 0.9, 0.9001, 0.9001)).state == "unmet"


def test_a_growth_of_exactly_a_twentieth_is_no_divergence():
    assert curves.diverged(a_curve(1, 1.05, 1.05)).state == "met"
    assert curves.diverged(a_curve(1, 1.05, 1.0501)).state == "unmet"


def test_the_end_is_a_median_so_that_one_spike_does_not_decide():
    assert curves.decreasing(a_curve(1, 0.5, 0.4, 0.3, 0.2, 9)).state == "met"


def test_a_warm_start_is_met_flat_and_unmet_when_it_diverges():
    flat, rising = [0.2] * 8, [0.2, 0.3, 0.4, 0.5, 0.6]

    assert curves.decreasing(a_curve(*flat), prior_entropy=LN2).state == "met"
    assert curves.decreasing(a_curve(*flat)).state == "unmet"
    assert curves.decreasing(a_curve(*rising), prior_entropy=LN2).state == "unmet"


def test_the_prior_is_beaten_at_95_percent_of_it():
    at, above = 0.95 * LN2, 0.951 * LN2

    assert curves.better_than_prior(a_curve(1, at), prior_entropy=LN2).state == "met"
    assert curves.better_than_prior(a_curve(1, above), prior_entropy=LN2).state == "unmet"


def test_a_loss_below_zero_is_judged_by_its_noise():
    falling = a_curve(1, 0.4, -0.3, -0.9, -1.6, -2.1, -2.8)
    constant = a_curve(*[-1] * 6)
    rising = a_curve(-2.8, -2.1, -1.6, -0.9, -0.3, 0.4, 1)

    states = [curves.decreasing(curve).state for curve in (falling, constant, rising)]

    assert states == ["met", "unmet", "unmet"]
    assert curves.diverged(rising).state == "unmet"


def test_a_loss_that_leaves_zero_diverged():
    fact = curves.diverged(a_curve(0, 0, 1, 1, 1))

    assert (fact.value, fact.state) == (None, "unmet")
    assert curves.decreasing(a_curve(0, 0, 1, 1, 1)).state == "unmet"


def test_a_minimum_near_the_end_is_no_trend():
    fact = curves.val_rising(a_curve(1.02, 1, 1, 1.5))

    assert fact.state == "undecided"
    assert "near the end" in fact.reason


def test_a_rise_within_the_noise_is_undecided():
    values = [2, 1.2, 1.9, 1.1, 1.8, 1.0, 1.9, 1.2, 2.0, 1.3, 2.1, 1.4]

    fact = curves.val_rising(a_curve(*values))

    assert fact.state == "undecided"
    assert "noise" in fact.reason


def test_a_jump_that_falls_again_is_no_trend():
    fact = curves.val_rising(a_curve(1, 0.8, 0.6, 0.5, 0.5, 0.5, 1, 0.95, 0.9, 0.85, 0.8, 0.75))

    assert fact.state == "undecided"
    assert "without a steady trend" in fact.reason


def test_a_validation_loss_that_touches_zero_is_judged_by_its_noise():
    fact = curves.val_rising(a_curve(1, 0.5, 0, 0, 0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7))

    assert fact.state == "unmet"


def test_a_checkpoint_far_from_the_best_is_not_excused():
    rising = a_curve(1.4, 1.0, 0.7, 0.5, 0.5, 0.55, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2)

    assert curves.val_rising(rising, checkpoint_epoch=3).state == "met"
    assert curves.val_rising(rising, checkpoint_epoch=11).state == "unmet"
    assert curves.val_rising(rising, checkpoint_epoch=99).state == "unmet"


FIFTEEN = Curve("train loss", tuple(range(15)), tuple(2.0 * 0.7**epoch for epoch in range(15)))


@pytest.mark.parametrize(
    ("epochs", "missing", "state"),
    [
        (range(15), 0, "met"),
        (range(14), 1, "met"),  # stopped in its last epoch
        (range(13), 2, "unmet"),
        (range(4), 11, "unmet"),
        (range(4, 15, 5), 0, "met"),
        (range(0, 15, 5), 0, "met"),
        (range(0, 8, 5), 1, "met"),
        (range(0, 5, 2), 5, "unmet"),
        ((0, 1, 2, 3, 14), 0, "met"),
        ((0, 9), 0, "met"),
    ],
)
def test_a_validation_loss_is_missing_at_the_end_by_its_usual_distance(epochs, missing, state):
    logged = Curve("validation loss", tuple(epochs), tuple(0.5 for _ in epochs))

    fact = curves.logged_to_the_end(logged, train=FIFTEEN)

    assert (fact.value, fact.state) == (missing, state)
    said = "logged to" if state == "met" else "not logged after"
    assert f"{said} epoch {max(epochs)}" in fact.reason
    assert "training ends at epoch 14" in fact.reason


def test_one_value_or_no_train_loss_tells_no_end():
    one = Curve("validation loss", (3,), (0.5,))
    none = Curve("train loss", (), ())

    assert curves.logged_to_the_end(one, train=FIFTEEN).state == "undecided"
    assert curves.logged_to_the_end(FIFTEEN, train=none).state == "undecided"


def test_best_checkpoint_says_how_far_from_the_lowest_loss_it_is():
    curve = a_curve(1.0, 0.5, 0.54, 0.6)

    assert curves.best_checkpoint(curve, 2).value == pytest.approx(0.08)
    assert curves.best_checkpoint(curve, 2).state == "met"
    assert curves.best_checkpoint(curve, 3).state == "unmet"


def test_a_healthy_curve_that_converges_in_two_epochs_is_met_without_a_trend():
    values = [2.0, 0.3, 0.2, 0.21, 0.19, 0.2, 0.22, 0.19, 0.21, 0.2, 0.21, 0.2, 0.19, 0.21]

    assert curves.decreasing(a_curve(*values)).state == "met"


def test_ten_thousand_steps_are_judged_on_a_thousand_points():
    steps = np.arange(10_000)
    curve = Curve.logged(steps.tolist(), (2 * np.exp(-steps / 2000) + 0.1).tolist())

    assert curves.tail(curve).phase == "still_decreasing"


# --- the record ---------------------------------------------------------------------------------


def test_a_curve_is_taken_from_a_history_without_what_was_not_logged():
    history = History("h.csv", "csv", (0.0, 1.0, 2.0), {"v": (1.0, None, 0.5)})

    assert Curve.of(history, "v", "validation loss").epochs == (0.0, 2.0)
    assert len(Curve.of(history, None, "train loss")) == 0


def test_epochs_that_do_not_increase_are_no_curve():
    with pytest.raises(ValueError, match="increase"):
        Curve("loss", (1.0, 1.0), (0.5, 0.4))


# --- properties ---------------------------------------------------------------------------------

losses = st.lists(
    st.floats(1e-3, 1e3).map(lambda value: float(f"{value:.6g}")), min_size=1, max_size=40
)


@given(losses)
def test_met_and_unmet_agree_with_the_printed_condition(values):
    for fact in every_fact(a_curve(*values)):
        if fact.state != "undecided":
            assert holds(fact) == (fact.state == "met"), fact


@given(losses, st.integers(-20, 20))
def test_the_unit_of_the_loss_changes_no_answer(values, power):
    unit = 2.0**power  # exact in floats, so that equality at a bound stays equality

    plain, scaled = a_curve(*values), a_curve(*(value * unit for value in values))

    for rule in (curves.diverged, curves.decreasing, curves.tail, curves.val_rising):
        assert rule(plain).state == rule(scaled).state
        assert rule(plain).value == rule(scaled).value


@given(losses, st.floats(0.5, 50), st.floats(-100, 100))
def test_counting_epochs_otherwise_changes_no_phase(values, step, first):
    epochs = [round(first, 3) + round(step, 3) * index for index in range(len(values))]
    plain, other = a_curve(*values), Curve.logged(epochs, values)
    fact = curves.tail(plain)
    assume(fact.value is None or abs(abs(fact.value) - fact.bound) > 1e-9)

    assert curves.tail(other).phase == fact.phase
    assert curves.val_rising(other).state == curves.val_rising(plain).state


@given(losses, st.integers(50, 80))
def test_an_appended_plateau_is_called_a_plateau(values, length):
    assert curves.tail(a_curve(*values, *[values[-1]] * length)).phase == "plateau"


@given(st.lists(st.floats(0.01, 100), min_size=2, max_size=40))
def test_a_loss_that_only_falls_never_rises_nor_diverges(values):
    falling = a_curve(*sorted(values, reverse=True))

    assert curves.diverged(falling).state == "met"
    assert curves.val_rising(falling).state == "met"
    assert curves.tail(falling).phase != "rising"


@given(losses, st.integers(0, 39), st.sampled_from([math.nan, math.inf, -math.inf]))
def test_a_value_that_is_no_number_never_leads_to_met(values, place, bad):
    values.insert(place % (len(values) + 1), bad)

    assert "met" not in {fact.state for fact in every_fact(a_curve(*values))}
