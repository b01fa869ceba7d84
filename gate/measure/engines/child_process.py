"""Child processes leave Ctrl-C and standard output to their parent, and end with it.

They import nothing from the folder they start in: Python would do that before it does as told.
"""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from multiprocessing import resource_tracker
from pathlib import Path

_SAFE, _PATH = "PYTHONSAFEPATH", "PYTHONPATH"
_OURS = "validate-model"  # any value will do; by this one a child knows who has set it


def start_method() -> str:
    """Return "fork" where it is safe: it takes what is imported along, and half a second less.

    A fork of a process with threads may hang, and neither OpenMP nor CUDA survives one.
    """
    is_alone = threading.active_count() == 1 and "torch" not in sys.modules
    return "fork" if sys.platform == "linux" and is_alone else "spawn"


@contextlib.contextmanager
def block_sigint(*, spawned: bool = True) -> Iterator[None]:
    """Start processes in this context with SIGINT blocked: the parent handles Ctrl-C."""
    with safe_import_path() if spawned else contextlib.nullcontext():
        if sys.platform == "win32":
            yield
            return
        if spawned:
            resource_tracker.ensure_running()  # it would start with the first one, unmasked
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def safe_import_path() -> Iterator[None]:
    """Let each Python that is started here, and by what is started, look into no folder of its own.

    That is the current folder, or that of a script, which come first on the path of a new Python,
    and what ``PYTHONPATH`` names and this process has not.
    """
    theirs = {_SAFE: os.environ.get(_SAFE) or _OURS}
    if path := os.environ.get(_PATH):
        theirs[_PATH] = os.pathsep.join(filter(_is_on_path, path.split(os.pathsep)))
    before = {name: os.environ.get(name) for name in theirs}
    os.environ |= theirs
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _is_on_path(folder: str) -> bool:
    """Return whether this process looks into a folder: it may have been told to heed no such."""
    return Path(folder).absolute() in {Path(each).absolute() for each in sys.path}


def restore_import_path() -> None:
    """Let what is started from here on start as its owner has it: user code starts Python too."""
    if os.environ.get(_SAFE) == _OURS:
        del os.environ[_SAFE]


def init_child() -> None:
    """Leave Ctrl-C and standard output to the parent, and end with it; called in the child."""
    restore_import_path()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        os.dup2(2, 1)  # compiled code of the user may print past Python
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None, "it is a worker"
    parent.join()
    os._exit(1)  # it was killed: nobody takes what is measured
