"""Rows in the order of logging become one entry an epoch.

Sparse rows of one epoch are joined. A step back in the epochs is a training that was resumed, and
what it repeats replaces what was thrown away: the checkpoint comes from the later rows.
"""

import math
from bisect import bisect_left
from dataclasses import dataclass, field
from pathlib import Path

from gate.errors import HistoryError
from gate.subject.histories.columns import counts, counts_epochs, epoch_column, refuse_text
from gate.subject.histories.passes import passes
from gate.subject.histories.table import Row, Table
from gate.wording import quote

MOST_EPOCHS = 100_000
MOST_REWINDS = 1000  # a training is resumed a few times


@dataclass(slots=True)
class Timeline:
    """Epochs, increasing, with what was logged in each; built row by row."""

    epochs: list[float] = field(default_factory=list)
    entries: dict[float, dict[str, float]] = field(default_factory=dict)
    repeated: set[str] = field(default_factory=set)  # columns with several values in an epoch
    rewinds: int = 0
    discarded: int = 0  # epochs that a resumed training replaced
    _latest: dict[str, float] = field(default_factory=dict)  # column -> its last epoch

    def add(self, epoch: float, values: dict[str, float]) -> None:
        """Join ``values`` to ``epoch``; first drop what comes from it on, if they log it again."""
        if any(self._latest.get(column, -math.inf) > epoch for column in values):
            self._rewind(epoch)
        if epoch not in self.entries:
            self.epochs.insert(bisect_left(self.epochs, epoch), epoch)
            self.entries[epoch] = {}
        entry = self.entries[epoch]
        for column, value in values.items():
            if column in entry:
                self.repeated.add(column)
                # One NaN in an epoch is a NaN of that epoch, whatever was logged after it.
                value = value if math.isfinite(entry[column]) else entry[column]
            entry[column] = value
            self._latest[column] = max(epoch, self._latest.get(column, epoch))

    def _rewind(self, epoch: float) -> None:
        first = bisect_left(self.epochs, epoch)
        for dropped in self.epochs[first:]:
            del self.entries[dropped]
        self.rewinds += 1
        self.discarded += len(self.epochs) - first
        del self.epochs[first:]
        end = self.epochs[-1] if self.epochs else -math.inf
        self._latest = {column: min(last, end) for column, last in self._latest.items()}


def timeline(path: Path, table: Table, train_loss: str | None = None) -> tuple[Timeline, list[str]]:
    """Return the epochs of ``table`` and notes on how they were found.

    Steps that start again with each epoch are told by the ``train_loss``, which goes on.
    HistoryError is raised for epochs that are no numbers, that are in no order, and for too many.
    """
    key = epoch_column(table)
    epochs, notes = _number(path, table, key, train_loss)
    line = Timeline()
    for epoch, row in zip(epochs, table.rows, strict=True):
        values = {name: value for name, value in row.items() if _measured(name, value)}
        line.add(epoch, {name: value for name, value in values.items() if value is not None})
        if line.rewinds > MOST_REWINDS or len(line.epochs) > MOST_EPOCHS:
            break
    many = line.rewinds > MOST_REWINDS
    if many or (line.rewinds >= 2 and line.rewinds * 3 > len(table.rows) - 1):
        fact = f"column {quote(key or '')} goes back {line.rewinds} times in {len(table.rows)} rows"
        raise HistoryError(str(path), fact, "sort the rows in the order of training")
    if len(line.epochs) > MOST_EPOCHS:
        fact = f"has more than {MOST_EPOCHS} epochs or steps"
        raise HistoryError(str(path), fact, "keep one row an epoch")
    if line.rewinds:
        notes.append(
            f"column {quote(key or '')} goes back {_times(line.rewinds)}: training was resumed, "
            f"and later rows replace {line.discarded} earlier epochs"
        )
    return line, notes


def _number(
    path: Path, table: Table, key: str | None, train_loss: str | None
) -> tuple[list[float], list[str]]:
    """Return the epoch of each row, and a note where no column counts them."""
    epochs = _epochs(path, table, key)
    if key is None:
        return epochs, ["no column counts epochs: the rows are numbered from 0"]
    found = None if counts_epochs(key) else passes(path, table, key, epochs, train_loss)
    if found is None:
        return epochs, []
    return found, [f"column {quote(key)} starts again with each epoch: they are numbered from 0"]


def _measured(name: str, value: float | None) -> bool:
    return value is not None and not counts(name)


def _epochs(path: Path, table: Table, key: str | None) -> list[float]:
    """Return the epoch of each row; one without belongs to the next row that has one."""
    if key is None:
        return [float(index) for index in range(len(table.rows))]
    refuse_text(path, table, key)
    epochs: list[float] = []
    following: float | None = None
    for row in reversed(table.rows):
        following = _epoch(path, row, key, following)
        epochs.append(following if following is not None else math.nan)
    epochs.reverse()
    last = next(epoch for epoch in reversed(epochs) if not math.isnan(epoch))
    return [last if math.isnan(epoch) else epoch for epoch in epochs]


def _epoch(path: Path, row: Row, key: str, following: float | None) -> float | None:
    epoch = row.get(key)
    if epoch is None:
        return following
    if not math.isfinite(epoch):
        fact = f"column {quote(key)} holds {epoch}"
        raise HistoryError(str(path), fact, "number the epochs")
    return epoch


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
