"""Files that are written whole or not at all."""

import contextlib
import os
import platform
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gate.errors import OutputError

_SUFFIX = ".unfinished"


@contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """Give a path beside ``path`` to write to; it takes the name when the block ends well.

    After an exception, Ctrl-C included, the unfinished file is removed and ``path`` is untouched.
    Raises OutputError where the disk does not take it.
    """
    writer = f"{platform.node()}.{os.getpid()}.{threading.get_native_id()}"
    unfinished = path.with_name(f".{path.name}.{writer}{_SUFFIX}")
    try:
        yield unfinished
        unfinished.replace(path)
    except OSError as error:
        raise OutputError(str(path), error, "make room there, or name another place") from error
    finally:
        with contextlib.suppress(OSError):  # a folder that went away took the file with it
            unfinished.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8, whole or not at all."""
    with replace_file(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8", newline="\n")


def previous(path: Path) -> Path:
    """Return the name under which a file of the last run is kept when a call was faulty.

    >>> previous(Path("gate-out/report.json")).as_posix()
    'gate-out/report.previous.json'
    """
    return path.with_name(f"{path.stem}.previous{path.suffix}")


def lies_aside(path: Path) -> bool:
    """Return whether a file that is not there was put aside when a call was faulty."""
    with contextlib.suppress(OSError, ValueError):  # ValueError: a path without a name, or a null
        return not path.exists() and previous(path).is_file()
    return False


def remove_unfinished_files(folder: Path) -> None:
    """Remove what processes of this machine that were killed left unfinished in a folder."""
    with contextlib.suppress(OSError):
        for file in folder.glob(f".*{_SUFFIX}"):
            node, _, rest = file.name.removesuffix(_SUFFIX).rpartition(".")[0].rpartition(".")
            if node.endswith(f".{platform.node()}") and not _alive(rest):
                file.unlink(missing_ok=True)


def _alive(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, ValueError, OverflowError):  # somebody else's, or no number
        return True
    return True
