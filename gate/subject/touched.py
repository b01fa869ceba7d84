"""The files that user code is made of and reads: what a kept measurement of it depends on.

Modules are told apart by what is new in ``sys.modules``, other files by Python's own audit events.
Each is hashed when it was used: the file may change later, and the process keeps what it imported.
"""

import os
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import file_digest
from pathlib import Path
from types import ModuleType

# Packages whose releases are part of every plan; of others, each file counts.
_RELEASED = ("gate", "torch", "torchgen", "functorch", "numpy", "PIL")
_STDLIB = os.path.realpath(sysconfig.get_path("stdlib"))
_OWN = str(Path(__file__).resolve().parents[1])
_NO_FILES = ("/dev/", "/proc/", "/sys/")

_used: dict[Path, dict[str, str]] = {}  # folder of a gate file -> file -> sha256
_opened: list[str] | None = None  # files opened by the user code that runs now
_hooked = False


@contextmanager
def noted(base: Path) -> Iterator[None]:
    """Take down the files that user code of the gate file's folder uses inside the block."""
    global _opened
    _listen()
    modules, outer, _opened = set(sys.modules), _opened, []
    try:
        yield
    finally:
        files, _opened = _opened, outer
        if outer is not None:
            outer.extend(files)
        new = (sys.modules.get(name) for name in set(sys.modules) - modules)
        files += [each for each in map(_source, new) if each is not None]
        used = _used.setdefault(base.resolve(), {})
        for file in dict.fromkeys(files):
            if _counts(file) and (digest := _digest(Path(file))) is not None:
                used.setdefault(file, digest)


def used_files(base: Path) -> dict[str, str]:
    """Return the digests of the files that user code of this folder has used in this process.

    Files below the folder are named relative to it, others by their path.
    """
    folder = base.resolve()
    return {
        os.path.relpath(file, folder) if Path(file).is_relative_to(folder) else file: digest
        for file, digest in sorted(_used.get(folder, {}).items())
    }


def unchanged(files: Mapping[str, str], base: Path) -> bool:
    """Return whether every file that was used still holds what it held."""
    return all(_digest(base.resolve() / file) == digest for file, digest in files.items())


def _listen() -> None:
    global _hooked
    if not _hooked:
        _hooked = True
        sys.addaudithook(_heard)


def _heard(event: str, arguments: tuple[object, ...]) -> None:
    if event != "open" or _opened is None:
        return
    path, _, flags = arguments
    reading = isinstance(flags, int) and flags & os.O_ACCMODE == os.O_RDONLY
    if reading and isinstance(path, str | bytes):
        _opened.append(os.path.realpath(os.fsdecode(path)))


def _source(module: ModuleType | None) -> str | None:
    file = getattr(module, "__file__", None)
    return os.path.realpath(file) if isinstance(file, str) else None


def _counts(file: str) -> bool:
    """Return whether a file may change what user code does, other than by a release we know of."""
    if file.endswith(".pyc") or file.startswith(_NO_FILES):
        return False
    parts = Path(file).parts
    for packages in ("site-packages", "dist-packages"):  # the second is Debian's
        if packages in parts:
            return parts[parts.index(packages) + 1] not in _RELEASED
    return not file.startswith((_STDLIB + os.sep, _OWN + os.sep))


def _digest(path: Path) -> str | None:
    try:
        with path.open("rb") as stream:
            return file_digest(stream, "sha256").hexdigest()
    except OSError:
        return None
