"""A checkpoint is identified before torch is loaded."""

from pathlib import Path

from gate.errors import Identity
from gate.evidence.records import Subject
from gate.subject.checkpoints import open_checkpoint
from gate.subject.checkpoints.onnx import identify_onnx
from gate.subject.checkpoints.recognising import is_onnx
from gate.subject.gatefile import ModelSpec


def identified(spec: ModelSpec, *, base: Path) -> Identity:
    """Return the digest, size and format of the checkpoint of a gate file, vetted.

    Raises CheckpointError, with what is known of the file as its ``identity``.
    """
    assert spec.checkpoint is not None, "a complete gate file names a checkpoint"
    path = base / spec.checkpoint
    if is_onnx(path):
        return identify_onnx(path, sha256=spec.sha256)
    return open_checkpoint(path, key=spec.key, sha256=spec.sha256).identity


def subject_of(identity: Identity, factory: str | None) -> Subject | None:
    """Return the file as the evidence names it; None where not even its digest is known."""
    if identity.sha256 is None:
        return None
    return Subject(identity.sha256, identity.size_bytes or 0, identity.format or "", factory)
