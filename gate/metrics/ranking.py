"""Metrics of the ranking that scores give: ROC AUC, average precision, top-k.

Both areas get padded bounds from what each image adds to them: for AUC the share of the other
images that it beats (DeLong, DeLong and Clarke-Pearson, 1988), for average precision the derivative
by the weight of an image. One such number an image also serves for means over classes and for
groups, whose images are added up first. What is added for a bound is an image that is ranked last
for its class and first for another, or the other way around.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gate.evidence.records import Rows
from gate.metrics import tables
from gate.metrics.combined import Over, classes_over, complete_mean
from gate.metrics.estimates import Estimate, Undefined
from gate.metrics.influence import Influence, bound_statistic
from gate.metrics.proportions import Counts, Reals, Share, share_of
from gate.metrics.rates import NO_IMAGES, NO_IMAGES_OF_CLASS, NO_OTHER_IMAGES

NO_SCORES = "the scores of all classes are not known"

Scores = NDArray[np.float32] | Reals


@dataclass(frozen=True, slots=True, eq=False)
class Area:
    """An area in [0, 1] of one class against the rest, and what images add to it.

    ``of_images``, (n,), is the derivative by the weight of each. ``down`` and ``up`` are by how
    much one more image moves it as bad and as good as can be: one of the other classes, one of the
    class. ``spotless`` is what ``down`` would be in a perfect order.
    """

    value: float
    of_images: Reals
    down: tuple[float, float]
    up: tuple[float, float]
    spotless: tuple[float, float]


AreaOf = Callable[[NDArray[np.bool_], Scores], Area]  # which images are of the class, scores


def roc_auc(rows: Rows, classes: int, over: Over = None) -> Estimate:
    """Return the mean over classes of the area under the ROC curve, one class against the rest.

    In [0, 1], over the classes ``over``, by default all. Of two classes both areas are the same
    where scores add up to one, and so is their mean.
    """
    return _mean_area(rows, classes, over, roc_area)


def roc_auc_of(rows: Rows, of: int, classes: int) -> Estimate:
    """Return the chance that an image of the class scores higher for it than another, in [0, 1]."""
    return _area_of(rows, of, classes, roc_area)


def average_precision(rows: Rows, classes: int, over: Over = None) -> Estimate:
    """Return the mean average precision, in [0, 1], over the classes ``over``, by default all."""
    return _mean_area(rows, classes, over, precision_area)


def average_precision_of(rows: Rows, of: int, classes: int) -> Estimate:
    """Return the precision of the class, averaged over the thresholds at its images, in [0, 1]."""
    return _area_of(rows, of, classes, precision_area)


def top_k_accuracy(rows: Rows, k: int) -> Share | Undefined:
    """Return the share of images whose class is among the ``k`` that score highest.

    Classes that score the same as the true one do not count as higher.
    """
    if (rows.true_rank < 0).any():
        return Undefined(NO_SCORES)
    return share_of(rows.true_rank < k, tables.group_codes(rows), NO_IMAGES)


def scores_for(rows: Rows, of: int, classes: int) -> Scores | None:
    """Return the score of a class for each image, (n,); None where it was not kept."""
    if rows.scores is not None:
        return rows.scores[:, of]
    if classes != 2 or np.isnan(rows.true_score).any():
        return None
    return np.where(rows.labels == of, rows.true_score, 1 - rows.true_score)


def influence_of(rows: Rows, of: int, classes: int, area_of: AreaOf) -> Influence | Undefined:
    """Return the area of one class with what each image adds to it."""
    positive = rows.labels == of
    if positive.all() or not positive.any():
        return Undefined(NO_OTHER_IMAGES if len(rows) and positive.all() else NO_IMAGES_OF_CLASS)
    scores = scores_for(rows, of, classes)
    if scores is None:
        return Undefined(NO_SCORES)
    area = area_of(positive, scores)
    return Influence(
        area.value,
        area.of_images,
        kind=positive.astype(np.int64),
        down=np.array(area.down),
        up=np.array(area.up),
        spotless=np.array(area.spotless),
    )


def mean_influence(
    rows: Rows, classes: int, over: NDArray[np.bool_], area_of: AreaOf
) -> Influence | Undefined:
    """Return the mean area of the classes ``over``, (classes,), with what each image adds to it."""
    images = np.bincount(rows.labels, minlength=classes)
    if not over.any() or np.count_nonzero(images) < 2:
        return Undefined(NO_OTHER_IMAGES if len(rows) else NO_IMAGES)
    values, added = np.zeros(classes), np.zeros(len(rows))
    down, up, spotless = np.zeros((3, 2, classes))  # each of other images, of its own
    for of in np.flatnonzero(over).tolist():
        scores = scores_for(rows, of, classes)
        if scores is None:
            return Undefined(NO_SCORES)
        area = area_of(rows.labels == of, scores)
        values[of], down[:, of], up[:, of] = area.value, area.down, area.up
        spotless[:, of] = area.spotless
        added += area.of_images
    k = int(over.sum())
    return Influence(
        value=float(np.mean(values[over])),
        of_images=added / k,
        kind=rows.labels.astype(np.int64),
        down=_of_each_class(*down) / k,
        up=_of_each_class(*up) / k,
        spotless=_of_each_class(*spotless) / k,
    )


def _of_each_class(of_others: Reals, of_own: Reals) -> Reals:
    """Return by how much one image of each class moves the sum of areas, all (classes,).

    An image that is last for its class is first for another, where that moves an area the most.
    """
    elsewhere = np.where(np.eye(len(of_own), dtype=bool), 0.0, of_others)
    return np.asarray(of_own + elsewhere.max(axis=1))


def _area_of(rows: Rows, of: int, classes: int, area_of: AreaOf) -> Estimate:
    influence = influence_of(rows, of, classes, area_of)
    return influence if isinstance(influence, Undefined) else bound_statistic(rows, influence)


def _mean_area(rows: Rows, classes: int, over: Over, area_of: AreaOf) -> Estimate:
    present, absent = classes_over(np.bincount(rows.labels, minlength=classes), over, classes)
    influence = mean_influence(rows, classes, present, area_of)
    if isinstance(influence, Undefined):
        return influence
    return complete_mean(bound_statistic(rows, influence), int(present.sum()), absent)


@dataclass(frozen=True, slots=True, eq=False)
class _Steps:
    """Images ranked by their scores, from the highest; those of one score are a step together.

    ``right`` and ``wrong`` are images at and above each step, ``images`` those at it, (steps,).
    """

    right: Reals
    wrong: Reals
    images: Counts
    order: Counts  # (n,) the row of each rank
    positive: NDArray[np.bool_]  # (n,) of each rank

    def of_images(self, positive: Reals, negative: Reals) -> Reals:
        """Return a number for each row, (n,), from those of positives and negatives, (steps,)."""
        ranked = np.where(
            self.positive, np.repeat(positive, self.images), np.repeat(negative, self.images)
        )
        of_rows = np.empty_like(ranked)
        of_rows[self.order] = ranked
        return of_rows


def _steps(positive: NDArray[np.bool_], scores: Scores) -> _Steps:
    falling = np.negative(scores)  # one after the other in memory, as a column of them is not
    order = np.argsort(falling)
    ranked, hits = falling[order], positive[order]
    ends = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)
    right = np.cumsum(hits)[ends].astype(np.float64)
    return _Steps(right, ends + 1 - right, np.diff(ends, prepend=-1), order, hits)


def roc_area(positive: NDArray[np.bool_], scores: Scores) -> Area:
    """Return the area under the ROC curve of images, (n,), some of which are ``positive``."""
    steps = _steps(positive, scores)
    right, wrong = steps.right[-1], steps.wrong[-1]
    value = _trapezoids(steps)
    above_right = np.concatenate([[0.0], steps.right[:-1]])
    above_wrong = np.concatenate([[0.0], steps.wrong[:-1]])
    # Of a positive: the share of negatives below it; of a negative: of positives above; ties half.
    beaten = (1 - (above_wrong + steps.wrong) / 2 / wrong - value) / right
    beaten_by = ((above_right + steps.right) / 2 / right - value) / wrong
    return Area(
        value,
        of_images=steps.of_images(beaten, beaten_by),
        down=(value / wrong, value / right),
        up=((1 - value) / wrong, (1 - value) / right),
        spotless=(1 / wrong, 1 / right),
    )


def _trapezoids(steps: _Steps) -> float:
    """Return the area with the operations in scikit-learn's order, so that the last bit agrees."""
    fps, tps = steps.wrong, steps.right
    if len(fps) > 2:
        bends = np.logical_or(np.diff(fps, 2), np.diff(tps, 2))
        kept = np.concatenate([[True], bends, [True]])
        fps, tps = fps[kept], tps[kept]
    fps, tps = np.concatenate([[0.0], fps]), np.concatenate([[0.0], tps])
    x, y = fps / fps[-1], tps / tps[-1]
    return float((np.diff(x) * (y[1:] + y[:-1]) / 2.0).sum())


def precision_area(positive: NDArray[np.bool_], scores: Scores) -> Area:
    """Return the average precision of images, (n,), some of which are ``positive``.

    As it bends, what one image more does to it is counted and not a derivative.
    """
    steps = _steps(positive, scores)
    total, n = steps.right[-1], len(positive)
    taken = steps.right + steps.wrong
    precision, recall = steps.right / taken, steps.right / total
    gained = np.diff(recall[::-1], append=0.0)
    value = max(0.0, float(-np.sum(gained * precision[::-1])))
    here = np.diff(steps.right, prepend=0.0)  # positives at each score
    # One more image at a score is counted at every threshold at or below it.
    if_right = np.cumsum((here * steps.wrong / taken**2)[::-1])[::-1]
    if_wrong = np.cumsum((here * steps.right / taken**2)[::-1])[::-1]
    wrong_on_top = value - float((here * steps.right / (taken + 1)).sum()) / total
    last = (total + 1) / (n + 1)  # the precision at an image of the class at the bottom
    right_on_top = (float((here * (steps.right + 1) / (taken + 1)).sum()) + 1) / (total + 1) - value
    return Area(
        value,
        of_images=steps.of_images((precision - value + if_right) / total, -if_wrong / total),
        down=(max(0.0, wrong_on_top), max(0.0, (value - last) / (total + 1))),
        up=(0.0, max(0.0, right_on_top)),
        spotless=(
            1 - float((here * steps.right / (steps.right + 1)).sum()) / total,
            (1 - last) / (total + 1),
        ),
    )
