"""An ONNX model answers from inside its sandbox."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gate.measure.inference.mismatch_errors import wrong_shape
from gate.measure.inference.torch_runner import Weights
from gate.subject.checkpoints.onnx import OnnxModel


@dataclass(frozen=True, slots=True)
class OnnxRunner:
    """A graph with its own weights; it runs on the CPU, in a worker process."""

    model: OnnxModel
    classes: tuple[str, ...]
    device: str = "cpu"

    @property
    def backend(self) -> str:
        """The release that runs the graph."""
        import onnxruntime

        return f"onnxruntime {onnxruntime.__version__}"

    def outputs(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return float32 (n, classes) for images (n, C, H, W); raises CheckpointError."""
        answer = self.model(images)
        if problem := wrong_shape(answer.shape, len(images), len(self.classes)):
            raise problem
        return answer

    def replicate(self) -> None:
        """Return None: there is one process in a sandbox."""

    def weights(self) -> Weights:
        """Return which parts of the sandbox hold; the weights themselves stay in the worker."""
        held = self.model.sandbox.held
        return Weights(
            parameters=None, sandbox=tuple(name for name, value in held.items() if value)
        )
