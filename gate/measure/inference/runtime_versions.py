"""A model is run by torch, or by onnxruntime where it is installed."""

import importlib.util
from collections.abc import Mapping

from gate.errors import MissingExtraError
from gate.measure.choices import Backend
from gate.subject.sources.onnx import onnxruntime_release


def runtimes_of(backend: Backend, of_source: Mapping[str, str]) -> dict[str, str]:
    """Return the releases, by package, that may give numbers of a model, beside torch's.

    ``of_source`` are those that its source names. Raises MissingExtraError where onnxruntime is
    asked for and not installed.
    """
    if backend != "onnxruntime" or "onnxruntime" in of_source:
        return dict(of_source)
    where, purpose = "--backend onnxruntime", "running the model in onnxruntime"
    if importlib.util.find_spec("onnx") is None:  # torch writes its export with it
        raise MissingExtraError(where, purpose, "onnx")
    return {**of_source, "onnxruntime": onnxruntime_release(where, purpose)}
