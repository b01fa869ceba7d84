"""The command ``validate-model`` as a process of its own; ``python -m gate`` is the same.

Python searches the current folder first for ``python -m``, and for its own modules too before a
line of this runs: ``validate-model`` and ``python -P -m gate`` never do.
"""

import os
import sys

if __name__ == "__main__" and not sys.flags.safe_path and sys.path[:1] == [os.getcwd()]:  # noqa: PTH109 -- pathlib is not loaded yet
    here = sys.path.pop(0)
    if os.path.realpath(__file__).startswith(os.path.realpath(here) + os.sep):
        sys.path.append(here)  # this program lies there, not installed

import _thread
import gc
import signal
import time
from types import FrameType
from typing import NoReturn

from gate import ending

_INTERRUPTED = 130  # what the command line returns after Ctrl-C, as shells say it
_MOMENT = 0.005  # seconds
_PATIENCE = 2.0  # seconds that an import may take when Ctrl-C has come
_YOUNG = 50_000  # objects between two searches for cycles: those of a million images all stay


def program() -> NoReturn:
    """Run the command line, and end this process with its exit status."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else it was born deaf
        signal.signal(signal.SIGINT, InterruptHandler())
    ending.own_process()
    gc.set_threshold(_YOUNG)
    try:
        from gate.cli import main

        status = main()
    except KeyboardInterrupt:  # before it could be heard in there, or once more
        status = _INTERRUPTED
    ending.settle(status)
    if "gate.subject.guard" in sys.modules:  # user code may have run here, and left a thread
        _end_soon(status)
    gc.freeze()  # else Python looks through all objects twice before it ends, a tenth of a command
    sys.exit(status)


def _end_soon(status: int) -> None:
    """Start the thread that ends this process in a while, and wait until it runs.

    One that first ran when Python is already ending would end it with a fatal error.
    """
    starting = _thread.allocate_lock()
    starting.acquire()
    _thread.start_new_thread(ending.end_soon, (status, starting.release))
    starting.acquire()


class InterruptHandler:
    """Raises KeyboardInterrupt at Ctrl-C, but not in the midst of an import: a moment later.

    Python's own import would leave a lock taken (CPython 3.11 does), and a thread that imports
    something would wait for that lock for ever, and Python for the thread; compiled code that
    imports may lose the interruption, or make an error of its own of it. What takes long to import
    is interrupted all the same, in the Python of the module itself.
    """

    def __init__(self) -> None:
        self._since: float | None = None  # when the one that was not raised yet came

    def __call__(self, _number: int, frame: FrameType | None) -> None:
        """Raise KeyboardInterrupt, or come again."""
        if self._since is None:
            self._since = time.monotonic()
            if _is_importing(frame):
                _thread.start_new_thread(self._come_again, (_thread.get_ident(),))
        is_new = time.monotonic() - self._since < _PATIENCE
        if not (is_new and _is_importing(frame)) and not _is_import_itself(frame):
            self._since = None
            raise KeyboardInterrupt

    def _come_again(self, thread: int) -> None:
        """Send another one until it is raised; one that comes just before a wait wakes nobody."""
        while self._since is not None:
            if sys.platform == "win32":
                _thread.interrupt_main()
            else:
                signal.pthread_kill(thread, signal.SIGINT)
            time.sleep(_MOMENT)


def _is_importing(frame: FrameType | None) -> bool:
    """Return whether the code that runs is part of an import."""
    while frame is not None and not _is_import_itself(frame):
        frame = frame.f_back
    return frame is not None


def _is_import_itself(frame: FrameType | None) -> bool:
    """Return whether the code that runs is Python's own import."""
    return frame is not None and frame.f_code.co_filename.startswith("<frozen importlib.")


if __name__ == "__main__":
    program()
