"""The thumbnails of a whole split: in memory while they are few, then in a temporary file.

One takes 4 KB, ten times what else is known of an image: a million of them would be all memory.
"""

import contextlib
import os
import tempfile
import weakref
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gate.errors import OutputError
from gate.evidence.records import Thumbnails
from gate.measure.perceptual import SIDE
from gate.subject.wording import plain

IN_MEMORY = 1 << 14  # thumbnails, 64 MB; of more, those in memory are the ones that are looked at
_SHAPE = (SIDE, SIDE)
_SIZE = SIDE * SIDE  # bytes

Pictures = NDArray[np.uint8]  # (n, 64, 64)
Indices = NDArray[np.int64]


@dataclass(slots=True)
class Pile:
    """Thumbnails of at most ``most`` images, put behind each other.

    Images that have none, among others that have one, have a black one: it matches nothing.
    """

    most: int
    filled: int = 0
    _kept: "Pictures | OnDisk | None" = field(default=None)

    def add(self, small: Thumbnails | None, count: int) -> None:
        """Put the thumbnails of the next ``count`` images behind those that are there.

        Raises OutputError where the disk does not take them.
        """
        if small is not None and self._kept is None:
            self._kept = _room_for(self.most)
        if small is not None and self._kept is not None:
            self._kept[self.filled : self.filled + count] = small[:]
        self.filled += count

    def thumbnails(self) -> Thumbnails | None:
        """Return what was put there; None where no image had a thumbnail."""
        if isinstance(self._kept, OnDisk):
            self._kept.length = self.filled
            return self._kept
        return None if self._kept is None else self._kept[: self.filled]


def _room_for(most: int) -> "Pictures | OnDisk":
    if most > IN_MEMORY:
        with contextlib.suppress(OSError):  # where nothing temporary can be written, memory must do
            return OnDisk.empty()
    return np.zeros((most, *_SHAPE), np.uint8)


@dataclass(slots=True, eq=False, weakref_slot=True)
class OnDisk:
    """Thumbnails in a file without a name: it is gone with the last who reads it."""

    descriptor: int
    folder: str  # where the file was made
    length: int = 0

    @classmethod
    def empty(cls) -> "OnDisk":
        """Return a place for thumbnails; raises OSError where there can be none."""
        descriptor, name = tempfile.mkstemp(prefix="validate-model-")
        place = cls(descriptor, str(Path(name).parent))
        weakref.finalize(place, os.close, descriptor)
        Path(name).unlink()
        return place

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, rows: slice | Indices) -> Pictures:
        if isinstance(rows, slice):
            first, last, _ = rows.indices(self.length)
            return self._read(first, max(0, last - first))
        found = np.empty((len(rows), *_SHAPE), np.uint8)
        for place, row in enumerate(rows.tolist()):
            found[place] = self._read(row, 1)[0]
        return found

    def __setitem__(self, rows: slice, small: Pictures) -> None:
        left = np.ascontiguousarray(small).reshape(-1).data
        offset = rows.start * _SIZE
        while left:
            try:
                written = os.pwrite(self.descriptor, left, offset)
            except OSError as error:
                raise OutputError(
                    plain(self.folder), error, "make room there for 4 KB an image, or set TMPDIR"
                ) from error
            left, offset = left[written:], offset + written

    def _read(self, first: int, count: int) -> Pictures:
        """Return ``count`` thumbnails; what nobody has written, at the end too, is black."""
        found = np.zeros(count * _SIZE, np.uint8)
        at = 0
        while piece := os.pread(self.descriptor, len(found) - at, first * _SIZE + at):
            found[at : at + len(piece)] = np.frombuffer(piece, np.uint8)
            at += len(piece)
        return found.reshape(count, *_SHAPE)
