"""The results of an engine come in the order of the units, a few units ahead of who takes them."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from gate.errors import GateError
from gate.evidence.records import Split
from gate.measure.engines.engine import Engine, Pending
from gate.measure.partials.job import Job, ResultStream
from gate.measure.partials.work_units import WorkUnit
from gate.measure.progress import Advance
from gate.subject.datasets.records import Dataset


def results(
    engine: Engine,
    job: Job,
    units: Sequence[WorkUnit],
    datasets: Mapping[Split, Dataset],
    advance: Advance,
) -> ResultStream:
    """Yield the result of each unit, in their order; ``advance`` is told how many images are done.

    The engine is closed at the end, after an error and when nobody wants the rest. So an error is
    the one of the first bad unit, whoever met it first. Raises SubjectError where the model or the
    data does not let a unit be measured, or a worker is lost for good, and MissingExtraError where
    the engine is not installed.
    """
    counted = _ImageCount(advance)
    waiting: deque[tuple[WorkUnit, Pending]] = deque()
    left = iter(units)
    try:
        engine.share(datasets, counted)
        ahead = engine.ahead or len(units)
        while True:
            for unit in islice(left, ahead - len(waiting)):
                waiting.append((unit, engine.submit(job, unit)))
            if not waiting:
                return
            unit, pending = waiting.popleft()
            outcome = pending.result()
            if isinstance(outcome, GateError):
                raise outcome
            if outcome[1].unit != unit:
                raise AssertionError(f"{unit.name} has no result")
            counted.take(outcome[1].images)
            yield outcome
    finally:
        engine.close()


@dataclass(slots=True)
class _ImageCount:
    """Counts the images that an engine has told of, and tells the others."""

    advance: Advance
    count: int = 0
    taken: int = 0

    def __call__(self, count: int) -> None:
        self.count += count
        self.advance(count)

    def take(self, images: int) -> None:
        """Tell of the images of a result, as far as the engine has not."""
        self.taken += images
        if self.taken > self.count:
            self(self.taken - self.count)
