"""Settings say how a subject is measured: but for device and backend, none changes a number."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from gate.measure.choices import Backend, Device, Engine

if TYPE_CHECKING:
    from gate.measure.partials.job import Job, ResultStream
    from gate.measure.partials.work_units import WorkUnit
    from gate.measure.progress import Advance


class OwnProcess(Protocol):
    """A process of its own, which measures apart from the one that judges."""

    def prestart(self) -> AbstractContextManager[None]:
        """Return a context in which the process is started before it is needed."""

    def measured(
        self, job: "Job", units: "Sequence[WorkUnit]", advance: "Advance"
    ) -> "ResultStream":
        """Yield what the units show, in their order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureSettings:
    """Where and with how many hands a subject is measured, and what is kept of it."""

    device: Device = "auto"
    backend: Backend = "torch"  # who runs the user's module; onnxruntime where both agree
    engine: Engine = "local"  # this machine, or Ray
    workers: int = 1
    apart: OwnProcess | None = None  # a process of its own for one worker; None: this one
    max_images_in_memory: int | None = None  # at least a batch; None: as many as help
    cache: Path | None = None  # folder of what was measured before; None: everything is measured
    images: bool = True  # whether small pictures are kept for people to look at
    shards: Sequence[Path] = ()  # what was measured elsewhere; the model is then not run here

    def prestart(self) -> AbstractContextManager[None]:
        """Return a context in which a process of its own is started before it is needed."""
        return nullcontext() if self.apart is None else self.apart.prestart()
