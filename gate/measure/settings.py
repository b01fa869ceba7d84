"""Settings say how a subject is measured: but for device and backend, none changes a number."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gate.measure.choices import Backend, Device, EngineName


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureSettings:
    """Where and with how many hands a subject is measured, and what is kept of it."""

    device: Device = "auto"
    backend: Backend = "torch"  # who runs the user's module; onnxruntime where both agree
    engine: EngineName | str = "inline"  # or the name of an engine that another package adds
    workers: int = 1
    max_images_in_memory: int | None = None  # at least a batch; None: as many as help
    cache: Path | None = None  # folder of what was measured before; None: everything is measured
    images: bool = True  # whether small pictures are kept for people to look at
    shards: Sequence[Path] = ()  # what was measured elsewhere; the model is then not run here
