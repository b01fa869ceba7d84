"""A pool of processes measures a unit each; one that dies ends the run in words."""

import contextlib
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.process import BaseProcess

from gate.errors import SubjectError
from gate.measure.engines.child_process import block_sigint, init_child
from gate.measure.engines.engine import Engine
from gate.measure.engines.worker_task import measure_unit
from gate.measure.partials.job import Job, UnitOutcome
from gate.measure.partials.work_units import WorkUnit


class PoolEngine(Engine):
    """Measures with ``workers`` processes on this machine."""

    def __init__(self, workers: int) -> None:
        super().__init__(workers)
        self._pool: ProcessPoolExecutor | None = None
        self._others: set[BaseProcess] = set()  # processes that were there before

    def submit(self, job: Job, unit: WorkUnit) -> "_Pending":
        """Order the measurement of a unit; raises SubjectError where a process died."""
        if self._pool is None:
            self._others = set(multiprocessing.active_children())
            self._pool = _pool_of(self.workers)
        with _death_in_words(self.workers), block_sigint():  # it may start a process
            return _Pending(self._pool.submit(measure_unit, job, unit), self.workers)

    def close(self) -> None:
        """End the processes: after an error or Ctrl-C nobody waits for the rest."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        pool.shutdown(wait=False, cancel_futures=True)
        for child in set(multiprocessing.active_children()) - self._others:
            child.terminate()


ENGINE = PoolEngine


@dataclass(frozen=True, slots=True)
class _Pending:
    future: Future[UnitOutcome]
    workers: int

    def result(self) -> UnitOutcome:
        with _death_in_words(self.workers):
            return self.future.result()


def _pool_of(workers: int) -> ProcessPoolExecutor:
    # Spawned, not forked: a fork of a process with threads may hang, and CUDA does not survive it.
    with block_sigint():  # it may start the one that looks after the resources of all
        return ProcessPoolExecutor(
            workers, mp_context=multiprocessing.get_context("spawn"), initializer=init_child
        )


@contextlib.contextmanager
def _death_in_words(workers: int) -> Iterator[None]:
    try:
        yield
    except BrokenProcessPool as error:
        raise SubjectError(
            f"--workers {workers}",
            "a worker process died, perhaps for want of memory, or the user's code ended it",
            "run again with fewer workers, of which a single one tells how it ended; what was "
            "measured is kept in the cache",
            retriable=True,
        ) from error
