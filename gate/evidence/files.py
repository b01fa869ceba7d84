"""Files that are written whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gate.errors import OutputError


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Give a path beside ``path`` to write to; it takes the name when the block ends well.

    After an exception, Ctrl-C included, the unfinished file is removed and ``path`` is untouched.
    Raises OutputError where the disk does not take it.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        yield unfinished
        unfinished.replace(path)
    except OSError as error:
        raise OutputError(str(path), error, "make room there, or name another place") from error
    finally:
        unfinished.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8, whole or not at all."""
    with replaced(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8", newline="\n")
