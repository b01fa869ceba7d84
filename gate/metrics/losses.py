"""Mean losses of images: log-loss, Brier score, expected cost.

Their bounds are padded (:mod:`gate.metrics.padded`): with one image more that costs as much, or as
little, as an image can.
"""

import math
from collections.abc import Sequence

import numpy as np

from gate.evidence.records import Rows
from gate.metrics.estimates import Estimate, Undefined
from gate.metrics.influence import Influence, bound_statistic
from gate.metrics.padded import Padded, typical
from gate.metrics.proportions import Reals
from gate.metrics.ranking import NO_SCORES
from gate.metrics.rates import NO_IMAGES

CLIP = 1e-12  # a score of 0 for the true class would cost infinitely much
MOST = -math.log(CLIP)  # what an image can cost, in nats


def log_loss(rows: Rows) -> Estimate:
    """Return the mean of -ln(score of the true class), in nats; 0 is perfect.

    Scores below 1e-12 count as 1e-12; ``reason`` says how many there were.
    """
    if np.isnan(rows.true_score).any():
        return Undefined(NO_SCORES)
    if len(rows) == 0:
        return Undefined(NO_IMAGES, 0, 0)
    clipped = int(np.count_nonzero(rows.true_score < CLIP))
    note = f"{clipped} scores of the true class were below {CLIP:g}" if clipped else ""
    losses = -np.log(np.clip(rows.true_score, CLIP, 1.0))
    worst = max(worst_loss(losses, rows.confidence), typical_mistake(rows.confidence))
    return mean(rows, losses, worst=worst, most=MOST, note=note)


def worst_loss(losses: Reals, confidence: Reals) -> float:
    """Return what one image more may cost, in nats, after ``losses`` and ``confidence``, (n,).

    The largest loss seen, or that of a mistake made with the model's usual confidence, where that
    is larger. The largest loss there is, 27.6, would leave hardly anything to prove.
    """
    surest = 1 - float(np.median(confidence))
    return max(float(losses.max()), -math.log(max(surest, CLIP)))


def typical_mistake(confidence: Reals) -> float:
    """Return what a mistake costs in log-loss, in nats, where some cost far more than others do.

    Each image has what a mistake on it would cost, and the typical one is taken as of groups of
    unequal size (:func:`typical`). A model that is unsure of half of the images would else hide, in
    its median, what mistakes on the others cost. The same as that of the median where all are
    alike.
    """
    each = np.sort(-np.log(np.clip(1 - confidence, CLIP, 1.0)))
    if not (total := float(each.sum())):
        return 0.0
    return float(typical((each**2).sum() / total, (each**3).sum() / total))


def brier(rows: Rows, classes: int) -> Estimate:
    """Return the Brier score (1950): the mean squared distance of scores and truth.

    Of two classes the squared distance of one score, in [0, 1]; of more, the sum over the classes,
    in [0, 2]. Needs the scores of all classes when there are more than two.
    """
    if np.isnan(rows.true_score).any() or (classes > 2 and rows.scores is None):
        return Undefined(NO_SCORES)
    if len(rows) == 0:
        return Undefined(NO_IMAGES, 0, 0)
    if classes == 2 or rows.scores is None:
        return mean(rows, (1 - rows.true_score) ** 2, worst=1.0, most=1.0)
    scores = rows.scores.astype(np.float64)
    distances = (scores**2).sum(axis=1) - 2 * rows.true_score + 1
    return mean(rows, distances, worst=2.0, most=2.0)


def expected_cost(rows: Rows, costs: Sequence[Sequence[float]]) -> Estimate:
    """Return the mean cost of an image, in the unit of ``costs``, (classes, classes).

    Rows of ``costs`` are the truth, columns the prediction; where rows can abstain, the last column
    is that.
    """
    if len(rows) == 0:
        return Undefined(NO_IMAGES, 0, 0)
    matrix = np.asarray(costs, dtype=np.float64)[:, : len(costs) + rows.abstains]
    dearest = float(matrix.max())
    each = matrix[rows.labels, rows.predictions]
    return mean(rows, each, best=float(matrix.min()), worst=dearest, most=dearest)


def mean(
    rows: Rows, values: Reals, *, best: float = 0.0, worst: float, most: float, note: str = ""
) -> Padded:
    """Return the mean of ``values``, (n,) with n > 0, in [``best``, ``most``], with padded bounds.

    ``worst`` is the value of the image that is added for the upper bound.
    """
    n = len(values)
    value = float(np.sort(values).mean())  # so that the order of the rows adds no rounding
    influence = Influence(
        value,
        of_images=(values - value) / n,
        kind=np.zeros(n, dtype=np.int64),
        down=np.array([max(0.0, value - best) / n]),
        up=np.array([max(0.0, worst - value) / n]),
    )
    return bound_statistic(rows, influence, least=best, most=most, note=note)
