"""A forked copy of this process works on its records while it goes on."""

import contextlib
import multiprocessing
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from typing import Any

from gate.measure.engines.child_process import block_sigint, init_child, start_method
from gate.measure.parallel.cpu_budget import usable_cores


@contextlib.contextmanager
def run_in_fork(work: Callable[[], None]) -> Iterator[None]:
    """Do ``work``, which leaves its result on disk, while the block runs, and wait for it.

    What a copy of this process does not bring to its end is done here again, after the block: it
    then raises what it raises. Where a copy is not safe, cannot be made, or has no core, all of it
    is done here, before the block.
    """
    copy = _fork(work)
    if copy is None:
        work()
        yield
        return
    try:
        yield
    finally:  # after an error or Ctrl-C too: it is soon through, and leaves nothing half-done
        copy.join()
    if copy.exitcode != 0:
        work()


def _fork(work: Callable[[], None]) -> BaseProcess | None:
    may_have_children = not multiprocessing.current_process().daemon
    if start_method() != "fork" or usable_cores() == 1 or not may_have_children:
        return None
    context: Any = multiprocessing.get_context("fork")  # its stubs do not know its processes
    copy: BaseProcess = context.Process(target=_run_in_child, args=(work,))
    try:
        with block_sigint(spawned=False):
            copy.start()
    except OSError:  # one process too many, or no memory for it
        return None
    return copy


def _run_in_child(work: Callable[[], None]) -> None:
    """Do the work in the copy; say nothing of an error, which will be met again."""
    init_child()
    try:
        work()
    except Exception as error:
        raise SystemExit(1) from error
