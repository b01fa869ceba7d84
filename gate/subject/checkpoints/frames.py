"""Messages between the gate and its worker: a length, then that many bytes, over pipes."""

import os
import select
import struct
import time

_LENGTH = struct.Struct("<Q")
_PART = 1 << 20


class BrokenPipeOfWorkerError(Exception):
    """The other side is gone, is too slow, or sends more than it may."""


def send(descriptor: int, message: bytes | memoryview, *, within: float | None = None) -> None:
    """Write one message; ``within`` seconds, or without end.

    Within a time only where the descriptor does not block. Raises BrokenPipeOfWorkerError where the
    other end is gone or takes too long.
    """
    deadline = None if within is None else time.monotonic() + within
    for part in (_LENGTH.pack(len(message)), message):
        waiting = memoryview(part)
        while waiting:
            _wait(descriptor, deadline, to_write=True)
            try:
                waiting = waiting[os.write(descriptor, waiting[:_PART]) :]
            except BlockingIOError:
                continue
            except OSError:
                raise BrokenPipeOfWorkerError from None


def receive(descriptor: int, *, most: int, within: float | None = None) -> bytes:
    """Return one message of at most ``most`` bytes; ``within`` seconds, or without end.

    Raises BrokenPipeOfWorkerError where the other end is gone, takes too long, or sends more.
    """
    deadline = None if within is None else time.monotonic() + within
    (length,) = _LENGTH.unpack(_exactly(descriptor, _LENGTH.size, deadline))
    if length > most:
        raise BrokenPipeOfWorkerError
    return _exactly(descriptor, length, deadline)


def _exactly(descriptor: int, length: int, deadline: float | None) -> bytes:
    message = bytearray()
    while len(message) < length:
        _wait(descriptor, deadline, to_write=False)
        part = os.read(descriptor, min(length - len(message), _PART))
        if not part:
            raise BrokenPipeOfWorkerError
        message += part
    return bytes(message)


def _wait(descriptor: int, deadline: float | None, *, to_write: bool) -> None:
    left = None if deadline is None else max(0.0, deadline - time.monotonic())
    readers, writers = ([], [descriptor]) if to_write else ([descriptor], [])
    if not any(select.select(readers, writers, [], left)):
        raise BrokenPipeOfWorkerError
