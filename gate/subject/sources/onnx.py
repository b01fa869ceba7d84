"""An ONNX file brings its own graph: no factory is needed, and a worker in a sandbox runs it."""

import importlib
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from gate.errors import Identity, MissingExtraError
from gate.evidence.contract import Disagreement
from gate.subject.checkpoints.formats import Format
from gate.subject.checkpoints.recognising import is_onnx
from gate.subject.checkpoints.refusals import RefusedError, mismatch
from gate.subject.sources.contract import contradiction
from gate.subject.sources.literals import read_literal
from gate.subject.sources.proposals import CLASSES, as_names, input_question, stated_classes
from gate.subject.sources.source import Artefact, ModelSource, OpenModel
from gate.subject.sources.statements import Ask, Stated, Statements
from gate.wording import quote

if TYPE_CHECKING:
    from gate.subject.checkpoints.onnx_graph import Graph
    from gate.subject.outputs import Values

_GRAPH = "the graph"
_NAMES, _SIZE = "names", "imgsz"  # as Ultralytics writes them
_OTHER_TASKS = frozenset({"detect", "segment", "pose", "obb"})


class Onnx(ModelSource):
    """A graph with its weights in one file."""

    name = "onnx"

    def matches(self, path: Path) -> bool:
        """Return whether the file begins as ONNX does."""
        return is_onnx(path)

    def identify(self, artefact: Artefact) -> Identity:
        """Return the digest and size of the file; no parser looks into it.

        Raises CheckpointError where it cannot be read, or is not the pinned one.
        """
        from gate.subject.checkpoints.onnx import identify_onnx

        return identify_onnx(artefact.path, sha256=artefact.sha256)

    def runtimes(self, artefact: Artefact) -> dict[str, str]:
        """Return the release of onnxruntime; raises MissingExtraError."""
        release = onnxruntime_release(artefact.checkpoint, "running an ONNX model")
        return {"onnxruntime": release}

    def states(self, artefact: Artefact) -> Statements:
        """Return the names of classes in its metadata, and the question how images are prepared.

        Raises CheckpointError for a graph that is refused, or whose metadata contradicts it.
        """
        from gate.subject.checkpoints.onnx_graph import read_graph

        sealed = artefact.sealed
        try:
            graph = read_graph(sealed.data)
            _require_classifier(graph)
            classes = _classes(graph)
        except RefusedError as refused:
            identity = Identity(sealed.sha256, sealed.size, Format.ONNX.value)
            raise refused.at(artefact.path, identity) from refused
        asks = [_input_question(graph)]
        if classes is None and (has := _said_of_classes(graph)):
            asks.append(replace(CLASSES, fact=has))
        read = {artefact.path.name: sealed.sha256}
        return Statements(
            classes=classes,
            output=_output(graph),
            asks=tuple(asks),
            read=read,
            checks=tuple(_contradictions(graph)),
        )

    @contextmanager
    def open(self, artefact: Artefact, *, threads: int) -> Iterator[OpenModel]:
        """Hold the graph in its worker.

        Raises MissingExtraError without onnxruntime, CheckpointError where it cannot take the file.
        """
        from gate.subject.checkpoints.onnx import open_onnx

        with open_onnx(artefact.path, sha256=artefact.sha256, threads=threads) as model:
            import onnxruntime

            sandbox = tuple(name for name, held in model.sandbox.held.items() if held)
            around = ", ".join(sandbox) or "none"
            yield OpenModel(
                identity=model.identity,
                model=model,
                backend=f"onnxruntime {onnxruntime.__version__}",
                sandbox=sandbox,
                notes=(
                    f"ONNX was parsed by onnxruntime in a process in a sandbox of {around}",
                    *model.axes.notes,
                ),
            )


def onnxruntime_release(where: str, purpose: str) -> str:
    """Return the release of onnxruntime; raises MissingExtraError where it is not installed."""
    if importlib.util.find_spec("onnxruntime") is None:
        raise MissingExtraError(where, purpose, "onnx")
    try:
        return version("onnxruntime")
    except PackageNotFoundError:  # another build of it, such as onnxruntime-gpu
        return str(importlib.import_module("onnxruntime").__version__)


def _require_classifier(graph: "Graph") -> None:
    """Refuse a graph that is for another task, or gives each class a score of its own."""
    task = graph.metadata.get("task", "classify")
    if task in _OTHER_TASKS:
        raise mismatch(
            f"its metadata says that its task is {quote(task)}, not to classify images",
            "export a model that gives one score a class",
        )
    if graph.last == "Sigmoid" and graph.classes != 1:
        raise mismatch(
            "its graph ends in a sigmoid over several scores: each class is decided alone, and "
            "several may hold at once",
            "judge a model of which one class holds: one score a class, or their softmax",
        )


def _classes(graph: "Graph") -> Stated[tuple[str, ...]] | None:
    """Return the classes that the metadata names; None where they are not as many as scores."""
    names = as_names(read_literal(graph.metadata.get(_NAMES, "")))
    if names is None:
        texts = {key: read_literal(text) for key, text in graph.metadata.items()}
        return stated_classes(texts, graph.classes, where="metadata")
    if graph.classes not in (None, len(names)):
        return None
    return Stated(names, f"metadata: {_NAMES}")


def _output(graph: "Graph") -> Stated["Values"] | None:
    """Return that the outputs are probabilities, where the graph makes them so."""
    if graph.last == "Softmax" or (graph.last == "Sigmoid" and graph.classes == 1):
        return Stated("probability", f"the graph, which ends in {graph.last}")
    return None


def _said_of_classes(graph: "Graph") -> str:
    text = graph.metadata.get(_NAMES)
    if not text:
        return ""
    names = as_names(read_literal(text))
    if names is None:
        return f"its metadata says {quote(text)}, which is no list of class names"
    return f"its metadata names {len(names)} classes, and its output has {graph.classes} scores"


def _contradictions(graph: "Graph") -> Iterator[Disagreement]:
    """Yield where the metadata says another number of classes, or size, than the graph has."""
    names = as_names(read_literal(graph.metadata.get(_NAMES, "")))
    if names is not None and graph.classes not in (None, len(names)):
        where = f"metadata: {_NAMES}"
        yield contradiction("the number of classes", len(names), where, graph.classes, _GRAPH)
    said = read_literal(graph.metadata.get(_SIZE, ""))
    sides = [side for side in said if type(side) is int] if isinstance(said, list) else []
    fixed = graph.size
    if len(sides) == 2 and None not in fixed and tuple(sides) != fixed:
        yield contradiction("the size of images", sides, f"metadata: {_SIZE}", fixed, _GRAPH)


def _input_question(graph: "Graph") -> Ask:
    height, width = graph.size
    said = read_literal(graph.metadata.get(_SIZE, ""))
    size = [height, width] if height and width else said
    if "ultralytics" in graph.metadata.get("author", "").lower():
        return _ultralytics_question(size)
    taken = f"{graph.channels or 'C'} x {height or 'H'} x {width or 'W'}"
    fact = (
        f"the graph takes images of {taken}, and nothing says how they are prepared: mean and std "
        "may be inside it"
    )
    return input_question(fact, {"size": size}, channels=graph.channels)


def _ultralytics_question(size: object) -> Ask:
    height, width = size if isinstance(size, list) and len(size) == 2 else ("H", "W")
    line = (
        f"input: {{size: [{height}, {width}], channels: RGB, orientation: exif, resize: "
        "shorter-side, crop: center}"
    )
    fact = "the graph is an export of Ultralytics, and does not say how images are prepared"
    return Ask("input", fact, f"if as Ultralytics does by default, add {line}", line)


SOURCE = Onnx()
