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
from gate.subject.histories.text import head
from gate.wording import quote

MARK = b"brain.Event:"  # the first record of every event file names its version
MOST_BYTES = 512 * 2**20
MOST_RECORDS = 500_000  # five scalars in each of 100,000 steps
LONGEST_RECORD = 16 * 2**20  # bytes; a scalar takes a hundred

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
    events, make_array = _reader(file)
    read = 0
    for event in events:
        read += 1
        for value in event.summary.value:
            if value.metadata.plugin_data.plugin_name == "scalars":
                number = _number(value.tensor, make_array)
                if number is None:
                    fact = f"scalar {quote(value.tag)} is no number at step {event.step}"
                    raise HistoryError(str(file), fact, "give the file as it was written")
                yield event.wall_time, f"{prefix}{value.tag}", number, event.step
    if read != expected:
        fact = f"is damaged: {read} of {expected} records can be read"
        raise HistoryError(str(file), fact, "give the file as it was written")


def _number(tensor: Any, make_array: Any) -> float | None:  # noqa: ANN401 - of protobuf
    """Return the number that a tensor is, or None."""
    # One value and a shape are made an array of that shape, however large it is.
    if any(axis.size != 1 for axis in tensor.tensor_shape.dim):
        return None
    try:
        array = make_array(tensor)
    except (ValueError, TypeError, LookupError):
        return None
    return float(array.item()) if array.size == 1 and array.dtype.kind in "fiu" else None


def _reader(file: Path) -> tuple[Iterator[Any], Any]:
    try:
        loader = import_module("tensorboard.backend.event_processing.event_file_loader")
        tensors = import_module("tensorboard.util.tensor_util")
    except ImportError as error:
        raise MissingExtraError(str(file), "reading TensorBoard's files", "tensorboard") from error
    return _parse(file, loader.EventFileLoader(str(file))), tensors.make_ndarray


def _parse(file: Path, loader: Any) -> Iterator[Any]:  # noqa: ANN401 - of tensorboard
    """Yield the events of a file; a record whose checksum holds may yet be none."""
    damage = import_module("google.protobuf.message").DecodeError
    try:
        yield from loader.Load()
    except damage as error:
        fact = "is damaged: it holds a record that is no event"
        raise HistoryError(str(file), fact, "give the file as it was written") from error


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
            length = struct.unpack("<Q", head[:8])[0] if len(head) == _HEAD else 0
            position += _HEAD + length + _FOOT
            if len(head) < _HEAD or position > size:
                fact = f"is cut off after {records} records"
                raise HistoryError(str(file), fact, "give the file as it was written to the end")
            records += 1
            if records > MOST_RECORDS or length > LONGEST_RECORD:
                fact = f"holds a record of {length:,} bytes, or more than {MOST_RECORDS:,} records"
                raise HistoryError(
                    str(file), fact, "log the losses apart from images, and once an epoch"
                )
    return records
