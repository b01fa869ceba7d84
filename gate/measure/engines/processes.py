"""Processes of this machine, a cell each; a process that dies ends the run in words."""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import resource_tracker

from gate.errors import GateError, SubjectError
from gate.measure.engines.elsewhere import Outcome, measure_cell
from gate.measure.grid import Cell
from gate.measure.progress import Advance
from gate.measure.worker import Found, Job

_AHEAD = 2  # cells a worker that are ordered before the first one is taken: no worker waits


def measured(job: Job, cells: Sequence[Cell], workers: int, advance: Advance) -> Found:
    """Yield what the cells show, in their order; raises SubjectError where a process dies."""
    mine = set(multiprocessing.active_children())
    # Spawned, not forked: a fork of a process with threads may hang, and CUDA does not survive it.
    pool = ProcessPoolExecutor(
        workers, mp_context=multiprocessing.get_context("spawn"), initializer=_start
    )
    try:
        yield from _in_order(pool, job, cells, workers, advance)
    except BrokenProcessPool as error:
        raise SubjectError(
            f"--workers {workers}",
            "a worker process died, perhaps for want of memory",
            "run again with fewer workers; what was measured is kept in the cache",
        ) from error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in set(multiprocessing.active_children()) - mine:
            child.terminate()  # after an error or Ctrl-C nobody waits for the rest


def _in_order(
    pool: ProcessPoolExecutor, job: Job, cells: Sequence[Cell], workers: int, advance: Advance
) -> Found:
    waiting: deque[Future[Outcome]] = deque()
    left = iter(cells)
    while True:
        for cell in left:
            with _ctrl_c_waits():  # it may start a process
                waiting.append(pool.submit(measure_cell, job, cell))
            if len(waiting) >= _AHEAD * workers:
                break
        if not waiting:
            return
        outcome = waiting.popleft().result()
        if isinstance(outcome, GateError):
            raise outcome
        advance(outcome[1].images)
        yield outcome


@contextlib.contextmanager
def _ctrl_c_waits() -> Iterator[None]:
    """Let a process that is started here be born deaf to Ctrl-C, which the parent hears."""
    if sys.platform == "win32":
        yield
        return
    resource_tracker.ensure_running()  # it would start with the first process, and undo the mask
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start() -> None:
    """Leave Ctrl-C and standard output to the parent, and end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        os.dup2(2, 1)  # compiled code of the user may print past Python
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None, "it is a worker"
    parent.join()
    os._exit(1)  # it was killed: nobody takes what is measured
