"""Marks show that this program wrote a file, before the file is taken away."""

import re
from pathlib import Path

from gate.errors import UsageError
from gate.report.renderings.registry import find_rendering

_HEAD, _TAIL = 1 << 17, 1 << 12  # bytes; a mark stands near the start or the end


def is_ours(path: Path, format_: str) -> bool:
    """Return whether a regular file is a rendering that this program wrote, of any verdict.

    What cannot be read is not, nor is anything in a format without a mark or that cannot be had: in
    doubt a file is somebody else's.
    """
    try:
        mark = find_rendering(format_).mark
    except UsageError:  # of another package, which cannot be imported
        return False
    if mark is None:
        return False
    if path.is_symlink() or not path.is_file():
        return False
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEAD)
            stream.seek(max(path.stat().st_size - _TAIL, 0))
            tail = stream.read()
    except OSError:
        return False
    return bool(re.match(mark.start, _text(head)) and re.search(mark.end, _text(tail)))


def _text(found: bytes) -> str:
    return found.decode("utf-8", errors="replace")
