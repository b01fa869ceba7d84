"""Images that lie in files of their own, one file an image."""

import contextlib
import io
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

from gate.errors import DataError
from gate.healing import may_heal
from gate.subject.datasets.images import decode, is_image
from gate.subject.datasets.places import Place, RemotePath, place_of
from gate.subject.datasets.records import BaseDataset, Entry, Sample, UnreadableImage
from gate.subject.datasets.urls import is_url
from gate.wording import plain

LARGEST_FILE = 1 << 29  # bytes; the largest image that Pillow decodes is smaller, uncompressed


@dataclass(frozen=True, slots=True, eq=False)
class FileDataset(BaseDataset):
    """A dataset of image files; ``files`` are in the order of ``entries``, below ``folder``.

    A file may also be a URL. ``manifest`` is the table that lists them, where there is one.
    """

    path: str
    format: str
    classes: tuple[str, ...]
    entries: Sequence[Entry]
    folder: Place
    files: Sequence[str]
    slice_columns: tuple[str, ...] = ()
    group_column: str | None = None
    assumed: tuple[str, ...] = ()
    manifest: Place | None = None
    skipped: Sequence[tuple[str, str]] = ()  # (id, file) of what is hidden
    has_sorted_classes: bool = False

    def read(self, index: int) -> Sample:
        """Return the image at ``index``, with its bytes and its label.

        Raises UnreadableImage where it cannot be decoded, DataError where it cannot be fetched,
        UsageError for a wrong URL, MissingExtraError where a URL needs an extra.
        """
        stored, label = self.stored(index), self.entries[index].label
        assert label is not None, "an image without a class has no bytes"
        return Sample(stored, decode(stored), None, label)

    def stored(self, index: int) -> bytes:
        """Return the bytes of the file at ``index``.

        Raises UnreadableImage where it has no class or cannot be read, DataError where it cannot be
        fetched, UsageError for a wrong URL, MissingExtraError where a URL needs an extra.
        """
        if self.entries[index].label is None:
            raise UnreadableImage(
                "lies outside the class folders, so it has no class",
                "move it into the folder of its class, or remove it",
            )
        return read_bytes(below(self.folder, self.files[index]))

    def prefetch(self, rows: range) -> None:
        """Let the system fetch the files of some rows, so that their reader need not wait.

        Nothing is fetched from another machine, nor where the system knows no such request.
        """
        if isinstance(self.folder, RemotePath) or not hasattr(os, "posix_fadvise"):
            return
        for file in self.files[rows.start : rows.stop]:
            if not is_url(file):  # what is wrong with an address, too, its reader says
                _ask_for(self.folder / file)

    def hidden(self) -> tuple[str, ...]:
        """Return the ids of hidden files that are images.

        Raises DataError where one is lost, UsageError for a wrong URL, MissingExtraError where a
        URL needs an extra.
        """
        return tuple(
            each for each, file in self.skipped if _is_image_file(below(self.folder, file))
        )

    def sources(self) -> Sequence[Path] | None:
        """Return the manifest, if there is one, and the image files in the order of the entries.

        None where any of them is remote.
        """
        places = (self.folder, self.manifest or self.folder)
        if any(isinstance(each, RemotePath) for each in places) or any(map(is_url, self.files)):
            return None
        before = (self.manifest,) if isinstance(self.manifest, Path) else ()
        return _Paths(Path(str(self.folder)), self.files, before)


@dataclass(frozen=True, slots=True)
class _Paths(Sequence[Path]):
    """Paths that are made when they are asked for: a million of them take 200 MB."""

    folder: Path
    files: Sequence[str]
    before: tuple[Path, ...]

    def __len__(self) -> int:
        return len(self.before) + len(self.files)

    @overload
    def __getitem__(self, index: int) -> Path: ...
    @overload
    def __getitem__(self, index: slice) -> list[Path]: ...
    def __getitem__(self, index: int | slice) -> Path | list[Path]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        place = range(len(self))[index] - len(self.before)
        return self.folder / self.files[place] if place >= 0 else self.before[place]


def below(folder: Place, file: str) -> Place:
    """Return the place of an image file that is named relative to a folder, or by a URL.

    Raises DataError or UsageError for a wrong URL, MissingExtraError where a URL needs an extra.
    """
    return place_of(Path(), file) if is_url(file) else folder / file


def read_bytes(path: Place) -> bytes:
    """Return the bytes of a regular file; raises UnreadableImage for anything else.

    A file that cannot be read or fetched for now, of a share that went or a store that does not
    answer, is a DataError: that says nothing about the image.
    """
    if isinstance(path, RemotePath):
        return _fetched(path)
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise UnreadableImage("is a folder, not an image")
        if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for ever
            raise UnreadableImage("is not a regular file")
        if status.st_size > LARGEST_FILE:
            raise UnreadableImage(f"is {status.st_size:,} bytes long, too long for an image")
        return path.read_bytes()
    except FileNotFoundError as error:
        fact = "is a link to a missing file" if path.is_symlink() else "the file does not exist"
        raise UnreadableImage(fact) from error
    except (OSError, ValueError) as error:  # ValueError: a path with a null byte
        words = getattr(error, "strerror", None) or error
        if may_heal(error):
            remedy = "run again when it can: nothing is judged on a part of the data"
            raise DataError(plain(path, 200), f"cannot be read: {plain(words)}", remedy) from error
        raise UnreadableImage(f"the file cannot be read: {plain(words)}") from error


def _is_image_file(path: Place) -> bool:
    """Return whether a file is an image, by its header alone where it lies on this machine."""
    try:
        if isinstance(path, RemotePath):
            return is_image(io.BytesIO(_fetched(path)))
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for ever
            return False
        with path.open("rb") as stream:
            return is_image(stream)
    except (UnreadableImage, OSError, ValueError):  # ValueError: a path with a null byte
        return False


def _ask_for(path: Path) -> None:
    """Let the system fetch a regular file, without waiting; what is wrong its reader says."""
    with contextlib.suppress(OSError, ValueError):
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for ever
            return
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_WILLNEED)
        finally:
            os.close(descriptor)


def _fetched(place: RemotePath) -> bytes:
    """Return the bytes of a remote file, or the same reason as for one on a disk."""
    try:
        stored = place.read_bytes()
    except (FileNotFoundError, IsADirectoryError) as error:
        folder = isinstance(error, IsADirectoryError) or place.is_dir()
        fact = "is a folder, not an image" if folder else "the file does not exist"
        raise UnreadableImage(fact) from error
    if len(stored) > LARGEST_FILE:
        raise UnreadableImage(f"is {len(stored):,} bytes long, too long for an image")
    return stored
