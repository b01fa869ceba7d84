"""A gate file's checkpoint is opened as a model that answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from gate.errors import UsageError
from gate.evidence.records import Subject
from gate.measure.choices import Device
from gate.measure.inference.function_runner import FunctionRunner
from gate.measure.inference.identity import subject_of
from gate.measure.inference.torch_runner import Runner, TorchRunner
from gate.subject.gatefile import ModelSpec
from gate.subject.outputs import OutputSpec
from gate.subject.sources.registry import source_of
from gate.subject.sources.source import Artefact, OpenModel

_WHOLE = OutputSpec()


class Loaded(NamedTuple):
    """A model that answers."""

    subject: Subject
    runner: Runner
    notes: tuple[str, ...]  # what was done to open it, such as making the weights fit
    sandbox: tuple[str, ...] | None  # around a foreign parser; None: none was used


@contextmanager
def open_model(
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
    MissingExtraError without onnxruntime for an ONNX model, UsageError where ``output`` selects of
    what has no parts.
    """
    artefact = Artefact.of(spec, base)
    with source_of(artefact).open(artefact, threads=threads) as opened:
        is_module = isinstance(opened.model, nn.Module)
        subject = subject_of(opened.identity, spec.factory if is_module else None)
        assert subject is not None, "an open model has a digest"
        subject = replace(subject, parameters=opened.parameters)
        runner = _runner(opened, classes, device, output)
        yield Loaded(subject, runner, opened.notes, opened.sandbox)


def limit_threads(threads: int) -> None:
    """Let torch share an operation among at most so many threads."""
    torch.set_num_threads(threads)


def _runner(
    opened: OpenModel, classes: tuple[str, ...], device: Device, output: OutputSpec
) -> Runner:
    if not isinstance(opened.model, nn.Module):
        if output.select is not None:
            fact = f"a model in {opened.identity.format} answers with one output"
            raise UsageError("output.select", fact, "delete it")
        return FunctionRunner(opened.model, classes, opened.backend)
    select = opened.select if output.select is None else output.select
    if opened.guard is None:
        return TorchRunner.start(opened.model, classes, device, select=select)
    return TorchRunner.start(opened.model, classes, device, guard=opened.guard, select=select)
