"""The files that user code is made of and reads: what a kept measurement of it depends on.

Modules are told apart by what is new in ``sys.modules``, other files by Python's own audit events.
Each is hashed when it was used: the file may change later, and the process keeps what it imported.
A file that was asked for and is not there counts too: it may come.

Not known are files that compiled code opens past Python, folders that are listed, the environment,
and the network.
"""

import os
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import file_digest, sha256
from pathlib import Path
from types import FrameType, ModuleType

# Packages whose releases are part of every plan; of others, each file counts.
_RELEASED = ("gate", "torch", "torchgen", "functorch", "numpy", "PIL")
_STDLIB = os.path.realpath(sysconfig.get_path("stdlib"))
_OWN = str(Path(__file__).resolve().parents[1])
_NO_FILES = ("/dev/", "/proc/", "/sys/")

Digests = dict[str, str | None]  # file -> sha256; None where there is no such file

_used: dict[Path, Digests] = {}  # by the folder of the gate file
_opened: list[str] | None = None  # files opened by the user code that runs now
_among_ours = False  # whether our own code opens files meanwhile
_hooked = False


@contextmanager
def track_opened_files(base: Path, *, among_ours: bool = False) -> Iterator[None]:
    """Take down the files that user code of the gate file's folder uses inside the block.

    With ``among_ours``, code of the gate opens files too, in this thread or in others: only what is
    opened on behalf of code that is not ours counts.
    """
    global _opened, _among_ours
    _listen()
    modules, outer, _opened = set(sys.modules), (_opened, _among_ours), []
    _among_ours = among_ours
    try:
        yield
    finally:
        files, (_opened, _among_ours) = _opened, outer
        if _opened is not None:
            _opened.extend(files)
        new = (sys.modules.get(name) for name in set(sys.modules) - modules)
        files += [each for each in map(_source, new) if each is not None]
        used = _used.setdefault(base.resolve(), {})
        for file in dict.fromkeys(files):
            if _counts(file):
                digest = _digest(Path(file))
                if digest is not None or not _is_temporary(file, base.resolve()):
                    used.setdefault(file, digest)


def used_files(base: Path) -> Digests:
    """Return the digests of the files that user code of this folder has used in this process.

    Files below the folder are named relative to it, others by their path.
    """
    folder = base.resolve()
    return {
        os.path.relpath(file, folder) if Path(file).is_relative_to(folder) else file: digest
        for file, digest in sorted(_used.get(folder, {}).items())
    }


def is_unchanged(files: Mapping[str, str | None], base: Path) -> bool:
    """Return whether every file that was used still holds what it held."""
    return all(_digest(base.resolve() / file) == digest for file, digest in files.items())


def code_digest(files: Mapping[str, str | None]) -> str:
    """Return one SHA-256 over used files, the same wherever the folder and Python are installed.

    It covers what lies in the folder and in installed packages; any other place, such as one for
    temporary files, may be called otherwise in every process.
    """
    named = {portable_name(file): digest for file, digest in files.items() if digest is not None}
    lines = [f"{digest} {name}" for name, digest in named.items() if name is not None]
    return sha256("\n".join(sorted(lines)).encode(errors="surrogateescape")).hexdigest()


def portable_name(file: str) -> str | None:
    """Return how a used file is called on any machine; None for one of no known folder.

    That is its path below the gate file's folder, or below that of installed packages.
    """
    if not Path(file).is_absolute():
        return file
    installed = _in_packages(file)
    return None if installed is None else "/".join(installed)


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
    if reading and isinstance(path, str | bytes) and not (_among_ours and _is_ours()):
        _opened.append(os.path.realpath(os.fsdecode(path)))


def _is_ours() -> bool:
    """Return whether nothing but the gate, Python and packages we know of has asked for a file."""
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 -- the only way to know who asks
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith("<frozen ") and _counts(os.path.realpath(file)):
            return False
        frame = frame.f_back
    return True


def _source(module: ModuleType | None) -> str | None:
    file = getattr(module, "__file__", None)
    return os.path.realpath(file) if isinstance(file, str) else None


def _counts(file: str) -> bool:
    """Return whether a file may change what user code does, other than by a release we know of."""
    if file.endswith(".pyc") or file.startswith(_NO_FILES):
        return False
    installed = _in_packages(file)
    if installed is not None:
        return installed[0] not in _RELEASED
    return not file.startswith((_STDLIB + os.sep, _OWN + os.sep))


def _is_temporary(file: str, base: Path) -> bool:
    """Return whether a file that is gone was one of those that get a new name in every process."""
    try:
        folder = os.path.realpath(tempfile.gettempdir())
    except OSError:  # there is no folder for them, and so none of them
        return False
    return file.startswith(folder + os.sep) and not Path(file).is_relative_to(base)


def _in_packages(file: str) -> tuple[str, ...] | None:
    """Return the path below the folder of installed packages; None for a file elsewhere."""
    parts = Path(file).parts
    for packages in ("site-packages", "dist-packages"):  # the second is Debian's
        if packages in parts[:-1]:
            return parts[parts.index(packages) + 1 :]
    return None


def _digest(path: Path) -> str | None:
    try:
        with path.open("rb") as stream:
            return file_digest(stream, "sha256").hexdigest()
    except OSError:
        return None
