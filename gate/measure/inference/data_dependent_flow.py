"""A module's Python may look at values: a trace would freeze what it saw.

torch warns of most such places while it traces, but not of ``torch.equal``, ``torch.allclose``,
``is_nonzero`` and tensors that index a list, nor where the user's code silences warnings.
"""

from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode


def has_data_dependent_control_flow(model: nn.Module, images: torch.Tensor) -> bool:
    """Return whether an operation gave Python a number, and no tensor, as ``model`` ran.

    ``images`` are float32 (n, C, H, W).
    """
    watching = _Watching()
    with torch.no_grad(), watching:
        model(images)
    return watching.seen


class _Watching(TorchDispatchMode):
    """Sees what operations give; it raises nothing, for the user's code might catch it."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch's
        self.seen = False

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Return False: to keep its compiler away from us, torch would import it, for a second."""
        return False

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401 -- torch's signature
        types: Any,  # noqa: ANN401 -- torch's signature
        args: Any = (),  # noqa: ANN401 -- torch's signature
        kwargs: Any = None,  # noqa: ANN401 -- torch's signature
    ) -> Any:  # noqa: ANN401 -- whatever the operation gives
        """Run an operation, and see what it gives."""
        answer = func(*args, **(kwargs or {}))
        self.seen |= isinstance(answer, bool | int | float | complex)
        return answer
