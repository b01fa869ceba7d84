"""A replica of a module shares its weights and copies the rest."""

import copy
import io
import pickle
from hashlib import sha256
from typing import Any

from torch import nn

from gate.subject.guard import require_theirs


def state_of(model: nn.Module) -> bytes | None:
    """Return a digest of what a module holds but values of parameters; None: it cannot be had.

    A lambda or an inner function, as hooks often are, may hold on to anything. Nothing that pickle
    can write down does. What is written is not read back.
    """
    written = io.BytesIO()
    try:
        _Writing(written, {id(each) for each in model.parameters()}).dump(model)
    except BaseException as error:  # the user's objects may raise anything where they are pickled
        require_theirs(error)
        return None
    return sha256(written.getbuffer()).digest()


def copy_module(model: nn.Module) -> nn.Module | None:
    """Return a copy of a module with a state that is known; it shares the parameters alone.

    None where it cannot be copied: what it computed of its parameters, torch does not let go.
    """
    try:
        copied: object = copy.deepcopy(model, {id(each): each for each in model.parameters()})
    except BaseException as error:  # or copied
        require_theirs(error)
        return None
    return copied if isinstance(copied, nn.Module) and copied is not model else None


class _Writing(pickle.Pickler):
    """Writes an object down, but of parameters only which they are and how often they changed.

    Their values are many.
    """

    def __init__(self, file: io.BytesIO, parameters: set[int]) -> None:
        super().__init__(file)
        self._parameters = parameters

    def persistent_id(self, obj: Any) -> tuple[int, int] | None:  # noqa: ANN401 -- whatever it holds
        """Return a name for a parameter as it is now, in place of its values."""
        return (id(obj), obj._version) if id(obj) in self._parameters else None  # noqa: SLF001 -- torch has no other name for it
