"""Calibration: a confidence of 0.9 should be right nine times in ten."""

import math
from dataclasses import dataclass

import numpy as np

from gate.evidence.records import Rows
from gate.metrics import tables
from gate.metrics.estimates import Undefined
from gate.metrics.proportions import Counts, Reals
from gate.metrics.ranking import NO_SCORES
from gate.metrics.rates import NO_IMAGES

BINS = 15
RESAMPLES = 1000
SEED = 20_260_702
_BUDGET = 4_000_000  # draws that are held at once
_NORMAL_FROM = 100.0  # the variance from which a sum of coin flips is drawn as a normal number


@dataclass(frozen=True, slots=True)
class Bin:
    """The images whose confidence is in [low, high), or in [low, 1] for the last bin."""

    low: float
    high: float
    images: int
    confidence: float  # mean, NaN without images
    accuracy: float  # NaN without images


@dataclass(frozen=True, slots=True)
class CalibrationError:
    """The expected calibration error, with the chance of one as large if calibration were perfect.

    The error of few images is too large on average, so a value within the limit may pass as it is;
    no upper bound is claimed. A failure is proven only where a perfectly calibrated model would
    hardly show such an error: consistency resampling (Broecker and Smith, 2007). Where images come
    in groups, whose answers are not independent, none is proven.
    """

    value: float
    p_value: float
    denominator: int
    curve: tuple[Bin, ...]
    clustered: bool = False

    @property
    def numerator(self) -> None:
        """Return None: the value is no quotient of counts."""
        return

    @property
    def method(self) -> str:
        """Return the name of the test."""
        return f"consistency resampling, {RESAMPLES} resamples, seed {SEED}"

    @property
    def reason(self) -> str:
        """Return why a failure cannot be proven, or nothing."""
        return "images come in groups: no test of their calibration" if self.clustered else ""

    def lower(self, confidence: float) -> float:
        """Return the value when perfect calibration is rejected, else minus infinity."""
        # Both sides go through 1 - x, so that p = 0.05 is at most 1 - 0.95.
        rejected = 1 - self.p_value >= confidence and not self.clustered
        return self.value if rejected else -math.inf

    def upper(self, confidence: float) -> float:  # noqa: ARG002 - nothing is claimed at any
        """Return infinity: that the bias is upwards is no bound."""
        return math.inf


def calibration_error(rows: Rows) -> CalibrationError | Undefined:
    """Return the top-label expected calibration error over 15 bins of equal width, in [0, 1].

    The mean over images of the distance between accuracy and mean confidence in their bin (Naeini,
    Cooper and Hauskrecht, 2015; Guo and others, 2017).
    """
    if len(rows) == 0:
        return Undefined(NO_IMAGES, 0, 0)
    if np.isnan(rows.confidence).any():
        return Undefined(NO_SCORES)
    right = rows.best_is_right
    curve = reliability(rows.confidence, right.astype(np.float64), BINS)
    value = error_of(curve)
    return CalibrationError(
        value=value,
        p_value=_p_if_calibrated(rows.confidence, value),
        denominator=len(rows),
        curve=curve,
        clustered=tables.has_clusters(rows),
    )


def reliability(confidence: Reals, right: Reals, bins: int = BINS) -> tuple[Bin, ...]:
    """Return the reliability curve of confidences in [0, 1] and answers, 1 for right, both (n,)."""
    edges = np.arange(bins + 1) / bins
    index = bin_of(confidence, bins)
    images = np.bincount(index, minlength=bins)
    with np.errstate(invalid="ignore"):  # 0 / 0 where a bin is empty: NaN
        mean = tables.sums_by(confidence, index, bins) / images
        accuracy = tables.sums_by(right, index, bins) / images
    return tuple(
        Bin(
            float(edges[b]), float(edges[b + 1]), int(images[b]), float(mean[b]), float(accuracy[b])
        )
        for b in range(bins)
    )


def bin_of(confidence: Reals, bins: int) -> Counts:
    """Return the bin of each ``confidence``, (n,) in [0, 1], as indices, (n,).

    One on an edge belongs to the bin above, 1 to the last.
    """
    edges = np.arange(bins + 1) / bins
    return np.clip(np.searchsorted(edges, confidence, side="right") - 1, 0, bins - 1)


def error_of(curve: tuple[Bin, ...]) -> float:
    """Return the mean distance of accuracy and confidence, each bin counting by its images."""
    n = sum(each.images for each in curve)
    apart = (
        each.images / n * abs(each.accuracy - each.confidence) for each in curve if each.images
    )
    return math.fsum(apart)


def _p_if_calibrated(confidence: Reals, observed: float) -> float:
    """Return the chance of an error of ``observed`` or more if each confidence were true."""
    random = np.random.default_rng(SEED)
    index = bin_of(confidence, BINS)
    errors = np.zeros(RESAMPLES)
    for b in np.unique(index):
        here = np.sort(confidence[index == b])
        hits = draw_right_answers(random, here)
        errors += np.abs(hits - here.sum())
    return float(1 + np.count_nonzero(errors / len(confidence) >= observed - 1e-12)) / (
        RESAMPLES + 1
    )


def draw_right_answers(random: np.random.Generator, confidence: Reals) -> Reals:
    """Return resampled numbers of right answers, (resamples,), for confidences that are true."""
    variance = float((confidence * (1 - confidence)).sum())
    if variance >= _NORMAL_FROM:
        return random.normal(confidence.sum(), math.sqrt(variance), RESAMPLES)
    some = max(1, _BUDGET // len(confidence))
    drawn = [
        (random.random((min(some, RESAMPLES - start), len(confidence))) < confidence).sum(axis=1)
        for start in range(0, RESAMPLES, some)
    ]
    return np.concatenate(drawn).astype(np.float64)
