"""The command ``validate-model`` as a process of its own; ``python -m gate`` is the same."""

import _thread
import signal
import sys
import time
from types import FrameType
from typing import NoReturn

_INTERRUPTED = 130  # what the command line returns after Ctrl-C, as shells say it
_MOMENT = 0.001  # seconds


def program() -> NoReturn:
    """Run the command line, and end this process with its exit status."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else it was born deaf
        signal.signal(signal.SIGINT, _interrupt)
    try:
        from gate.cli import main

        status = main()
    except KeyboardInterrupt:  # before it could be heard in there, or once more
        status = _INTERRUPTED
    sys.exit(status)


def _interrupt(_number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, but never in the midst of Python's own import: a moment later.

    There it would leave a lock taken (CPython 3.11 does, and may even lose the interruption), and a
    thread that imports something would wait for that lock for ever, and Python for the thread.
    """
    if frame is None or not frame.f_code.co_filename.startswith("<frozen importlib."):
        raise KeyboardInterrupt
    _thread.start_new_thread(_interrupt_again, (_thread.get_ident(),))


def _interrupt_again(thread: int) -> None:
    time.sleep(_MOMENT)
    if sys.platform == "win32":
        _thread.interrupt_main()
    else:
        signal.pthread_kill(thread, signal.SIGINT)  # it also wakes one that waits


if __name__ == "__main__":
    program()
