"""Images that lie in files of their own, one file an image."""

import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

from gate.subject.datasets.images import decode
from gate.subject.datasets.records import Entry, Sample, UnreadableImage
from gate.subject.wording import plain

LARGEST_FILE = 1 << 29  # bytes; the largest image that Pillow decodes is smaller, uncompressed


@dataclass(frozen=True, slots=True, eq=False)
class FileDataset:
    """A dataset of image files; ``files`` are in the order of ``entries``, below ``folder``.

    ``manifest`` is the table that lists them, where there is one.
    """

    path: str
    format: str
    classes: tuple[str, ...]
    entries: Sequence[Entry]
    folder: Path
    files: Sequence[str]
    slice_columns: tuple[str, ...] = ()
    group_column: str | None = None
    assumed: tuple[str, ...] = ()
    manifest: Path | None = None

    def read(self, index: int) -> Sample:
        """Return the image at ``index``; raises UnreadableImage."""
        label = self.entries[index].label
        if label is None:
            raise UnreadableImage(
                "lies outside the class folders, so it has no class",
                "move it into the folder of its class, or remove it",
            )
        stored = read_bytes(self.folder / self.files[index])
        return Sample(stored, decode(stored), None, label)

    def sources(self) -> Sequence[Path]:
        """Return the manifest, if there is one, and the image files in the order of the entries."""
        return _Paths(self.folder, self.files, () if self.manifest is None else (self.manifest,))


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


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a regular file; raises UnreadableImage for anything else."""
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
        raise UnreadableImage(f"the file cannot be read: {plain(words)}") from error
