"""The digests of a checkpoint's files, streamed: a file of any size takes the memory of a page."""

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gate.errors import UsageError
from gate.wording import printable


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a checkpoint by name, with their SHA-256."""

    digests: Mapping[str, str]
    sha256: str  # as a report calls the checkpoint: of the file, or of the folder's manifest
    beside: tuple[str, ...] = ()  # what else lies in the folder, and is not looked at


def checkpoint_files(path: Path) -> Files:
    """Return the digests of a checkpoint: a file, or all files of a folder that decide an answer.

    Raises UsageError where it cannot be read, or is a folder without weights.
    """
    from gate.subject.checkpoints.folders import is_folder, manifest
    from gate.subject.checkpoints.refusals import RefusedError
    from gate.subject.sources.registry import recognise

    if not is_folder(path):
        digest = _sha256(path)
        return Files({path.name: digest}, digest)
    try:
        files = recognise(path).files(path)
    except RefusedError as refused:
        raise UsageError(printable(str(path)), refused.fact, refused.remedy) from refused
    # The digest of what was read is of the bytes that the names were read from.
    digests = {name: digest or _sha256(path / name) for name, digest in files.items()}
    beside = tuple(sorted({each.name for each in path.iterdir()} - set(digests)))
    return Files(digests, hashlib.sha256(manifest(digests)).hexdigest(), beside)


def _sha256(path: Path) -> str:
    try:
        # O_NONBLOCK: opening a FIFO waits for a writer, perhaps for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb", buffering=0) as stream:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise UsageError(
                    printable(str(path)), "this is no regular file", "name the checkpoint"
                )
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a usable path"
        raise UsageError(
            printable(str(path)), f"the checkpoint cannot be read ({reason})", "check its path"
        ) from error
