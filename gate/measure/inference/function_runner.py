"""A function answers: an ONNX graph from in its sandbox, or what a plugin opened."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gate.measure.inference.mismatch_errors import wrong_shape
from gate.measure.inference.torch_runner import Weights

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class FunctionRunner:
    """A function with its own weights, which runs on the CPU."""

    function: Callable[[Floats], Floats]
    classes: tuple[str, ...]
    backend: str  # who answers, with the release
    device: str = "cpu"

    def outputs(self, images: Floats) -> Floats:
        """Return the model's outputs (n, classes); raises CheckpointError (mismatch)."""
        answer = self.function(images)
        if problem := wrong_shape(answer.shape, len(images), len(self.classes)):
            raise problem
        return answer

    def divergences_at_first_norm(self, images: Floats) -> None:
        """Return None: its layers are not shown."""

    def replicate(self) -> None:
        """Return None: nobody knows whether it may be asked by two threads at once."""

    def weights(self) -> Weights:
        """Return nothing: its weights are not shown."""
        return Weights(parameters=None)
