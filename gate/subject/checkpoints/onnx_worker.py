"""The process in which an ONNX file is parsed and run, in a sandbox.

It reads the model and then batches from its standard input, and answers on its standard output;
:mod:`.onnx` is the other side.
"""

import contextlib
import importlib
import json
from typing import Any

import numpy as np

from gate.subject.checkpoints.frames import BrokenPipeOfWorkerError, receive, send
from gate.subject.checkpoints.isolation import enter_sandbox

_IN, _OUT = 0, 1
MEMORY = 4 << 30  # bytes of address space, over four times the size of the model


def serve() -> None:
    """Answer the gate until it closes the pipe.

    Raises BrokenPipeOfWorkerError where the gate is gone before.
    """
    # Before the sandbox: in it no file can be opened.
    onnxruntime = importlib.import_module("onnxruntime")
    model = receive(_IN, most=1 << 40)
    threads = json.loads(receive(_IN, most=1 << 10))
    # Before the model is parsed: afterwards this process is not to be believed.
    _answer(dict(enter_sandbox(MEMORY + 4 * len(model)).held))
    try:
        session = _session(onnxruntime, model, threads)
        described = _described(session)
    except Exception as error:  # a foreign parser raises what it likes
        _answer({"error": str(error)[:500]})
        return
    _answer(described)
    with contextlib.suppress(BrokenPipeOfWorkerError):
        while True:
            _answer_batch(session, described["inputs"][0]["name"])


def _session(onnxruntime: Any, model: bytes, threads: int) -> Any:  # noqa: ANN401 - has no types
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _described(session: Any) -> dict[str, Any]:  # noqa: ANN401 - has no types
    return {
        kind: [
            {"name": each.name, "type": each.type, "shape": [str(axis) for axis in each.shape]}
            for each in values
        ]
        for kind, values in (("inputs", session.get_inputs()), ("outputs", session.get_outputs()))
    }


def _answer_batch(session: Any, name: str) -> None:  # noqa: ANN401 - has no types
    shape = json.loads(receive(_IN, most=1 << 10))
    images = np.frombuffer(receive(_IN, most=1 << 40), dtype=np.float32).reshape(shape)
    try:
        (outputs, *_) = session.run(None, {name: images})
        logits = np.ascontiguousarray(outputs, dtype=np.float32)
    except Exception as error:  # a foreign library raises what it likes
        _answer({"error": str(error)[:500]})
        return
    _answer({"shape": list(logits.shape)})
    send(_OUT, logits.tobytes())


def _answer(answer: dict[str, Any]) -> None:
    send(_OUT, json.dumps(answer).encode())
