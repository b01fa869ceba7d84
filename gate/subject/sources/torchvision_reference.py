"""A checkpoint of torchvision's references/classification/train.py, with its arguments."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gate.errors import Identity, UsageError
from gate.subject.checkpoints.inspection import Inspection
from gate.subject.checkpoints.opening import Checkpoint, open_checkpoint
from gate.subject.checkpoints.refusals import RefusedError, mismatch
from gate.subject.checkpoints.training_files import TrainingFile, glance, read_training_file
from gate.subject.sources import torch_checkpoint
from gate.subject.sources.bounded_building import open_built
from gate.subject.sources.libraries import import_library, release_of
from gate.subject.sources.source import Artefact, ModelSource, OpenModel
from gate.subject.sources.statements import Ask, Stated, Statements
from gate.subject.sources.unknown import UnknownError, input_from
from gate.wording import quote

if TYPE_CHECKING:
    from torch import nn

    from gate.subject.inputs import InputSpec

_WEIGHTS, _AVERAGE = "model", "model_ema"
_NAME = re.compile(r"[a-z0-9_]{1,60}")
_OF_INPUT = ("val_resize_size", "val_crop_size", "interpolation")
_ARGUMENTS = ("model", "backend", *_OF_INPUT)
# Constants of the script's presets.py, which no argument changes.
_MEAN, _STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
_INTERPOLATIONS = {
    "pil": frozenset({"nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"}),
    "tensor": frozenset({"bilinear", "bicubic"}),
}
_RESIZERS = {"pil": "pillow", "tensor": "tensor"}
_ADD_FACTORY = (
    "name the code that builds the model: under model: add factory: package.module:function, or "
    "use --model"
)
_CLASSES = Ask(
    "classes",
    "the names of the classes are not in the file",
    "add classes: [first, second, ...], in the order of the outputs: ImageFolder sorts the folders "
    "of training by code point ('10' before '2', 'Zebra' before 'ant')",
)
_WHICH = Ask(
    "key",
    f"the file holds two models, {_WEIGHTS} and {_AVERAGE}, and nothing says which one ships",
    f"add model: {{key: {_AVERAGE}}}, which the script's own evaluation takes, or {{key: "
    f"{_WEIGHTS}}}",
)


class TorchvisionReference(ModelSource):
    """What the training script in torchvision's repository saves: `checkpoint.pth`."""

    name = "torchvision-reference"

    def matches(self, path: Path) -> bool:
        """Return whether it holds a model and the arguments of that script."""
        found = glance(path)
        return found is not None and _is_of_script(found)

    def identify(self, artefact: Artefact) -> Identity:
        """Return digest, size and container of the vetted weights."""
        return torch_checkpoint.SOURCE.identify(_with_key(artefact))

    def states(self, artefact: Artefact) -> Statements:
        """Return input and architecture as the arguments have them, and what they leave open.

        Raises CheckpointError where the file is refused.
        """
        found = _read(artefact)
        given = found.arguments(_ARGUMENTS)
        asks = [_CLASSES]
        if found.has_weights(_AVERAGE):
            asks.append(_WHICH)
        name, factory, prepared = given.get("model"), None, None
        if isinstance(name, str) and _NAME.fullmatch(name):
            factory = Stated(f"torchvision {name}", "args: model")
        else:
            fact = f"args: model is {quote(name)}, no name of a model of torchvision"
            asks.append(Ask("factory", fact, _ADD_FACTORY))
        try:
            prepared = Stated(_input_of(given), f"args: {', '.join(_OF_INPUT)}")
        except UnknownError as error:
            asks.append(
                Ask(
                    "input",
                    f"args: {error}",
                    "add input: {size: [H, W], channels: RGB, resize: N, crop: center, mean: "
                    "[...], std: [...]}, as in training",
                )
            )
        return Statements(
            input=prepared,
            factory=factory,
            framework="torchvision",
            asks=tuple(asks),
            read={artefact.path.name: artefact.sealed.sha256},
        )

    def runtimes(self, artefact: Artefact) -> dict[str, str]:
        """Return the release of torchvision, where it builds it; raises UsageError."""
        if artefact.factory:
            return {}
        return {"torchvision": release_of("torchvision", artefact.checkpoint)}

    def open(self, artefact: Artefact, *, threads: int) -> AbstractContextManager[OpenModel]:
        """Return a context of torchvision's model, or of the factory of the gate file.

        Raises CheckpointError, UsageError where torchvision cannot be imported, and FactoryError.
        """
        artefact = _with_key(artefact)
        if artefact.factory:
            return torch_checkpoint.SOURCE.open(artefact, threads=threads)
        return self._open(artefact, threads)

    @contextmanager
    def _open(self, artefact: Artefact, threads: int) -> Iterator[OpenModel]:
        checkpoint = open_checkpoint(artefact.path, key=artefact.key, sha256=artefact.sha256)
        name = _read(artefact).arguments(("model",)).get("model")
        yield open_built(
            _maker(str(name), _outputs(checkpoint), artefact.checkpoint),
            checkpoint,
            what=f"torchvision {name}",
            threads=threads,
        )

    def inspect(self, artefact: Artefact) -> Inspection:
        """Return its tensors, and why it would be refused."""
        return torch_checkpoint.SOURCE.inspect(_with_key(artefact))


def _is_of_script(found: TrainingFile) -> bool:
    return found.has_weights(_WEIGHTS) and found.has_arguments(("model", *_OF_INPUT))


def _read(artefact: Artefact) -> TrainingFile:
    try:
        return read_training_file(artefact.sealed)
    except RefusedError as refused:
        sealed = artefact.sealed
        raise refused.at(artefact.path, Identity(sealed.sha256, sealed.size)) from refused


def _with_key(artefact: Artefact) -> Artefact:
    """Return the artefact with the key of its weights, where there is one set of them."""
    if artefact.key is not None:
        return artefact
    found = glance(artefact.path)
    if found is None or found.has_weights(_AVERAGE):
        return artefact
    return replace(artefact, key=_WEIGHTS)


def _input_of(given: Mapping[str, Any]) -> "InputSpec":
    """Return the script's evaluation preset; raises UnknownError with what it does not say."""
    backend = str(given.get("backend") or "pil").lower()  # before 0.15 there was no other
    interpolation = given.get("interpolation")
    known = _INTERPOLATIONS.get(backend, frozenset())
    if not isinstance(interpolation, str) or interpolation not in known:
        raise UnknownError(
            f"interpolation {quote(interpolation)} with the backend {quote(backend)} is not known "
            "here"
        )
    side = given.get("val_crop_size")
    return input_from(
        {
            "size": [side, side],
            "channels": "RGB",
            "orientation": "stored",
            "resize": given.get("val_resize_size"),
            "resizer": _RESIZERS[backend],
            "interpolation": interpolation,
            "crop": "center",
            "pad": 0,
            "mean": _MEAN,
            "std": _STD,
        }
    )


def _outputs(checkpoint: Checkpoint) -> int:
    looked = Inspection(checkpoint.path, checkpoint.identity, None, tensors=checkpoint.tensors)
    if looked.classes is None:
        refused = mismatch("it has no head that says the number of classes", _ADD_FACTORY)
        raise refused.at(checkpoint.path, checkpoint.identity)
    return looked.classes


def _maker(name: str, outputs: int, where: str) -> "Callable[[], nn.Module]":
    """Return a function that builds a classifier of torchvision with random weights.

    Raises UsageError where torchvision is missing, or has no such classifier.
    """
    import_library("torchvision", where)
    from torchvision import models

    if name not in models.list_models(module=models):
        release = release_of("torchvision", where)
        raise UsageError(
            where, f"torchvision {release} has no classifier {quote(name)}", _ADD_FACTORY
        )
    return partial(models.get_model, name, weights=None, num_classes=outputs)


SOURCE = TorchvisionReference()
