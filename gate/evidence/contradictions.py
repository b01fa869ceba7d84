"""Rows must not contradict themselves: answers fit their scores, labels are classes.

It is looked for wherever rows are read again: in saved evidence, in shards, in the cache. It says
nothing of whether a model gave these answers; it says that no model can have.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gate.evidence.columns import OBSERVED, ROWS
from gate.evidence.kept_scores import Kept, KeptScores, fault_of, is_kept, was_kept
from gate.evidence.records import UNLABELLED, Rows

ROUNDING = 2e-7  # scores are kept as float32, what was computed from them as float64
SLACK = 1e-3  # by which a model's own probabilities may lie outside [0, 1]
_CELLS = 1 << 16  # scores that are looked at together: they stay in the processor's cache

_NO_COLUMN = "is not one value of its type a row"

_Flags = NDArray[np.bool_]  # (n,)


class Contradiction(ValueError):  # noqa: N818 -- named for what is found
    """What was read cannot be what was measured; ``place`` lies inside of what was read."""

    def __init__(self, place: str, fact: str) -> None:
        self.place = place
        self.fact = fact
        super().__init__(f"{place}: {fact}")


def require_sound_rows(
    rows: Rows, classes: int, *, place: str, synthetic: bool = False, labelled: bool = True
) -> None:
    """Raise Contradiction where rows of one split are not what a model can have answered.

    ``place`` is the split. Only rows that are ``made_up`` may have no scores at all: then they are
    NaN. Of equal scores any may be the prediction. Where images are not ``labelled``, none may have
    a label, and all else is as if each answer were right.
    """
    _require_columns(rows, classes, place)
    _require_names(rows, place)
    if not labelled:
        known = (rows.labels != UNLABELLED) | (rows.true_rank != -1) | ~np.isnan(rows.true_score)
        _refuse(rows, known, place, "has a label, and is of a split without")
        right = np.zeros(len(rows), dtype=np.int32)
        rows = replace(rows, labels=rows.predictions, true_score=rows.confidence, true_rank=right)
    for bad, fact in _of_classes(rows, classes):
        _refuse(rows, bad, place, fact)
    if synthetic and rows.scores is None and np.isnan(rows.confidence).all():
        return
    for bad, fact in (*_of_answers(rows, classes), *_of_scores(rows)):
        _refuse(rows, bad, place, fact)


def _require_columns(rows: Rows, classes: int, place: str) -> None:
    """Raise Contradiction where a column is not as long as the others, or of another type."""
    for each in ROWS:
        if each.fits(getattr(rows, each.field), len(rows), classes):
            continue
        if each.shape:
            fact = f"its {each.field} are not one for each of the {classes} classes"
            raise Contradiction(place, fact)
        raise Contradiction(f"{place}: {each.field}", _NO_COLUMN)
    for name, column in {"id": rows.ids, "group": rows.groups, **rows.slices}.items():
        where = f"{place}: {name!r:.80}"
        if column is None:
            continue
        if column.dtype != np.object_ or column.shape != (len(rows),):
            raise Contradiction(where, _NO_COLUMN)
        if not set(map(type, column.tolist())) <= {str, type(None)}:
            raise Contradiction(where, "holds something that is no text")
    for (key, name), values in rows.observations.items():
        where = f"{place}: {name!r:.80} of {key!r:.80}"
        if is_kept(values) and len(values) == len(rows):  # in a part, whose images all were asked
            _require_scores(values[was_kept(values)], classes, where)
            continue
        if values.dtype not in OBSERVED or values.shape != (len(rows),):
            raise Contradiction(where, _NO_COLUMN)
        if np.isinf(values).any():
            raise Contradiction(where, "holds an infinity, which nothing can observe")
    for (key, name), kept in rows.kept.items():
        _require_kept(kept, len(rows), classes, f"{place}: {name!r:.80} of {key!r:.80}")


def _require_kept(kept: KeptScores, rows: int, classes: int, place: str) -> None:
    """Raise Contradiction where kept scores are not of the rows, or of no model."""
    of_rows = kept.places
    if of_rows.dtype != np.int32 or of_rows.shape != (rows,):
        raise Contradiction(place, _NO_COLUMN)
    if rows and not (of_rows.min() >= -1 and of_rows.max() < len(kept.values)):
        raise Contradiction(place, "are of other images")
    _require_scores(kept.values, classes, place)


def _require_scores(values: Kept, classes: int, place: str) -> None:
    if fault := fault_of(values, classes):
        raise Contradiction(place, f"its scores {fault}")


def _require_names(rows: Rows, place: str) -> None:
    """Raise Contradiction where an image has no name, or that of another."""
    names: list[str | None] = rows.ids.tolist()
    known = set(names)
    if None in known:
        raise Contradiction(place, f"its row {names.index(None)} has no id")
    if len(known) == len(names):
        return
    for name in names:
        if name not in known:
            raise Contradiction(f"{place}: {name!r:.80}", "is there more than once")
        known.remove(name)


def _of_classes(rows: Rows, classes: int) -> Iterator[tuple[_Flags, str]]:
    counted = f"and the {classes} classes are counted from 0"
    yield (rows.labels < 0) | (rows.labels >= classes), f"its label is {{label}}, {counted}"
    yield (
        (rows.predictions < 0) | (rows.predictions >= classes),
        f"its prediction is {{prediction}}, {counted}",
    )


def _of_answers(rows: Rows, classes: int) -> Iterator[tuple[_Flags, str]]:
    """Yield which rows are wrong, and what is wrong there: what needs no other class's score."""
    sure, margin, true, rank = rows.confidence, rows.margin, rows.true_score, rows.true_rank
    right = rows.labels == rows.predictions
    yield (
        ~((sure >= -SLACK) & (sure <= 1 + SLACK)),
        "its confidence is {confidence}, which is no probability",
    )
    yield (
        ~((margin >= -ROUNDING) & (margin <= sure + SLACK)),
        "the margin of its prediction is {margin}, and its confidence {confidence}",
    )
    yield (
        ~((true >= -SLACK) & (true <= sure + ROUNDING)),
        "its true class has the score {true_score}, and its prediction only {confidence}",
    )
    yield (
        (rank < 0) | (rank >= classes),
        f"its true class has the rank {{true_rank}}, and there are {classes} classes",
    )
    yield (
        right != (rank == 0),
        "its label is {label}, its prediction {prediction}, the rank of its true class {true_rank}",
    )
    yield (
        ~np.where(right, true >= sure - ROUNDING, true <= sure - margin + ROUNDING),
        "its true class has the score {true_score}, its prediction {confidence}, {margin} more",
    )


def _of_scores(rows: Rows) -> Iterator[tuple[_Flags, str]]:
    """Yield which rows are wrong, and what is wrong there, where all scores were kept."""
    if rows.scores is None or not len(rows):
        return
    step = max(1, _CELLS // rows.scores.shape[1])
    found = [_compare(rows, slice(at, at + step)) for at in range(0, len(rows), step)]
    facts = (
        "one of its scores is no probability",
        "its prediction {prediction} does not have the highest of its scores",
        "its confidence is {confidence}, which is not the highest of its scores",
        "the margin of its prediction is {margin}, which is not that of its scores",
        "its true class has the score {true_score}, which is not that of its scores",
        "its true class has the rank {true_rank}, which is not that of its scores",
    )
    for bad, fact in zip(zip(*found, strict=True), facts, strict=True):
        yield np.concatenate(bad), fact


def _compare(rows: Rows, part: slice) -> tuple[_Flags, ...]:
    """Return which rows of a part contradict their scores, once for each way to do so.

    float32 keeps the order of the float64 scores that answers were made of, and makes some equal.
    """
    assert rows.scores is not None, "they were kept"
    scores = rows.scores[part].T.copy()  # a row a class: it is gone over faster
    images = np.arange(scores.shape[1])
    labels, predictions = rows.labels[part], rows.predictions[part]
    lowest, top = scores.min(axis=0), scores.max(axis=0)
    guess, truth = scores[predictions, images], scores[labels, images]
    higher = (scores > truth).sum(axis=0)
    as_high = (scores >= truth).sum(axis=0) - 1
    scores[predictions, images] = -np.inf
    second = scores.max(axis=0)
    rank = rows.true_rank[part]

    def differs(kept: NDArray[np.float64], score: NDArray[np.float32]) -> _Flags:
        return ~(np.abs(kept - score) <= ROUNDING)

    return (
        ~((lowest >= -SLACK) & (top <= 1 + SLACK)),
        ~(guess >= top - ROUNDING),
        differs(rows.confidence[part], top),
        differs(rows.margin[part], guess - second),
        differs(rows.true_score[part], truth),
        (rank < higher) | (rank > as_high),
    )


def _refuse(rows: Rows, bad: _Flags, place: str, fact: str) -> None:
    """Raise Contradiction for the first row that is ``bad``, and say how many are.

    ``fact`` has the names of columns in braces, for the values of that row.
    """
    if not bad.any():
        return
    row, count = int(bad.argmax()), int(np.count_nonzero(bad))
    more = f" ({count:,} such images)" if count > 1 else ""
    said = fact.format(
        label=rows.labels[row],
        prediction=rows.predictions[row],
        confidence=f"{rows.confidence[row]:.6g}",
        margin=f"{rows.margin[row]:.6g}",
        true_score=f"{rows.true_score[row]:.6g}",
        true_rank=rows.true_rank[row],
    )
    raise Contradiction(f"{place}: {rows.ids[row]!r:.80}", said + more)
