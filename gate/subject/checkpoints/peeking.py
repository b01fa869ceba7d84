"""A look at both ends of a file, to recognise who wrote it; nothing that it says is believed."""

import os
import stat
from pathlib import Path
from typing import NamedTuple

_MOST = 1 << 20  # bytes of each end; the names of a ResNet-152 fill some 200 KiB


class Ends(NamedTuple):
    """The first and the last bytes of a file; both empty where it is no file that can be read."""

    head: bytes
    tail: bytes


def read_ends(path: Path) -> Ends:
    """Return at most 1 MiB of each end of a regular file; nothing of what cannot be read."""
    try:
        # O_NONBLOCK: opening a FIFO waits for a writer, perhaps for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return Ends(b"", b"")
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return Ends(b"", b"")
        begin = max(status.st_size - _MOST, 0)
        return Ends(os.pread(descriptor, _MOST, 0), os.pread(descriptor, _MOST, begin))
    except OSError:
        return Ends(b"", b"")
    finally:
        os.close(descriptor)
