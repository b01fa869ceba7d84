"""Where the cache lies, how large it is, and how it is emptied."""

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

PLANS, OVERLAPS, PRINTS = "plans", "overlaps", "fingerprints"  # what lies in it
VARIABLE = "VALIDATE_MODEL_CACHE"
_DAY = 86_400  # seconds
_PRIVATE = 0o700
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
OPEN = "other users may write to it"


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
    new one is made so. One of theirs that others could write to is closed to them and emptied: what
    lies in it may be anybody's. The folders above it are not looked at: who may rename there can
    put only a folder of this user's own in its place. None stays None.
    """
    if root is None:
        return None
    with suppress(OSError):  # who writes to it will say so
        root.parent.mkdir(parents=True, exist_ok=True)
        make_private(root)
    why = trouble(root)
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
    return OPEN if any(map(_is_open, (root.resolve(), *_held(root)))) else None


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

    A folder that holds anything else is no cache that we made.
    """
    mode = stat.S_IMODE(root.stat().st_mode)
    try:
        held = [each.name for each in root.iterdir()]
        if set(held) - {PLANS, OVERLAPS, PRINTS}:
            return False
        root.chmod(_PRIVATE)
        for name in held:
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
