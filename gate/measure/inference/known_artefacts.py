"""The artefacts that rules ask beside the model are identified and vetted before anything runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gate.errors import CheckpointError, Identity, Refusal, UsageError
from gate.evidence.records import ArtefactFacts, Precision
from gate.keys import name_key
from gate.measure.choices import Backend, Device
from gate.measure.inference.runtime_versions import runtimes_of
from gate.policy.needs import Need, artefacts_wanted
from gate.subject.gatefile import ArtefactSpec, GateFile, ModelSpec
from gate.subject.sources.registry import source_of
from gate.subject.sources.source import Artefact, ModelSource
from gate.wording import list_names

_PRECISIONS: Mapping[str, Precision] = {
    "float32": "float32", "float16": "float16", "bfloat16": "bfloat16", "int8": "int8",
    "uint8": "int8",
}  # fmt: skip
_UNKNOWN = Identity()
_NO_WEIGHTS = frozenset({"bool", "int16", "int32", "int64", "uint16", "uint32", "uint64"})


@dataclass(frozen=True, slots=True)
class KnownArtefact:
    """An artefact of the gate file that a rule asks, as it travels to workers."""

    name: str
    spec: ModelSpec  # with what it takes from the model
    device: Device
    backend: Backend
    identity: Identity
    precision: Precision
    parameters: int | None
    runtimes: Mapping[str, str]  # packages whose release may change an answer

    @property
    def place(self) -> str:
        """What messages call it."""
        return f"artefact {self.name} ({self.spec.checkpoint})"

    @property
    def facts(self) -> ArtefactFacts:
        """The artefact as the evidence names it."""
        known = self.identity
        assert known.sha256 is not None, "what could be identified has a digest"
        return ArtefactFacts(
            self.name,
            known.sha256,
            known.size_bytes or 0,
            known.format or "",
            self.precision,
            self.parameters,
        )

    def describe(self) -> dict[str, Any]:
        """Return what a plan says of it: JSON."""
        said = self.spec.model_dump(mode="json", include={"factory", "kwargs", "key", "source"})
        return {
            **said,
            "sha256": self.identity.sha256,
            "device": self.device,
            "backend": self.backend,
            "runtimes": dict(self.runtimes),
        }


def identify_artefacts(
    gatefile: GateFile,
    classes: tuple[str, ...],
    checkpoint: Identity,
    needs: Sequence[Need],
    device: Device,
    backend: Backend,
) -> dict[str, KnownArtefact]:
    """Return the artefacts that the needs ask, by name.

    Raises CheckpointError where one is missing, refused or of other classes, and UsageError where
    one lacks a factory, or is the checkpoint itself, run as the checkpoint is.
    """
    model = gatefile.model
    assert model is not None, "a gate file without saved predictions names a model"
    found = {}
    for name in artefacts_wanted(needs):
        try:
            said = gatefile.artefact_specs[name]
            made = _identify(name, said, gatefile, classes, device, backend)
        except CheckpointError as error:
            raise at(error.where, error, checkpoint) from error
        if (made.identity.sha256, made.device, made.backend) == (
            checkpoint.sha256, device, backend
        ) and _built(made.spec) == _built(model):  # fmt: skip
            raise UsageError(
                f"artefacts.{name}",
                f"{made.spec.checkpoint} is the checkpoint itself, and compared with itself it "
                "shows nothing",
                "name the file that is deployed; a checkpoint that is deployed as it is needs no "
                "artefact",
            )
        found[name] = made
    return found


def _built(spec: ModelSpec) -> tuple[Any, ...]:
    return spec.factory, spec.kwargs, spec.key


def _identify(
    name: str,
    said: ArtefactSpec,
    gatefile: GateFile,
    classes: tuple[str, ...],
    device: Device,
    backend: Backend,
) -> KnownArtefact:
    assert gatefile.model is not None, "it is asked for one that names a model"
    spec = said.as_model(gatefile.model)
    artefact = Artefact.of(spec, gatefile.base)
    place = f"artefact {name} ({spec.checkpoint})"
    if artefact.path.is_dir():
        raise UsageError(
            f"artefacts.{name}",
            f"{spec.checkpoint} is a folder, and an artefact is one file",
            "name the file that is deployed",
        )
    try:
        source = source_of(artefact)
        identity = source.identify(artefact)
        _require_fit(name, source, artefact, identity, classes)
        weights = source.weights(artefact)
    except CheckpointError as error:
        raise at(place, error) from error
    return KnownArtefact(
        name=name,
        spec=spec.model_copy(update={"source": source.name}),
        device=said.device or device,
        backend=said.backend or backend,
        identity=identity,
        precision=_precision(weights),
        parameters=_parameters(weights),
        runtimes=runtimes_of(said.backend or backend, source.runtimes(artefact)),
    )


def _require_fit(
    name: str,
    source: ModelSource,
    artefact: Artefact,
    identity: Identity,
    classes: tuple[str, ...],
) -> None:
    """Refuse an artefact that states other classes, or that nothing says how to build."""
    statements = source.states(artefact)
    for ask in statements.asks:
        if ask.key == "factory" and artefact.factory is None:
            raise UsageError(
                f"artefacts.{name}",
                ask.fact,
                "give it {checkpoint: ..., factory: package.module:function}",
            )
    stated = statements.classes
    if stated is not None and tuple(map(name_key, stated.value)) != classes:
        raise CheckpointError(
            artefact.checkpoint,
            Refusal.MISMATCH,
            f"its classes are {list_names(stated.value)} ({stated.source}), and the model's are "
            f"{list_names(classes)}",
            "export the model that is judged, with its classes in their order",
            identity,
        )


def at(place: str, error: CheckpointError, checkpoint: Identity = _UNKNOWN) -> CheckpointError:
    """Return the error of an artefact at its place, in a report on the ``checkpoint``."""
    return CheckpointError(
        place, error.refusal, error.fact, error.remedy, checkpoint, retriable=error.retriable
    )


def _precision(weights: Mapping[str, int]) -> Precision:
    """Return the type that most of the numbers have, where more than half of them have it."""
    counted = {kind: count for kind, count in weights.items() if kind not in _NO_WEIGHTS}
    by_precision: dict[Precision, int] = {}
    for kind, count in counted.items():
        precision = _PRECISIONS.get(kind, "other")
        by_precision[precision] = by_precision.get(precision, 0) + count
    total = sum(by_precision.values())
    return next((each for each, count in by_precision.items() if 2 * count > total), "other")


def _parameters(weights: Mapping[str, int]) -> int | None:
    return sum(count for kind, count in weights.items() if kind not in _NO_WEIGHTS) or None
