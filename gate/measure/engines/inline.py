"""The cells one after the other in this process, decoded by threads while the model computes."""

from collections.abc import Mapping, Sequence

from gate.evidence.records import Split
from gate.measure.data_pass.session import opened
from gate.measure.partials.job import Found, Job
from gate.measure.partials.work_units import Cell
from gate.measure.progress import Advance
from gate.subject.datasets.records import Dataset


def measured(
    job: Job, cells: Sequence[Cell], datasets: Mapping[Split, Dataset], advance: Advance
) -> Found:
    """Yield what the cells show, in their order."""
    with opened(job, datasets) as worker:
        for part in worker.parts(cells, advance):
            yield worker.head, part
