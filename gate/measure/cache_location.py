"""The cache lies in one folder; this finds, measures and empties it."""

import errno
import os
import shutil
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gate.errors import OutputError
from gate.evidence.files import write_text
from gate.masking import is_address, mask

PLANS, OVERLAPS, PRINTS = "plans", "overlaps", "fingerprints"  # what lies in it
VARIABLE = "VALIDATE_MODEL_CACHE"
_DAY = 86_400  # seconds
_PRIVATE, _PRIVATE_FILE = 0o700, 0o600
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
OPEN = "other users may write to it"
_UNMARKED = "holds other things, and not the mark of a cache of ours"
MARK = "CACHEDIR.TAG"  # as https://bford.info/cachedir has it, so that backups leave it out
_MARKED = (
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# validate-model made this folder, and may remove what lies in it.\n"
)


@dataclass(frozen=True, slots=True)
class Usage:
    """How much is kept."""

    plans: int
    files: int
    size_bytes: int


def cache_folder() -> Path:
    """Return the folder that the environment names, else the user's own for caches."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    caches = os.environ.get("XDG_CACHE_HOME")
    return (Path(caches) if caches else Path.home() / ".cache") / "validate-model"


def usable(root: Path | None, warn: Callable[[str], None]) -> Path | None:
    """Return the folder where it may be believed, closed to others; else None, after a warning.

    It must be a folder of this user, or a link of theirs to one, to which nobody else may write. A
    new one is made so, and marked as ours, as is an empty one. One with our mark that others could
    write to is closed to them and emptied: what lies in it may be anybody's. One that holds
    anything, and not our mark, is never touched. The folders above it are not looked at: who may
    rename there can put only a folder of this user's own in its place. None stays None.
    """
    if root is None:
        return None
    if is_address(root):
        warn(f"{mask(str(root))} is a URL, and a cache lies on this machine; nothing is kept")
        return None
    with suppress(OSError):  # who writes to it will say so
        root.parent.mkdir(parents=True, exist_ok=True)
        make_private(root)
    why = trouble(root)
    if why is None:
        _mark(root)
    if why == OPEN and _closed(root):
        warn(f"cache: {root}: {OPEN}; it is closed to them now, and emptied")
        return root
    if why is not None:
        warn(
            f"cache: {root}: {why}; it is not used, and everything is measured again: name a "
            f"folder of your own in {VARIABLE}"
        )
        return None
    return root


def trouble(root: Path) -> str | None:
    """Return why a folder cannot be believed; None where it can, or is not there."""
    if not hasattr(os, "getuid"):  # Windows keeps other lists
        return None
    try:
        link, folder = root.lstat(), root.stat()
    except FileNotFoundError:
        return "leads nowhere" if root.is_symlink() else None
    except OSError as error:
        return f"cannot be looked at ({error.strerror})"
    if not stat.S_ISDIR(folder.st_mode):
        return "is no folder"
    if folder.st_uid != os.getuid() or link.st_uid not in (0, os.getuid()):
        return "belongs to another user"
    try:
        if not _is_marked(root) and not _is_empty(root):
            return _UNMARKED
    except OSError as error:
        return f"cannot be looked at ({error.strerror})"
    return OPEN if any(map(_is_open, (root.resolve(), *_held(root)))) else None


def distrusted(path: Path) -> str | None:
    """Return why a folder or a file of the cache is not believed; None also where there is none.

    It must be this user's own, no link, and nobody else may write to it.
    """
    if not hasattr(os, "getuid"):
        return None
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"cannot be looked at ({error.strerror})"
    if not (stat.S_ISDIR(status.st_mode) or stat.S_ISREG(status.st_mode)):
        return "is no folder or file of its own"
    if status.st_uid != os.getuid():
        return "belongs to another user"
    return OPEN if status.st_mode & _OTHERS_WRITE else None


def close_file(file: Path) -> None:
    """Let nobody but this user read or write a file that we wrote, whatever the umask is."""
    with suppress(OSError):  # another run may have cleaned it
        file.chmod(_PRIVATE_FILE)


def _mark(root: Path) -> None:
    """Mark an empty folder as ours; a disk that does not take it takes nothing else either."""
    with suppress(OSError, OutputError):
        if not _is_marked(root):
            write_text(root / MARK, _MARKED)
            close_file(root / MARK)


def _is_marked(root: Path) -> bool:
    mark = root / MARK
    try:
        return (
            distrusted(mark) in (None, OPEN)
            and stat.S_ISREG(mark.lstat().st_mode)
            and mark.lstat().st_size == len(_MARKED)
            and mark.read_text(encoding="utf-8") == _MARKED
        )
    except (OSError, UnicodeDecodeError):
        return False


def _is_empty(root: Path) -> bool:
    """Return whether a folder holds nothing but a mark that another run is about to set."""
    return all(each.name.startswith(f".{MARK}.") for each in root.iterdir())


def make_private(folder: Path) -> None:
    """Make a folder, and those above it that are missing, so that no other user looks into it.

    Raises OSError. Whatever the user's umask is, what is written there later stays out of reach.
    """
    if not folder.is_dir():
        make_private(folder.parent)
        folder.mkdir(mode=_PRIVATE, exist_ok=True)


def _is_open(folder: Path) -> bool:
    """Return whether a folder is not this user's alone to write to."""
    with suppress(FileNotFoundError):
        status = folder.lstat()
        ours = status.st_uid == os.getuid() and stat.S_ISDIR(status.st_mode)
        return not ours or bool(status.st_mode & _OTHERS_WRITE)
    return False


def _held(root: Path) -> tuple[Path, ...]:
    return tuple(root / name for name in (PLANS, OVERLAPS, PRINTS))


def _closed(root: Path) -> bool:
    """Close a folder of ours to others and empty it; else leave it as open as it was.

    A folder without our mark, or that holds anything else, is no cache that we made.
    """
    if not _is_marked(root):
        return False
    mode = stat.S_IMODE(root.stat().st_mode)
    try:
        held = [each.name for each in root.iterdir()]
        if set(held) - {PLANS, OVERLAPS, PRINTS, MARK}:
            return False
        root.chmod(_PRIVATE)
        for name in set(held) - {MARK}:
            shutil.rmtree(root / name)
    except OSError:
        with suppress(OSError):
            root.chmod(mode)
        return False
    return True


def usage(root: Path) -> Usage:
    """Return how much the cache holds; nothing where there is none."""
    files = [file for folder in _held(root) for file in _files(folder)]
    return Usage(len(_folders(root / PLANS)), len(files), sum(map(_size, files)))


def clean(root: Path, *, older_than: float = 0.0) -> Usage:
    """Remove what was last of use more than ``older_than`` days ago; return what is gone.

    Only what the cache itself keeps is touched. A run that uses it meanwhile measures again.
    Raises OutputError where something cannot be removed.
    """
    before = usage(root)
    latest = time.time() - older_than * _DAY
    try:
        for plan in _folders(root / PLANS):
            if max((_used(file) for file in _files(plan)), default=0.0) <= latest:
                _remove(plan)
        for file in [*_files(root / OVERLAPS), *_files(root / PRINTS)]:
            if _used(file) <= latest:
                file.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(str(root), error, "check the rights of the folder") from error
    after = usage(root)
    return Usage(
        before.plans - after.plans,
        before.files - after.files,
        before.size_bytes - after.size_bytes,
    )


def _remove(folder: Path) -> None:
    """Remove a folder to which a run may write meanwhile; raises OSError for any other reason."""
    for file in _files(folder):
        file.unlink(missing_ok=True)
    for each in (*sorted(filter(Path.is_dir, folder.rglob("*")), reverse=True), folder):
        try:
            each.rmdir()
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.ENOENT):
                raise


def _folders(root: Path) -> list[Path]:
    return [each for each in root.iterdir() if each.is_dir()] if root.is_dir() else []


def _files(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()] if folder.is_dir() else []


def _size(file: Path) -> int:
    with suppress(OSError):  # another run may have cleaned it
        return file.stat().st_size
    return 0


def _used(file: Path) -> float:
    with suppress(OSError):
        return file.stat().st_mtime
    return 0.0
