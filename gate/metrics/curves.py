"""Features of a loss curve, one small rule each: facts, not verdicts.

A :class:`Curve` goes in, a :class:`CurveFact` comes out: a value, the bound it is compared with,
and whether it met it, missed it, or cannot say. The thresholds are named parameters with the
defaults of the trade; epochs are autocorrelated, so every rule asks for an effect first and for a
trend only as a guard.
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from gate.evidence.records import History

Floats = NDArray[np.float64]
Operator = Literal["<=", ">=", "<", ">"]
State = Literal["met", "unmet", "undecided"]
Phase = Literal["plateau", "still_decreasing", "rising"]

_MOST_POINTS_OF_A_TAIL = 1000  # Theil-Sen looks at every pair, so its work grows with the square


@dataclass(frozen=True, slots=True)
class Curve:
    """A series against epochs (or steps), without the epochs where nothing was logged.

    ``epochs`` increase strictly; ``values`` may hold NaN and infinities, as they were logged.
    """

    name: str
    epochs: tuple[float, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.epochs) != len(self.values):
            raise ValueError("a curve has one value an epoch")
        if any(not a < b for a, b in zip(self.epochs, self.epochs[1:], strict=False)):
            raise ValueError("the epochs of a curve increase")

    def __len__(self) -> int:
        return len(self.values)

    @classmethod
    def of(cls, history: History, column: str | None, name: str) -> Self:
        """Return the curve of a column of ``history``, empty when ``column`` is None."""
        values = history.series[column] if column is not None else (None,) * len(history.epochs)
        return cls.logged(history.epochs, values, name)

    @classmethod
    def logged(
        cls, epochs: Sequence[float], values: Sequence[float | None], name: str = "train loss"
    ) -> Self:
        """Return the curve of ``values``, one an epoch, without those that are None."""
        points = [(e, v) for e, v in zip(epochs, values, strict=True) if v is not None]
        return cls(name, tuple(e for e, _ in points), tuple(v for _, v in points))

    @property
    def nonfinite(self) -> tuple[tuple[float, float], ...]:
        """The points (epoch, value) whose value is NaN or infinite."""
        points = zip(self.epochs, self.values, strict=True)
        return tuple((epoch, value) for epoch, value in points if not math.isfinite(value))

    @property
    def noun(self) -> str:
        """What its points are: epochs, or values where several were logged in an epoch."""
        return "epoch" if all(float(epoch).is_integer() for epoch in self.epochs) else "value"

    def at(self, epoch: float) -> float | None:
        """Return the value of an epoch, the last one logged in it; None where none was.

        What is logged between the whole numbers belongs to the epoch that they end.
        """
        logged = dict(zip(self.epochs, self.values, strict=True))
        if epoch in logged or self.noun == "epoch":
            return logged.get(epoch)
        within = [value for end, value in logged.items() if epoch - 1 < end <= epoch]
        return within[-1] if within else None

    @property
    def start(self) -> float:
        """The first value."""
        return self.values[0]

    @property
    def end(self) -> float:
        """The median of the last three values; of a curve under five, the last value."""
        return float(np.median(self.values[-3:])) if len(self) >= 5 else self.values[-1]


@dataclass(frozen=True, slots=True)
class CurveFact:
    """What a rule found: ``value operator bound`` is the condition for ``met``.

    ``undecided`` says that the curve cannot show it; ``value`` is then None where there is no
    number, and ``bound`` NaN where what it comes from is unknown.
    ``reason`` is one clause with the numbers.
    """

    name: str
    value: float | None
    bound: float
    operator: Operator
    state: State
    reason: str


@dataclass(frozen=True, slots=True)
class TailFact(CurveFact):
    """What the last epochs do; ``phase`` is None when undecided."""

    phase: Phase | None = None


def non_finite(curves: Sequence[Curve]) -> CurveFact:
    """Return how many values of all ``curves`` are NaN or infinite; none is the condition."""
    bad = [(curve.name, epoch, value) for curve in curves for epoch, value in curve.nonfinite]
    logged = sum(map(len, curves))
    if not logged:
        return CurveFact("non_finite", None, 0.0, "<=", "undecided", "no loss was logged")
    if not bad:
        reason = f"all {logged:,} logged values are finite" if logged > 1 else "its value is finite"
        return CurveFact("non_finite", 0.0, 0.0, "<=", "met", reason)
    name, epoch, value = bad[0]
    reason = f"{name} is {value} at epoch {epoch:g} ({len(bad)} of {logged} values)"
    return CurveFact("non_finite", float(len(bad)), 0.0, "<=", "unmet", reason)


def diverged(curve: Curve, *, max_growth: float = 0.05, sigmas: float = 3.0) -> CurveFact:
    """Return the growth of the loss from start to end, as a share of the start.

    Met when it is at most ``max_growth``. Two epochs can show that a loss fell, not that it
    diverged. A loss that goes below zero has no share: its rise is compared with its noise.
    """
    if reason := _unusable(curve, at_least=2):
        return CurveFact("diverged", None, max_growth, "<=", "undecided", reason)
    value, bound, measure = _growth(curve, max_growth, sigmas)
    words = f"{_from_to(curve)}{measure}"
    if value is not None and value <= bound:
        return CurveFact("diverged", value, bound, "<=", "met", words)
    if len(curve) < 3:
        reason = f"{words}; two {curve.noun}s cannot show that training diverged"
        return CurveFact("diverged", value, bound, "<=", "undecided", reason)
    return CurveFact("diverged", value, bound, "<=", "unmet", words)


def decreasing(
    curve: Curve,
    *,
    min_drop: float = 0.10,
    max_growth: float = 0.05,
    prior_entropy: float | None = None,
    converged_share: float = 0.5,
    sigmas: float = 3.0,
) -> CurveFact:
    """Return the fall of the loss from start to end, as a share of the start.

    Met when it is at least ``min_drop``; or, after a warm start, when the loss did not diverge and
    began below ``converged_share`` of ``prior_entropy`` (nats), the loss of a model that knows only
    the class shares. Under four epochs only divergence is decided, and with four no missing fall.
    Mann-Kendall's p is reported and not decided on: a curve that converges in two epochs has none.
    """
    if reason := _unusable(curve, at_least=2):
        return CurveFact("decreasing", None, min_drop, ">=", "undecided", reason)
    rising = diverged(curve, max_growth=max_growth, sigmas=sigmas)
    fall, bound, measure = _fall(curve, min_drop, sigmas)
    words = f"{_from_to(curve)}{measure}"

    def fact(state: State, reason: str = words) -> CurveFact:
        return CurveFact("decreasing", fall, bound, ">=", state, reason)

    if rising.state == "unmet":
        return fact("unmet", f"diverged: {rising.reason}")
    if len(curve) < 4:
        few = f"{len(curve)} {curve.noun}s are too few to tell, 4 are needed"
        return fact("undecided", f"{words}; {few}")
    if fall is not None and fall >= bound:
        return fact("met", f"{words}{_trend_in_words(curve)}")
    floor = None if prior_entropy is None else converged_share * prior_entropy
    if floor is not None and 0 <= curve.start < floor:
        reason = f"already converged: {curve.name} starts at {curve.start:.4g}, below {floor:.4g}"
        return CurveFact("decreasing", curve.start, floor, "<", "met", reason)
    if len(curve) < 5:
        few = f"4 {curve.noun}s are too few to call it flat, 5 are needed"
        return fact("undecided", f"{words}; {few}")
    return fact("unmet", f"{words}{_trend_in_words(curve)}")


def better_than_prior(
    curve: Curve, *, prior_entropy: float | None, max_share: float = 0.95
) -> CurveFact:
    """Return the loss at the end, in nats, against ``max_share`` of ``prior_entropy``.

    The entropy of the class shares, -sum p ln p, is the loss of a model that has learned nothing
    else. This holds for a natural-log cross-entropy without weights or label smoothing: pass None
    where the loss is another one.
    """
    bound = math.nan if prior_entropy is None else max_share * prior_entropy

    def fact(value: float | None, state: State, reason: str) -> CurveFact:
        return CurveFact("better_than_prior", value, bound, "<=", state, reason)

    if prior_entropy is None:
        return fact(
            None, "undecided", "the class shares, or that this is a cross-entropy, is unknown"
        )
    if not prior_entropy > 0:
        return fact(None, "undecided", "with one class there is nothing to be better than")
    if reason := _unusable(curve, at_least=2):
        return fact(None, "undecided", reason)
    if min(curve.values) < 0:
        reason = f"{curve.name} goes down to {min(curve.values):.4g}, so it is not a cross-entropy"
        return fact(None, "undecided", reason)
    reason = (
        f"{curve.name} ends at {curve.end:.4g}; knowing only the class shares gives "
        f"{prior_entropy:.4g}"
    )
    return fact(curve.end, "met" if curve.end <= bound else "unmet", reason)


def tail(
    curve: Curve, *, flat_within: float = 0.01, share: float = 0.20, at_least: int = 8
) -> TailFact:
    """Return the change over the last epochs, as a share of their median, and its phase.

    The slope is Theil and Sen's (Sen, 1968), over the last ``share`` of the epochs and no fewer
    than five; within ``flat_within`` it is a plateau. Met unless rising.
    """
    from scipy.stats import theilslopes  # 0.8 s: only for runs that judge a history

    if reason := _unusable(curve, at_least=at_least):
        return TailFact("tail", None, flat_within, "<", "undecided", reason)
    width = max(5, math.ceil(share * len(curve)))
    kept = np.unique(
        np.linspace(len(curve) - width, len(curve) - 1, _MOST_POINTS_OF_A_TAIL, dtype=int)
    )
    x, y = np.asarray(curve.epochs)[kept], np.asarray(curve.values)[kept]
    change = float(theilslopes(y, x).slope) * float(x[-1] - x[0])
    level = abs(float(np.median(y)))
    value = change / level if level else (0.0 if change == 0 else None)
    phase = _phase(change if value is None else value, 0.0 if value is None else flat_within)
    amount = "" if value is None else f" by {abs(value):.1%} of its median"
    words = {
        "plateau": f"is flat (it changes{amount})",
        "still_decreasing": f"still falls{amount}",
        "rising": f"rises{amount}",
    }[phase]
    reason = f"over its last {width} {curve.noun}s {curve.name} {words}"
    state: State = "unmet" if phase == "rising" else "met"
    return TailFact("tail", value, flat_within, "<", state, reason, phase)


def val_rising(
    curve: Curve,
    *,
    checkpoint_epoch: float | None = None,
    max_rise: float = 0.10,
    sigmas: float = 3.0,
    alpha: float = 0.05,
) -> CurveFact:
    """Return how far the loss rose after its minimum, as a share of the minimum.

    Met when that is at most ``max_rise``. A greater rise is unmet when it is also above ``sigmas``
    times the noise and a Mann-Kendall trend from the minimum on (four points or more) has
    p <= ``alpha``; else undecided. The minimum is that of a running median. When the loss at
    ``checkpoint_epoch`` is within ``max_rise`` of the lowest, the rise came after the checkpoint
    that is judged, and the fact is met: it then holds the checkpoint's own distance.
    """
    if reason := _unusable(curve, at_least=2):
        return CurveFact("val_rising", None, max_rise, "<=", "undecided", reason)
    rise = _rise_after_minimum(curve)
    share = rise.share
    value, bound = (rise.height, sigmas * rise.noise) if share is None else (share, max_rise)
    amount = f"{rise.height:.4g}" if share is None else f"{share:.1%}"
    smoothed = "" if rise.minimum == min(curve.values) else "smoothed "
    lowest = f"its {smoothed}minimum of {rise.minimum:.4g} at epoch {rise.epoch:g}"
    words = f"{curve.name} ends {amount} above {lowest}"

    def fact(state: State, reason: str) -> CurveFact:
        return CurveFact("val_rising", value, bound, "<=", state, reason)

    if value <= bound:
        return fact("met", words)
    exemption = best_checkpoint(curve, checkpoint_epoch, within=max_rise)
    if exemption.state == "met":
        reason = f"{exemption.reason}; later {words}"
        return CurveFact("val_rising", exemption.value, exemption.bound, "<=", "met", reason)
    if not rise.height > sigmas * rise.noise:
        return fact("undecided", f"{words}, which its noise of {rise.noise:.2g} could explain")
    if len(rise.after) < 4:
        return fact("undecided", f"{words}, too near the end to be a trend")
    p = mann_kendall(rise.after, "increasing")
    if p is None or not p <= alpha:
        return fact("undecided", f"{words}, without a steady trend{_p_in_words(p)}")
    return fact("unmet", f"{words}{_p_in_words(p)}")


def logged_to_the_end(validation: Curve, *, train: Curve, max_missing: int = 1) -> CurveFact:
    """Return how many values are missing at the end of a validation loss.

    The training ends where its loss does, and a loss that was logged every k-th epoch (the median
    distance of its values) may be silent for as long. Met when at most ``max_missing`` are missing:
    a training that is stopped leaves its last epoch without one.
    """

    def fact(value: float | None, state: State, reason: str) -> CurveFact:
        bound = float(max_missing)
        return CurveFact("logged_to_the_end", value, bound, "<=", state, reason)

    if len(validation) < 2:
        return fact(None, "undecided", f"{validation.name} has too few values to tell how often")
    if not len(train):
        return fact(None, "undecided", f"{train.name} was not logged")
    usual = float(np.median(np.diff(validation.epochs)))
    missing = max(0, math.floor((train.epochs[-1] - validation.epochs[-1]) / usual))
    last, end = f"epoch {validation.epochs[-1]:g}", f"epoch {train.epochs[-1]:g}"
    if missing <= max_missing:
        return fact(
            float(missing), "met", f"{validation.name} is logged to {last}; training ends at {end}"
        )
    reason = f"{validation.name} is not logged after {last}, and the training ends at {end}"
    return fact(float(missing), "unmet", reason)


def best_checkpoint(curve: Curve, epoch: float | None, *, within: float = 0.10) -> CurveFact:
    """Return how far above the lowest loss the loss at ``epoch`` lies, as a share of the lowest.

    Met when that is at most ``within``: the checkpoint of ``epoch`` is then as good as the best.
    """

    def fact(value: float | None, state: State, reason: str) -> CurveFact:
        return CurveFact("best_checkpoint", value, within, "<=", state, reason)

    if reason := _unusable(curve, at_least=1):
        return fact(None, "undecided", reason)
    if epoch is None:
        return fact(None, "undecided", "the epoch of the checkpoint is not known")
    here, lowest = curve.at(epoch), min(curve.values)
    if here is None:
        return fact(None, "undecided", f"{curve.name} was not logged at epoch {epoch:g}")
    if lowest <= 0 and here > lowest:
        return fact(None, "undecided", f"{curve.name} goes down to {lowest:.4g}: no share of that")
    value = _share(here - lowest, lowest) if here > lowest else 0.0
    reason = f"the checkpoint of epoch {epoch:g} is {value:.1%} above the lowest {curve.name}"
    return fact(value, "met" if value <= within else "unmet", reason)


def mann_kendall(
    values: Sequence[float], direction: Literal["increasing", "decreasing"]
) -> float | None:
    """Return the one-sided p of a monotone trend (Mann, 1945), None when there is none to test.

    Exact where there are no ties and at most 100 values; else by the normal approximation.
    """
    from scipy.stats import kendalltau  # 0.8 s: only for runs that judge a history

    distinct = len(set(values))
    if distinct < 2:
        return None
    exact = distinct == len(values) <= 100
    result = kendalltau(
        range(len(values)),
        values,
        method="exact" if exact else "asymptotic",
        alternative="greater" if direction == "increasing" else "less",
    )
    return float(result.pvalue)


def noise(values: Sequence[float]) -> float:
    """Return the standard deviation of the noise about a smooth trend, 0 for under three values.

    Second differences remove the trend and have variance 6 sigma^2; their median absolute value
    times 1.4826 estimates sqrt(6) sigma for Gaussian noise.
    """
    if len(values) < 3:
        return 0.0
    bends = np.diff(np.asarray(values, dtype=np.float64), n=2)
    return float(1.4826 * np.median(np.abs(bends)) / math.sqrt(6))


@dataclass(frozen=True, slots=True)
class _Rise:
    """What a curve does after the minimum of its running median."""

    epoch: float
    minimum: float
    height: float  # the end above the minimum
    noise: float
    after: tuple[float, ...]  # the values from the minimum on

    @property
    def share(self) -> float | None:
        """The height as a share of the minimum, None where that is zero or less."""
        return _share(self.height, self.minimum) if self.minimum > 0 else None


def _rise_after_minimum(curve: Curve) -> _Rise:
    values = np.asarray(curve.values, dtype=np.float64)
    smooth = _running_median(values, 5 if len(values) >= 20 else 3)
    lowest = int(np.argmin(smooth))
    # What was logged before the minimum is no part of the end, however short the rest is.
    last = max(3, math.ceil(0.10 * len(values))) if len(values) >= 5 else 1
    end = float(np.median(values[max(lowest, len(values) - last) :]))
    minimum = float(smooth[lowest])
    return _Rise(
        epoch=curve.epochs[lowest],
        minimum=minimum,
        height=end - minimum,
        noise=noise(curve.values),
        after=curve.values[lowest:],
    )


def _running_median(values: Floats, width: int) -> Floats:
    """Return medians over ``width`` neighbours; at the ends the window is cut, and symmetric."""
    half = width // 2
    count = len(values)
    reach = [min(half, index, count - 1 - index) for index in range(count)]
    return np.array([np.median(values[i - r : i + r + 1]) for i, r in enumerate(reach)])


def _unusable(curve: Curve, *, at_least: int) -> str:
    """Return why nothing can be said of ``curve``, or an empty string."""
    if not len(curve):
        return f"{curve.name} was not logged"
    if bad := curve.nonfinite:
        return f"{curve.name} is {bad[0][1]} at epoch {bad[0][0]:g}"
    if len(curve) < at_least:
        noun = curve.noun if len(curve) == 1 else f"{curve.noun}s"
        return f"{curve.name} has {len(curve)} {noun}, {at_least} are needed"
    return ""


def _share(part: float, whole: float) -> float:
    """Return part / |whole|, rounded to 12 digits: in floats 1 - 0.9 is less than 0.1."""
    return round(part / abs(whole), 12)


def _growth(curve: Curve, max_growth: float, sigmas: float) -> tuple[float | None, float, str]:
    """Return growth, the most that is allowed, and its words; None: from zero to something."""
    rise = curve.end - curve.start
    if min(curve.values) < 0:
        sigma = noise(curve.values)
        # Never zero: a constant loss has no noise, and must not be said to fall by more than that.
        return rise, max(sigmas * sigma, sys.float_info.min), f" (its noise is {sigma:.2g})"
    if curve.start == 0:
        return (0.0 if rise == 0 else None), max_growth, ""
    growth = _share(rise, curve.start)
    return growth, max_growth, f" ({growth:+.1%})"


def _fall(curve: Curve, min_drop: float, sigmas: float) -> tuple[float | None, float, str]:
    """Return the fall, the least that is asked, and its words; None: from zero to something."""
    growth, allowed, measure = _growth(curve, min_drop, sigmas)
    return (None if growth is None else -growth + 0.0), allowed, measure


def _from_to(curve: Curve) -> str:
    verb = "falls" if curve.end < curve.start else "rises" if curve.end > curve.start else "stays"
    if verb == "stays":
        return f"{curve.name} stays at {curve.start:.4g}"
    return f"{curve.name} {verb} from {curve.start:.4g} to {curve.end:.4g}"


def _phase(change: float, flat_within: float) -> Phase:
    if abs(change) < flat_within or change == 0:
        return "plateau"
    return "still_decreasing" if change < 0 else "rising"


def _trend_in_words(curve: Curve) -> str:
    return _p_in_words(mann_kendall(curve.values, "decreasing"))


def _p_in_words(p: float | None) -> str:
    return "" if p is None else f" (Mann-Kendall p = {p:.2g})"
