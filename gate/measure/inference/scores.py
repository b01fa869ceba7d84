"""A module's output is taken as scores, or refused with a reason."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from gate.errors import CheckpointError
from gate.measure.inference.mismatch_errors import wrong_output, wrong_shape
from gate.subject.guard import Guard, kind_of
from gate.wording import list_names, plain, quote


def scores_of(
    answer: object, images: int, classes: int, guard: Guard, select: str | int | None = None
) -> NDArray[np.float32]:
    """Return the answer to so many images as float32 (images, classes), on the CPU.

    (images, 1) where a model of two classes has a single output. ``select`` is the key, attribute
    or position of the scores in an answer of several. The array is its own: a module may answer
    with one and the same tensor every time. Raises CheckpointError (mismatch) for anything but one
    real score a class, FactoryError where the answer itself raises when it is looked at.
    """
    with guard.during("looking at what its forward returned"):
        scores, problem = _read(answer, images, classes, select)
    if problem is not None:
        raise problem
    assert scores is not None, "it is one or the other"
    return scores


def _read(
    answer: object, images: int, classes: int, select: str | int | None
) -> tuple[NDArray[np.float32] | None, CheckpointError | None]:
    if select is not None:
        answer, problem = _select(answer, select)
        if problem is not None:
            return None, problem
    if not isinstance(answer, torch.Tensor):
        return None, wrong_output(
            f"the model returned {kind_of(answer)}, not a tensor (N, {classes})",
            _ways_to_select(answer),
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
    dense = answer.detach()
    dense = dense.dequantize() if dense.is_quantized else dense
    dense = dense if dense.layout is torch.strided else dense.to_dense()
    rows = np.array(dense.float().cpu().numpy(), np.float32)
    return (rows if rows.ndim == 2 else rows[:, None]), None


def _select(answer: object, select: str | int) -> tuple[object | None, CheckpointError | None]:
    """Return what a key, attribute or position of an answer holds, or that there is none."""
    if isinstance(answer, torch.Tensor):
        return None, wrong_output(
            f"the model returned a tensor, and output.select is {quote(str(select))}",
            "delete output.select",
        )
    if isinstance(select, int):
        if isinstance(answer, (tuple, list)) and select < len(answer):
            return answer[select], None
    elif isinstance(answer, Mapping):
        if select in answer:
            return answer[select], None
    elif hasattr(answer, select):
        return getattr(answer, select), None
    return None, wrong_output(
        f"the model returned {kind_of(answer)} without {quote(str(select))}, which output.select "
        "names",
        _ways_to_select(answer),
    )


def _ways_to_select(answer: object) -> str:
    """Return the remedy for an answer of several: what could be selected."""
    if isinstance(answer, Mapping):
        names = [plain(each) for each in answer if isinstance(each, str)]
        if names:
            return f"declare output: {{select: KEY}}; the keys are {list_names(names)}"
    if isinstance(answer, (tuple, list)) and len(answer):
        return (
            "declare output: {select: 0} where the first holds the class scores; there are "
            f"{len(answer)}"
        )
    return "wrap it in a factory whose forward returns the class scores alone"
