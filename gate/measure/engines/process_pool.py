"""A pool of processes measures a unit each; one that dies ends the run in words."""

import multiprocessing
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from gate.errors import GateError, SubjectError
from gate.measure.engines.child_process import block_sigint, init_child
from gate.measure.engines.worker_task import Outcome, measure_unit
from gate.measure.partials.job import Job, ResultStream
from gate.measure.partials.work_units import WorkUnit
from gate.measure.progress import Advance

_AHEAD = 2  # units a worker that are ordered before the first one is taken: no worker waits


def measured(job: Job, units: Sequence[WorkUnit], workers: int, advance: Advance) -> ResultStream:
    """Yield what the units show, in their order; raises SubjectError where a process dies."""
    mine = set(multiprocessing.active_children())
    # Spawned, not forked: a fork of a process with threads may hang, and CUDA does not survive it.
    with block_sigint():  # it may start the one that looks after the resources of all
        pool = ProcessPoolExecutor(
            workers, mp_context=multiprocessing.get_context("spawn"), initializer=init_child
        )
    try:
        yield from _in_order(pool, job, units, workers, advance)
    except BrokenProcessPool as error:
        raise SubjectError(
            f"--workers {workers}",
            "a worker process died, perhaps for want of memory, or the user's code ended it",
            "run again with fewer workers, of which a single one tells how it ended; what was "
            "measured is kept in the cache",
            retriable=True,
        ) from error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in set(multiprocessing.active_children()) - mine:
            child.terminate()  # after an error or Ctrl-C nobody waits for the rest


def _in_order(
    pool: ProcessPoolExecutor, job: Job, units: Sequence[WorkUnit], workers: int, advance: Advance
) -> ResultStream:
    waiting: deque[Future[Outcome]] = deque()
    left = iter(units)
    while True:
        for unit in left:
            with block_sigint():  # it may start a process
                waiting.append(pool.submit(measure_unit, job, unit))
            if len(waiting) >= _AHEAD * workers:
                break
        if not waiting:
            return
        outcome = waiting.popleft().result()
        if isinstance(outcome, GateError):
            raise outcome
        advance(outcome[1].images)
        yield outcome
