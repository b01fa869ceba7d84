"""An engine measures units of work: in this process, in others, or on a cluster."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from gate.evidence.records import Split
    from gate.measure.partials.job import Job, UnitOutcome
    from gate.measure.partials.work_units import WorkUnit
    from gate.measure.progress import Advance
    from gate.subject.datasets.records import Dataset


class Pending(Protocol):
    """A result to come; a ``concurrent.futures.Future`` is one."""

    def result(self) -> "UnitOutcome":
        """Wait for the result of the unit and return it, or the error that ended the unit."""


class Engine(ABC):
    """What stands behind ``--engine``: copy ``process_pool.py`` to write another.

    A module of our own names its class ``ENGINE`` and is listed in ``gate.measure.engines``.
    Another package declares its class as an entry point of the group ``validate_model.engines``.
    """

    def __init__(self, workers: int) -> None:
        """Take the value of ``--workers``; nothing is started yet."""
        self.workers = workers

    @property
    def ahead(self) -> int | None:
        """How many units are submitted before the first result is taken; None: all of them."""
        return 2 * self.workers  # no worker waits for its next unit

    def start_ahead(self) -> AbstractContextManager[None]:
        """Return a context in which the engine gets ready, while the data are opened."""
        return nullcontext()

    def share(self, datasets: "Mapping[Split, Dataset]", advance: "Advance") -> None:  # noqa: B027 -- few engines need it
        """Take what this process has for the units to come; called before the first of them.

        ``datasets`` are the open splits. An engine that knows more than whole units may tell
        ``advance`` how many images are done, in the thread that takes the results; what it leaves
        untold is told when the result of the unit is taken.
        """

    @abstractmethod
    def submit(self, job: "Job", unit: "WorkUnit") -> Pending:
        """Order the measurement of a unit; the results are taken in the order of the orders.

        ``gate.measure.engines.worker_task.measure_unit(job, unit)`` measures it, in any process.
        """

    def close(self) -> None:  # noqa: B027 -- an engine that holds nothing has nothing to end
        """End what runs and give up what was ordered, at once; another job may follow."""
