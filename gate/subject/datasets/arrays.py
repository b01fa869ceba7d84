"""Images that lie in one array, as in IDX and NPZ files."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gate.errors import DataError
from gate.keys import name_key
from gate.subject.datasets.classes import (
    Classes,
    Integers,
    Labelling,
    by_name_or_position,
    require_some,
)
from gate.subject.datasets.entries import EntryColumns
from gate.subject.datasets.records import BaseDataset, Sample
from gate.subject.datasets.stored import StoredFile

MOST_CLASSES = 65_536  # an integer label above this is a pixel value, a year or an id, not a class
STRETCH_BYTES = 2 << 20  # of images that are read at once: they stay in the processor's cache
_FLOAT = 4  # bytes of a value, once it is made ready for the model

Pixels = NDArray[np.uint8]
Strings = NDArray[np.object_]


@dataclass(frozen=True, slots=True, eq=False)
class ArrayDataset(BaseDataset):
    """A dataset whose images are the rows of one array; ids are the row numbers from 0.

    ``pixels`` is uint8, (n, H, W) grey or (n, H, W, 3) RGB; slices of it may be taken instead of
    reading row by row. It lies in memory or in the file. ``labels`` is int32, (n,), and indexes the
    classes.
    """

    path: str
    format: str
    classes: Classes
    pixels: "Rows"
    labels: NDArray[np.int32]
    groups: Strings | None = None
    slices: Mapping[str, Strings] = field(default_factory=dict)
    group_column: str | None = None
    assumed: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()  # that hold the array and its labels
    has_sorted_classes: bool = False

    @property
    def slice_columns(self) -> tuple[str, ...]:
        """The names of the slices."""
        return tuple(self.slices)

    @property
    def entries(self) -> EntryColumns:
        """The rows as entries, made when they are asked for."""
        rows = range(len(self.labels))
        return EntryColumns(rows, self.labels, self.groups, tuple(self.slices.values()))

    def read(self, index: int) -> Sample:
        """Return the row at ``index``; ``stored`` is the bytes of its pixels."""
        row = np.ascontiguousarray(self.pixels[index])
        return Sample(row.tobytes(), Image.fromarray(row), None, int(self.labels[index]))

    def stored(self, index: int) -> bytes:
        """Return the bytes of the pixels of the row at ``index``."""
        return self.pixels[index].tobytes()

    def read_many(self, rows: range) -> Pixels:
        """Return neighbouring rows as they are stored."""
        return np.ascontiguousarray(self.pixels[rows.start : rows.stop])

    @property
    def preferred_stretch(self) -> int:
        """As many rows as fit into the processor's cache, ready for the model."""
        return max(1, STRETCH_BYTES // max(1, _FLOAT * math.prod(self.pixels.shape[1:])))

    def sources(self) -> tuple[Path, ...] | None:
        """Return the files that hold the array and its labels; None where they are not local."""
        return self.files or None


class Rows(Protocol):
    """Images of one size as the rows of an array, in memory or not."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, H, W) or (n, H, W, 3)."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8."""

    def __len__(self) -> int:
        """Return the number of images."""

    def __getitem__(self, index: int | slice, /) -> Pixels:
        """Return one row, or several as an array."""


@dataclass(frozen=True, slots=True)
class StoredRows:
    """Rows that stay in their file, one after the other from ``start`` on.

    A slice reads what it spans: memory does not grow with the number of images.
    """

    file: StoredFile
    start: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any] = field(default_factory=lambda: np.dtype(np.uint8))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: int | slice, /) -> Pixels:
        rows = range(len(self))[index]
        if isinstance(rows, int):
            only: Pixels = self._read(rows, rows + 1)[0]
            return only
        if not rows:
            return np.empty((0, *self.shape[1:]), np.uint8)
        first = min(rows[0], rows[-1])
        span = self._read(first, max(rows[0], rows[-1]) + 1)
        return span if rows.step == 1 else span[[row - first for row in rows]]

    def _read(self, first: int, end: int) -> Pixels:
        length = math.prod(self.shape[1:])
        stored = self.file.read_at(self.start + first * length, (end - first) * length)
        return np.frombuffer(stored, np.uint8).reshape((end - first, *self.shape[1:]))


def image_rows(array: NDArray[np.generic], where: str) -> Pixels:
    """Return the array as (n, H, W) or (n, H, W, 3) uint8; one channel loses its axis.

    Raises DataError for another type or shape.
    """
    shape = image_shape(array.dtype, array.shape, where)
    return array.reshape(shape)  # type: ignore[return-value]  # image_shape compared the dtype


def image_shape(dtype: np.dtype[Any], shape: tuple[int, ...], where: str) -> tuple[int, ...]:
    """Return the shape of rows of images without an axis of one channel.

    Raises DataError for a type other than uint8, or a shape that is none of images.
    """
    if dtype != np.uint8:
        raise DataError(
            where,
            f"the images are {dtype}, not uint8",
            "save pixel values 0 to 255 as uint8; scaling belongs into the gate file's input",
        )
    if len(shape) == 4 and shape[3] == 1:
        shape = shape[:3]
    if len(shape) not in {3, 4} or (len(shape) == 4 and shape[3] != 3):
        raise DataError(where, f"the images have the shape {shape}", _reshape_remedy(shape))
    if 0 in shape:
        raise DataError(where, f"holds no pixels: the shape is {shape}", "check the export")
    return shape


def _reshape_remedy(shape: tuple[int, ...]) -> str:
    if len(shape) == 4 and shape[1] in {1, 3}:
        return "channels come last: transpose to (N, H, W, C)"
    return "reshape to (N, H, W) for grey or (N, H, W, 3) for RGB"


def same_length(images: int, labels: int, where: str) -> None:
    """Raise DataError unless there are as many labels as images."""
    if images != labels:
        raise DataError(
            where, f"{images:,} images but {labels:,} labels", "they must be of one dataset"
        )


def index_labels(
    values: NDArray[np.generic],
    declared: Classes | None,
    where: str,
    integers: Integers | None = None,
) -> tuple[NDArray[np.int32], Labelling]:
    """Return the labels as positions in the classes, int32 of shape (n,), and the labelling.

    Integers without declared classes are the classes "0" to the highest; text that names classes
    is no integer. Raises DataError, or UsageError where nobody says what integers mean.
    """
    unique, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    names = [name_key(str(value)) for value in unique.tolist()]
    require_some(names, where)
    places = {name: f"{where}, row {row}" for name, row in zip(names, first.tolist(), strict=True)}
    if declared is None and np.issubdtype(values.dtype, np.integer):
        declared = counted_classes([int(value) for value in unique.tolist()], places)
    if values.dtype.kind == "U" and declared is not None and set(names) <= set(declared):
        integers = integers or "names"
    labelling = by_name_or_position(places, declared, integers)
    positions = np.array([labelling.index[name] for name in names], dtype=np.int32)
    return positions[inverse.reshape(-1)], labelling


def counted_classes(numbers: Sequence[int], places: Mapping[str, str]) -> Classes:
    """Return the classes that numbered labels count, from 0 to the highest of the sorted numbers.

    ``places`` says where each stands. Raises DataError for a number that is no class.
    """
    for number in (numbers[0], numbers[-1]):
        if not 0 <= number < MOST_CLASSES:
            raise DataError(
                places[str(number)],
                f"the label {number} is not a class number",
                f"labels count the classes from 0 (below {MOST_CLASSES:,})",
            )
    return tuple(str(number) for number in range(numbers[-1] + 1))
