"""A store holds the thumbnails of a split: in memory while few, then in a temporary file.

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

from gate.evidence.records import Thumbnails
from gate.measure.fingerprints.perceptual_hash import SIDE

IN_MEMORY = 1 << 14  # thumbnails, 64 MB; of more, those in memory are the ones that are looked at
_SHAPE = (SIDE, SIDE)
_SIZE = SIDE * SIDE  # bytes

Pictures = NDArray[np.uint8]  # (n, 64, 64)
Indices = NDArray[np.int64]


@dataclass(slots=True)
class ThumbnailStore:
    """Thumbnails of at most ``most`` images, put behind each other.

    Images that have none, among others that have one, have a black one: it matches nothing.
    """

    most: int
    filled: int = 0
    _kept: "Pictures | OnDisk | None" = field(default=None)

    def add(self, small: Thumbnails | None, count: int) -> None:
        """Put the thumbnails of the next ``count`` images behind those that are there."""
        if small is not None:
            if self._kept is None:
                self._kept = _room_for(self.most)
            rows = slice(self.filled, self.filled + count)
            try:
                self._kept[rows] = small[:]
            except OSError:  # a full disk: memory must do
                self._kept = self._in_memory()
                self._kept[rows] = small[:]
        self.filled += count

    def thumbnails(self) -> Thumbnails | None:
        """Return what was put there; None where no image had a thumbnail."""
        if isinstance(self._kept, OnDisk):
            self._kept.length = self.filled
            return self._kept
        return None if self._kept is None else self._kept[: self.filled]

    def _in_memory(self) -> Pictures:
        """Return room for all of them, with those that are on the disk."""
        every = np.zeros((self.most, *_SHAPE), np.uint8)
        before = self.thumbnails()
        if before is not None:
            every[: self.filled] = before[:]
        return every


def _room_for(most: int) -> "Pictures | OnDisk":
    if most > IN_MEMORY:
        with contextlib.suppress(OSError):  # where nothing temporary can be written, memory must do
            return OnDisk.empty()
    return np.zeros((most, *_SHAPE), np.uint8)


@dataclass(slots=True, eq=False, weakref_slot=True)
class OnDisk:
    """Thumbnails in a file without a name: it is gone with the last who reads it."""

    descriptor: int
    length: int = 0

    @classmethod
    def empty(cls) -> "OnDisk":
        """Return a place for thumbnails; raises OSError where there can be none."""
        descriptor, name = tempfile.mkstemp(prefix="validate-model-")
        place = cls(descriptor)
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
            written = os.pwrite(self.descriptor, left, offset)
            left, offset = left[written:], offset + written

    def _read(self, first: int, count: int) -> Pictures:
        """Return ``count`` thumbnails; what nobody has written, at the end too, is black."""
        found = np.zeros(count * _SIZE, np.uint8)
        at = 0
        while piece := os.pread(self.descriptor, len(found) - at, first * _SIZE + at):
            found[at : at + len(piece)] = np.frombuffer(piece, np.uint8)
            at += len(piece)
        return found.reshape(count, *_SHAPE)
