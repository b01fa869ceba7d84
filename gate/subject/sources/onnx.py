"""An ONNX file brings its own graph: no factory is needed, and a worker in a sandbox runs it."""

import importlib
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from gate.errors import Identity, MissingExtraError
from gate.subject.checkpoints.recognising import is_onnx
from gate.subject.sources.source import Artefact, ModelSource, OpenModel


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
                notes=(f"ONNX was parsed by onnxruntime in a process in a sandbox of {around}",),
            )


def onnxruntime_release(where: str, purpose: str) -> str:
    """Return the release of onnxruntime; raises MissingExtraError where it is not installed."""
    if importlib.util.find_spec("onnxruntime") is None:
        raise MissingExtraError(where, purpose, "onnx")
    try:
        return version("onnxruntime")
    except PackageNotFoundError:  # another build of it, such as onnxruntime-gpu
        return str(importlib.import_module("onnxruntime").__version__)


SOURCE = Onnx()
