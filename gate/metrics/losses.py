"""Means of what each image costs: log-loss, Brier score, expected cost."""

import math
from collections.abc import Sequence

import numpy as np

from gate.evidence.records import Rows
from gate.metrics import tables
from gate.metrics.estimates import Estimate, Undefined
from gate.metrics.means import SampleMean, WelchDifference, mean_of
from gate.metrics.proportions import Reals
from gate.metrics.ranking import NO_SCORES
from gate.metrics.rates import NO_IMAGES, gap
from gate.metrics.resampling import bootstrap_groups

CLIP = 1e-12  # a score of 0 for the true class would cost infinitely much


def log_loss(rows: Rows) -> Estimate:
    """Return the mean of -ln(score of the true class), in nats; 0 is perfect.

    Scores below 1e-12 count as 1e-12; ``reason`` says how many there were.
    """
    if np.isnan(rows.true_score).any():
        return Undefined(NO_SCORES)
    clipped = int(np.count_nonzero(rows.true_score < CLIP))
    note = f"{clipped} scores of the true class were below {CLIP:g}" if clipped else ""
    losses = -np.log(np.clip(rows.true_score, CLIP, 1.0))
    return _mean(rows, losses, least=0.0, most=-math.log(CLIP), note=note)


def brier(rows: Rows, classes: int) -> Estimate:
    """Return the Brier score (1950): the mean squared distance of scores and truth.

    Of two classes the squared distance of one score, in [0, 1]; of more, the sum over the classes,
    in [0, 2]. Needs the scores of all classes when there are more than two.
    """
    if np.isnan(rows.true_score).any():
        return Undefined(NO_SCORES)
    if classes == 2:
        return _mean(rows, (1 - rows.true_score) ** 2, least=0.0, most=1.0)
    if rows.scores is None:
        return Undefined(NO_SCORES)
    scores = rows.scores.astype(np.float64)
    distances = (scores**2).sum(axis=1) - 2 * rows.true_score + 1
    return _mean(rows, distances, least=0.0, most=2.0)


def expected_cost(rows: Rows, costs: Sequence[Sequence[float]]) -> Estimate:
    """Return the mean cost of an image, in the unit of ``costs``, (classes, classes).

    Rows of ``costs`` are the truth, columns the prediction.
    """
    matrix = np.asarray(costs, dtype=np.float64)
    each = matrix[rows.labels, rows.predictions]
    return _mean(rows, each, least=float(matrix.min()), most=float(matrix.max()))


def loss_gap(first: Estimate, second: Estimate) -> Estimate:
    """Return the first mean minus the second, of independent images: test minus train."""
    if isinstance(first, SampleMean) and isinstance(second, SampleMean):
        return WelchDifference(first, second)
    return gap(first, second)


def _mean(rows: Rows, values: Reals, *, least: float, most: float, note: str = "") -> Estimate:
    if len(rows) == 0:
        return Undefined(NO_IMAGES, 0, 0)
    codes = tables.group_codes(rows)
    if codes is None or not tables.clustered(rows):
        return mean_of(values, least=least, most=most, note=note)
    sizes = np.bincount(codes).astype(np.float64)
    sums = np.stack([tables.sums_by(values, codes, len(sizes)), sizes], axis=1)
    return bootstrap_groups(sums, lambda totals: totals[..., 0] / totals[..., 1])
