"""Open a file once, copy it and hash the copy: what was hashed is what is read."""

import hashlib
import mmap
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from gate.subject.checkpoints.refusals import corrupt
from gate.wording import bytes_in_words

MAX_BYTES = 4 << 30  # the largest CNN classifiers in use hold about 2.6 GiB of weights
CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Sealed:
    """A private copy of a file's bytes, out of reach of whoever can write to the file."""

    data: memoryview = field(repr=False)
    sha256: str

    @property
    def size(self) -> int:
        """Return the number of bytes."""
        return self.data.nbytes


def seal(path: Path, *, most: int = MAX_BYTES) -> Sealed:
    """Return a private, hashed copy of a regular file of at most ``most`` bytes.

    Raises RefusedError for anything else: a missing file, a folder, a FIFO (reading it would hang),
    a device, a file that grows or shrinks while it is read.
    """
    try:
        # O_NONBLOCK: opening a FIFO waits for a writer, perhaps for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise corrupt("there is no such file", "check its path: nothing is downloaded") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the name is not a path"
        raise corrupt(f"it cannot be opened ({reason})", "check the path and its rights") from error
    try:
        return _copy(descriptor, most)
    except OSError as error:
        raise corrupt(f"it cannot be read ({error.strerror})") from error
    finally:
        os.close(descriptor)


def _copy(descriptor: int, most: int) -> Sealed:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise corrupt("it is not a regular file", "give the path of a file or of a model folder")
    if status.st_size == 0:
        raise corrupt("the file is empty")
    if status.st_size > most:
        raise corrupt(
            f"it has {bytes_in_words(status.st_size)}, more than {bytes_in_words(most)} are "
            "not read",
            "save only the model's state_dict, without the state of the optimiser",
        )
    copy = memoryview(mmap.mmap(-1, status.st_size))
    digest = hashlib.sha256()
    filled = 0
    while filled < status.st_size:
        count = os.readv(descriptor, [copy[filled : filled + CHUNK]])
        if count == 0:
            raise corrupt("the file shrank while it was read", retriable=True)
        digest.update(copy[filled : filled + count])
        filled += count
    if os.read(descriptor, 1):
        raise corrupt("the file grew while it was read", retriable=True)
    return Sealed(copy, digest.hexdigest())
