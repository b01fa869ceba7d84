"""The cells one after the other in this process, decoded by threads while the model computes."""

from collections.abc import Mapping, Sequence

from gate.evidence.records import Split
from gate.measure.grid import Cell
from gate.measure.progress import Advance
from gate.measure.worker import Found, Job, opened
from gate.subject.datasets.records import Dataset


def measured(
    job: Job, cells: Sequence[Cell], datasets: Mapping[Split, Dataset], advance: Advance
) -> Found:
    """Yield what the cells show, in their order."""
    with opened(job, datasets) as worker:
        for part in worker.parts(cells, advance):
            yield worker.head, part
