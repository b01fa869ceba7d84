"""A checkpoint is identified before torch is loaded."""

from collections.abc import Mapping
from pathlib import Path

from gate.errors import CheckpointError, Identity, Refusal
from gate.evidence.records import Subject
from gate.subject.gatefile import ModelSpec
from gate.subject.sources.registry import source_of
from gate.subject.sources.source import Artefact


def identify(spec: ModelSpec, *, base: Path, read: Mapping[str, str]) -> Identity:
    """Return the digest, size and format of the checkpoint of a gate file, vetted.

    ``read`` are the files that it has stated something in, with their SHA-256. Raises
    CheckpointError, with what is known of the file as its ``identity``; also where they changed.
    Raises UsageError for a model source that nobody adds.
    """
    artefact = Artefact.of(spec, base)
    identity = source_of(artefact).identify(artefact)
    alone = identity.sha256 if not identity.files else None
    if any(identity.files.get(name, alone) != digest for name, digest in read.items()):
        raise changed(spec, identity)
    return identity


def changed(spec: ModelSpec, identity: Identity) -> CheckpointError:
    """Return the error of a checkpoint that is another one than it was a moment ago."""
    return CheckpointError(
        str(spec.checkpoint),
        Refusal.CORRUPT,
        "the file changed while it was measured",
        "run again when nothing writes to it",
        identity,
        retriable=True,
    )


def subject_of(identity: Identity, factory: str | None, file: str | None = None) -> Subject | None:
    """Return the file as the evidence names it; None where not even its digest is known.

    ``file`` is its name without its folder.
    """
    if identity.sha256 is None:
        return None
    size, kind = identity.size_bytes or 0, identity.format or ""
    return Subject(identity.sha256, size, kind, factory, file=file)
