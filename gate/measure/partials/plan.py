"""A plan holds everything that decides the numbers of a measurement, under one digest.

Who measures which part, on how many cores and in what order, is no part of it.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from importlib.metadata import version
from typing import Any

from gate.errors import Identity
from gate.evidence.records import Split
from gate.measure.choices import Backend, Device
from gate.measure.fingerprints.fingerprint import VERSION as FINGERPRINTS
from gate.measure.inference.runtime_versions import runtimes_of
from gate.measure.partials.requests import MeasurementRequest
from gate.measure.partials.work_units import WorkUnit, units_of
from gate.subject.datasets.records import Dataset
from gate.subject.gatefile import GateFile
from gate.subject.outputs import output_spec
from gate.subject.sources.registry import source_of
from gate.subject.sources.source import Artefact
from gate.version import __version__

_PACKAGES = ("torch", "numpy", "pillow")  # whose numbers and pixels may differ by release
_AT_ONCE = 4096  # entries that are looked at together


@dataclass(frozen=True)
class Plan:
    """What is measured. ``document`` is JSON; ``units`` are in the order of the data."""

    document: Mapping[str, Any]
    units: tuple[WorkUnit, ...]

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the document, in hexadecimal: equal plans measure the same."""
        text = json.dumps(self.document, sort_keys=True, default=str)
        return sha256(text.encode()).hexdigest()

    @property
    def entries(self) -> dict[Split, str]:
        """The digest of the entries of each split."""
        return {Split(name): said["entries"] for name, said in self.document["splits"].items()}

    @property
    def asks_again(self) -> bool:
        """Whether it is that of a second pass, which asks about samples."""
        return "samples" in self.document

    def observing(self, split: Split) -> set[str]:
        """Return the keys of the measurements that observe a split."""
        planned = self.document.get("measurements", {})
        return {key for key, each in planned.items() if split in each["splits"]}

    @property
    def images(self) -> int:
        """The images of all splits."""
        return sum(len(unit) for unit in self.units)


def plan_of(
    gatefile: GateFile,
    datasets: Mapping[Split, Dataset],
    classes: tuple[str, ...],
    checkpoint: Identity,
    device: Device,
    backend: Backend = "torch",
    measurements: Sequence[MeasurementRequest] = (),
) -> Plan:
    """Return the plan to measure the model of a gate file on the opened splits.

    ``measurements`` are what rules need beside the answers.

    It knows the images by name, label, group and slices; what their files hold is known when they
    are read. The user's code is known by its name: see :mod:`gate.measure.partials.kept_partials`.

    Raises MissingExtraError where onnxruntime is asked for and not installed, UsageError for a
    model source that nobody adds.
    """
    assert gatefile.model is not None, "a gate file without saved predictions names a model"
    model = gatefile.model.model_dump(mode="json", include={"factory", "kwargs", "key"})
    artefact = Artefact.of(gatefile.model, gatefile.base)
    source = source_of(artefact)
    units = units_of(datasets)
    packages = {name: version(name) for name in _PACKAGES}
    packages |= runtimes_of(backend, source.runtimes(artefact))
    document = {
        "gate": __version__,
        "fingerprints": FINGERPRINTS,
        "packages": packages,
        "checkpoint": checkpoint.sha256,
        "model": model,
        "source": source.name,
        "device": device,
        "backend": backend,
        "tracing": os.environ.get("PYTORCH_JIT"),  # what torch may not trace it does not fuse
        "classes": list(classes),
        "input": gatefile.input.model_dump(mode="json"),
        "output": output_spec(gatefile.output).model_dump(mode="json"),
        "splits": {split.value: _describe(dataset) for split, dataset in datasets.items()},
        "units": sha256("\n".join(unit.name for unit in units).encode()).hexdigest(),
    }
    if measurements:
        document["measurements"] = {each.key: each.describe() for each in measurements}
    return Plan(document, units)


def _describe(dataset: Dataset) -> dict[str, Any]:
    return {
        "path": dataset.path,
        "format": dataset.format,
        "reader": dict(dataset.plan_facts),
        "images": len(dataset.entries),
        "group": dataset.group_column,
        "slices": list(dataset.slice_columns),
        "entries": entries_digest(dataset),
    }


def entries_digest(dataset: Dataset) -> str:
    """Return the SHA-256 over name, label, group and slices of every image, in their order."""
    digest = sha256()
    for start in range(0, len(dataset.entries), _AT_ONCE):
        entries = list(dataset.entries[start : start + _AT_ONCE])
        digest.update(json.dumps(entries).encode())
    return digest.hexdigest()
