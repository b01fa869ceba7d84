"""This process measures the units one after the other; threads decode while the model computes."""

from collections.abc import Mapping, Sequence

from gate.evidence.records import Split
from gate.measure.data_pass.session import opened
from gate.measure.partials.job import Job, ResultStream
from gate.measure.partials.work_units import WorkUnit
from gate.measure.progress import Advance
from gate.subject.datasets.records import Dataset


def measured(
    job: Job, units: Sequence[WorkUnit], datasets: Mapping[Split, Dataset], advance: Advance
) -> ResultStream:
    """Yield what the units show, in their order.

    Raises CheckpointError, DataError or FactoryError.
    """
    with opened(job, datasets) as worker:
        for part in worker.parts(units, advance):
            yield worker.facts, part
