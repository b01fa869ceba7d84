"""The plain values beside the weights in a file of torch.save: read, never unpickled."""

from gate.subject.checkpoints.budgets import Budget
from gate.subject.checkpoints.pickles import Table, kind_of
from gate.subject.checkpoints.recognising import Container, recognise
from gate.subject.checkpoints.sealing import Sealed
from gate.subject.checkpoints.torch_files import read_legacy, read_zip
from gate.subject.checkpoints.zips import read_directory, read_members

Plain = str | int | float | bool | None | list["Plain"] | tuple["Plain", ...] | dict[str, "Plain"]

_DEEPEST = 16
_MOST = 100_000  # values; a list that many lists name counts each time


class NotPlainError(ValueError):
    """A value that is no text, number, list or dictionary; its message is the kind."""


def read_saved(sealed: Sealed) -> Table | None:
    """Return the dictionary that torch.save wrote, described; None where it wrote none.

    Raises RefusedError as :func:`.pickles.walk` does.
    """
    budget = Budget()
    budget.packed += sealed.size
    match recognise(sealed.data):
        case Container.ZIP:
            directory = read_directory(sealed.data, budget)
            file = read_zip(read_members(directory, budget), budget)
        case Container.LEGACY:
            file = read_legacy(sealed.data, budget)
        case _:
            return None
    return file.value if isinstance(file.value, Table) else None


def as_plain(value: object) -> Plain:
    """Return a described value as Python's own.

    Raises NotPlainError for tensors, objects, keys that are no text, and for what nests deeper or
    holds more values than arguments of a model do.
    """
    left = [_MOST]
    return _plain(value, left, 0)


def _plain(value: object, left: list[int], depth: int) -> Plain:
    left[0] -= 1
    if left[0] < 0 or depth > _DEEPEST:
        raise NotPlainError("more values than are read")
    match value:
        case None | bool() | int() | float() | str():
            return value
        case list():
            return [_plain(each, left, depth + 1) for each in value]
        case tuple():
            return tuple(_plain(each, left, depth + 1) for each in value)
        case Table(entries=entries, other_keys=0):
            return {key: _plain(each, left, depth + 1) for key, each in entries.items()}
        case _:
            raise NotPlainError(kind_of(value))
