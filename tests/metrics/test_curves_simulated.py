"""How often the rule on a rising validation loss is wrong, and right, on simulated curves.

The noise is an autoregression of the logarithm with coefficient 0.5 and the stated standard
deviation. A healthy curve falls exponentially from 2.0 towards 0.5, with a fifth of the epochs as
its time constant. The bounds are those of the statistics that the product is built on; these do not
say what shape their healthy curves had, and the shape matters: a curve that is flat after a few
epochs offers many chance minima, and is called rising more often (the last two tests).
"""

from collections import Counter

import numpy as np
import pytest

from gate.metrics.curves import Curve, val_rising

pytestmark = pytest.mark.slow

RUNS = 400


def healthy(epochs: int) -> np.ndarray:
    return 0.5 + 1.5 * np.exp(-np.arange(epochs) / (epochs / 5))


def flat_early(epochs: int) -> np.ndarray:
    return 0.5 + 1.5 * np.exp(-np.arange(epochs) / 2)


def rising_after_midpoint(epochs: int, rise: float) -> np.ndarray:
    curve, middle = healthy(epochs), epochs // 2
    after = np.arange(epochs - middle) / (epochs - 1 - middle)
    curve[middle:] = curve[middle] * (1 + rise * after)
    return curve


def rates(curve: np.ndarray, noise: float, seed: int) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    counted: Counter[str] = Counter()
    for _ in range(RUNS):
        shocks = rng.normal(size=len(curve)) * np.sqrt(1 - 0.5**2)
        shocks[0] /= np.sqrt(1 - 0.5**2)
        log_noise = np.zeros(len(curve))
        for epoch, shock in enumerate(shocks):
            log_noise[epoch] = 0.5 * log_noise[epoch - 1] * (epoch > 0) + shock
        values = curve * np.exp(noise * log_noise)
        counted[val_rising(Curve.logged(range(len(values)), values.tolist())).state] += 1
    return {state: count / RUNS for state, count in counted.items()}


@pytest.mark.parametrize("epochs", [10, 20, 50])
@pytest.mark.parametrize(("noise", "most"), [(0.05, 0.005), (0.10, 0.035), (0.20, 0.025)])
def test_a_healthy_curve_is_seldom_called_rising(epochs, noise, most):
    assert rates(healthy(epochs), noise, seed=5).get("unmet", 0) <= most


@pytest.mark.parametrize(
    ("epochs", "rise", "least"),
    [(10, 0.5, 0.12), (10, 1, 0.76), (20, 0.5, 0.78), (20, 1, 0.99), (50, 0.5, 0.985), (50, 1, 1)],
)
def test_a_curve_that_rises_after_its_midpoint_is_found(epochs, rise, least):
    assert rates(rising_after_midpoint(epochs, rise), 0.05, seed=6)["unmet"] >= least


@pytest.mark.parametrize("noise", [0.05, 0.10, 0.20])
@pytest.mark.parametrize(("epochs", "most"), [(10, 0.01), (20, 0.06), (50, 0.15)])
def test_a_curve_that_is_flat_after_a_few_epochs_is_called_rising_up_to_one_time_in_seven(
    epochs, noise, most
):
    assert rates(flat_early(epochs), noise, seed=7).get("unmet", 0) <= most


@pytest.mark.parametrize("epochs", [20, 50])
def test_the_guard_against_noise_is_what_keeps_false_alarms_low(epochs, monkeypatch):
    guarded = rates(flat_early(epochs), 0.20, seed=7)["unmet"]
    monkeypatch.setattr("gate.metrics.curves.noise", lambda values: 0.0)

    assert rates(flat_early(epochs), 0.20, seed=7)["unmet"] > 2 * guarded
