"""From the checkpoint of a gate file to a model that answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gate.errors import CheckpointError
from gate.evidence.records import Subject
from gate.measure.progress import Device
from gate.measure.runner import Runner, TorchRunner, build_model
from gate.subject.checkpoints import load_into, open_checkpoint
from gate.subject.checkpoints.recognising import is_onnx
from gate.subject.gatefile import ModelSpec


@dataclass(slots=True)
class Loaded:
    """What is known of the subject so far; a refusal leaves it as far as it came."""

    subject: Subject | None = None
    runner: Runner | None = None
    notes: tuple[str, ...] = ()  # what was done to make the weights fit


@contextmanager
def opened_model(
    spec: ModelSpec, classes: tuple[str, ...], device: Device, loaded: Loaded, *, base: Path
) -> Iterator[Runner]:
    """Give the model of a gate file, ready to answer; fill ``loaded`` on the way.

    Raises CheckpointError, with what is known of the file in ``loaded.subject``, and FactoryError.
    """
    assert spec.checkpoint is not None, "a complete gate file names a checkpoint"
    path = base / spec.checkpoint
    try:
        if is_onnx(path):
            yield from _onnx(path, spec, classes, loaded)
        else:
            yield _torch(path, spec, classes, device, loaded, base)
    except CheckpointError as error:
        identity = error.identity
        if loaded.subject is None and identity.sha256 is not None:
            loaded.subject = Subject(
                identity.sha256, identity.size_bytes or 0, identity.format or "", spec.factory
            )
        raise


def _torch(
    path: Path,
    spec: ModelSpec,
    classes: tuple[str, ...],
    device: Device,
    loaded: Loaded,
    base: Path,
) -> Runner:
    assert spec.factory is not None, "a complete gate file names a factory"
    checkpoint = open_checkpoint(path, key=spec.key, sha256=spec.sha256)
    identity = (checkpoint.sha256, checkpoint.size_bytes, checkpoint.format, spec.factory)
    loaded.subject = Subject(*identity)
    model = build_model(spec.factory, spec.kwargs, base=base)
    report = load_into(checkpoint, model)
    loaded.subject = Subject(*identity, report.parameters)
    loaded.notes = (*report.notes, *(f"weights cast: {cast}" for cast in report.casts))
    return TorchRunner.start(model, classes, device)


def _onnx(
    path: Path, spec: ModelSpec, classes: tuple[str, ...], loaded: Loaded
) -> Iterator[Runner]:
    from gate.measure.onnx_runner import OnnxRunner
    from gate.subject.checkpoints.onnx import open_onnx

    with open_onnx(path, sha256=spec.sha256) as model:
        identity = model.identity
        loaded.subject = Subject(
            identity.sha256 or "", identity.size_bytes or 0, identity.format or ""
        )
        runner = OnnxRunner(model, classes)
        walls = ", ".join(runner.weights().walls or ()) or "none"
        loaded.notes = (f"ONNX was parsed by onnxruntime in a process with these walls: {walls}",)
        yield runner
