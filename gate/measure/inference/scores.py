"""A module's output is taken as scores, or refused with a reason."""

import numpy as np
import torch
from numpy.typing import NDArray

from gate.errors import CheckpointError
from gate.measure.inference.mismatch_errors import wrong_output, wrong_shape
from gate.subject.guard import Guard, kind_of


def scores_of(answer: object, images: int, classes: int, guard: Guard) -> NDArray[np.float32]:
    """Return the answer to so many images as float32 (images, classes), on the CPU.

    The array is its own: a module may answer with one and the same tensor every time. Raises
    CheckpointError (mismatch) for anything but one real score a class, FactoryError where the
    answer itself raises when it is looked at.
    """
    with guard.during("looking at what its forward returned"):
        scores, problem = _read(answer, images, classes)
    if problem is not None:
        raise problem
    assert scores is not None, "it is one or the other"
    return scores


def _read(
    answer: object, images: int, classes: int
) -> tuple[NDArray[np.float32] | None, CheckpointError | None]:
    if not isinstance(answer, torch.Tensor):
        return None, wrong_output(
            f"the model returned {kind_of(answer)}, not a tensor (N, {classes})",
            "wrap it in a factory whose forward returns the class scores alone",
        )
    if answer.device.type == "meta":
        return None, wrong_output(
            "the model returned a tensor on the meta device, which holds no values",
            "build the model and all that it computes with on the CPU",
        )
    if answer.is_complex():
        return None, wrong_output(
            f"the model returned complex numbers ({answer.dtype})",
            "let its forward return real scores, such as their .abs() or .real",
        )
    if answer.is_nested:
        return None, wrong_output(
            "the model returned a nested tensor", "let its forward return one row an image, padded"
        )
    if problem := wrong_shape(tuple(answer.shape), images, classes):
        return None, problem
    plain = answer.detach()
    plain = plain.dequantize() if plain.is_quantized else plain
    plain = plain if plain.layout is torch.strided else plain.to_dense()
    return np.array(plain.float().cpu().numpy(), np.float32), None
