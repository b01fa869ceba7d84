"""A job names what an engine measures; the engine streams its results."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gate.errors import GateError, Identity
from gate.evidence.records import Split
from gate.measure.choices import Backend, Device
from gate.measure.inference.known_artefacts import KnownArtefact
from gate.measure.partials.model_facts import ModelFacts
from gate.measure.partials.partial import PartialResult
from gate.measure.partials.requests import MeasurementRequest
from gate.measure.partials.samples import SplitSamples
from gate.subject.datasets.records import Dataset
from gate.subject.gatefile import GateFile

UnitResult = tuple[ModelFacts, PartialResult]  # the model as it was opened, and one unit's part
UnitOutcome = UnitResult | GateError  # an error is the one that ended the unit
ResultStream = Generator[UnitResult, None, None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is measured and how; it travels to other processes as it stands."""

    plan: str  # the digest of the plan
    gatefile: GateFile
    classes: tuple[str, ...]
    checkpoint: Identity  # the one that the plan speaks of
    images: Mapping[Split, int]  # in each split, as the plan counts them
    entries: Mapping[Split, str]  # digests of their names, labels, groups and slices
    device: Device = "auto"
    backend: Backend = "torch"
    threads: int = 1
    max_images_in_memory: int | None = None  # None: as many as help
    cache: Path | None = None  # folder where fingerprints are kept; None: nowhere
    measurements: tuple[MeasurementRequest, ...] = ()  # what rules need beside the answers
    # Of a second pass: the images that are asked again. None: all images of all splits.
    samples: Mapping[Split, SplitSamples] | None = None

    artefacts: Mapping[str, KnownArtefact] = field(default_factory=dict)  # that any rule asks

    @property
    def artefacts_asked(self) -> dict[str, KnownArtefact]:
        """The artefacts that the measurements of this pass ask, by name."""
        asked = {name for each in self.measurements for name in each.artefacts}
        return {name: each for name, each in self.artefacts.items() if name in asked}

    def data_of(self, datasets: Mapping[Split, Dataset]) -> dict[Split, Dataset]:
        """Return what is measured of the opened splits."""
        if self.samples is None:
            return dict(datasets)
        return {split: each.of(datasets[split]) for split, each in self.samples.items()}
