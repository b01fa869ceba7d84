"""Answers at an operating point: from the scores of an image to the class that is its answer.

Every metric of answers sees these; ranking, loss and calibration see the scores.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gate.evidence.agreement import MADE_UP
from gate.evidence.data_digests import PREDICTIONS
from gate.evidence.kept_scores import BEST, Kept, KeptScores, scores_in
from gate.evidence.operating_point import DELTA, OperatingPoint, Threshold
from gate.evidence.records import Evidence, Failure, Labels, Numbers, PairKind, Rows, Split
from gate.keys import shared_groups

ABSTAIN = -1  # the answer that is none of the classes

_AT_ONCE = 4096  # rows
_MOST_SAID = 3  # thresholds

Order = Sequence[tuple[int, float]]  # a class and the score from which on it is the answer


def answers_at(
    scores: NDArray[np.float32] | NDArray[np.float64], order: Order, *, abstains: bool = False
) -> Labels:
    """Return the answer to each image, (n,), by its ``scores``, (n, classes), none of them NaN.

    It is the first class of the order whose threshold is met. Where none is, it is the best of the
    classes that the order does not list, of all where it lists each, the first of equal ones; or
    -1 where the point ``abstains``.
    """
    answers = np.full(len(scores), ABSTAIN, dtype=np.int32)
    is_open = np.ones(len(scores), dtype=bool)
    for label, least in order:
        # As float64: float32 has no number between a score and the next.
        met = is_open & (scores[:, label] >= np.float64(least))
        answers[met] = label
        is_open &= ~met
    if not abstains:
        listed = {label for label, _ in order}
        every = range(scores.shape[1])
        others = np.array([label for label in every if label not in listed] or every)
        answers[is_open] = others[scores[np.ix_(is_open, others)].argmax(axis=1)]
    return answers


def order_of(point: OperatingPoint, classes: Sequence[str]) -> Order:
    """Return the order of a point, all of whose thresholds are known, by the index of the class."""
    return [
        (list(classes).index(each.class_name), each.at_least)
        for each in point.order
        if each.at_least is not None
    ]


def rows_at(rows: Rows, point: OperatingPoint, classes: Sequence[str]) -> Rows:
    """Return rows with the answers at a point, all of whose thresholds are known.

    Raises ValueError, in words, where the rows have no scores to tell them by.
    """
    if rows.scores is None:
        raise ValueError("no scores were kept, so there is nothing to compare with a threshold")
    if np.isnan(rows.scores).any():
        raise ValueError("a score is NaN, which meets no threshold and fails none")
    abstains = point.otherwise == "abstain"
    answers = answers_at(rows.scores, order_of(point, classes), abstains=abstains)
    return replace(rows, predictions=answers, abstains=abstains)


class Untold(ValueError):  # noqa: N818 -- named for what is found
    """Kept scores do not tell an answer; the text says which, and ``remedy`` what to do."""

    def __init__(self, fact: str, remedy: str) -> None:
        super().__init__(fact)
        self.remedy = remedy


def answers_again(
    evidence: Evidence, rows: Rows, column: tuple[str, str], predictions: Numbers
) -> Labels:
    """Return the answers to images that were asked again, (n,), as those to the images themselves.

    ``predictions`` are the classes with the highest scores, -1 where there are none; ``column`` is
    that of the scores which were kept. At an operating point all whose thresholds are known the
    answers are formed by it. Raises Untold where the evidence does not tell them.
    """
    point = evidence.configuration.operating_point
    if point is None or point.unreached:
        return predictions.astype(np.int32)
    kept = rows.kept.get(column)
    if kept is None or (kept.known != (predictions >= 0)).any():
        measurement, name = column
        fact = f"the evidence does not keep the {name} of {measurement}, nor answers by thresholds"
        raise Untold(fact, "measure again with this policy")
    return answers_by_kept(kept, point, evidence.classes)


def answers_by_kept(kept: KeptScores, point: OperatingPoint, classes: Sequence[str]) -> Labels:
    """Return the answers at a point, (n,), all of whose thresholds are known, by kept scores.

    Of an image of which no scores were kept it is -1. Where only the best scores were kept, another
    class has at most the lowest of them. Raises Untold where that leaves an answer open.
    """
    answers = np.full(len(kept), ABSTAIN, dtype=np.int32)
    order, abstains = order_of(point, classes), point.otherwise == "abstain"
    values = kept.of_known
    if kept.is_complete:
        answers[kept.known] = answers_at(values, order, abstains=abstains)
        return answers
    if not abstains and BEST <= len(order) < len(classes):
        raise Untold(
            f"the evidence keeps the {BEST} highest of {len(classes):,} scores, and the operating "
            f"point lists {len(order)} classes, so that the best of the others is not known",
            f"list fewer than {BEST} classes, or let the others abstain",
        )
    found = [
        _answers_of_best(values[at : at + _AT_ONCE], order, classes, abstains=abstains)
        for at in range(0, len(values), _AT_ONCE)
    ]
    answers[kept.known] = np.concatenate([np.empty(0, np.int32), *found])
    return answers


def _answers_of_best(
    values: Kept, order: Order, classes: Sequence[str], *, abstains: bool
) -> Labels:
    """Return answers by the best scores, (n, BEST): the same with the others at their extremes."""
    lowest = np.full((len(values), len(classes)), -np.inf, np.float32)
    np.put_along_axis(lowest, values["class"].astype(np.intp), scores_in(values), axis=1)
    answers = answers_at(lowest, order, abstains=abstains)
    highest = lowest.copy()
    for label, _ in order:
        unknown = np.isneginf(lowest[:, label])
        highest[unknown, label] = scores_in(values)[unknown, -1]
    is_open = answers != answers_at(highest, order, abstains=abstains)
    if is_open.any():
        row = int(is_open.argmax())
        label, least = next(
            (label, least)
            for label, least in order
            if np.isneginf(lowest[row, label]) and highest[row, label] >= np.float64(least)
        )
        raise Untold(
            f"the evidence keeps the {BEST} highest of {len(classes):,} scores, and whether "
            f"{classes[label]} reaches {least:g} is not known of every image",
            f"state a threshold of {classes[label]} above {1 / BEST:g}, which is always known, or "
            "take the rule out",
        )
    return answers


def at_operating_point(evidence: Evidence) -> Evidence:
    """Return evidence with the answers at its operating point, and the champion's at its own.

    Rows of which that cannot be told are a failure: then nothing is accepted. Where a threshold is
    missing, because none reaches its target, the rows stay as they are, and rules of answers are
    not judged.
    """
    failures: list[Failure] = []
    splits, point = dict(evidence.splits), evidence.configuration.operating_point
    if point is not None and not point.unreached:
        for name, each in evidence.splits.items():
            rows = _rows_at(each.rows, point, evidence.classes, name, failures)
            splits[name] = replace(each, rows=rows)
    champion = evidence.baseline
    point = None if champion is None else champion.operating_point
    if champion is not None and point is not None:
        champion = replace(
            champion,
            rows={
                name: _rows_at(rows, point, evidence.classes, name, failures)
                for name, rows in champion.rows.items()
            },
        )
    if splits == evidence.splits and champion is evidence.baseline:
        return evidence
    return replace(
        evidence, splits=splits, baseline=champion, failures=(*evidence.failures, *failures)
    )


def _rows_at(
    rows: Rows,
    point: OperatingPoint,
    classes: Sequence[str],
    split: Split,
    failures: list[Failure],
) -> Rows:
    try:
        if point.unreached:
            raise ValueError("the champion has a threshold that was to be fitted and is missing")
        return rows_at(rows, point, classes)
    except ValueError as error:
        failures.append(
            Failure(
                where=f"operating_point on {split}",
                kind="operating-point",
                message=str(error),
                remedy="measure again, or judge the class with the highest score: leave "
                "operating_point: out",
            )
        )
        return rows


def missing_answers(evidence: Evidence) -> str:
    """Return why there are no answers at the operating point, in words; nothing where there are."""
    point = evidence.configuration.operating_point
    return (
        "; ".join(_unreached(each, point) for each in point.unreached) if point is not None else ""
    )


def point_in_words(evidence: Evidence) -> str:
    """Return at which operating point there are answers, as the end of a sentence.

    Nothing where the highest score decides.
    """
    point = evidence.configuration.operating_point
    if point is None:
        return ""
    said = [
        f"{each.class_name} from {each.at_least:.4g}"
        for each in point.order
        if each.at_least is not None
    ]
    others = f" and {len(said) - _MOST_SAID} more" if len(said) > _MOST_SAID else ""
    otherwise = "no answer" if point.otherwise == "abstain" else "the best of the others"
    return f", answered at {', '.join(said[:_MOST_SAID])}{others}, else {otherwise}"


def _unreached(threshold: Threshold, point: OperatingPoint) -> str:
    fit = threshold.fit
    name, goal = threshold.class_name, "" if fit is None or fit.goal is None else f" {fit.goal:g}"
    what = f"{'cost' if fit is None else fit.target}{goal}"
    if threshold.nearest is None:
        return f"no threshold of {name} could be fitted to {what} on validation"
    if threshold.nearest == 0 and threshold != point.order[0]:
        return (
            f"no threshold of {name} reaches {what} on validation: classes before it in the order "
            "take all of its images"
        )
    return (
        f"no threshold of {name} reaches {what} on validation with {100 * (1 - DELTA):g} % "
        f"confidence; the nearest that one reaches is {nearest_in_words(threshold)}"
    )


def nearest_in_words(threshold: Threshold) -> str:
    """Return the nearest target with three decimals, rounded so that it is reached."""
    assert threshold.nearest is not None, "there is one"
    is_rate = threshold.fit is not None and threshold.fit.target == "fpr"
    rounded = (math.ceil if is_rate else math.floor)(1000 * threshold.nearest) / 1000
    return f"{rounded:.3f}"


def doubt_of_fit(evidence: Evidence) -> str:
    """Return why test proves nothing at the operating point, in words; nothing where it can."""
    point = evidence.configuration.operating_point
    return doubt_of_validation(evidence) if point is not None and point.is_fitted else ""


@lru_cache(maxsize=8)  # rules ask it of each set of rows
def doubt_of_validation(evidence: Evidence) -> str:
    """Return why test proves nothing at thresholds that are fitted on validation, in words.

    Those that were fitted on images of test, or on others of the same groups, are what these ask
    for. Images that could not be compared, such as a user's tensors with files, may be the same.
    Nothing where the splits share none.
    """
    validation, test = (evidence.splits.get(each) for each in (Split.VALIDATION, Split.TEST))
    if validation is None or test is None:
        return ""
    pair = {Split.VALIDATION, Split.TEST}
    between = [each for each in evidence.overlaps if {each.split_a, each.split_b} == pair]
    shared = {
        image.b if image.split_b is Split.TEST else image.a
        for overlap in between
        for image in overlap.pairs
    }
    by_images = any(set(each.compared) - {PairKind.ID} for each in between)
    if validation.format not in (MADE_UP, PREDICTIONS) and not by_images:
        return (
            "thresholds were fitted on validation, whose images could not be compared with those "
            "of test: nothing is proven with them"
        )
    if not shared:
        return _doubt_of_groups(validation.all_rows, test.all_rows)
    return (
        f"thresholds were fitted on validation, which has {len(shared):,} of the "
        f"{len(test.all_rows):,} images of test: nothing is proven with them"
    )


def _doubt_of_groups(validation: Rows, test: Rows) -> str:
    """Return that both splits have images of one group, such as a patient; nothing without any."""
    if validation.groups is None or test.groups is None:
        return ""
    names = [
        {str(each) for each in set(groups.tolist()) - {None}}
        for groups in (validation.groups, test.groups)
    ]
    shared = shared_groups(*names)
    if not shared:
        return ""
    return (
        f"thresholds were fitted on validation, which has {len(shared):,} of the "
        f"{len(names[1]):,} groups of test: nothing is proven with them"
    )


def best_answers(rows: Rows) -> Rows:
    """Return rows with the classes with the highest scores as answers, the first of equal ones.

    As they are where there are no scores.
    """
    if rows.scores is None:
        return rows
    return replace(rows, predictions=rows.scores.argmax(axis=1).astype(np.int32), abstains=False)


def by_the_highest_score(evidence: Evidence) -> Evidence:
    """Return evidence whose answers are the classes with the highest scores, at no point."""
    splits = {
        name: replace(each, rows=best_answers(each.rows)) for name, each in evidence.splits.items()
    }
    configuration = replace(evidence.configuration, operating_point=None)
    return replace(evidence, splits=splits, configuration=configuration)
