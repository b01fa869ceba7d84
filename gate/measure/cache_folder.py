"""Where the cache lies, how large it is, and how it is emptied."""

import errno
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gate.errors import OutputError

PLANS, OVERLAPS, PRINTS = "plans", "overlaps", "fingerprints"  # what lies in it
VARIABLE = "VALIDATE_MODEL_CACHE"
_DAY = 86_400  # seconds


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


def usage(root: Path) -> Usage:
    """Return how much the cache holds; nothing where there is none."""
    files = [file for name in (PLANS, OVERLAPS, PRINTS) for file in _files(root / name)]
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
