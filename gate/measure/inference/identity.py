"""A checkpoint is identified before torch is loaded."""

from pathlib import Path

from gate.errors import Identity
from gate.evidence.records import Subject
from gate.subject.gatefile import ModelSpec
from gate.subject.sources.registry import source_of
from gate.subject.sources.source import Artefact


def identified(spec: ModelSpec, *, base: Path) -> Identity:
    """Return the digest, size and format of the checkpoint of a gate file, vetted.

    Raises CheckpointError, with what is known of the file as its ``identity``.
    """
    artefact = Artefact(spec, base)
    return source_of(artefact).identify(artefact)


def subject_of(identity: Identity, factory: str | None) -> Subject | None:
    """Return the file as the evidence names it; None where not even its digest is known."""
    if identity.sha256 is None:
        return None
    return Subject(identity.sha256, identity.size_bytes or 0, identity.format or "", factory)
