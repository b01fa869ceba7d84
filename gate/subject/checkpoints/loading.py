"""Put vetted bytes into the model of the user's factory, strictly, and look at the numbers."""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gate.errors import FactoryError, UsageError
from gate.subject.checkpoints.comparing import Matched, check_shared, closest, match, without_spare
from gate.subject.checkpoints.numbers import floats_of, has_values
from gate.subject.checkpoints.opening import Checkpoint
from gate.subject.checkpoints.readings import versions_by
from gate.subject.checkpoints.refusals import (
    AS_IT_RUNS,
    RefusedError,
    mismatch,
    numerically_bad,
)
from gate.subject.checkpoints.renaming import match_by_hooks, with_versions
from gate.subject.checkpoints.tensors import ITEM_BYTES, Expected, TensorSpec
from gate.subject.guard import Guard, describe_error, in_reach, require_theirs
from gate.wording import list_names, plain, pluralize

if TYPE_CHECKING:
    import torch

_UNNAMED = Guard("the module", Path())
_EXTRA = "_extra_state"  # what get_extra_state gives; torch asks no shape of it

# The product of two such numbers is beyond float32.
HUGE = 1e18


_STATISTICS = frozenset({"running_mean", "running_var"})  # of a norm: no weights


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What was loaded, and what was done to make it fit."""

    parameters: int  # elements of the parameters, and of buffers that are weights
    tensors: int
    key: str
    prefix: str
    casts: tuple[str, ...]  # such as "12 tensors from float16 to float32"
    notes: tuple[str, ...]


def load_into(
    checkpoint: Checkpoint, model: "torch.nn.Module", *, guard: Guard = _UNNAMED
) -> LoadReport:
    """Load a checkpoint into a model and return what was done; the model then holds its weights.

    Names, shapes and dtypes are compared with ``model.state_dict()`` before any tensor is built;
    tensors are built from the vetted bytes; the load is strict. Raises CheckpointError: a mismatch
    when the file is for another model, numerically bad for weights with NaN, infinity, numbers
    above 1e18, a negative running variance, or a head of zeros. Raises FactoryError where the
    module's own code, which ``guard`` is for, stops it, and UsageError for a quantised module.
    """
    try:
        matched = _matched(checkpoint, model, guard)
        _load(matched, versions_by(matched.reading, checkpoint.versions), model, guard)
        parameters = _require_values(model, guard)
        _check_numbers(model, guard)
    except RefusedError as refused:
        raise refused.at(checkpoint.path, checkpoint.identity) from refused
    return LoadReport(
        parameters=parameters,
        tensors=len(matched.tensors),
        key=checkpoint.key,
        prefix=_prefix(matched.reading),
        casts=tuple(
            f"{pluralize(number, 'tensor')} from {theirs} to {ours}"
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
        return torch.empty(spec.shape, dtype=dtype, device="cpu")
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


def _matched(checkpoint: Checkpoint, model: "torch.nn.Module", guard: Guard) -> Matched:
    expected = _expected(model, guard)
    found = _by_names_or_hooks(checkpoint, expected, model)
    check_shared(found.tensors, expected)
    return found


def _by_names_or_hooks(
    checkpoint: Checkpoint, expected: Mapping[str, Expected], model: "torch.nn.Module"
) -> Matched:
    try:
        return match(
            checkpoint.tensors,
            checkpoint.others,
            expected,
            title=checkpoint.path.name,
            twins=checkpoint.twins,
        )
    except RefusedError:
        renamed = _matched_by_hooks(checkpoint, expected, model)
        if renamed is None:
            raise
        return renamed


def _matched_by_hooks(
    checkpoint: Checkpoint, expected: Mapping[str, Expected], model: "torch.nn.Module"
) -> Matched | None:
    """Return what the module's own load hooks take: the names as they stand, or read as its own."""
    tensors, versions = checkpoint.tensors, checkpoint.versions
    asis = match_by_hooks(tensors, versions, model, {spec.name: spec.name for spec in tensors})
    if asis is not None:
        return asis
    kept, spare = without_spare(tensors, expected)
    reading = closest(list(kept), {}, expected)
    found = match_by_hooks(list(kept.values()), versions, model, reading)
    return None if found is None else replace(found, spare=spare)


def _state(model: "torch.nn.Module", guard: Guard) -> "dict[str, torch.Tensor]":
    """Return the module's own state_dict, which may be its own code; its values are tensors."""
    import torch

    with guard.during("its state_dict()", "let it return the tensors as nn.Module's own does"):
        state = dict(model.state_dict())
        odd = [str(name) for name, value in state.items() if not isinstance(value, torch.Tensor)]
        named = all(isinstance(name, str) for name in state)
    _refuse_quantised(state, guard)
    if odd:
        raise mismatch(
            f"the model keeps more than tensors in its state_dict: {list_names(odd)}",
            "a model with extra state cannot be judged; remove get_extra_state from it",
        )
    if not named:
        raise mismatch("the model's state_dict has names that are no text", "name tensors by text")
    return state


def _refuse_quantised(state: Mapping[Any, object], guard: Guard) -> None:
    """Raise UsageError for a quantised module: what it packs its weights into is no tensor."""
    import torch

    with guard.during("looking at its state_dict"):
        packed = [
            str(name)
            for name, value in state.items()
            if "_packed_params" in str(name)
            or (isinstance(value, torch.Tensor) and value.is_quantized)
        ]
    if packed:
        raise UsageError(
            guard.where, f"builds a quantised model ({list_names(packed, 3)})", AS_IT_RUNS
        )


def _expected(model: "torch.nn.Module", guard: Guard) -> Mapping[str, Expected]:
    import torch

    state = _state(model, guard)
    with guard.during("looking at its state_dict"):
        other = [
            name
            for name, value in state.items()
            if value.layout is not torch.strided or value.is_nested
        ]
    if other:
        raise mismatch(
            f"the model keeps sparse or nested tensors in its state_dict: {list_names(other)}",
            "make them dense; or register them as buffers with persistent=False, build them in the "
            "factory, and save the state_dict again",
        )
    with guard.during("looking at its state_dict"):
        return {
            name: Expected(
                str(value.dtype).removeprefix("torch."), _shape(name, value), _place(value)
            )
            for name, value in state.items()
        }


def _shape(name: str, value: "torch.Tensor") -> tuple[int, ...] | None:
    """Return the shape that a tensor of the file must have; None where torch takes any."""
    from torch.nn.parameter import is_lazy

    if is_lazy(value) or name.rpartition(".")[2] == _EXTRA:
        return None
    return tuple(value.shape)


def _place(value: "torch.Tensor") -> object:
    """Return what is equal for two names of one tensor; None where no tensor is behind it yet."""
    from torch.nn.parameter import is_lazy

    if is_lazy(value) or not value.numel():
        return None
    # The address of the storage itself, which tensors without values have too.
    storage: int = value.untyped_storage()._cdata  # noqa: SLF001 -- as torch's own save does
    return storage, value.storage_offset(), value.dtype, tuple(value.shape), value.stride()


def _load(
    matched: Matched, versions: Mapping[str, int], model: "torch.nn.Module", guard: Guard
) -> None:
    state = {name: build(spec) for name, spec in matched.tensors.items()}
    if matched.absent_counters:
        own = _state(model, guard)
        state |= {name: own[name] for name in matched.absent_counters}
    try:
        with in_reach(), warnings.catch_warnings():
            # It is told of below, unless the module's own code knows what to do.
            warnings.filterwarnings("ignore", ".*copying from a non-meta parameter")
            model.load_state_dict(with_versions(state, versions), strict=True)
    except BaseException as error:  # torch says no, or the module's own code raises
        require_theirs(error)
        raise mismatch(
            f"the model did not take its weights ({describe_error(error, guard.base)})",
            "check the model's own load_state_dict and hooks",
        ) from error


def _weights(model: "torch.nn.Module") -> Iterator["torch.Tensor"]:
    """Yield the parameters, and buffers of floats other than the statistics of a norm.

    Weights that are registered as buffers are as many numbers as others.
    """
    from torch.nn.modules.batchnorm import _NormBase

    yield from model.parameters()
    for module in model.modules():
        statistics = _STATISTICS if isinstance(module, _NormBase) else frozenset()
        for name, value in module.named_buffers(recurse=False):
            if value.is_floating_point() and name not in statistics:
                yield value


def _require_values(model: "torch.nn.Module", guard: Guard) -> int:
    """Return the number of elements of all parameters; each has its shape and values by now."""
    with guard.during("looking at its parameters"):
        parameters = dict(model.named_parameters())
        tensors = [*parameters.items(), *model.named_buffers()]
        without = [
            name
            for name, value in tensors
            if value.device.type == "meta" or (name in parameters and not has_values(value))
        ]
        count = 0 if without else sum(int(each.numel()) for each in _weights(model))
    if without:
        raise FactoryError(
            guard.where,
            f"the module has {pluralize(len(without), 'tensor')} without values after its weights "
            f"were loaded: {list_names(without)}",
            "build it on the CPU and not on the meta device, and let its state_dict name every "
            "parameter",
        )
    return count


def _check_numbers(model: "torch.nn.Module", guard: Guard) -> None:
    """Refuse weights that fit the model and cannot give sound outputs; cast weights included."""
    unsound, large, negative = [], [], []
    for name, (low, high) in _ranges(_state(model, guard), guard).items():
        # NaN meets no condition, so the sound case is the one that is written.
        if not (isfinite(low) and isfinite(high)):
            unsound.append(name)
        elif max(abs(low), abs(high)) > HUGE:
            large.append(name)
        elif low < 0 and name.rpartition(".")[2] == "running_var":
            negative.append(name)
    remedy = "the training diverged: ship an earlier checkpoint"
    if unsound:
        raise numerically_bad(f"NaN or infinity in {list_names(unsound)}", remedy)
    if large:
        raise numerically_bad(
            f"numbers above {HUGE:g}, which overflow, in {list_names(large)}", remedy
        )
    if negative:
        raise numerically_bad(
            f"a negative variance, whose root is NaN, in {list_names(negative)}", remedy
        )
    with guard.during("looking at its parameters"):
        head = _empty_head(model)
    if head:
        raise numerically_bad(
            f"{plain(head)}, the head, is all zeros: every image gets the same output",
            "the file was saved before training, or was emptied; ship the trained one",
        )


def _ranges(state: "Mapping[str, torch.Tensor]", guard: Guard) -> Mapping[str, tuple[float, float]]:
    """Return the lowest and the highest number of each tensor that has floating-point numbers."""
    import torch

    ranges = {}
    with guard.during("looking at its numbers"), torch.no_grad():
        for name, value in state.items():
            numbers = floats_of(value)
            if numbers is not None:
                low, high = torch.aminmax(numbers)
                ranges[name] = (float(low), float(high))
    return ranges


def _empty_head(model: "torch.nn.Module") -> str:
    """Return the name of the head where it is all zeros: the last parameter with two axes."""
    matrices = [(name, value) for name, value in model.named_parameters() if value.ndim >= 2]
    if not matrices:
        return ""
    name, value = matrices[-1]
    numbers = floats_of(value)
    is_empty = value.numel() == 0 or (numbers is not None and not bool(numbers.any()))
    return name if is_empty else ""


def _prefix(reading: Mapping[str, str]) -> str:
    """Return what was taken off every name, where nothing else was done to them."""
    name, ours = next(iter(reading.items()), ("", ""))
    prefix = name.removesuffix(ours) if name.endswith(ours) else ""
    return prefix if all(name == prefix + ours for name, ours in reading.items()) else ""


def _notes(matched: Matched) -> tuple[str, ...]:
    notes = []
    if matched.renamed:
        notes.append("the model's own load hooks gave tensors of the file their names")
    notes += _moved(matched.reading)
    if matched.shared:
        twins = [f"{name} is {twin}" for name, twin in matched.shared.items()]
        notes.append(f"the model shares tensors that the file has once: {list_names(twins, 3)}")
    if matched.spare:
        notes.append(f"of no use to the model, left in the file: {list_names(matched.spare, 3)}")
    if matched.absent_counters:
        notes.append(
            f"{pluralize(len(matched.absent_counters), 'batch counter')} not in the file; they do "
            "not change predictions"
        )
    return tuple(notes)


def _moved(reading: Mapping[str, str]) -> list[str]:
    """Return the sentence about names that are not as the file has them; none where all are."""
    moved = [(name, ours) for name, ours in reading.items() if name != ours]
    if not moved:
        return []
    if prefix := _prefix(reading):
        return [f"the prefix `{plain(prefix)}` was taken off every name"]
    if prefix := _prefix({ours: name for name, ours in reading.items()}):
        return [f"the model's prefix `{plain(prefix)}` was put before every name"]
    name, ours = moved[0]
    return [
        (
            f"{pluralize(len(moved), 'name')} read without the words of wrappers: {plain(name)} is "
            f"{plain(ours)}"
        )
    ]
