"""Files from outside that are read whole: regular ones alone, and no more of them than is sane.

A pipe that nobody writes to is never opened for reading, and a device has no end.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import file_digest
from io import BufferedReader
from pathlib import Path

LARGEST_EVIDENCE = 1 << 36  # bytes: of a hundred million images and more


class IrregularError(ValueError):
    """It is no file that is read; the text says why, and says no place."""


@contextmanager
def open_regular(path: Path, *, most: int) -> Iterator[BufferedReader]:
    """Give a regular file of at most ``most`` bytes, opened for reading.

    Raises IrregularError for a pipe, a device, a folder and a larger file, OSError where there is
    none or it cannot be read.
    """
    # O_NONBLOCK: opening a pipe waits for a writer, perhaps for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise IrregularError("it is no regular file")
        if status.st_size > most:
            raise IrregularError(f"it has {status.st_size:,} bytes, and at most {most:,} are read")
        with os.fdopen(descriptor, "rb", closefd=False) as stream:
            yield stream
    finally:
        os.close(descriptor)


def read_regular(path: Path, *, most: int) -> bytes:
    """Return the bytes of a regular file; raises as :func:`open_regular` does."""
    with open_regular(path, most=most) as stream:
        data = stream.read(most + 1)
    if len(data) > most:
        raise IrregularError(f"it grows while it is read, beyond {most:,} bytes")
    return data


def sha256_of_database(path: Path, *, most: int) -> str:
    """Return the SHA-256 of an SQLite file that is as long as its own header says.

    So that a file which only says that it is long, full of holes, is not read to its end. Raises
    IrregularError where it is not, and as :func:`open_regular` does.
    """
    with open_regular(path, most=most) as stream:
        header = stream.read(100)
        page = int.from_bytes(header[16:18], "big")
        pages = int.from_bytes(header[28:32], "big")
        size = os.fstat(stream.fileno()).st_size
        if not header.startswith(b"SQLite format 3\0") or size != pages * (
            page if page > 1 else 1 << 16
        ):
            raise IrregularError("it is no SQLite file, or is not as long as its header says")
        stream.seek(0)
        return file_digest(stream, "sha256").hexdigest()
