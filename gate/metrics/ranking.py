"""How well scores order the images: ROC AUC, average precision, top-k.

Both areas get their bounds from what each image adds to them (DeLong, DeLong and Clarke-Pearson,
1988, for AUC; the derivative by the weight of an image for average precision), on the logit scale,
so that bounds stay in (0, 1). One such number an image also serves for means over classes, for
groups, whose images are added up first, and for two models on the same images.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gate.evidence.records import Rows
from gate.metrics import tables
from gate.metrics.estimates import Estimate, Undefined
from gate.metrics.padded import few_groups
from gate.metrics.proportions import Counts, Reals, Share, normal_quantile, share_of
from gate.metrics.rates import NO_IMAGES, NO_IMAGES_OF_CLASS, NO_OTHER_IMAGES

NO_SCORES = "the scores of all classes were not kept"

Area = Callable[[NDArray[np.bool_], Reals], tuple[float, Reals]]  # -> value, influence (n,)


@dataclass(frozen=True, slots=True)
class AreaUnderCurve:
    """An area in [0, 1] with bounds that are normal on the logit scale.

    An area of exactly 0 or 1 shows no spread, which proves nothing.
    """

    value: float
    standard_error: float
    method: str
    groups: int | None = None

    @property
    def numerator(self) -> None:
        """Return None: the value is no quotient of counts."""
        return

    @property
    def denominator(self) -> None:
        """Return None: the value is no quotient of counts."""
        return

    @property
    def reason(self) -> str:
        """Return why nothing is proven, or nothing."""
        if self.groups is not None and (few := few_groups(self.groups)):
            return few
        if not self.standard_error > 0 or not 0 < self.value < 1:
            return "degenerate: the images show no spread, which proves nothing"
        return ""

    def lower(self, confidence: float) -> float:
        """Return the lower bound, in (0, 1); NaN when degenerate."""
        return self._bound(confidence, -1)

    def upper(self, confidence: float) -> float:
        """Return the upper bound, in (0, 1); NaN when degenerate."""
        return self._bound(confidence, 1)

    def _bound(self, confidence: float, side: int) -> float:
        if self.reason:
            return math.nan
        quantile = normal_quantile(confidence)
        if self.groups is not None:
            from scipy.special import stdtrit

            quantile = float(stdtrit(self.groups - 1, confidence))
        logit = math.log(self.value / (1 - self.value))
        step = quantile * self.standard_error / (self.value * (1 - self.value))
        return 1 / (1 + math.exp(-(logit + side * step)))


@dataclass(frozen=True, slots=True, eq=False)
class Influences:
    """An area with what each image adds to it, (n,), and the true classes drawn apart, (n,)."""

    value: float
    of_images: Reals
    strata: Counts
    method: str


def roc_auc(rows: Rows, classes: int) -> Estimate:
    """Return the mean over classes of the area under the ROC curve, one class against the rest.

    Over the classes that have images. Of two classes both areas are the same where scores add up to
    one, and so is their mean.
    """
    return _estimate(rows, influences("roc-auc", rows, None, classes))


def roc_auc_of(rows: Rows, of: int, classes: int) -> Estimate:
    """Return the chance that an image of the class scores higher for it than another image."""
    return _estimate(rows, influences("roc-auc", rows, of, classes))


def average_precision(rows: Rows, classes: int) -> Estimate:
    """Return the mean over the classes that have images of the average precision."""
    return _estimate(rows, influences("average-precision", rows, None, classes))


def average_precision_of(rows: Rows, of: int, classes: int) -> Estimate:
    """Return the precision of the class, averaged over the thresholds at its images.

    The share of the class in the data is what chance would reach, so that the value speaks for this
    mix of classes only.
    """
    return _estimate(rows, influences("average-precision", rows, of, classes))


def influences(name: str, rows: Rows, of: int | None, classes: int) -> Influences | Undefined:
    """Return the area ``name``, roc-auc or average-precision, and what each image adds to it."""
    area, method = {
        "roc-auc": (_roc_area, "DeLong"),
        "average-precision": (_precision_area, "linearised average precision"),
    }[name]
    if of is None:
        return _mean_area(rows, classes, area, method)
    return _area_of(rows, of, classes, area, method)


def top_k_accuracy(rows: Rows, k: int) -> Share | Undefined:
    """Return the share of images whose class is among the ``k`` that score highest.

    Classes that score the same as the true one do not count as higher.
    """
    if (rows.true_rank < 0).any():
        return Undefined(NO_SCORES)
    return share_of(rows.true_rank < k, tables.group_codes(rows), NO_IMAGES)


def scores_for(rows: Rows, of: int, classes: int) -> Reals | None:
    """Return the score of a class for each image, (n,); None where it was not kept."""
    if rows.scores is not None:
        return rows.scores[:, of].astype(np.float64)
    if classes != 2 or np.isnan(rows.true_score).any():
        return None
    return np.where(rows.labels == of, rows.true_score, 1 - rows.true_score)


def _area_of(rows: Rows, of: int, classes: int, area: Area, method: str) -> Influences | Undefined:
    positive = rows.labels == of
    if positive.all() or not positive.any():
        return Undefined(NO_OTHER_IMAGES if len(rows) and positive.all() else NO_IMAGES_OF_CLASS)
    scores = scores_for(rows, of, classes)
    if scores is None:
        return Undefined(NO_SCORES)
    value, influence = area(positive, scores)
    return Influences(value, influence, positive.astype(np.int64), method)


def _mean_area(rows: Rows, classes: int, area: Area, method: str) -> Influences | Undefined:
    present = np.unique(rows.labels)
    if len(present) < 2:
        return Undefined(NO_OTHER_IMAGES if len(present) else NO_IMAGES)
    values, influence = [], np.zeros(len(rows))
    for of in present.tolist():
        scores = scores_for(rows, of, classes)
        if scores is None:
            return Undefined(NO_SCORES)
        value, each = area(rows.labels == of, scores)
        values.append(value)
        influence += each / len(present)
    strata = rows.labels.astype(np.int64)
    return Influences(float(np.mean(values)), influence, strata, f"{method}, mean of classes")


def _estimate(rows: Rows, area: Influences | Undefined) -> AreaUnderCurve | Undefined:
    """Return the area with the standard error that the influence of the images gives.

    It is not centred within a class: what the mix of classes adds to the variance is kept. For AUC,
    where it adds nothing, this is DeLong's variance. A class of one image shows no spread.
    """
    if isinstance(area, Undefined):
        return area
    value, influence, strata = area.value, area.of_images, area.strata
    scale = f"{area.method}, logit scale"
    codes = tables.group_codes(rows)
    if codes is not None and tables.clustered(rows):
        totals = tables.sums_by(influence, codes, int(codes.max()) + 1)
        groups = len(totals)
        spread = ((totals - totals.mean()) ** 2).sum() * groups / max(groups - 1, 1)
        return AreaUnderCurve(value, _root(spread), f"{scale}, images summed by group", groups)
    spread = 0.0
    for stratum in np.unique(strata):
        each = np.sort(influence[strata == stratum])  # sorted: the order of rows adds no rounding
        if len(each) == 1:
            return AreaUnderCurve(value, math.nan, scale)
        spread += float((each**2).sum()) * len(each) / (len(each) - 1)
    return AreaUnderCurve(value, _root(spread), scale)


def _root(spread: float) -> float:
    # Sums of influences that cancel leave a rounding behind: that is no spread.
    return math.sqrt(spread) if spread > 1e-24 else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class _Steps:
    """Counts at and above each distinct score, from the highest, (distinct,); where rows lie."""

    right: Reals
    wrong: Reals
    step: Counts  # (n,) the index of each row's score


def _steps(positive: NDArray[np.bool_], scores: Reals) -> _Steps:
    _, step = np.unique(-scores, return_inverse=True)
    step = step.ravel()
    at = np.bincount(step)
    right = np.bincount(step, weights=positive)
    return _Steps(np.cumsum(right), np.cumsum(at - right), step)


def _roc_area(positive: NDArray[np.bool_], scores: Reals) -> tuple[float, Reals]:
    """Return the area under the ROC curve and what each image adds to it, (n,)."""
    steps = _steps(positive, scores)
    right, wrong = steps.right[-1], steps.wrong[-1]
    value = _trapezoids(steps)
    above_right = np.concatenate([[0.0], steps.right[:-1]])
    above_wrong = np.concatenate([[0.0], steps.wrong[:-1]])
    # Of a positive: the share of negatives below it; of a negative: of positives above; ties half.
    beaten = 1 - (above_wrong + steps.wrong)[steps.step] / 2 / wrong
    beaten_by = (above_right + steps.right)[steps.step] / 2 / right
    influence = np.where(positive, (beaten - value) / right, (beaten_by - value) / wrong)
    return value, influence


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


def _precision_area(positive: NDArray[np.bool_], scores: Reals) -> tuple[float, Reals]:
    """Return the average precision and its derivative by the weight of each image, (n,)."""
    steps = _steps(positive, scores)
    total = steps.right[-1]
    taken = steps.right + steps.wrong
    precision, recall = steps.right / taken, steps.right / total
    gained = np.diff(recall[::-1], append=0.0)
    value = max(0.0, float(-np.sum(gained * precision[::-1])))
    here = np.diff(steps.right, prepend=0.0)  # positives at each score
    # One more image at a score is counted at every threshold at or below it.
    if_right = np.cumsum((here * steps.wrong / taken**2)[::-1])[::-1]
    if_wrong = np.cumsum((here * steps.right / taken**2)[::-1])[::-1]
    influence = np.where(
        positive, precision[steps.step] - value + if_right[steps.step], -if_wrong[steps.step]
    )
    return value, influence / total
