"""Find the one set of weights in a training file, or ask which one is meant.

A set of weights is a dictionary with at least one floating-point tensor that has an axis. Training
files hold it at their top or a few dictionaries deep, beside optimiser states, random states and
averages. Between a model and its moving average nobody but the owner can choose.
"""

from collections.abc import Iterator, Mapping

from gate.subject.checkpoints.pickles import Table, TensorRef, kind_of
from gate.subject.checkpoints.refusals import corrupt, counted, listed, mismatch, shown
from gate.subject.checkpoints.tensors import FLOATING, Weights, check_count
from gate.subject.checkpoints.torch_files import TorchFile

MAX_DEPTH = 4
MAX_VISITS = 10_000
_SAVE = 'save the weights: torch.save(model.state_dict(), "weights.pt")'

# Parts of a training file that hold tensors and no model.
_NOT_A_MODEL = (
    "optim",
    "scheduler",
    "scaler",
    "rng",
    "random",
    "callbacks",
    "loops",
    "hyper_parameters",
    "hparams",
)


def choose(file: TorchFile, key: str | None) -> Weights:
    """Return the one set of weights of a file, or the one that ``key`` names.

    ``key`` is the path to it with dots (``ema`` or ``ema.state_dict``). Raises RefusedError, as a
    mismatch, when there is none, or several and no key.
    """
    found: dict[str, Table] = {}
    for path, table in _candidates(file.value):
        if path in found:  # a name with a dot in it looks like a path
            raise mismatch(f"it holds two models under one path, `{shown(path)}`", _SAVE)
        found[path] = table
    chosen = _named(found, key) if key is not None else _only(found, file.value)
    return _weights(file, chosen, found[chosen])


def _candidates(value: object) -> Iterator[tuple[str, Table]]:
    """Yield each set of weights once, with its path; a set inside a set speaks for it."""
    seen: set[int] = set()
    waiting: list[tuple[str, object, int]] = [("", value, 0)]
    while waiting and len(seen) < MAX_VISITS:
        path, table, depth = waiting.pop(0)
        if not isinstance(table, Table) or id(table) in seen:
            continue
        seen.add(id(table))
        inner = [
            (f"{path}.{name}" if path else name, child, depth + 1)
            for name, child in table.entries.items()
            if isinstance(child, Table) and depth < MAX_DEPTH and not _is_no_model(name)
        ]
        if _holds_weights(table) and not any(_holds_weights(child) for _, child, _ in inner):
            yield path, table
        else:
            waiting.extend(inner)


def _is_no_model(name: str) -> bool:
    return any(part in name.lower() for part in _NOT_A_MODEL)


def _holds_weights(value: object) -> bool:
    return isinstance(value, Table) and any(
        isinstance(each, TensorRef) and each.shape and each.dtype in FLOATING
        for each in value.entries.values()
    )


def _only(found: Mapping[str, Table], value: object) -> str:
    if not found:
        raise mismatch(f"it holds no weights, only {_described(value)}", _SAVE)
    if len(found) > 1:
        names = [name or "the top of the file" for name in found]
        raise mismatch(
            f"this file holds {len(names)} models: {listed(names)}",
            f"set `key` to the one that ships, for example key: {shown(names[0])}",
        )
    return next(iter(found))


def _named(found: Mapping[str, Table], key: str) -> str:
    if key in found:
        return key
    under = [name for name in found if name.startswith(f"{key}.")]
    if len(under) == 1:
        return under[0]
    if under:
        raise mismatch(
            f"`{shown(key)}` holds {len(under)} models: {listed(under)}", "set `key` to one"
        )
    if list(found) == [""]:
        raise mismatch(
            f"the file holds one state_dict at its top, and no `{shown(key)}`", "remove `key`"
        )
    choice = f"; it holds {listed(found)}" if found else ""
    raise mismatch(f"the file holds no model under `{shown(key)}`{choice}", "correct `key`")


def _weights(file: TorchFile, path: str, table: Table) -> Weights:
    check_count(len(table.entries))
    # torch would load it under a name that no model has; here it would be lost without a word.
    if table.other_keys:
        raise corrupt(f"among its weights, {counted(table.other_keys, 'name')} is no text", _SAVE)
    tensors = tuple(
        file.spec(name, value)
        for name, value in table.entries.items()
        if isinstance(value, TensorRef)
    )
    others = {
        name: kind_of(value)
        for name, value in table.entries.items()
        if not isinstance(value, TensorRef)
    }
    return Weights(tensors, others, path)


def _described(value: object) -> str:
    match value:
        case Table(entries=entries) if entries:
            return f"a dict with {listed(entries)}"
        case list() | tuple():
            return f"a {kind_of(value)} of {counted(len(value), 'item')}"
        case _:
            return f"a {shown(kind_of(value))}"
