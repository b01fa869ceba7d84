"""TensorBoard's event files, read by TensorBoard's own reader (extra ``tensorboard``).

That reader stops without a word where a file is damaged, so the records are counted beforehand.
"""

import struct
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from gate.errors import HistoryError, MissingExtraError
from gate.subject.histories.mlflow_files import Point, rows_of_points
from gate.subject.histories.table import Table
from gate.subject.histories.text import head, quoted

MARK = b"brain.Event:"  # the first record of every event file names its version
MOST_BYTES = 512 * 2**20

_HEAD, _FOOT = 12, 4  # bytes around a record: length with its checksum, checksum of the data


def is_event_file(head: bytes) -> bool:
    """Return whether the first bytes of a file are those of an event file."""
    return MARK in head[:64]


def event_files(folder: Path) -> list[Path]:
    """Return the event files of a log folder and of the folders in it, sorted."""
    files = [*folder.glob("*tfevents*"), *folder.glob("*/*tfevents*")]
    return sorted(file for file in files if file.is_file() and is_event_file(head(file)))


def read_events(path: Path) -> Table:
    """Return the scalars of an event file or a log folder, a row a step.

    Scalars of a folder below ``path`` are named after it: ``train/epoch_loss``. HistoryError is
    raised for a damaged or cut-off file, MissingExtraError without the extra.
    """
    files = [path] if path.is_file() else event_files(path)
    points = [point for file in files for point in _points(file, _prefix(path, file))]
    return rows_of_points(path, "tensorboard", points)


def _prefix(path: Path, file: Path) -> str:
    return "" if file.parent in (path, path.parent) else f"{file.parent.name}/"


def _points(file: Path, prefix: str) -> Iterator[Point]:
    """Yield the scalars of a file."""
    expected = _count_records(file)
    loader, make_array = _reader(file)
    read = 0
    for event in loader(str(file)).Load():
        read += 1
        for value in event.summary.value:
            if value.metadata.plugin_data.plugin_name == "scalars":
                scalar = make_array(value.tensor)
                if scalar.size != 1 or scalar.dtype.kind not in "fiu":
                    fact = f"scalar {quoted(value.tag)} is no number at step {event.step}"
                    raise HistoryError(str(file), fact, "give the file as it was written")
                yield event.wall_time, f"{prefix}{value.tag}", float(scalar.item()), event.step
    if read != expected:
        fact = f"is damaged: {read} of {expected} records can be read"
        raise HistoryError(str(file), fact, "give the file as it was written")


def _reader(file: Path) -> tuple[Any, Any]:
    try:
        loader = import_module("tensorboard.backend.event_processing.event_file_loader")
        tensors = import_module("tensorboard.util.tensor_util")
    except ImportError as error:
        raise MissingExtraError(str(file), "reading TensorBoard's files", "tensorboard") from error
    return loader.EventFileLoader, tensors.make_ndarray


def _count_records(file: Path) -> int:
    """Return the number of records, by their lengths alone."""
    size = file.stat().st_size
    if size > MOST_BYTES:
        fact = f"has {size / 2**20:.0f} MiB, an event file may have {MOST_BYTES // 2**20}"
        raise HistoryError(str(file), fact, "log the losses apart from images and histograms")
    records = position = 0
    with file.open("rb") as stream:
        while position < size:
            stream.seek(position)
            head = stream.read(_HEAD)
            if len(head) == _HEAD:
                position += _HEAD + struct.unpack("<Q", head[:8])[0] + _FOOT
            if len(head) < _HEAD or position > size:
                fact = f"is cut off after {records} records"
                raise HistoryError(str(file), fact, "give the file as it was written to the end")
            records += 1
    return records
