"""A gate file's checkpoint is opened as a model that answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from gate.errors import UsageError
from gate.evidence.records import Subject
from gate.measure.choices import Device
from gate.measure.inference.identity import subject_of
from gate.measure.inference.torch_runner import Runner, TorchRunner, build_model
from gate.subject.checkpoints import load_into, open_checkpoint
from gate.subject.checkpoints.recognising import is_onnx
from gate.subject.gatefile import ModelSpec
from gate.subject.guard import Guard
from gate.subject.outputs import OutputSpec

_WHOLE = OutputSpec()


class Loaded(NamedTuple):
    """A model that answers."""

    subject: Subject
    runner: Runner
    notes: tuple[str, ...]  # what was done to make the weights fit


@contextmanager
def opened_model(
    spec: ModelSpec,
    classes: tuple[str, ...],
    device: Device,
    *,
    base: Path,
    threads: int,
    output: OutputSpec = _WHOLE,
) -> Iterator[Loaded]:
    """Give the model of a gate file, ready to answer, on at most ``threads`` cores.

    Raises CheckpointError, with what is known of the file as its ``identity``, FactoryError, and
    UsageError where ``output`` selects of what has no parts.
    """
    assert spec.checkpoint is not None, "a complete gate file names a checkpoint"
    path = base / spec.checkpoint
    if is_onnx(path):
        if output.select is not None:
            fact = f"{path.name} is ONNX, which answers with one output"
            raise UsageError("output.select", fact, "delete it")
        yield from _onnx(path, spec, classes, threads)
    else:
        yield _torch(path, spec, classes, device, base, threads, output)


def limit_threads(threads: int) -> None:
    """Let torch share an operation among at most so many threads."""
    torch.set_num_threads(threads)


def _torch(
    path: Path,
    spec: ModelSpec,
    classes: tuple[str, ...],
    device: Device,
    base: Path,
    threads: int,
    output: OutputSpec,
) -> Loaded:
    assert spec.factory is not None, "a complete gate file names a factory"
    limit_threads(threads)
    checkpoint = open_checkpoint(path, key=spec.key, sha256=spec.sha256)
    subject = subject_of(checkpoint.identity, spec.factory)
    assert subject is not None, "a vetted checkpoint has a digest"
    guard = Guard(f"model.factory {spec.factory!r}", base)
    with np.errstate():  # what the user's code sets is not for our own numbers
        model = build_model(spec.factory, spec.kwargs, base=base)
        report = load_into(checkpoint, model, guard=guard)
    notes = (*report.notes, *(f"weights cast: {cast}" for cast in report.casts))
    return Loaded(
        replace(subject, parameters=report.parameters),
        TorchRunner.start(model, classes, device, guard=guard, select=output.select),
        notes,
    )


def _onnx(path: Path, spec: ModelSpec, classes: tuple[str, ...], threads: int) -> Iterator[Loaded]:
    from gate.measure.inference.onnx_runner import OnnxRunner
    from gate.subject.checkpoints.onnx import open_onnx

    with open_onnx(path, sha256=spec.sha256, threads=threads) as model:
        subject = subject_of(model.identity, None)
        assert subject is not None, "an open model has a digest"
        runner = OnnxRunner(model, classes)
        sandbox = ", ".join(runner.weights().sandbox or ()) or "none"
        note = f"ONNX was parsed by onnxruntime in a process in a sandbox of {sandbox}"
        yield Loaded(subject, runner, (note,))
