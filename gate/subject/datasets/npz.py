"""NPZ files: named NumPy arrays in a zip archive, never unpickled.

The header of each array is read and checked against the archive before its data is: an object array
would run code, and a header may promise more than the file holds. Images that are stored without
compression stay in the file, after one pass that compares their checksum.
"""

import lzma
import math
import struct
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tokenize import TokenError
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from gate.errors import DataError
from gate.keys import group_keys, name_key, name_keys
from gate.subject.datasets.arrays import (
    ArrayDataset,
    Pixels,
    StoredRows,
    image_rows,
    image_shape,
    index_labels,
    same_length,
)
from gate.subject.datasets.places import Place
from gate.subject.datasets.spec import DataSpec
from gate.subject.datasets.split_names import SPLIT_NAMES
from gate.subject.datasets.stored import open_place, stored_file, unpacked_file
from gate.wording import did_you_mean, list_names, plain, quote

IN_MEMORY = 1 << 28  # bytes of a compressed array; above this it goes into a temporary file
LARGEST_HELD = 1 << 30  # bytes of an array beside the images: 100 million labels of eight bytes
RATIO = 64  # bytes that a packed byte of such an array may unpack to, above IN_MEMORY
LARGEST_UNPACKED = 1 << 31  # bytes of a compressed array; above this nobody unpacks it unasked

# What zipfile raises for damaged bytes; RuntimeError for a password, or an unknown compression.
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, RuntimeError, ValueError, LookupError, OverflowError),
)
_PIECE = 1 << 20  # bytes read at a time
_LOCAL_HEADER = 30  # bytes before the name of a member, which stands before its data
_DEFAULT_NAMES = (("images", "labels"), ("x", "y"))


def open_npz(
    place: Place, spec: DataSpec, *, shown: str, classes: tuple[str, ...] | None
) -> ArrayDataset:
    """Return the images and labels of an NPZ file; groups and slices are arrays beside them.

    Raises DataError.
    """
    try:
        with open_place(place) as stream, zipfile.ZipFile(stream) as archive:
            opened = _open(_Arrays(archive, place, shown), spec, classes)
            return replace(opened, files=(place,)) if isinstance(place, Path) else opened
    except _DAMAGE as error:
        raise DataError(
            shown, f"the archive is damaged or cannot be read ({plain(error)})", "save it again"
        ) from error
    except OSError as error:
        raise DataError(
            shown, f"cannot be read: {plain(error.strerror or error)}", "check its permissions"
        ) from error


def _open(arrays: "_Arrays", spec: DataSpec, classes: tuple[str, ...] | None) -> ArrayDataset:
    images, labels = _names(arrays, spec)
    shown = arrays.shown
    pixels = arrays.rows(images)
    values = arrays.read(labels)
    if values.ndim == 2 and values.shape[1] == 1:  # as MedMNIST saves them
        values = values[:, 0]
    place = f"{shown}, array {labels}"
    if values.ndim != 1 or values.dtype.kind not in "iuU":
        raise DataError(
            place,
            f"the labels are {values.dtype} of shape {values.shape}",
            "save one integer or class name an image, shape (N,) or (N, 1)",
        )
    same_length(len(pixels), len(values), shown)
    indices, labelling = index_labels(values, classes, place, spec.integers)
    return ArrayDataset(
        shown,
        "npz",
        labelling.classes,
        pixels,
        indices,
        _objects(group_keys(_texts(arrays, spec.group, len(pixels)))) if spec.group else None,
        {
            name_key(name): _objects(name_keys(_texts(arrays, name, len(pixels))))
            for name in spec.slices
        },
        spec.group,
        labelling.assumed,
        has_sorted_classes=labelling.is_sorted,
    )


def _names(arrays: "_Arrays", spec: DataSpec) -> tuple[str, str]:
    for images, labels in (*_DEFAULT_NAMES, *_names_of_split(spec.split)):
        pair = spec.images or images, spec.labels or labels
        if set(pair) <= set(arrays.names):
            return pair
    for declared in (spec.images, spec.labels):
        if declared is not None:
            arrays.member(declared)
    if not arrays.names:
        raise DataError(arrays.shown, "is a zip archive without arrays", "save with numpy.savez")
    of_split = f", nor {spec.split}_images and {spec.split}_labels" if spec.split else ""
    raise DataError(
        arrays.shown,
        f"has no arrays images and labels, nor x and y{of_split}",
        f"name two of its arrays with images and labels: {list_names(arrays.names, 10)}",
    )


def _names_of_split(split: str) -> list[tuple[str, str]]:
    """Return how the arrays of a split are called in a file that may hold several.

    MedMNIST and Keras save them so.
    """
    stems = SPLIT_NAMES.get(split, ())
    return [(f"{stem}_images", f"{stem}_labels") for stem in stems] + [
        (f"x_{stem}", f"y_{stem}") for stem in stems
    ]


def _texts(arrays: "_Arrays", name: str, length: int) -> list[str | None]:
    """Return an array beside the images as text, None where it holds NaN, NaT or nothing."""
    values = arrays.read(name)
    where = f"{arrays.shown}, array {name}"
    if values.ndim != 1 or values.dtype.kind not in "biufMSU":
        raise DataError(
            where,
            f"is {values.dtype} of shape {values.shape}",
            "save one text, number or day an image, shape (N,)",
        )
    same_length(length, len(values), where)
    missing = np.zeros(length, dtype=bool)
    if values.dtype.kind == "f":
        missing = np.isnan(values)
    elif values.dtype.kind == "M":
        missing = np.isnat(values)
    try:
        # A float is written with the digits of its own width.
        written = (
            np.char.decode(values, "utf-8") if values.dtype.kind == "S" else values.astype(str)
        )
    except UnicodeDecodeError as error:
        raise DataError(where, "holds bytes that are no UTF-8 text", "save text") from error
    return [None if gone else text for text, gone in zip(written.tolist(), missing, strict=True)]


def _objects(texts: Sequence[str | None]) -> NDArray[np.object_]:
    column = np.empty(len(texts), dtype=object)
    column[:] = texts
    return column


@dataclass(frozen=True, slots=True)
class _Arrays:
    """The arrays of an archive, by name."""

    archive: zipfile.ZipFile
    place: Place
    shown: str

    @property
    def names(self) -> Sequence[str]:
        return [
            name.removesuffix(".npy") for name in self.archive.namelist() if name.endswith(".npy")
        ]

    def member(self, name: str) -> zipfile.ZipInfo:
        if name not in self.names:
            raise DataError(
                self.shown,
                f"has no array {quote(name)}",
                did_you_mean(name, self.names) or f"it has {list_names(self.names, 10)}",
            )
        return self.archive.getinfo(f"{name}.npy")

    def read(self, name: str) -> NDArray[Any]:
        """Return an array, in memory."""
        member = self.member(name)
        with self._opened(name) as stream:
            shape, fortran, dtype = self._header(name, stream)
            self._same_size(name, shape, dtype, member.file_size - stream.tell())
            self._require_few(name, member)
            stored = stream.read()
        self._same_size(name, shape, dtype, len(stored))
        if dtype.kind == "U":
            _require_unicode(stored, dtype, self._place(name))
        array = np.frombuffer(stored, dtype)
        return array.reshape(shape[::-1]).T if fortran else array.reshape(shape)

    def rows(self, name: str) -> Pixels | StoredRows:
        """Return an array of images, left in the file where its rows lie there one by one."""
        member = self.member(name)
        stays = member.compress_type == zipfile.ZIP_STORED
        with self._opened(name) as stream:
            shape, fortran, dtype = self._header(name, stream)
            start = stream.tell()
            self._same_size(name, shape, dtype, member.file_size - start)
            rows = image_shape(dtype, shape, self._place(name))
            if fortran or (not stays and member.file_size <= IN_MEMORY):
                return image_rows(self.read(name), self._place(name))
            if not stays:
                unpacked = unpacked_file(stream, member.file_size, self._place(name))
                self._same_size(name, shape, dtype, unpacked.size)
                return StoredRows(unpacked, 0, rows)
            held = 0
            while piece := stream.read(_PIECE):  # to the end, where the checksum is compared
                held += len(piece)
            self._same_size(name, shape, dtype, held)
        file = stored_file(self.place, self.shown)
        head = file.read_at(member.header_offset, _LOCAL_HEADER)
        names = int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
        return StoredRows(file, member.header_offset + _LOCAL_HEADER + names + start, rows)

    def _opened(self, name: str) -> Any:  # noqa: ANN401 - zipfile's own stream type
        member = self.member(name)
        if member.compress_type != zipfile.ZIP_STORED and member.file_size > LARGEST_UNPACKED:
            raise DataError(
                self._place(name),
                f"unpacks to {member.file_size:,} bytes, more than {LARGEST_UNPACKED:,}",
                "save it with numpy.savez, uncompressed",
            )
        return self.archive.open(member)

    def _require_few(self, name: str, member: zipfile.ZipInfo) -> None:
        """Raise DataError for an array that is not held in memory, whole."""
        most = LARGEST_HELD
        if member.compress_type != zipfile.ZIP_STORED:
            most = min(most, IN_MEMORY + RATIO * member.compress_size)
        if member.file_size > most:
            raise DataError(
                self._place(name),
                f"holds {member.file_size:,} bytes in {member.compress_size:,}, and at most "
                f"{most:,} are read into memory",
                "save images in C order and labels as integers, uncompressed, with numpy.savez",
            )

    def _header(self, name: str, stream: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
        shape, fortran, dtype = _header(stream, self._place(name))
        if dtype.hasobject:
            raise DataError(
                self._place(name),
                "holds Python objects, which are never unpickled: they may run code",
                "save an array of numbers or of text",
            )
        if not math.prod(shape) * dtype.itemsize or min(shape, default=1) < 0:
            raise DataError(
                self._place(name), f"holds nothing: {dtype} of shape {shape}", "save it again"
            )
        return shape, fortran, dtype

    def _same_size(
        self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any], held: int
    ) -> None:
        promised = math.prod(shape) * dtype.itemsize
        if promised != held:
            raise DataError(
                self._place(name),
                f"the header promises {promised:,} bytes, it holds {held:,}",
                "save it again",
            )

    def _place(self, name: str) -> str:
        return f"{self.shown}, array {name}"


def _require_unicode(stored: bytes, dtype: np.dtype[Any], where: str) -> None:
    """Raise DataError where an array of text, 32 bits a letter, holds what is no letter."""
    points = np.frombuffer(stored, np.dtype(np.uint32).newbyteorder(dtype.byteorder))
    surrogates = (points >= 0xD800) & (points <= 0xDFFF)
    if (points > 0x10FFFF).any() or surrogates.any():
        raise DataError(where, "holds text that is not Unicode", "save it again")


def _header(stream: Any, where: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:  # noqa: ANN401 - zipfile's own stream type
    try:
        match npy.read_magic(stream):
            case (1, 0):
                return npy.read_array_header_1_0(stream)
            case (2, 0):
                return npy.read_array_header_2_0(stream)
            case version:
                raise DataError(
                    where, f"is of version {version} of the npy format", "save an array of numbers"
                )
    # NumPy reads the header as Python's own literals, and so raises what Python's parser does.
    except (RecursionError, MemoryError) as error:
        raise DataError(where, "has a header that is nested too deeply", "save it again") from error
    except (ValueError, TypeError, LookupError, SyntaxError, TokenError, OverflowError) as error:
        raise DataError(where, f"is not a NumPy array ({plain(error)})", "save it again") from error
