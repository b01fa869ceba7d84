"""An engine measures the units of work: here, in several processes, or on a cluster.

An engine yields model facts and a part for each unit it is given, in the order given, so that an
error is the one that the first bad unit gives, whoever met it first.
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
    units: "Sequence[WorkUnit]",
    datasets: "Mapping[Split, Dataset]",
    settings: MeasureSettings,
    advance: Advance,
) -> "ResultStream":
    """Yield what the units show, in their order; ``advance`` is told how many images are done.

    Raises SubjectError where the model or the data does not let it, or a worker is lost for good,
    and MissingExtraError where the engine is not installed.
    """
    match settings.engine:
        case "local" if settings.workers == 1 and settings.apart is not None:
            return settings.apart.measured(job, units, advance)
        case "local" if settings.workers == 1:
            from gate.measure.engines import inline

            return inline.measured(job, units, datasets, advance)
        case "local":
            from gate.measure.engines import process_pool

            return process_pool.measured(job, units, settings.workers, advance)
        case "ray":
            from gate.measure.engines import ray_tasks

            return ray_tasks.measured(job, units, settings.workers, advance)
        case _:
            assert_never(settings.engine)
