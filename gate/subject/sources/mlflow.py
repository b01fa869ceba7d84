"""A model folder of MLflow: MLmodel says where the weights are, and what shapes go in and out.

The weights are read without torch or pickle, for the user's own factory. Nothing else of the folder
is touched: code/ is put on no path, and requirements.txt and conda.yaml are not installed.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from gate.errors import CheckpointError, Refusal
from gate.evidence.contract import Disagreement
from gate.subject.checkpoints.folders import listing
from gate.subject.checkpoints.inspection import Inspection
from gate.subject.checkpoints.refusals import corrupt, mismatch
from gate.subject.checkpoints.sealing import Sealed
from gate.subject.sources.contract import WEIGHTS, contradiction
from gate.subject.sources.proposals import CLASSES, input_question, stated_classes
from gate.subject.sources.source import Artefact
from gate.subject.sources.statements import Ask, Statements
from gate.subject.sources.weights_inside import (
    Inside,
    WeightsInside,
    has_file,
    only_file,
    read_inside,
    require_inside,
)
from gate.wording import plain

_DOCUMENT = "MLmodel"
_WEIGHTS = ("model.pt2", "model.pth")
_NEVER_RUN = frozenset({"code", "requirements.txt", "conda.yaml", "python_env.yaml", "extra_files"})

_FACTORY = Ask(
    "factory",
    "MLflow kept the weights, and nothing says how the model is built",
    "under model: add factory: package.module:function, or use --model",
)


class Signature(NamedTuple):
    """The shapes that MLmodel's signature gives; -1 is any length. Empty: it gives none."""

    inputs: tuple[int, ...] = ()
    outputs: tuple[int, ...] = ()

    @property
    def channels(self) -> int | None:
        """The channels of an image, where they come first."""
        is_image = len(self.inputs) == 4 and self.inputs[1] in (1, 3)
        return self.inputs[1] if is_image else None

    @property
    def size(self) -> list[int] | None:
        """Height and width of an image, where both are fixed."""
        size = list(self.inputs[2:]) if self.channels else []
        return size if size and min(size) > 0 else None


class MLflow(WeightsInside):
    """A folder that mlflow.pytorch.save_model wrote."""

    name = "mlflow"

    def matches(self, path: Path) -> bool:
        """Return whether the folder has the document of an MLflow model."""
        return has_file(path, _DOCUMENT)

    def look(self, path: Path) -> Inside:
        """Return MLmodel, and the weights that it names; raises RefusedError."""
        document = read_inside(path, _DOCUMENT)
        content = _read(document)
        folder = _model_data(content)
        remedy = "save it again: mlflow.pytorch.save_model(model, FOLDER)"
        weights = only_file(path, folder, _WEIGHTS, remedy=remedy)
        left = tuple(sorted(_NEVER_RUN & listing(path)))
        return Inside({_DOCUMENT: document}, weights, content, left)

    def states(self, artefact: Artefact) -> Statements:
        """Return the classes that its metadata holds by habit, and what is not known.

        Raises CheckpointError where the weights are refused, RefusedError where its document cannot
        be read.
        """
        inside = self.seen(artefact)
        found = self.inspect(artefact)
        if found.refusal is not None:
            raise found.refusal
        signature = _signature(inside.content)
        metadata = inside.content.get("metadata")
        named = metadata if isinstance(metadata, dict) else {}
        classes = stated_classes(named, found.classes, where="MLmodel: metadata")
        shape = list(signature.inputs)
        fact = (
            f"the signature of MLmodel takes {shape}, and nothing says how images are prepared"
            if shape
            else "nothing says how images are prepared"
        )
        sizes = {"size": signature.size} if signature.size else {}
        channels = signature.channels or found.channels
        asks = [_FACTORY, input_question(fact, {**named, **sizes}, channels=channels)]
        if artefact.factory is None and classes is None:
            asks.append(CLASSES)
        read = {_DOCUMENT: inside.documents[_DOCUMENT].sha256}
        checks = tuple(_contradictions(found, signature))
        return Statements(classes=classes, asks=tuple(asks), read=read, checks=checks)

    def remedy(self, error: CheckpointError, path: Path) -> str:
        """Return the command that saves the weights of a pickled module alone."""
        if error.refusal is not Refusal.UNSAFE or not error.where.endswith(".pth"):
            return error.remedy
        return (
            'where it was made and is trusted, run: python -c "import mlflow.pytorch, torch; '
            f"torch.save(mlflow.pytorch.load_model('{plain(path.name)}').state_dict(), "
            "'weights.pt')\", and give weights.pt with a factory"
        )


def _read(document: Sealed) -> Mapping[str, Any]:
    """Return what MLmodel says; raises RefusedError where it is no YAML of plain values."""
    from gate.documents.source_text import Source  # only an MLflow folder waits for YAML
    from gate.documents.yaml_tree import Kind, read_tree

    try:
        text = bytes(document.data).decode("utf-8")
    except UnicodeDecodeError:
        raise corrupt(f"{_DOCUMENT} is not UTF-8") from None
    tree, _ = read_tree(Source(_DOCUMENT, text, document.sha256))
    if tree is None or tree.kind is not Kind.MAPPING:
        raise corrupt(f"{_DOCUMENT} is not the YAML that MLflow writes")
    content: Mapping[str, Any] = tree.plain()
    return content


def _model_data(content: Mapping[str, Any]) -> str:
    """Return the folder of the weights, as the flavor pytorch says it."""
    flavors = content.get("flavors")
    flavor = flavors.get("pytorch") if isinstance(flavors, dict) else None
    if not isinstance(flavor, dict):
        names = ", ".join(map(plain, flavors)) if isinstance(flavors, dict) else "none"
        raise mismatch(
            f"{_DOCUMENT} has the flavors {names}, and not pytorch",
            "save the model with mlflow.pytorch.save_model, or give its ONNX file alone",
        )
    folder = flavor.get("model_data", "data")
    if not isinstance(folder, str):
        raise corrupt(f"{_DOCUMENT} does not say in model_data where the weights are")
    return require_inside(folder, said_by=_DOCUMENT)


def _signature(content: Mapping[str, Any]) -> Signature:
    signature = content.get("signature")
    if not isinstance(signature, dict):
        return Signature()
    return Signature(_shape(signature.get("inputs")), _shape(signature.get("outputs")))


def _shape(text: object) -> tuple[int, ...]:
    """Return the shape of the only tensor in a list of JSON; empty for anything else."""
    if not isinstance(text, str):
        return ()
    try:
        (only,) = json.loads(text)
        shape = only["tensor-spec"]["shape"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return ()
    is_shape = isinstance(shape, list) and all(type(axis) is int for axis in shape)
    return tuple(shape) if is_shape else ()


def _contradictions(found: Inspection, signature: Signature) -> Iterator[Disagreement]:
    """Yield where the signature has other scores or channels than the head and first layer."""
    where = f"{_DOCUMENT}: signature"
    outputs = signature.outputs[-1] if len(signature.outputs) == 2 else -1
    if found.classes is not None and outputs > 0 and outputs != found.classes:
        yield contradiction("the number of scores", outputs, where, found.classes, WEIGHTS)
    channels = signature.channels
    if channels is not None and found.channels not in {None, 1, channels}:  # 1: or one a group
        yield contradiction("the number of channels", channels, where, found.channels, WEIGHTS)


SOURCE = MLflow()
