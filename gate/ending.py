"""The command chooses its exit status itself, whoever ends its process.

Code of the user's runs in the process that judges, in threads that go on, and when Python ends. It
may end the process, with 0 say, which is our "pass"; it does not choose the exit status.
"""

import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress

_LINGER = 10.0  # seconds that threads and exit handlers of user code have to come to their end
_NOT_EVALUATED = 4

_exit = os._exit  # before user code may have put another in its place
_process: int | None = None
_status: int | None = None


def own_process() -> None:
    """Take down that this process is the command, and nothing else: no status is known yet."""
    global _process, _status
    _process, _status = os.getpid(), None


def is_own() -> bool:
    """Return whether this process is the command: no copy of it, no worker, no other program."""
    return _process == os.getpid()


def settle(status: int) -> None:
    """Take down what the command has returned."""
    global _status
    _status = status


def end_now(asked: str) -> None:
    """End the command with its own status, though user code ``asked`` for another one."""
    if _status is None:
        with suppress(OSError):
            os.write(2, f"Error: {asked} by the user's code; nothing was judged\n".encode())
    _leave(_NOT_EVALUATED if _status is None else _status)


def end_soon(status: int, tell_it_runs: Callable[[], None]) -> None:
    """End the command in a while, in a thread: threads of the user's may go on for ever."""
    tell_it_runs()
    time.sleep(_LINGER)
    _leave(status)


def _leave(status: int) -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # it is closed, or nobody's any more
            stream.flush()
    _exit(status)
