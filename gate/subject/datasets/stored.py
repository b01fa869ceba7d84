"""Files that are read in parts: rows of an array, members of an archive.

Nothing is kept open between two reads, so that a thousand shards need no thousand descriptors; a
file that is replaced meanwhile is told, because offsets into it then mean something else.
"""

import contextlib
import io
import os
import tempfile
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from gate.errors import DataError
from gate.healing import may_heal
from gate.subject.datasets.places import Place, RemotePath
from gate.wording import plain

STREAMED = 1 << 22  # bytes that are fetched at once where a remote file is read in order
_PIECE = 1 << 20  # bytes unpacked at a time


class StoredFile(Protocol):
    """A file whose bytes are read by place, from many threads at once."""

    @property
    def size(self) -> int:
        """The length in bytes."""

    def read_at(self, offset: int, size: int) -> bytes:
        """Return ``size`` bytes from ``offset`` on; raises DataError where they are not there."""


def stored_file(place: Place, shown: str) -> StoredFile:
    """Return the file at a place; ``shown`` names it in messages. Raises DataError."""
    try:
        if isinstance(place, RemotePath):
            return RemoteFile(place, place.size())
        return LocalFile(place, shown, _stamp(place.stat()))
    except OSError as error:
        raise _lost(shown, error) from error


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file on a disk, known again by its inode, size and time."""

    path: Path
    shown: str
    stamp: tuple[int, ...]

    @property
    def size(self) -> int:
        """The length in bytes."""
        return self.stamp[0]

    def read_at(self, offset: int, size: int) -> bytes:
        """Return the bytes; raises DataError where the file is gone or has changed."""
        try:
            with self.path.open("rb", buffering=0) as stream:
                if _stamp(os.fstat(stream.fileno())) != self.stamp:
                    raise DataError(
                        self.shown,
                        "was changed or replaced while it was read",
                        "run again, and let no one write to the data meanwhile",
                        retriable=True,
                    )
                return _read(stream.fileno(), offset, size, self.shown)
        except OSError as error:
            raise _lost(self.shown, error) from error


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file that is fetched in ranges."""

    place: RemotePath
    size: int

    def read_at(self, offset: int, size: int) -> bytes:
        """Return the bytes; raises DataError where they cannot be fetched."""
        try:
            return self.place.read_at(offset, size)
        except OSError as error:
            raise _lost(str(self.place), error) from error


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class UnpackedFile:
    """A temporary file without a name: it is gone with the last who reads it."""

    descriptor: int
    size: int
    shown: str

    def read_at(self, offset: int, size: int) -> bytes:
        """Return the bytes; raises DataError."""
        return _read(self.descriptor, offset, size, self.shown)


class Readable(Protocol):
    """What is read in order."""

    def read(self, size: int, /) -> bytes:
        """Return the next ``size`` bytes, fewer where it ends."""


def unpacked_file(stream: Readable, size: int, shown: str) -> UnpackedFile:
    """Return the next ``size`` bytes of a stream, at most, in a temporary file; raises DataError.

    Errors of the stream itself are left to its reader.
    """
    with contextlib.ExitStack() as undone:
        try:
            descriptor, name = tempfile.mkstemp(prefix="validate-model-")
            undone.callback(os.close, descriptor)
            os.unlink(name)  # noqa: PTH108 - the name came as text
        except OSError as error:
            raise _no_room(shown, error) from error
        left = size
        while left and (piece := stream.read(min(left, _PIECE))):
            _append(descriptor, piece, shown)
            left -= len(piece)
        undone.pop_all()
    unpacked = UnpackedFile(descriptor, size - left, shown)
    weakref.finalize(unpacked, os.close, descriptor)
    return unpacked


def open_place(place: Place) -> BinaryIO:
    """Return a stream of the file's bytes that can be read anywhere; raises DataError, OSError."""
    if not isinstance(place, RemotePath):
        return place.open("rb")
    return open_stored(stored_file(place, str(place)))


def open_stored(file: StoredFile) -> BinaryIO:
    """Return a stream of a file that is known already; raises DataError where it has changed."""
    return cast("BinaryIO", io.BufferedReader(_Stream(file), STREAMED))


def head_of(place: Place, size: int) -> bytes:
    """Return the first bytes of a file, fewer where it is shorter; raises DataError, OSError."""
    if not isinstance(place, RemotePath):
        with place.open("rb") as stream:
            return stream.read(size)
    file = stored_file(place, str(place))
    return file.read_at(0, min(size, file.size)) if file.size else b""


class _Stream(io.RawIOBase):
    """A stored file as a stream."""

    def __init__(self, file: StoredFile) -> None:
        self._file = file
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._file.size}[whence]
        if start + offset < 0:
            raise OSError("a place before the beginning of a file")
        self._at = start + offset
        return self._at

    def readall(self) -> bytes:
        size = max(0, self._file.size - self._at)
        self._at += size
        return self._file.read_at(self._at - size, size) if size else b""

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any writable buffer
        size = max(0, min(len(buffer), self._file.size - self._at))
        if size:
            buffer[:size] = self._file.read_at(self._at, size)
        self._at += size
        return size


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    return status.st_size, status.st_mtime_ns, status.st_ino, status.st_dev


def _read(descriptor: int, offset: int, size: int, shown: str) -> bytes:
    """Return ``size`` bytes of an open file; a position of its own is what makes threads safe."""
    pieces = []
    left = size
    while left:
        piece = os.pread(descriptor, left, offset + size - left)
        if not piece:
            raise DataError(
                shown, f"ends {left:,} bytes before it should", "it is cut off: copy it again"
            )
        pieces.append(piece)
        left -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _append(descriptor: int, piece: bytes, shown: str) -> None:
    written = 0
    while written < len(piece):
        try:
            written += os.write(descriptor, piece[written:])
        except OSError as error:
            raise _no_room(shown, error) from error


def _no_room(shown: str, error: OSError) -> DataError:
    try:
        place = f" in {plain(tempfile.gettempdir())}"
    except OSError:  # it is looked for by writing there
        place = ""
    return DataError(
        shown,
        f"cannot be unpacked{place}: {plain(error.strerror)}",
        "make room there, set TMPDIR, or unpack the file beforehand",
    )


def _lost(shown: str, error: OSError) -> DataError:
    """Return the error for a file that is lost; raises the OSError itself where it may heal."""
    if may_heal(error):  # this process lacks room, which is no fault of the file
        raise error
    if isinstance(error, FileNotFoundError):
        return DataError(shown, "does not exist, or no longer", "put it back and run again")
    return DataError(
        shown, f"cannot be read: {plain(error.strerror or error)}", "check the path and permissions"
    )
