"""Histories in CSV: a header and a row an epoch, or sparse rows of steps.

Six trackers write this one format; they differ in the names of their columns alone, so they are a
list here and not a file each.
"""

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gate.errors import HistoryError
from gate.subject.histories.table import MOST_COLUMNS, MOST_ROWS, Role, Table, table_of
from gate.wording import quote

_MOST_LINES = 4 * MOST_ROWS  # blank ones and two marks a line included


@dataclass(frozen=True, slots=True)
class Tracker:
    """A tracker that writes CSV: how its header is recognised, and what only it can tell."""

    format: str
    recognises: Callable[[list[str]], bool]
    roles: Mapping[Role, str] = field(default_factory=dict)
    in_percent: bool = False


# The first that recognises the header is taken; the last recognises every header.
TRACKERS = (
    Tracker(
        "ultralytics-results",
        lambda names: "epoch" in names and any(name.startswith("metrics/") for name in names),
        roles={"validation_accuracy": "metrics/accuracy_top1"},
    ),
    Tracker(
        "timm-summary",
        lambda names: names[:2] == ["epoch", "train_loss"] and "eval_loss" in names,
        roles={"validation_accuracy": "eval_top1"},
        in_percent=True,
    ),
    Tracker(
        "fastai-csv",
        lambda names: names[:3] == ["epoch", "train_loss", "valid_loss"] and names[-1] == "time",
        roles={"validation_accuracy": "accuracy"},
    ),
    Tracker("lightning-csv", lambda names: {"epoch", "step"} <= set(names)),
    Tracker(
        "keras-csv",
        lambda names: names[0] == "epoch" and {"loss", "val_loss"} <= set(names),
    ),
    Tracker("csv", lambda _: True),
)


def read_csv(path: Path, text: str, *, format_name: str | None = None) -> Table:
    """Return the table of a CSV file whose delimiter is the comma, semicolon, tab or bar.

    Names and cells may be padded, blank lines are skipped, and a repeated header too (two logs put
    together). HistoryError is raised for a row of another length, a name that stands twice, a
    header that is none, and for a file with nothing but a header.
    """
    if text.count("\n") + text.count("\r") > _MOST_LINES:
        fact = f"has more than {_MOST_LINES:,} lines"
        raise HistoryError(str(path), fact, "keep one row an epoch")
    header_line = next(line for line in text.splitlines() if line.strip())
    delimiter = max(",;\t|", key=header_line.count)
    lines = _lines(path, text, delimiter)
    header = [name.strip() for name in next(lines, (1, []))[1]]
    _refuse_header(path, header)
    tracker = _tracker(path, header, format_name)
    rows = _rows(path, header, lines)
    return table_of(path, tracker.format, rows, roles=tracker.roles, in_percent=tracker.in_percent)


def _tracker(path: Path, header: list[str], format_name: str | None) -> Tracker:
    if format_name is None:
        return next(tracker for tracker in TRACKERS if tracker.recognises(header))
    named = next(tracker for tracker in TRACKERS if tracker.format == format_name)
    if not named.recognises(header):
        fact = f"is not {format_name}: its columns are {', '.join(map(quote, header[:8]))}"
        raise HistoryError(str(path), fact, "leave out the format, or give the tracker's own file")
    return named


def _lines(path: Path, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the cells of each line that is not blank."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, cells
    except csv.Error as error:
        where = f"{path}:{reader.line_num}"
        remedy = "check its quotes, and that it is the tracker's own file"
        raise HistoryError(where, "is no line of CSV", remedy) from error


def _rows(
    path: Path, header: list[str], lines: Iterator[tuple[int, list[str]]]
) -> Iterator[tuple[str, Mapping[str, object]]]:
    for line, cells in lines:
        if [cell.strip() for cell in cells] == header:
            continue
        if len(cells) != len(header):
            fact = f"has {len(cells)} cells, the header has {len(header)}"
            raise HistoryError(f"{path}:{line}", fact, "complete the row, or remove it")
        yield f"line {line}", dict(zip(header, cells, strict=True))


def _refuse_header(path: Path, header: list[str]) -> None:
    if len(header) > MOST_COLUMNS:
        fact = f"has {len(header):,} columns, a history may have {MOST_COLUMNS:,}"
        raise HistoryError(str(path), fact, "keep the losses and accuracies")
    twice = [name for name, times in Counter(header).items() if name and times > 1]
    if twice:
        fact = f"column {quote(twice[0])} stands twice in the header"
        raise HistoryError(str(path), fact, "rename one of them")
    if not any(any(letter.isalpha() for letter in name) for name in header):
        fact = f"has no header: its first line is {quote(', '.join(header))}"
        raise HistoryError(str(path), fact, "write the names of the columns on the first line")
