"""An isolated process measures; another one judges.

Whatever the user's code does to its process, leaks there or dies of, the one that judges is another
one; and it never holds torch. The parts are those of a measurement in line, in the same order.
"""

import contextlib
import multiprocessing
import signal
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING, Any

from gate.errors import GateError, SubjectError
from gate.healing import may_heal
from gate.measure.engines.child_process import block_sigint, init_child, start_method
from gate.measure.engines.serial import SerialEngine
from gate.measure.parallel.cpu_budget import limit_malloc_cache, prepare_process, usable_cores
from gate.measure.progress import Advance
from gate.subject.guard import first_line

if TYPE_CHECKING:
    from gate.evidence.records import Split
    from gate.measure.partials.job import Job, ResultStream
    from gate.measure.partials.work_units import WorkUnit
    from gate.subject.datasets.records import Dataset

_PROCESS = "the process that measures"
_KILLED = {-signal.SIGKILL, -signal.SIGTERM}  # by the system or somebody else, not by its own code


class IsolatedEngine(SerialEngine):
    """Measures in a process of its own, started when it is needed or ahead, to import torch."""

    def __init__(self, workers: int = 1) -> None:
        super().__init__(workers)
        self._ready: _Measuring | None = None

    @contextlib.contextmanager
    def start_ahead(self) -> Iterator[None]:
        """Start the process now, beside what is done in the block."""
        limit_malloc_cache()
        with contextlib.closing(_Measuring.create()) as measuring:
            with contextlib.suppress(SubjectError):  # tried again, and told, when it is needed
                measuring.start()
                self._ready = measuring
            try:
                yield
            finally:
                self._ready = None

    def share(self, datasets: "Mapping[Split, Dataset]", advance: Advance) -> None:  # noqa: ARG002 -- Engine
        """Take whom to tell of each batch; the process opens the data itself."""
        self._advance = advance

    def stream(self, job: "Job", units: "Sequence[WorkUnit]") -> "ResultStream":
        """Yield the result of each unit, in their order; the process is gone after the last.

        Raises what ended the measurement, and SubjectError where the process died.
        """
        ready, self._ready = self._ready, None
        with contextlib.closing(ready or _Measuring.create()) as measuring:
            if ready is None:
                measuring.start()
            yield from measuring.results(job, units, self._advance)


ENGINE = IsolatedEngine


@dataclass(frozen=True, slots=True)
class _Measuring:
    """A process and the line to it: a job goes there; counts of images, parts and errors come.

    It is there before its process starts: Ctrl-C at the moment of birth finds what it has to end.
    """

    process: BaseProcess
    line: Connection
    theirs: Connection  # its end, open here too until it is born

    @classmethod
    def create(cls) -> "_Measuring":
        context: Any = multiprocessing.get_context(start_method())  # its stubs know no processes
        line, theirs = context.Pipe()
        return cls(context.Process(target=_serve, args=(theirs,)), line, theirs)

    def start(self) -> None:
        try:
            with block_sigint(spawned=start_method() == "spawn"):
                self.process.start()
        except OSError as error:  # one process too many, or no memory for it
            fact = f"cannot be started ({error.strerror})"
            raise SubjectError(_PROCESS, fact, "end other programs, or allow more") from error
        self.theirs.close()

    def results(self, job: "Job", units: "Sequence[WorkUnit]", advance: Advance) -> "ResultStream":
        with self._alive():
            self.line.send((job, tuple(units)))
        for _ in units:
            while isinstance(message := self._receive(), int):
                advance(message)
            if isinstance(message, Exception):
                raise message
            yield message

    def _receive(self) -> Any:  # noqa: ANN401 -- a count, model facts and a part, or an error
        with self._alive():
            return self.line.recv()

    @contextlib.contextmanager
    def _alive(self) -> Iterator[None]:
        """Raise SubjectError where the line breaks, at the end of a message or in its middle."""
        try:
            yield
        except (EOFError, OSError) as error:
            self.process.join()
            exitcode = self.process.exitcode or 0
            fact, remedy = _death(exitcode)
            raise SubjectError(_PROCESS, fact, remedy, retriable=exitcode in _KILLED) from error

    def close(self) -> None:
        """End the process, if it lives; may be called twice."""
        if self.process.pid is not None:
            self.process.kill()  # the user's code may have made it deaf to more polite signals
            self.process.join()
        self.line.close()
        self.theirs.close()


def _death(exitcode: int) -> tuple[str, str]:
    """Return how a process ended, and what to do about it."""
    kept = "what was measured is kept in the cache"
    if exitcode == -signal.SIGKILL:
        fact = f"was killed (signal {signal.SIGKILL:d}), perhaps for want of memory"
        return fact, f"run again with a smaller --batch; {kept}"
    if exitcode < 0:
        fact = f"died (signal {-exitcode}), in compiled code of the model or of a package"
        fusing = "with PYTORCH_JIT=0, which fuses nothing"
        return fact, f"run again {fusing}, or run the model in Python to see where; {kept}"
    fact = f"was ended by the user's code (exit status {exitcode})"
    return fact, f"let the model's code raise an exception instead; {kept}"


def _serve(line: Connection) -> None:
    """Measure the one job that comes, in the child."""
    from gate.measure.engines import inline
    from gate.measure.engines.worker_task import datasets_of

    init_child()
    prepare_process()
    # Where the line breaks, the parent needs nothing any more.
    with contextlib.suppress(EOFError, ConnectionError), ThreadPoolExecutor(1) as beside:
        # torch takes longer than opening a dataset; on a single core it waits until it is needed.
        imported = beside.submit(import_ahead) if usable_cores() > 1 else None
        job, units = line.recv()

        def advance(count: int) -> None:
            line.send(count)

        try:
            with contextlib.redirect_stdout(sys.stderr):  # user code may print
                datasets = datasets_of(job)
                if imported is not None:
                    imported.result()
                for result in inline.measure_units(job, units, datasets, advance):
                    line.send(result)
        except GateError as error:
            line.send(error)
        except Exception as error:
            line.send(_as_sent(error))


def _as_sent(error: Exception) -> Exception:
    """Return what tells the one that judges of an error that is none of ours: a bug, or no room."""
    if may_heal(error):  # the user's code may have taken it
        fact = f"has no room, or no way to go on ({first_line(error)})"
        remedy = "see what the model's code leaves open or full, free it, and run again"
        return SubjectError(_PROCESS, fact, remedy, retriable=True)
    return RuntimeError(traceback.format_exc())


def import_ahead() -> None:
    """Import what a measurement needs, torch included: it takes longer than opening the data."""
    import gate.measure.data_pass.first_batch
    import gate.measure.data_pass.predict
    import gate.measure.inference.open_model  # noqa: F401 -- imported ahead, for its time
