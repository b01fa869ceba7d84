"""Steps that are counted anew in each epoch: every pass over the data is an epoch."""

import math
from collections.abc import Sequence
from itertools import accumulate, pairwise
from pathlib import Path

from gate.errors import HistoryError
from gate.subject.histories.table import Table
from gate.wording import quote

GLOBAL_STEPS = ("tensorboard", "mlflow-files", "mlflow-sqlite")  # these count on through a training

_REMEDY = "add a column 'epoch', or keep the rows of one training alone"


def passes(
    path: Path, table: Table, key: str, steps: Sequence[float], train_loss: str | None
) -> list[float] | None:
    """Return the epoch of each row, from 0, where the steps of column ``key`` start again in each.

    They do so in three passes or more of the same length, the last one cut short perhaps. None
    where the steps go on, or go back to go on from there: that is a training that was resumed.
    HistoryError is raised where several trainings in one file would look the same.
    """
    starts = [0, *(place + 1 for place, (a, b) in enumerate(pairwise(steps)) if b < a)]
    if len(starts) == 1 or table.format in GLOBAL_STEPS:
        return None
    gap = max((b - a for a, b in pairwise(steps[: starts[1]])), default=0.0)
    if not all(steps[start] == steps[0] or abs(steps[start] - steps[0]) < gap for start in starts):
        return None
    ends = [steps[start - 1] for start in starts[1:]]
    as_long = all(abs(end - ends[0]) <= gap for end in ends) and steps[-1] <= ends[0] + gap
    if len(starts) == 2 or not as_long or _looks_trained_anew(table, starts, train_loss):
        often = "once" if len(starts) == 2 else f"{len(starts) - 1} times"
        fact = f"column {quote(key)} starts again {often}: epochs, or trainings one after another?"
        raise HistoryError(str(path), fact, _REMEDY)
    begun = set(starts[1:])
    return [float(epoch) for epoch in accumulate(place in begun for place in range(len(steps)))]


def _looks_trained_anew(table: Table, starts: Sequence[int], train_loss: str | None) -> bool:
    """Return whether the train loss goes back to where it began at the start of each pass."""
    if train_loss is None:
        return False
    of_each_pass = [
        [value for row in table.rows[start:end] if (value := row.get(train_loss)) is not None]
        for start, end in pairwise([*starts, len(table.rows)])
    ]
    losses = [each for each in of_each_pass if each]
    return len(losses) > 1 and all(
        math.isfinite(after[0]) and abs(after[0] - losses[0][0]) < abs(after[0] - before[-1])
        for before, after in pairwise(losses)
    )
