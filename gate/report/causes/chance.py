"""The model is hardly better than chance, on train as on test."""

import numpy as np
from numpy.typing import NDArray

from gate.evidence.records import Rows, Split
from gate.evidence.synthetic_run import SyntheticRun
from gate.metrics.rates import MEAN_RECALL, balanced_accuracy
from gate.metrics.tables import confusion
from gate.report.causes.cause import ANSWERS, Cause, Facts, Finding

_FEWEST = 2  # classes that have images
_SKILL = 0.1  # from 0, chance, to 1, always right
_AT_MOST = 0.2  # its upper bound
_CONFIDENCE = 0.95


def find(facts: Facts) -> Finding | None:
    """Return the cause where balanced accuracy is near that of a guess on both splits."""
    train, test = facts.rows_of(Split.TRAIN), facts.rows_of(Split.TEST)
    if train is None or test is None:
        return None
    on_train, on_test = (_if_chance(rows, facts.classes) for rows in (train, test))
    if on_train is None or on_test is None:
        return None
    guess = 1 / len(np.unique(test.labels))
    return Finding(
        message=f"hardly better than chance: balanced accuracy is {on_train:.3f} on train and "
        f"{on_test:.3f} on test, where a guess reaches {guess:.3f}",
        remedy="check that this is the trained checkpoint, then labels and input of training; the "
        "model has not learned even train",
    )


def _if_chance(rows: Rows, classes: int) -> float | None:
    """Return balanced accuracy where it is that of a guess, hardly better, and surely not much."""
    present = np.flatnonzero(confusion(rows, classes).sum(axis=1))
    chance = 1 / len(present)
    if len(present) < _FEWEST or not _is_near(_value(rows, classes, present), chance):
        return None
    found = balanced_accuracy(rows, classes, present.tolist())
    is_sure = found.upper(_CONFIDENCE) <= chance + _AT_MOST * (1 - chance)
    return found.value if is_sure else None


def _is_near(value: float, chance: float) -> bool:
    """Return whether a value is hardly better; far below chance is no guess either."""
    return abs(value - chance) <= _SKILL * (1 - chance)


def _value(rows: Rows, classes: int, present: NDArray[np.intp]) -> float:
    """Return balanced accuracy without its bounds, which take longer."""
    over = np.isin(np.arange(rows.answers(classes)), present)
    return MEAN_RECALL.value(confusion(rows, classes).astype(np.float64), over)


CHANCE = Cause(
    kind="chance",
    find=find,
    families=ANSWERS,
    evidence="On train and on test each, balanced accuracy is that of a guess: within a tenth of "
    "the way from guessing to always being right, and at most a fifth above with "
    f"{_CONFIDENCE * 100:g} % confidence.",
    example=SyntheticRun(train=((260, 240), (230, 270)), test=((155, 145), (150, 150))),
)
