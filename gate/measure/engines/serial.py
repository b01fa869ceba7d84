"""A serial engine measures unit after unit, so that the images of one are read beside the last."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gate.measure.engines.engine import Engine

if TYPE_CHECKING:
    from gate.measure.partials.job import Job, ResultStream, UnitResult
    from gate.measure.partials.work_units import WorkUnit


class SerialEngine(Engine):
    """Starts with the first result that is taken, when it knows all units of the job."""

    def __init__(self, workers: int = 1) -> None:
        super().__init__(workers)
        self._units: list[WorkUnit] = []
        self._taken = 0
        self._stream: ResultStream | None = None

    @property
    def ahead(self) -> None:
        """All units are submitted before the first result is taken."""
        return

    @abstractmethod
    def stream(self, job: "Job", units: "Sequence[WorkUnit]") -> "ResultStream":
        """Yield the result of each unit, in their order."""

    def submit(self, job: "Job", unit: "WorkUnit") -> "_Turn":
        """Order the measurement of a unit, after those before."""
        self._units.append(unit)
        return _Turn(self, job)

    def take_next(self, job: "Job") -> "UnitResult":
        """Return the result of the next unit; raises what ends the measurement."""
        if self._stream is None:
            self._stream = self.stream(job, tuple(self._units))
        self._taken += 1
        result = next(self._stream, None)
        assert result is not None, "there is a result for each unit"
        return result

    def close(self) -> None:
        """End the measurement; what it holds open is closed."""
        stream, self._stream = self._stream, None
        was_last = self._taken == len(self._units)
        self._units, self._taken = [], 0
        if stream is None:
            return
        if was_last and next(stream, None) is not None:  # to its end: no code of the user's is cut
            raise AssertionError("there is a result for each unit, and no more")
        stream.close()


@dataclass(frozen=True, slots=True)
class _Turn:
    engine: SerialEngine
    job: "Job"

    def result(self) -> "UnitResult":
        return self.engine.take_next(self.job)
