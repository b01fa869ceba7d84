"""This process measures the units one after the other; threads decode while the model computes."""

from collections.abc import Mapping, Sequence

from gate.evidence.records import Split
from gate.measure.data_pass.session import open_worker
from gate.measure.engines.serial import SerialEngine
from gate.measure.partials.job import Job, ResultStream
from gate.measure.partials.work_units import WorkUnit
from gate.measure.progress import Advance
from gate.subject.datasets.records import Dataset


class InlineEngine(SerialEngine):
    """Measures in the process that judges."""

    def share(self, datasets: Mapping[Split, Dataset], advance: Advance) -> None:
        """Take the open splits, and whom to tell of each batch."""
        self._datasets, self._advance = datasets, advance

    def stream(self, job: Job, units: Sequence[WorkUnit]) -> ResultStream:
        """Yield the result of each unit, in their order.

        Raises CheckpointError and UsageError as :func:`measure_units` does.
        """
        return measure_units(job, units, self._datasets, self._advance)


ENGINE = InlineEngine


def measure_units(
    job: Job, units: Sequence[WorkUnit], datasets: Mapping[Split, Dataset], advance: Advance
) -> ResultStream:
    """Yield the result of each unit, in their order, measured in this process.

    Raises CheckpointError where the model cannot be opened or asked, UsageError where its device or
    source is not there.
    """
    with open_worker(job, datasets) as worker:
        for part in worker.parts(units, advance):
            yield worker.facts, part
