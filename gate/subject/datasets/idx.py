"""IDX files, the format of MNIST and its kin, gzipped or not.

Two null bytes, the type of an item (8 is uint8), the number of axes, then the length of each axis
as a big-endian 32-bit integer, then the items (LeCun, Cortes and Burges, 1998).
"""

import math
import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from gate.errors import DataError
from gate.subject.datasets.arrays import (
    ArrayDataset,
    Pixels,
    StoredRows,
    image_rows,
    image_shape,
    index_labels,
    same_length,
)
from gate.subject.datasets.classes import Integers
from gate.subject.datasets.gzipped import MAGIC, GzipStream
from gate.subject.datasets.places import Place
from gate.subject.datasets.stored import Readable, open_place, stored_file, unpacked_file
from gate.wording import did_you_mean, plain, quote

IN_MEMORY = 1 << 28  # bytes of a gzipped file; above this it is unpacked into a temporary file
LARGEST_UNPACKED = 1 << 31  # bytes of a gzipped file; above this nobody unpacks it unasked

_UINT8 = 8


def open_idx(
    images: Place,
    labels: Place,
    *,
    shown: str,
    classes: tuple[str, ...] | None,
    integers: Integers | None = None,
) -> ArrayDataset:
    """Return the images and labels of two IDX files; ``integers`` is what the labels mean.

    Raises DataError, or UsageError where nobody says what the labels mean.

    The rows of a plain file stay in it until they are asked for. A gzipped one is unpacked into
    memory up to IN_MEMORY bytes, and above that into a temporary file.
    """
    pixels, values = _read(images), _read(labels)
    if len(pixels.shape) == 1 and len(values.shape) > 1:
        raise DataError(
            shown,
            f"images and labels are swapped: {quote(images.name)} holds labels",
            "exchange the two files",
        )
    if len(values.shape) != 1:
        raise DataError(
            str(labels.name),
            f"labels have one axis, this file has {len(values.shape)}",
            "give the file of labels, such as train-labels-idx1-ubyte",
        )
    if isinstance(pixels, StoredRows):
        pixels = replace(pixels, shape=image_shape(pixels.dtype, pixels.shape, images.name))
    else:
        pixels = image_rows(pixels, images.name)
    same_length(len(pixels), len(values), shown)
    indices, labelling = index_labels(values[:], classes, labels.name, integers)
    local = [each for each in (images, labels) if isinstance(each, Path)]
    return ArrayDataset(
        shown,
        "idx",
        labelling.classes,
        pixels,
        indices,
        assumed=labelling.assumed,
        files=tuple(local) if len(local) == 2 else (),
    )


def labels_beside(images: Place) -> Place:
    """Return the file of labels that lies beside the images under MNIST's naming.

    Raises DataError where there is none.
    """
    name = images.name.replace("images", "labels").replace("idx3", "idx1")
    stem = name.removesuffix(".gz")
    for candidate in (
        images.with_name(name),
        images.with_name(stem),
        images.with_name(f"{stem}.gz"),
    ):
        if candidate != images and candidate.is_file():
            return candidate
    near = did_you_mean(stem, [each.name for each in images.parent.iterdir() if each != images])
    raise DataError(
        images.name,
        f"no file of labels lies beside it; looked for {quote(name)}",
        f"{near} give the two files as images and labels".strip(),
    )


def _read(place: Place) -> Pixels | StoredRows:
    try:
        with open_place(place) as stream:
            packed = stream.read(len(MAGIC)) == MAGIC
            stream.seek(0)
            return _unpack(GzipStream(stream), place) if packed else _stored(stream, place)
    except (EOFError, zlib.error) as error:
        raise DataError(
            place.name, f"the gzip stream is damaged or cut off ({plain(error)})", "copy it again"
        ) from error
    except OSError as error:
        raise DataError(
            place.name, f"cannot be read: {plain(error.strerror)}", "check the path and permissions"
        ) from error


def _stored(stream: BinaryIO, place: Place) -> StoredRows:
    shape = _shape(stream, place)
    file = stored_file(place, place.name)
    start = stream.tell()
    _same_size(math.prod(shape), file.size - start, shape, place)
    return StoredRows(file, start, shape)


def _unpack(stream: GzipStream, place: Place) -> Pixels | StoredRows:
    shape = _shape(stream, place)
    promised = math.prod(shape)
    if promised > LARGEST_UNPACKED:
        raise DataError(
            place.name,
            f"unpacks to {promised:,} bytes, more than {LARGEST_UNPACKED:,}",
            "unpack it on disk with gunzip",
        )
    # One byte more than promised shows a longer file without unpacking all of a bomb.
    if promised > IN_MEMORY:
        file = unpacked_file(stream, promised + 1, place.name)
        _same_size(promised, file.size, shape, place)
        return StoredRows(file, 0, shape)
    held = stream.read(promised + 1)
    _same_size(promised, len(held), shape, place)
    return np.frombuffer(held, np.uint8).reshape(shape)


def _shape(stream: Readable, place: Place) -> tuple[int, ...]:
    head = stream.read(4)
    if len(head) < 4 or head[:2] != b"\0\0" or not 1 <= head[3] <= 4:
        raise DataError(
            place.name,
            f"is not an IDX file: it begins with {quote(head.hex(' '))}",
            "IDX begins with 00 00 08 and the number of axes",
        )
    if head[2] != _UINT8:
        raise DataError(
            place.name,
            f"holds items of IDX type 0x{head[2]:02x}, not unsigned bytes (0x08)",
            "save pixels and labels as unsigned bytes, or use NPZ",
        )
    lengths = stream.read(4 * head[3])
    if len(lengths) < 4 * head[3]:
        raise DataError(place.name, "ends inside the IDX header", "copy it again")
    shape = struct.unpack(f">{head[3]}I", lengths)
    if 0 in shape:
        raise DataError(place.name, f"holds no items: the shape is {shape}", "check the export")
    return shape


def _same_size(promised: int, held: int, shape: tuple[int, ...], place: Place) -> None:
    if promised == held:
        return
    sizes = " x ".join(str(length) for length in shape)
    amount = "more" if held > promised else f"only {held:,}"
    raise DataError(
        place.name, f"the header promises {sizes} bytes, the file holds {amount}", "copy it again"
    )
