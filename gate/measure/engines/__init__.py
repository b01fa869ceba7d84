"""An engine measures the units of work: here, in several processes, or on a cluster.

An engine yields a head and a part for each cell it is given, in the order given, so that an error
is the one that the first bad cell gives, whoever met it first.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, assert_never

from gate.measure.progress import Advance
from gate.measure.settings import MeasureSettings

if TYPE_CHECKING:
    from gate.evidence.records import Split
    from gate.measure.partials.job import Job, ResultStream
    from gate.measure.partials.work_units import WorkUnit
    from gate.subject.datasets.records import Dataset


def measured(
    job: "Job",
    cells: "Sequence[WorkUnit]",
    datasets: "Mapping[Split, Dataset]",
    means: MeasureSettings,
    advance: Advance,
) -> "ResultStream":
    """Yield what the cells show, in their order; ``advance`` is told how many images are done.

    Raises SubjectError where the model or the data does not let it, or a worker is lost for good,
    and MissingExtraError where the engine is not installed.
    """
    match means.engine:
        case "local" if means.workers == 1 and means.apart is not None:
            return means.apart.measured(job, cells, advance)
        case "local" if means.workers == 1:
            from gate.measure.engines import inline

            return inline.measured(job, cells, datasets, advance)
        case "local":
            from gate.measure.engines import process_pool

            return process_pool.measured(job, cells, means.workers, advance)
        case "ray":
            from gate.measure.engines import ray_tasks

            return ray_tasks.measured(job, cells, means.workers, advance)
        case _:
            assert_never(means.engine)
