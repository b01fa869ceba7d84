"""How processes are born here: deaf to Ctrl-C, silent on standard output, and no orphans."""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from multiprocessing import resource_tracker


def start_method() -> str:
    """Return "fork" where it is safe: it takes what is imported along, and half a second less.

    A fork of a process with threads may hang, and neither OpenMP nor CUDA survives one.
    """
    alone = threading.active_count() == 1 and "torch" not in sys.modules
    return "fork" if sys.platform == "linux" and alone else "spawn"


@contextlib.contextmanager
def born_deaf(*, spawned: bool = True) -> Iterator[None]:
    """Let a process that is started here be born deaf to Ctrl-C, which the parent hears."""
    if sys.platform == "win32":
        yield
        return
    if spawned:
        resource_tracker.ensure_running()  # it would start with the first one, and undo the mask
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def grow_up() -> None:
    """Leave Ctrl-C and standard output to the parent, and end with it; called in the child."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        os.dup2(2, 1)  # compiled code of the user may print past Python
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None, "it is a worker"
    parent.join()
    os._exit(1)  # it was killed: nobody takes what is measured
