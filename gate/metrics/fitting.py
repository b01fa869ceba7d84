"""Thresholds that are fitted on the validation split, each to reach a target.

A target is reached in truth but for a chance of ``delta`` (0.002), and the test split proves it
once more by the ordinary rules. With ``delta`` at 0.05 a model exactly at the target would still
be accepted, and one that was fitted would pass its test half of the time only.
"""

import json
import math
from dataclasses import replace
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from gate.evidence.operating_point import (
    DELTA,
    Costs,
    Fit,
    FittedOn,
    OperatingPoint,
    Threshold,
    threshold_of_calibrated,
)
from gate.evidence.records import Evidence, Rows, Split
from gate.metrics import tables
from gate.metrics.estimates import Undefined
from gate.metrics.proportions import Counts, Reals, exact_lower, exact_upper, share_of
from gate.metrics.row_sets import RowSet, row_sets

RANKS = 20  # at which a precision is looked at
_HALVINGS = 16  # of the way to the nearest precision
_NEVER = -math.inf  # the score of an image that an earlier class of the order has taken
_LEAST = 0.0  # the threshold that every score meets

Found = tuple[
    float | None, float | None
]  # the threshold, and the nearest target where there is none


def threshold_for_recall(scores: Reals, recall: float, delta: float = DELTA) -> float | None:
    """Return the highest threshold with the recall in truth, but for a chance of ``delta``.

    ``scores``, (n,), are those of the images of the class. An order statistic (Wilks 1941). None
    where even the lowest score leaves a higher chance: fewer than ln(delta) / ln(recall) images.
    """
    missed = _most_of(len(scores), 1 - recall, delta)
    if missed is None:
        return None
    found = float(np.sort(scores)[missed])
    return None if found == _NEVER else found


def threshold_for_fpr(scores: Reals, fpr: float, delta: float = DELTA) -> float | None:
    """Return the lowest threshold with the false-positive rate in truth, but for ``delta``.

    ``scores``, (n,), are those of the images of other classes; the threshold lies a float above the
    first of them that it keeps out. None where no image taken would still leave a higher chance.
    """
    taken = _most_of(len(scores), fpr, delta)
    if taken is None:
        return None
    found = float(np.sort(scores)[::-1][taken])
    return _LEAST if found == _NEVER else float(np.nextafter(found, np.inf))


def threshold_for_precision(
    scores: Reals,
    right: NDArray[np.bool_],
    precision: float,
    delta: float = DELTA,
    codes: Counts | None = None,
) -> float | None:
    """Return the lowest of 20 thresholds with the precision in truth, but for ``delta``.

    ``scores`` and whether each image is ``right``ly of the class, both (n,), are of all images;
    ``codes``, (n,), number the groups that they come in. Precision does not fall steadily as a
    threshold does, so that each of the 20 has its share of ``delta`` (Bonferroni); given the scores
    the labels are independent and unequal, which makes the bound careful (Hoeffding 1956). None
    where none of them has it.
    """
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] > _NEVER]
    ranked, hits = scores[order], right[order]
    images = len(ranked)
    if not images:
        return None
    first = math.ceil(math.log(delta / RANKS) / math.log(precision))
    found: float | None = None
    for rank in sorted(set(np.rint(np.geomspace(min(first, images), images, RANKS)).astype(int))):
        taken = int(np.searchsorted(-ranked, -ranked[rank - 1], side="right"))  # with all ties
        share = share_of(hits[:taken], None if codes is None else codes[order[:taken]], "")
        if share.lower(1 - delta / RANKS) >= precision:
            found = float(ranked[taken - 1])
    return found


def _nearest_precision(
    scores: Reals, right: NDArray[np.bool_], precision: float, codes: Counts | None
) -> float | None:
    """Return about the highest precision below one that a threshold reaches; None for none."""
    low, high = 0.0, precision
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        reached = threshold_for_precision(scores, right, middle, DELTA, codes) is not None
        low, high = (middle, high) if reached else (low, middle)
    return low or None


def threshold_for_cost(scores: Reals, of_class: NDArray[np.bool_], costs: Costs) -> float:
    """Return the threshold with the smallest mean cost of the images, the lowest of equal ones.

    ``scores`` and whether each image is of the class, both (n,). Where no threshold is cheaper than
    to never answer the class, it lies a float above the highest score.
    """
    finite = scores[scores > _NEVER]
    above = np.nextafter(finite.max(initial=_LEAST), np.inf)
    candidates = np.append(np.unique(finite), above)
    taken = [
        len(each) - np.searchsorted(np.sort(each), candidates)
        for each in (scores[of_class], scores[~of_class])
    ]
    total = taken[0] * (costs.true_positive - costs.false_negative)
    total = total + taken[1] * (costs.false_positive - costs.true_negative)
    return float(candidates[int(np.argmin(total))])


def _most_of(images: int, share: float, delta: float) -> int | None:
    """Return the most events j with P(Bin(images, share) <= j) <= delta; None where 0 are likelier.

    Fewer than all images, so that there is a score to name.
    """
    from scipy.special import bdtr

    chances = bdtr(np.arange(images, dtype=np.float64), images, share)
    likely = int(np.searchsorted(chances, delta, side="right"))
    return likely - 1 if likely else None


def _grouped_recall(scores: Reals, codes: Counts, recall: float, delta: float) -> Found:
    """Return the highest threshold whose padded lower bound of recall meets the target."""
    steps = np.unique(scores[scores > _NEVER])

    def least(step: int) -> float:
        share = share_of(scores >= steps[step], codes, "no images")
        return math.nan if isinstance(share, Undefined) else share.lower(1 - delta)

    if not len(steps):
        return None, None
    if not least(0) >= recall:
        return None, None if math.isnan(least(0)) else least(0)
    low, high = 0, len(steps)  # it holds at low, and not at high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if least(middle) >= recall else (low, middle)
    return float(steps[low]), None


def _grouped_fpr(scores: Reals, codes: Counts, fpr: float, delta: float) -> Found:
    """Return the lowest threshold whose padded upper bound of the false-positive rate meets it."""
    steps = np.append(_LEAST, np.nextafter(np.unique(scores[scores > _NEVER]), np.inf))

    def most(step: int) -> float:
        share = share_of(scores >= steps[step], codes, "no images")
        return math.nan if isinstance(share, Undefined) else share.upper(1 - delta)

    last = len(steps) - 1
    if not most(last) <= fpr:
        return None, None if math.isnan(most(last)) else most(last)
    if most(0) <= fpr:
        return float(steps[0]), None
    low, high = 0, last  # it holds at high, and not at low
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if most(middle) <= fpr else (middle, high)
    return float(steps[high]), None


def find_threshold(rows: Rows, of: int, fit: Fit, taken: NDArray[np.bool_]) -> Found:
    """Return the threshold of the class ``of`` that reaches a target on validation rows.

    ``taken``, (n,), are the images that an earlier class of the order answers. With no threshold,
    the nearest target that one reaches, None where no image speaks of it. Bounds are padded where
    images come in groups.
    """
    assert rows.scores is not None, "there are scores"
    scores = np.where(taken, _NEVER, rows.scores[:, of].astype(np.float64))
    of_class = rows.labels == of
    codes = tables.group_codes(rows) if tables.has_clusters(rows) else None
    goal = fit.goal if fit.goal is not None else math.nan
    match fit.target:
        case "recall" if codes is not None:
            return _grouped_recall(scores[of_class], codes[of_class], goal, DELTA)
        case "recall":
            mine = scores[of_class]
            found = threshold_for_recall(mine, goal)
            free = int(np.count_nonzero(mine > _NEVER))
            nearest = exact_lower(free, len(mine), 1 - DELTA) if len(mine) else None
            return found, nearest if found is None else None
        case "fpr" if codes is not None:
            return _grouped_fpr(scores[~of_class], codes[~of_class], goal, DELTA)
        case "fpr":
            others = scores[~of_class]
            found = threshold_for_fpr(others, goal)
            nearest = exact_upper(0, len(others), 1 - DELTA) if len(others) else None
            return found, nearest if found is None else None
        case "precision":
            found = threshold_for_precision(scores, of_class, goal, DELTA, codes)
            if found is not None:
                return found, None
            return None, _nearest_precision(scores, of_class, goal, codes)
        case "cost":
            assert fit.costs is not None, "a fit by cost has costs"
            if not of_class.any() or of_class.all():
                return None, None
            return threshold_for_cost(scores, of_class, fit.costs), None


def rows_to_fit_on(evidence: Evidence) -> Rows | None:
    """Return the rows of validation as given, copies as one observation; None without any.

    Who lists an image forty times has not looked at forty.
    """
    measured = evidence.splits.get(Split.VALIDATION)
    if measured is None:
        return None
    given = replace(measured, rows=measured.all_rows)
    whole = replace(evidence, splits={Split.VALIDATION: given})
    sets = row_sets(whole, Split.VALIDATION)
    return sets.get(RowSet.JOINED, sets[RowSet.GIVEN])


def fitted(declared: OperatingPoint, evidence: Evidence) -> OperatingPoint:
    """Return an operating point with the thresholds that its fits find on the evidence.

    Those that are given stay. The same for the same evidence, whoever asks.
    """
    if not declared.is_fitted:
        return replace(declared, fitted_on=None)
    rows = rows_to_fit_on(evidence)
    if rows is None or rows.scores is None or np.isnan(rows.scores).any():
        return _not_fitted(declared)
    taken = np.zeros(len(rows), dtype=bool)
    order: list[Threshold] = []
    for each in declared.order:
        label = evidence.classes.index(each.class_name)
        least, nearest = each.at_least, None
        if each.fit is not None and each.fit.costs is not None and each.fit.costs.calibrated:
            least = threshold_of_calibrated(each.fit.costs)
        if each.fit is not None and each.fit.needs_rows:
            is_known = all(before.at_least is not None for before in order)
            least, nearest = (
                find_threshold(rows, label, each.fit, taken) if is_known else (None, None)
            )
        order.append(replace(each, at_least=least, nearest=nearest))
        if least is not None:
            taken = taken | (rows.scores[:, label] >= np.float64(least))
    given = evidence.splits[Split.VALIDATION].rows
    return replace(declared, order=tuple(order), fitted_on=_rows_of(given))


def _not_fitted(declared: OperatingPoint) -> OperatingPoint:
    order = tuple(
        each
        if each.fit is None or not each.fit.needs_rows
        else replace(each, at_least=None, nearest=None)
        for each in declared.order
    )
    return replace(declared, order=order, fitted_on=None)


def _rows_of(rows: Rows) -> FittedOn:
    """Return how many rows there are, and a digest over their names and what a fit looks at."""
    groups = None if rows.groups is None else rows.groups.tolist()
    digest = sha256(json.dumps([rows.ids.tolist(), groups]).encode())
    digest.update(rows.labels.astype("<i4").tobytes())
    assert rows.scores is not None, "there are scores"
    digest.update(rows.scores.astype("<f4").tobytes())
    return FittedOn("validation", len(rows), digest.hexdigest())
