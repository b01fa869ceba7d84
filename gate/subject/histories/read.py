"""A history is recognised, read, and told: the story of this folder on one screen."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from gate.errors import HistoryError
from gate.evidence.records import History
from gate.subject.histories import mlflow_files, mlflow_sqlite, tensorboard
from gate.subject.histories.accuracies import as_fractions
from gate.subject.histories.columns import Columns, choose
from gate.subject.histories.csv_files import TRACKERS, read_csv
from gate.subject.histories.epochs import timeline
from gate.subject.histories.json_files import read_json
from gate.subject.histories.not_logged import without_unlogged
from gate.subject.histories.table import Table
from gate.subject.histories.text import head, list_names, read_text
from gate.subject.histories.unread_losses import unread
from gate.wording import quote

MOST_VALUES = 20_000_000  # columns times epochs

FORMATS: Final = (
    *(tracker.format for tracker in TRACKERS),
    "json",
    "json-lines",
    "keras-history",
    "hf-trainer-state",
    "tensorboard",
    "mlflow-files",
    "mlflow-sqlite",
)


def read_history(
    path: Path,
    *,
    format: str | None = None,  # noqa: A002 # the word of the gate file
    train_loss: str | None = None,
    validation: Sequence[str] = (),
) -> History:
    """Return the training history of a file or folder, whatever tracker wrote it.

    The format is recognised by content unless ``format``, one of FORMATS, states it. The columns of
    the losses are found by their names unless they are named: ``train_loss`` is one column,
    ``validation`` are any number. NaN and infinities are kept. HistoryError is raised for
    what cannot be read, or can be read in two ways.
    """
    if format is not None and format not in FORMATS:
        fact = f"{quote(format)} is no format of a history"
        raise HistoryError(str(path), fact, f"use one of {list_names(list(FORMATS), len(FORMATS))}")
    try:
        table = _table(path, format)
    except OSError as error:
        fact = f"cannot be read: {(error.strerror or type(error).__name__).lower()}"
        where = str(error.filename or path)
        raise HistoryError(where, fact, "check the path and its permissions") from error
    chosen = choose(path, table, train_loss=train_loss, validation=validation)
    table, chosen, unlogged = without_unlogged(table, chosen)
    line, more = timeline(path, table, chosen.train_loss)
    if len(table.columns) * len(line.epochs) > MOST_VALUES:
        fact = f"has {len(table.columns):,} columns of {len(line.epochs):,} epochs or steps"
        raise HistoryError(str(path), fact, "keep one row an epoch, and fewer columns")
    columns = [name for name in table.columns if any(name in line.entries[e] for e in line.epochs)]
    series = {name: tuple(line.entries[e].get(name) for e in line.epochs) for name in columns}
    notes = chosen.notes + unlogged + more + _find_repeated(chosen, line.repeated)
    _refuse_replaced(path, chosen, series)
    accuracies = {role: name for role, name in chosen.accuracies.items() if name in series}
    for role, column in list(accuracies.items()):
        series[column], reason = as_fractions(series[column], in_percent=table.in_percent)
        if reason:
            notes.append(f"column {quote(column)} is not taken as an accuracy: {reason}")
            del accuracies[role]
    return History(
        path=str(path),
        format=table.format,
        epochs=tuple(line.epochs),
        series=series,
        train_loss=chosen.train_loss,
        validation_losses=chosen.validation_losses,
        train_accuracy=accuracies.get("train_accuracy"),
        validation_accuracy=accuracies.get("validation_accuracy"),
        unread=unread(chosen, line),
        notes=tuple(notes),
    )


def _table(path: Path, format_name: str | None) -> Table:
    file, run = mlflow_sqlite.split_run(path)
    if not file.exists():
        raise HistoryError(str(file), "does not exist", "check the path of the history")
    if file.is_dir():
        table = _of_folder(file)
    elif not file.is_file():
        # A device or a pipe has no end that could be waited for.
        fact = "is neither a file nor a folder"
        raise HistoryError(str(file), fact, "write the history to a file")
    elif (start := head(file)).startswith(mlflow_sqlite.MAGIC):
        table = mlflow_sqlite.read_database(file, run)
    elif tensorboard.is_event_file(start):
        table = tensorboard.read_events(file)
    else:
        text = read_text(file)
        if text.lstrip().startswith(("{", "[")):
            table = read_json(file, text)
        else:
            csv_format = format_name if format_name in {each.format for each in TRACKERS} else None
            table = read_csv(file, text, format_name=csv_format)
    if format_name not in (None, table.format):
        fact = f"is {table.format}, not {format_name}"
        raise HistoryError(str(path), fact, "correct the format, or leave it out")
    return table


def _of_folder(folder: Path) -> Table:
    if mlflow_files.is_run(folder) or mlflow_files.runs_below(folder):
        return mlflow_files.read_run_folder(folder)
    if tensorboard.event_files(folder):
        return tensorboard.read_events(folder)
    fact = "is a folder without a run of MLflow and without event files of TensorBoard"
    raise HistoryError(str(folder), fact, "give the history file itself")


def _refuse_replaced(path: Path, columns: Columns, series: Collection[str]) -> None:
    """Raise HistoryError where no value of a loss is left after the training was resumed."""
    for name in columns.losses:
        if name not in series:
            fact = f"column {quote(name)} was logged only before the training was resumed"
            raise HistoryError(str(path), fact, "give the history of the checkpoint's own epochs")


def _find_repeated(columns: Columns, repeated: set[str]) -> list[str]:
    found = sorted(set(columns.every) & repeated)
    return [
        f"column {quote(name)} has several values in an epoch: the last counts" for name in found
    ]
