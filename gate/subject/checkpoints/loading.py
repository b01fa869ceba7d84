"""Put vetted bytes into the model of the user's factory, strictly, and look at the numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gate.subject.checkpoints.comparing import Expected, Matched, match
from gate.subject.checkpoints.opening import Checkpoint
from gate.subject.checkpoints.refusals import (
    RefusedError,
    counted,
    listed,
    mismatch,
    numerically_bad,
    shown,
)
from gate.subject.checkpoints.tensors import ITEM_BYTES, TensorSpec

if TYPE_CHECKING:
    import torch

# The product of two such numbers is beyond float32.
HUGE = 1e18


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What was loaded, and what was done to make it fit."""

    parameters: int  # elements of the model's parameters
    tensors: int
    key: str
    prefix: str
    casts: tuple[str, ...]  # such as "12 tensors from float16 to float32"
    notes: tuple[str, ...]


def load_into(checkpoint: Checkpoint, model: "torch.nn.Module") -> LoadReport:
    """Load a checkpoint into a model and return what was done; the model then holds its weights.

    Names, shapes and dtypes are compared with ``model.state_dict()`` before any tensor is built;
    tensors are built from the vetted bytes; the load is strict. Raises CheckpointError: a mismatch
    when the file is for another model, numerically bad for weights with NaN, infinity, numbers
    above 1e18, a negative running variance, or a head of zeros.
    """
    try:
        matched = match(checkpoint.tensors, checkpoint.others, _expected(model))
        _load(matched, model)
        _check_numbers(model)
    except RefusedError as refused:
        raise refused.at(checkpoint.path, checkpoint.identity) from refused
    return LoadReport(
        parameters=sum(each.numel() for each in model.parameters()),
        tensors=len(matched.tensors),
        key=checkpoint.key,
        prefix=matched.prefix,
        casts=tuple(
            f"{counted(number, 'tensor')} from {theirs} to {ours}"
            for (theirs, ours), number in matched.casts.items()
        ),
        notes=(*checkpoint.notes, *_notes(matched)),
    )


def build(spec: TensorSpec) -> "torch.Tensor":
    """Return a plain tensor of a spec's shape and dtype, made from its bytes.

    It may share the bytes of the checkpoint: copy from it, do not change it.
    """
    import numpy as np
    import torch

    dtype = getattr(torch, spec.dtype)
    if spec.elements == 0:
        return torch.empty(spec.shape, dtype=dtype)
    item = ITEM_BYTES[spec.dtype]
    # Bytes are moved as whole elements of their size; what they mean is torch's matter.
    view = np.ndarray(
        spec.shape,
        dtype=f"V{item}" if item == 16 else f"u{item}",
        buffer=spec.data,
        offset=spec.offset * item,
        strides=tuple(step * item for step in spec.stride),
    )
    aligned = view.ctypes.data % item == 0
    whole = view if view.flags.c_contiguous and aligned else view.copy(order="C")
    return torch.frombuffer(whole, dtype=dtype, count=spec.elements).reshape(spec.shape)


def _expected(model: "torch.nn.Module") -> Mapping[str, Expected]:
    import torch

    state = model.state_dict()
    odd = [name for name, value in state.items() if not isinstance(value, torch.Tensor)]
    if odd:
        raise mismatch(
            f"the model keeps more than tensors in its state_dict: {listed(odd)}",
            "a model with extra state cannot be judged; remove get_extra_state from it",
        )
    return {
        name: Expected(str(value.dtype).removeprefix("torch."), tuple(value.shape))
        for name, value in state.items()
    }


def _load(matched: Matched, model: "torch.nn.Module") -> None:
    state = {name: build(spec) for name, spec in matched.tensors.items()}
    own = model.state_dict()
    state |= {name: own[name] for name in matched.absent_counters}
    try:
        model.load_state_dict(state, strict=True)
    except (RuntimeError, TypeError, ValueError, AttributeError, KeyError) as error:
        raise mismatch(
            f"the model did not take its weights ({shown(str(error).strip())})",
            "check the model's own load_state_dict and hooks",
        ) from error


def _check_numbers(model: "torch.nn.Module") -> None:
    """Refuse weights that fit the model and cannot give sound outputs; cast weights included."""
    import numpy as np
    import torch

    unsound, large, negative = [], [], []
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if not value.is_floating_point() or value.numel() == 0:
                continue
            low, high = (each.item() for each in torch.aminmax(value))
            # NaN meets no condition, so the sound case is the one that is written.
            if not (np.isfinite(low) and np.isfinite(high)):
                unsound.append(name)
            elif max(abs(low), abs(high)) > HUGE:
                large.append(name)
            elif low < 0 and name.rpartition(".")[2] == "running_var":
                negative.append(name)
    remedy = "the training diverged: ship an earlier checkpoint"
    if unsound:
        raise numerically_bad(f"NaN or infinity in {listed(unsound)}", remedy)
    if large:
        raise numerically_bad(f"numbers above {HUGE:g}, which overflow, in {listed(large)}", remedy)
    if negative:
        raise numerically_bad(
            f"a negative variance, whose root is NaN, in {listed(negative)}", remedy
        )
    head = _head(model)
    if head and not _parameter(model, head).any():
        raise numerically_bad(
            f"{shown(head)}, the head, is all zeros: every image gets the same output",
            "the file was saved before training, or was emptied; ship the trained one",
        )


def _head(model: "torch.nn.Module") -> str:
    """Return the name of the last parameter with two or more axes, which gives the classes."""
    return next(
        (name for name, value in reversed(list(model.named_parameters())) if value.ndim >= 2), ""
    )


def _parameter(model: "torch.nn.Module", name: str) -> "torch.Tensor":
    return dict(model.named_parameters())[name].detach()


def _notes(matched: Matched) -> tuple[str, ...]:
    notes = []
    if matched.prefix:
        notes.append(f"the prefix `{shown(matched.prefix)}` was taken off every name")
    if matched.absent_counters:
        notes.append(
            f"{counted(len(matched.absent_counters), 'batch counter')} not in the file; they do "
            "not change predictions"
        )
    return tuple(notes)
