"""Folders in which one file deeper down holds the weights, and documents say what the model is.

The digest of such a folder is over the documents that are read and the weights, and nothing else:
the code, environments and examples that lie there too are never run, installed or read.
"""

import hashlib
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gate.errors import CheckpointError, Identity
from gate.subject.checkpoints.folders import is_folder, listing, manifest
from gate.subject.checkpoints.inspection import Inspection
from gate.subject.checkpoints.pins import require_pinned
from gate.subject.checkpoints.refusals import RefusedError, corrupt, unsafe
from gate.subject.checkpoints.sealing import Sealed, seal
from gate.subject.sources.source import Artefact, ModelSource, OpenModel
from gate.subject.sources.torch_checkpoint import SOURCE as TORCH
from gate.wording import list_names, plain, quote

MAX_DOCUMENT = 1 << 20
_DEEPEST = 8  # parts of a path inside the folder


@dataclass(frozen=True, slots=True)
class Inside:
    """What a folder holds that decides: its documents, read, and the file of its weights."""

    documents: Mapping[str, Sealed]  # by name, relative to the folder
    weights: str  # relative to the folder
    content: Mapping[str, Any]  # of the document that says what the model is
    left: tuple[str, ...] = field(default=())  # names at its top that are never run or installed

    def identity(self, weights: Identity) -> Identity:
        """Return the identity of the folder, from that of its weights."""
        if weights.sha256 is None:
            return Identity(format=weights.format)
        digests = {name: each.sha256 for name, each in self.documents.items()}
        lines = manifest({**digests, self.weights: weights.sha256})
        size = (weights.size_bytes or 0) + sum(each.size for each in self.documents.values())
        return Identity(hashlib.sha256(lines).hexdigest(), size, weights.format, digests)


def has_file(path: Path, name: str) -> bool:
    """Return whether a folder has a file of this name; False for what cannot be looked up."""
    try:
        return (path / name).is_file()
    except (OSError, ValueError):  # ValueError: a null byte
        return False


class WeightsInside(ModelSource):
    """A folder whose documents say where its weights are; the user's factory builds the module."""

    @abstractmethod
    def look(self, path: Path) -> Inside:
        """Return what of the folder decides; raises RefusedError."""

    def remedy(self, error: CheckpointError, path: Path) -> str:  # noqa: ARG002 -- for overriders
        """Return what helps against a refusal of the weights in a folder at ``path``."""
        return error.remedy

    def files(self, path: Path) -> Mapping[str, str | None]:
        """Return the weights, and the documents with their SHA-256; raises RefusedError."""
        inside = self.look(path)
        digests = {name: each.sha256 for name, each in inside.documents.items()}
        return {**digests, inside.weights: None}

    def identify(self, artefact: Artefact) -> Identity:
        """Return the digest of the documents and the vetted weights; raises CheckpointError."""
        inside = self.seen(artefact)
        with self._placed(artefact, inside):
            return self._pinned(artefact, inside, TORCH.identify(_weights(artefact, inside)))

    @contextmanager
    def open(self, artefact: Artefact, *, threads: int) -> Iterator[OpenModel]:
        """Hold the module of the user's factory, with the weights in the folder.

        Raises CheckpointError where the folder or its weights are refused.
        """
        inside = self.seen(artefact)
        with ExitStack() as stack:
            with self._placed(artefact, inside):
                opening = TORCH.open(_weights(artefact, inside), threads=threads)
                opened = stack.enter_context(opening)
                identity = self._pinned(artefact, inside, opened.identity)
            notes = (*opened.notes, *_notes(inside))
            yield replace(opened, identity=identity, notes=notes)

    def inspect(self, artefact: Artefact) -> Inspection:
        """Return the tensors of its weights, and why it would be refused."""
        try:
            inside = self.seen(artefact)
        except CheckpointError as error:
            return Inspection(artefact.path, error.identity, error)
        found = TORCH.inspect(_weights(artefact, inside))
        identity = inside.identity(found.identity)
        refusal = found.refusal and self._at_folder(found.refusal, artefact, inside)
        notes = (*found.notes, *_notes(inside))
        return replace(found, path=artefact.path, identity=identity, refusal=refusal, notes=notes)

    def seen(self, artefact: Artefact) -> Inside:
        """Return what of an artefact decides; raises CheckpointError."""
        try:
            return self.look(artefact.path)
        except RefusedError as refused:
            raise refused.at(artefact.path, Identity()) from refused

    @contextmanager
    def _placed(self, artefact: Artefact, inside: Inside) -> Iterator[None]:
        """Let a refusal of the weights carry the identity of the folder."""
        try:
            yield
        except CheckpointError as error:
            raise self._at_folder(error, artefact, inside) from error

    def _at_folder(
        self, error: CheckpointError, artefact: Artefact, inside: Inside
    ) -> CheckpointError:
        where = plain(artefact.path / inside.weights)
        remedy = self.remedy(error, artefact.path)
        identity = error.identity if error.identity.files else inside.identity(error.identity)
        return CheckpointError(
            where, error.refusal, error.fact, remedy, identity, retriable=error.retriable
        )

    def _pinned(self, artefact: Artefact, inside: Inside, weights: Identity) -> Identity:
        identity = inside.identity(weights)
        try:
            require_pinned(identity.sha256 or "", artefact.sha256)
        except RefusedError as refused:
            raise refused.at(artefact.path, identity) from refused
        return identity


def read_inside(path: Path, name: str) -> Sealed:
    """Return a document of a folder, sealed; raises RefusedError, with its name."""
    try:
        return seal(path / name, most=MAX_DOCUMENT)
    except RefusedError as refused:
        fact = f"{plain(name)}: {refused.fact}"
        raise RefusedError(refused.refusal, fact, refused.remedy) from refused


def require_inside(name: str, *, said_by: str) -> str:
    """Return the name of a file that a document gives, relative to the folder that it lies in.

    Raises RefusedError, as unsafe, for a name that leads out of the folder.
    """
    parts = name.split("/")
    is_sound = name.isprintable() and "\\" not in name and ":" not in name
    if not is_sound or len(parts) > _DEEPEST or any(part in ("", ".", "..") for part in parts):
        raise unsafe(
            f"{said_by} names {quote(name)}, which is not inside the folder",
            "do not load the folder elsewhere; ask who made it",
        )
    return name


def only_file(path: Path, folder: str, names: tuple[str, ...], *, remedy: str) -> str:
    """Return which of some files lies in a folder of the artefact, relative to the artefact.

    Raises RefusedError where it is none of them, or more than one.
    """
    place = path / folder
    present = listing(place) if is_folder(place) else frozenset()
    found = [name for name in names if name in present]
    if not found:
        has = f"it holds {list_names(sorted(present))}" if present else "there is no such folder"
        raise corrupt(f"{plain(folder)} holds none of {list_names(names)} ({has})", remedy)
    if len(found) > 1:
        raise corrupt(
            f"{plain(folder)} holds {list_names(found)}, and loaders differ in which they take",
            "keep the one that is deployed",
        )
    return f"{folder}/{found[0]}"


def _weights(artefact: Artefact, inside: Inside) -> Artefact:
    return replace(artefact, checkpoint=f"{artefact.checkpoint}/{inside.weights}", sha256=None)


def _notes(inside: Inside) -> Iterator[str]:
    yield f"weights from {plain(inside.weights)}"
    if inside.left:
        yield f"beside the weights, not run and not installed: {list_names(inside.left, 8)}"
