"""A second model with the weights of the first, so that two threads may each ask one."""

import copy
import io
import pickle

from torch import nn


def beside(model: nn.Module) -> nn.Module | None:
    """Return a copy that shares the parameters and nothing else, or None where there can be none.

    A lambda or an inner function, as hooks often are, may hold on to state of the original, which
    two threads would then write to. What pickle can write down holds on to none.
    """
    parameters = {id(each): each for each in model.parameters()}
    try:
        _Writing(parameters).dump(model)
        return copy.deepcopy(model, {**parameters})
    except Exception:
        return None


class _Writing(pickle.Pickler):
    """Finds out whether a module can be written down; the parameters are left out, being large."""

    def __init__(self, parameters: dict[int, nn.Parameter]) -> None:
        super().__init__(io.BytesIO())
        self._parameters = parameters

    def persistent_id(self, obj: object) -> int | None:
        """Return a name for a parameter, in place of its values."""
        return id(obj) if id(obj) in self._parameters else None
