"""Torch fuses normalisation and activation into the product before them.

Between its products a network reads and writes all activations, layer after layer; with these
fused by oneDNN's graph compiler, which torch brings, small modules take half of the time.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import nn

from gate.measure.inference.data_dependent_flow import has_data_dependent_control_flow
from gate.subject.checkpoints.numbers import has_values
from gate.subject.guard import require_theirs

MOST_PARAMETERS = 100_000_000  # above, even the copy that is folded and packed is too large
_SAMPLE = 2  # images that are traced: a forward of a whole batch of a large module takes long
_LOOKS = torch.jit.TracerWarning  # type: ignore[attr-defined]  # torch has it, its stubs do not
_jit: Any = torch.jit  # nor their types
TOLERANCE = 1e-5  # by which a score may differ, of the largest: rounding alone gives 1e-7

_Answering = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True, slots=True)
class Fused:
    """A traced module; it keeps no state, so that many threads may ask it."""

    module: _Answering
    shape: torch.Size  # of the only batches that it answers


def fuse(
    model: nn.Module,
    images: torch.Tensor,
    outputs: torch.Tensor,
    limited: Callable[[], None],
) -> Fused | None:
    """Return what answers batches of the shape of ``images`` as ``model`` does, faster.

    ``outputs`` are what it answers to the first of them. It is traced with other images: what the
    user's code does with values in Python would be frozen as it went for those. None where it does,
    where torch cannot, where the module is large, or where both disagree on ``images``. It has the
    same bits wherever torch has as many threads as ``limited`` leaves it, which is called before
    anything depends on them.
    """
    if not _is_small(model):
        return None
    # What was frozen for other images shows when it meets these.
    traced = _trace(model, images[:_SAMPLE] / 2)
    if traced is None:
        return None
    for compiled in (True, False):  # there are layers that the compiler cannot take
        ready = _settle(traced, images, outputs, limited, compiled=compiled)
        if ready is not None:
            return Fused(ready, images.shape)
    return None


def _is_small(model: nn.Module) -> bool:
    try:
        count = sum(each.numel() for each in model.parameters() if has_values(each))
    except BaseException as error:  # the user's own `parameters`
        require_theirs(error)
        return False
    return count <= MOST_PARAMETERS


def _trace(model: nn.Module, images: torch.Tensor) -> Any:  # noqa: ANN401 -- torch has no type for it
    """Return the operations of a forward; None where it looks at values, or torch cannot trace."""
    try:
        with warnings.catch_warnings(record=True) as said, torch.no_grad():
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", _LOOKS)  # raised, it might be caught by the user's code
            looked = has_data_dependent_control_flow(model, images)
            traced = _jit.trace(model, images, check_trace=False)
    except BaseException as error:  # the user's code and torch raise what they like
        require_theirs(error)
        return None
    return None if looked or said else traced


def _settle(
    traced: Any,  # noqa: ANN401 -- see above
    images: torch.Tensor,
    outputs: torch.Tensor,
    limited: Callable[[], None],
    *,
    compiled: bool,
) -> _Answering | None:
    """Return what answers with the same bits from now on; None where it is not as ``outputs``."""
    try:
        with _compiler(wanted=compiled), warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore")  # torch.compile, which it recommends, takes 12 seconds
            ready = _jit.freeze(traced)
            if any(node.kind() == "prim::GetAttr" for node in ready.graph.nodes()):
                return None  # it writes to what it holds, and the replicas would share that
            ready(images.clone())  # sees the shapes; a copy, because it may work in place
            limited()
            found = ready(images.clone())  # compiles for the shapes, and for so many threads
        largest = max(float(outputs.abs().max()), 1.0)
        furthest = float((found[: len(outputs)] - outputs).abs().max())
    except BaseException as error:  # the user's code and torch raise what they like
        require_theirs(error)
        return None
    agree = len(found) == len(images) and furthest <= TOLERANCE * largest  # never, where NaN
    return cast("_Answering", ready) if agree else None


@contextmanager
def _compiler(*, wanted: bool) -> Iterator[None]:
    """Let oneDNN's graph compiler take part in what torch prepares meanwhile, or not."""
    before = _jit.onednn_fusion_enabled()
    if wanted != before:  # a torch without oneDNN does not even let it be switched off
        _jit.enable_onednn_fusion(wanted)
    try:
        yield
    finally:
        if wanted != before:
            _jit.enable_onednn_fusion(before)
