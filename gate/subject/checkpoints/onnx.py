"""Run an ONNX model, whose parser is a foreign one, in a process in a sandbox.

ONNX brings its own graph, so there is no factory. Parsing and running happen in a worker
(:mod:`.onnx_worker`); only arrays of checked size come back.
"""

import importlib.util
import json
import math
import os
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from gate.errors import Identity, MissingExtraError
from gate.subject.checkpoints.formats import Format
from gate.subject.checkpoints.frames import BrokenPipeOfWorkerError, receive, send
from gate.subject.checkpoints.isolation import Sandbox
from gate.subject.checkpoints.onnx_images import ImageAxes
from gate.subject.checkpoints.pins import require_pinned
from gate.subject.checkpoints.recognising import Container, recognise
from gate.subject.checkpoints.refusals import RefusedError, corrupt, mismatch
from gate.subject.checkpoints.sealing import seal
from gate.wording import plain, pluralize

MAX_CLASSES = 1 << 20
OPENING = 120.0  # seconds to parse and optimise a graph
BATCH = 600.0  # seconds to run a batch

_START = (
    "import sys; sys.path += sys.argv[1:]; "
    "from gate.subject.checkpoints.onnx_worker import serve; serve()"
)


class OnnxModel:
    """An ONNX model in its worker: a callable from images to rows; close it when done.

    ``gives`` says in messages what a row holds: the logits of the classes, or what else. Raises
    CheckpointError where the file cannot be read, is too large, or is refused by onnxruntime.
    """

    def __init__(
        self,
        path: Path,
        *,
        sha256: str | None = None,
        threads: int = 1,
        gives: str = "logits of the classes",
    ) -> None:
        self.path = path
        self.gives = gives
        self.identity = Identity()
        self._process: subprocess.Popen[bytes] | None = None
        try:
            sealed = seal(path)
            self.identity = Identity(sealed.sha256, sealed.size)
            require_pinned(sealed.sha256, sha256)
            if not _is_onnx(sealed.data):
                raise corrupt("it is not an ONNX model", f"export the {gives} to ONNX")
            self.identity = Identity(sealed.sha256, sealed.size, Format.ONNX.value)
            self._process = _worker()
            self.sandbox = self._open(sealed.data, threads)
        except RefusedError as refused:
            self.close()
            raise refused.at(path, self.identity) from refused

    def __call__(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return logits (N, classes), or what else it gives, for N >= 1 images (N, C, H, W).

        Raises CheckpointError, as a mismatch, when the model does not take such images or does
        not give one row an image.
        """
        batch = np.ascontiguousarray(images, dtype=np.float32)
        try:
            self.axes.require(batch)
            rows = [self._run(part)[:count] for part, count in self.axes.batches(batch)]
            return rows[0] if len(rows) == 1 else np.concatenate(rows)
        except RefusedError as refused:
            raise refused.at(self.path, self.identity) from refused

    def require(self, sandbox: Collection[str]) -> None:
        """Raise CheckpointError, as unsafe, unless each named part of the sandbox holds."""
        try:
            self.sandbox.require(sandbox)
        except RefusedError as refused:
            self.close()
            raise refused.at(self.path, self.identity) from refused

    def close(self) -> None:
        """End the worker."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _open(self, model: memoryview, threads: int) -> Sandbox:
        self._send(model, OPENING)
        self._send(json.dumps(threads).encode(), OPENING)
        sandbox = self._answer(OPENING)
        answer = self._answer(OPENING)
        if "error" in answer:
            raise corrupt(
                f"onnxruntime does not take it ({_said(answer)})",
                "export the model again, in one file: onnx.save(model, 'model.onnx')",
            )
        try:
            inputs, outputs = len(answer["inputs"]), len(answer["outputs"])
            kind, shape = answer["inputs"][0]["type"], answer["inputs"][0]["shape"]
            axes = len(shape)
            held = Sandbox(**sandbox)
        except (KeyError, TypeError, IndexError):
            raise _stopped() from None
        if (inputs, kind, axes) != (1, "tensor(float)", 4):
            raise mismatch(
                "it does not take one float32 batch (N, C, H, W): it has "
                f"{pluralize(inputs, 'input')}, the first {plain(str(kind))} with {axes} axes",
                "export the network alone, without its preprocessing",
            )
        if outputs != 1:
            raise mismatch(
                f"it gives {pluralize(outputs, 'output')}, not one with a row an image",
                f"export the {self.gives} alone",
            )
        self.axes = ImageAxes.of([str(axis) for axis in shape])
        return held

    def _run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        self._send(json.dumps(batch.shape).encode(), BATCH)
        self._send(batch.tobytes(), BATCH)
        answer = self._answer(BATCH)
        if "error" in answer:
            raise mismatch(
                f"it does not take images of shape {list(batch.shape)} ({_said(answer)})",
                "declare the input as the model was exported for",
            )
        shape = answer.get("shape")
        if not isinstance(shape, list) or not all(type(axis) is int for axis in shape):
            raise _stopped()
        shape = [*shape, 1] if len(shape) == 1 else shape  # a single output
        if len(shape) != 2 or shape[0] != len(batch) or not 1 <= shape[1] <= MAX_CLASSES:
            raise mismatch(
                f"its output has shape {shape} for {pluralize(len(batch), 'image')}, not "
                "a row an image",
                f"export the {self.gives} as the only output",
            )
        data = self._receive(4 * math.prod(shape), BATCH)
        if len(data) != 4 * math.prod(shape):
            raise _stopped()
        return np.frombuffer(data, dtype=np.float32).reshape(shape)

    def _answer(self, within: float) -> dict[str, Any]:
        try:
            answer = json.loads(self._receive(1 << 20, within))
        except (ValueError, RecursionError):
            raise _stopped() from None
        if not isinstance(answer, dict):
            raise _stopped()
        return answer

    def _send(self, message: bytes | memoryview, within: float) -> None:
        try:
            send(self._pipes()[0], message, within=within)
        except BrokenPipeOfWorkerError:
            raise _stopped() from None

    def _receive(self, most: int, within: float) -> bytes:
        try:
            return receive(self._pipes()[1], most=most, within=within)
        except BrokenPipeOfWorkerError:
            raise _stopped() from None

    def _pipes(self) -> tuple[int, int]:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise _stopped()
        return process.stdin.fileno(), process.stdout.fileno()


def open_onnx(
    path: Path,
    *,
    sha256: str | None = None,
    threads: int = 1,
    gives: str = "logits of the classes",
) -> OnnxModel:
    """Return an ONNX model that is ready to be called, in its own process.

    Raises MissingExtraError without onnxruntime, and CheckpointError for a file that is not
    ONNX, that onnxruntime does not take, or that does not take images.
    """
    if importlib.util.find_spec("onnxruntime") is None:
        raise MissingExtraError(plain(str(path)), "running an ONNX model", "onnx")
    return OnnxModel(Path(path), sha256=sha256, threads=threads, gives=gives)


def _is_onnx(data: memoryview) -> bool:
    try:
        return recognise(data) is Container.ONNX
    except RefusedError:  # what else it is would be advice for a checkpoint
        return False


def _worker() -> subprocess.Popen[bytes]:
    """Start a bare interpreter that sees our packages, and neither our folder nor environment."""
    places = []
    for package in ("gate", "numpy", "onnxruntime"):
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.origin is not None:
            places.append(str(Path(spec.origin).parents[1]))
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own code
        [sys.executable, "-I", "-c", _START, *dict.fromkeys(places)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={},
        bufsize=0,
    )
    assert process.stdin is not None
    os.set_blocking(process.stdin.fileno(), False)  # a worker that hangs must not hang the gate
    return process


def _said(answer: dict[str, Any]) -> str:
    return plain(str(answer["error"]).strip(), limit=300)


def _stopped() -> RefusedError:
    return corrupt(
        "its worker stopped or sent nonsense while it read this file",
        "export the model again; a file that does this twice is not to be trusted",
    )


def identify_onnx(path: Path, *, sha256: str | None = None) -> Identity:
    """Return the digest and size of an ONNX file; no parser looks into it.

    Raises CheckpointError where it cannot be read, or is not the one that ``sha256`` pins.
    """
    identity = Identity()
    try:
        sealed = seal(path)
        identity = Identity(sealed.sha256, sealed.size, Format.ONNX.value)
        require_pinned(sealed.sha256, sha256)
    except RefusedError as refused:
        raise refused.at(path, identity) from refused
    return identity
