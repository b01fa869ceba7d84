"""A model is run by torch, or by onnxruntime where it is installed."""

import importlib
import importlib.util
from importlib.metadata import PackageNotFoundError, version

from gate.errors import Identity, MissingExtraError
from gate.measure.choices import Backend
from gate.subject.checkpoints.formats import Format
from gate.subject.gatefile import ModelSpec


def runtimes_of(backend: Backend, spec: ModelSpec, checkpoint: Identity) -> dict[str, str]:
    """Return the release of onnxruntime, under its name, where it may give numbers of this model.

    Raises MissingExtraError where it is needed and not installed.
    """
    if checkpoint.format == Format.ONNX.value:
        return {"onnxruntime": _version(str(spec.checkpoint), "running an ONNX model")}
    if backend == "onnxruntime":
        where, purpose = "--backend onnxruntime", "running the model in onnxruntime"
        if importlib.util.find_spec("onnx") is None:  # torch writes its export with it
            raise MissingExtraError(where, purpose, "onnx")
        return {"onnxruntime": _version(where, purpose)}
    return {}


def _version(where: str, purpose: str) -> str:
    if importlib.util.find_spec("onnxruntime") is None:
        raise MissingExtraError(where, purpose, "onnx")
    try:
        return version("onnxruntime")
    except PackageNotFoundError:  # another build of it, such as onnxruntime-gpu
        return str(importlib.import_module("onnxruntime").__version__)
