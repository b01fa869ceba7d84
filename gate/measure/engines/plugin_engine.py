"""An engine of another package: what it raises or gives wrongly is told in words, with its package.

Its results are looked at as those of a file are, for it is code that nobody here has read.
"""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from gate.errors import GateError, SubjectError, UsageError
from gate.evidence.contradictions import Contradiction
from gate.evidence.records import Split
from gate.measure.engines import worker_task
from gate.measure.engines.engine import Engine, Pending
from gate.measure.partials.job import Job, UnitOutcome, UnitResult
from gate.measure.partials.model_facts import ModelFacts
from gate.measure.partials.partial import PartialResult
from gate.measure.partials.partial_checks import require_entries, require_sound_part
from gate.measure.partials.work_units import WorkUnit
from gate.measure.progress import Advance
from gate.plugins import Plugin
from gate.subject.datasets.records import Dataset
from gate.subject.guard import describe_error, in_reach, kind_of, require_theirs
from gate.wording import plain, quote


class PluginEngine(Engine):
    """Stands around an engine of another package.

    Raises UsageError where the entry point cannot be loaded or names no engine; every method raises
    SubjectError for what the engine does wrong.
    """

    def __init__(self, plugin: Plugin, workers: int) -> None:
        super().__init__(workers)
        self.plugin = plugin
        kind = plugin.load()
        if not (isinstance(kind, type) and issubclass(kind, Engine)):
            raise UsageError(
                plugin.where,
                f"is no engine, but {quote(kind_of(kind))}",
                f"let {plugin.package} name a subclass of {Engine.__module__}.{Engine.__name__}",
            )
        self._kind = kind
        self._engine: Engine | None = None
        self._start_error: SubjectError | None = None
        self._datasets: Mapping[Split, Dataset] = {}

    @property
    def ahead(self) -> int | None:
        """How many units the engine wants before its first result is taken.

        Raises SubjectError where the engine fails, or says something else than a number.
        """
        engine = self._create()
        with self.calling("ahead"):
            ahead = engine.ahead
        if ahead is None or (type(ahead) is int and ahead > 0):
            return ahead
        raise self.fault(f"its ahead is {quote(ahead)}, where a positive number or None belongs")

    @contextlib.contextmanager
    def start_ahead(self) -> Iterator[None]:
        """Start the engine, if it can; where it cannot, that is told when it is needed.

        Raises SubjectError where the engine fails at the end of the block.
        """
        stack = contextlib.ExitStack()
        try:
            engine = self._create()
            with self.calling("start_ahead"):
                stack.enter_context(engine.start_ahead())
        except SubjectError as error:
            self._start_error = error
        try:
            yield
        finally:
            with self.calling("start_ahead"):
                stack.close()

    def share(self, datasets: Mapping[Split, Dataset], advance: Advance) -> None:
        """Hand on what this process has.

        Raises SubjectError where the engine fails, or did so when it was started ahead.
        """
        self._datasets = datasets
        if self._start_error is not None:
            raise self._start_error
        engine = self._create()
        with self.calling("share"):
            engine.share(datasets, advance)

    def submit(self, job: Job, unit: WorkUnit) -> Pending:
        """Order the measurement of a unit; raises SubjectError where the engine fails."""
        engine = self._create()
        with self.calling("submit"):
            pending = engine.submit(job, unit)
        return _Pending(self, job, unit, pending)

    def close(self) -> None:
        """End the engine, and what units have opened in this process.

        Raises SubjectError where the engine fails.
        """
        try:
            if self._engine is not None:
                with self.calling("close"):
                    self._engine.close()
        finally:
            worker_task.close()

    def require_result(self, job: Job, unit: WorkUnit, outcome: object) -> UnitResult:
        """Return the outcome of a unit, under the name of the package.

        Raises SubjectError where it is not the result of the unit.
        """
        match outcome:
            case (ModelFacts() as facts, PartialResult() as part):
                pass
            case _:
                raise self.fault(f"it gave {quote(kind_of(outcome))} as the result of {unit.name}")
        if part.unit != unit:
            raise self.fault(f"it gave the result of {part.unit.name} as that of {unit.name}")
        if facts.subject.sha256 != job.checkpoint.sha256:
            raise self.fault(f"it measured {unit.name} with another checkpoint")
        try:
            require_sound_part(part)
            require_entries(part, self._datasets[unit.split])
        except (Contradiction, ValueError, TypeError) as error:
            raise self.fault(f"it gave a wrong result of {unit.name}: {plain(error)}") from error
        engines = {self.plugin.package: self.plugin.version}
        return facts, replace(part, cached=False, engines=engines)

    @contextlib.contextmanager
    def calling(self, method: str) -> Iterator[None]:
        """Raise SubjectError where the block, a call of the engine, raises no error of a unit."""
        with in_reach():
            try:
                yield
            except GateError:
                raise
            except BaseException as error:
                require_theirs(error)  # Ctrl-C is not
                raise self.fault(f"its {method} raised {describe_error(error, Path())}") from error

    def fault(self, fact: str) -> SubjectError:
        """Return the error for what the engine does wrong."""
        return SubjectError(
            self.plugin.where, fact, f"tell {self.plugin.package}, or use --engine local"
        )

    def _create(self) -> Engine:
        if self._engine is None:
            with self.calling("constructor"):
                self._engine = self._kind(self.workers)
        return self._engine


@dataclass(frozen=True, slots=True)
class _Pending:
    """The result of one unit, as the engine will give it."""

    engine: PluginEngine
    job: Job
    unit: WorkUnit
    pending: Pending

    def result(self) -> UnitOutcome:
        with self.engine.calling("result"):
            outcome = self.pending.result()
        if isinstance(outcome, GateError):
            return outcome
        return self.engine.require_result(self.job, self.unit, outcome)
