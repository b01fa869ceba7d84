"""A model source: its answers to the gate, and the artefact that it is given."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gate.errors import CheckpointError, Identity
from gate.subject.checkpoints.inspection import Inspection
from gate.subject.checkpoints.pins import require_pinned
from gate.subject.checkpoints.refusals import RefusedError
from gate.subject.checkpoints.sealing import Sealed, seal
from gate.subject.sources.statements import Statements

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import nn

    from gate.subject.gatefile import ModelSpec
    from gate.subject.guard import Guard
    from gate.subject.inputs import InputSpec

    Floats = NDArray[np.float32]
    Answer = Callable[[Floats], Floats]  # from images (n, C, H, W) to outputs (n, classes)


@dataclass(frozen=True)
class Artefact:
    """The file or folder that a gate file names, and what `model:` of the gate file says of it."""

    checkpoint: str  # as it is named
    base: Path = field(default_factory=Path)  # the folder that the name is relative to
    source: str | None = None  # None: it is recognised
    factory: str | None = None
    kwargs: Mapping[str, Any] = field(default_factory=dict)  # of the factory
    key: str | None = None
    sha256: str | None = None  # the pin

    @classmethod
    def of(cls, spec: "ModelSpec", base: Path) -> "Artefact":
        """Return the artefact of a gate file that names one."""
        assert spec.checkpoint is not None, "a complete gate file names a checkpoint"
        return cls(
            spec.checkpoint, base, spec.source, spec.factory, spec.kwargs, spec.key, spec.sha256
        )

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self.base / self.checkpoint

    @cached_property
    def sealed(self) -> Sealed:
        """The bytes of an artefact of one file, read once and hashed: what is hashed is read.

        Raises CheckpointError where it cannot be read, or is not the one that the gate file pins.
        """
        identity = Identity()
        try:
            sealed = seal(self.path)
            identity = Identity(sealed.sha256, sealed.size)
            require_pinned(sealed.sha256, self.sha256)
        except RefusedError as refused:
            raise refused.at(self.path, identity) from refused
        return sealed


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class OpenModel:
    """A model that is open: a torch module with its weights, or a function that answers."""

    model: "nn.Module | Answer"
    # Of the bytes that were opened; a plugin leaves it out, and it is filled in.
    identity: Identity = field(default_factory=Identity)
    guard: "Guard | None" = None  # around a module that is not ours
    parameters: int | None = None  # None: the format does not tell
    select: str | int | None = None  # the part of an answer of several that holds the scores
    backend: str = "torch"  # who answers; with its release where it is no requirement of ours
    sandbox: tuple[str, ...] | None = None  # around a foreign parser; None: none was used
    notes: tuple[str, ...] = ()  # what was done to open it, for the report


class ModelSource(ABC):
    """One kind of artefact. Its file loads nothing heavy before a model is opened."""

    name: str  # as `model: {source: NAME}` names it

    @abstractmethod
    def matches(self, path: Path) -> bool:
        """Return whether this source reads what lies there, looking at no more than it must.

        It is asked of files that nobody trusts: False for whatever cannot be read.
        """

    def files(self, path: Path) -> Mapping[str, str | None]:
        """Return the names of all files that decide an answer, relative to the artefact.

        With the SHA-256 of those that had to be read for it, in hexadecimal; None for the others.
        `attest` and `verify` cover these files, so it must follow from the artefact alone, and
        :meth:`identify` must digest the same. A RefusedError says why they cannot be told.
        """
        return {path.name: None}

    def identify(self, artefact: Artefact) -> Identity:
        """Return digest, size and format of an artefact, vetted as far as it is without torch.

        The digest is of the one file, or of the lines that ``sha256sum`` prints for :meth:`files`.
        A CheckpointError says that it is refused, or is not the pinned one.
        """
        sealed = artefact.sealed
        return Identity(sealed.sha256, sealed.size, self.name)

    def states(self, artefact: Artefact) -> Statements:  # noqa: ARG002 -- for those who override it
        """Return what the artefact states itself.

        Only values are taken out of it, and nothing of it runs. A CheckpointError says that it
        cannot be read.
        """
        return Statements()

    def apply_conventions(self, artefact: Artefact, spec: "InputSpec") -> "InputSpec":  # noqa: ARG002 -- as in states
        """Return an input of the user's own, with what it leaves to the library of the model."""
        return spec

    def runtimes(self, artefact: Artefact) -> dict[str, str]:  # noqa: ARG002 -- as in states
        """Return the packages whose release may change an answer, by name; part of every plan.

        Those of every measurement (torch, numpy, Pillow) are known. A MissingExtraError names one
        that is not installed.
        """
        return {}

    @abstractmethod
    def open(self, artefact: Artefact, *, threads: int) -> AbstractContextManager[OpenModel]:
        """Return a context that holds the open model, on at most ``threads`` cores.

        Raises CheckpointError, with what is known of the artefact as its ``identity``, and
        FactoryError.
        """

    def weights(self, artefact: Artefact) -> Mapping[str, int]:
        """Return how many numbers of each type the weights have, by torch's names of the types.

        Empty where they are not read. A CheckpointError says that the artefact is refused.
        """
        found: Counter[str] = Counter()
        for spec in self.inspect(artefact).tensors:
            found[spec.dtype] += spec.elements
        return found

    def inspect(self, artefact: Artefact) -> Inspection:
        """Return what is known of an artefact that is not loaded; never raises for it."""
        try:
            return Inspection(artefact.path, self.identify(artefact), None)
        except CheckpointError as refusal:
            return Inspection(artefact.path, refusal.identity, refusal)
