"""Names that only the module's own load hooks can match: rehearsed without a number in memory.

A hook may rename the tensors of an older release, as torch's own weight_norm does. Whether a strict
load takes them is tried on a twin of the module whose tensors, like those of the file, have a shape
and no values.
"""

import copy
import warnings
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gate.subject.checkpoints.comparing import Matched
from gate.subject.checkpoints.numbers import has_values
from gate.subject.checkpoints.readings import versions_by
from gate.subject.checkpoints.tensors import FLOATING, TensorSpec
from gate.subject.guard import in_reach, require_theirs

if TYPE_CHECKING:
    import torch

_SPARE = 1 << 20  # bytes that a file may hold beside what the model takes


def match_by_hooks(
    tensors: Sequence[TensorSpec],
    versions: Mapping[str, int],
    model: "torch.nn.Module",
    reading: Mapping[str, str],
) -> Matched | None:
    """Return the tensors by the names of a reading where the module's strict load takes them so.

    None where it does not; where it would turn numbers into those of another kind; where the file
    holds more than twice what the model does; and for lazy modules, which would take any shape.
    """
    named = {reading[spec.name]: spec for spec in tensors}
    if len(named) < len(tensors):
        return None
    try:
        with in_reach():
            casts = _rehearsed(named, versions_by(reading, versions), model)
    except BaseException as error:  # torch says no, or the module's own code raises
        require_theirs(error)
        return None
    if casts is None or not all(FLOATING.issuperset(pair) for pair in casts):
        return None
    return Matched(named, reading, casts, renamed=True)


def with_versions(
    state: "Mapping[str, torch.Tensor]", versions: Mapping[str, int]
) -> "Mapping[str, torch.Tensor]":
    """Return a state_dict with the versions of its modules, where torch's own load looks for them.

    A module without one takes its weights for those of its first release, and may convert them.
    """
    complete = OrderedDict(state)
    if versions:
        metadata = OrderedDict((name, {"version": each}) for name, each in versions.items())
        vars(complete)["_metadata"] = metadata
    return complete


def _rehearsed(
    tensors: Mapping[str, TensorSpec], versions: Mapping[str, int], model: "torch.nn.Module"
) -> Counter[tuple[str, str]] | None:
    """Return which types of numbers a strict load turns into which others; raises as it does."""
    import torch

    own = [*model.parameters(), *model.buffers()]
    if not all(map(has_values, own)):
        return None
    held = sum(each.numel() * each.element_size() for each in own)
    if sum(spec.bytes for spec in tensors.values()) > 2 * held + _SPARE:
        return None
    memo: dict[int, Any] = {id(each): _without_values(each) for each in own}
    twin = copy.deepcopy(model, memo)
    state = {
        name: torch.empty(spec.shape, dtype=getattr(torch, spec.dtype), device="meta")
        for name, spec in tensors.items()
    }
    copies = _watching()
    with warnings.catch_warnings(), copies:
        warnings.simplefilter("ignore")
        twin.load_state_dict(with_versions(state, versions), strict=True)
    casts: Counter[tuple[str, str]] = copies.casts
    return casts


def _without_values(tensor: "torch.Tensor") -> "torch.Tensor":
    import torch

    empty = torch.empty_like(tensor, device="meta")
    if isinstance(tensor, torch.nn.Parameter):
        return torch.nn.Parameter(empty, requires_grad=tensor.requires_grad)
    return empty


def _watching() -> Any:  # noqa: ANN401 -- its class needs torch, which is not loaded with this file
    from torch.utils._python_dispatch import TorchDispatchMode

    class Copies(TorchDispatchMode):
        """Sees which numbers are copied into which others."""

        def __init__(self) -> None:
            super().__init__()  # type: ignore[no-untyped-call]  # torch's
            self.casts: Counter[tuple[str, str]] = Counter()

        @classmethod
        def _should_skip_dynamo(cls) -> bool:
            """Return False, as in :mod:`gate.measure.inference.data_dependent_flow`."""
            return False

        def __torch_dispatch__(
            self,
            func: Any,  # noqa: ANN401 -- torch's signature
            types: Any,  # noqa: ANN401 -- torch's signature
            args: Any = (),  # noqa: ANN401 -- torch's signature
            kwargs: Any = None,  # noqa: ANN401 -- torch's signature
        ) -> Any:  # noqa: ANN401 -- whatever the operation gives
            """Run an operation; take down what a copy turns into what."""
            if func.overloadpacket._qualified_op_name == "aten::copy_":  # noqa: SLF001 -- as torch does
                theirs, ours = (str(each.dtype).removeprefix("torch.") for each in args[1::-1])
                if theirs != ours:
                    self.casts[theirs, ours] += 1
            return func(*args, **(kwargs or {}))

    return Copies()
