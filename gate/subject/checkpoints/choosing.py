"""Find the one set of weights in a training file, or ask which one is meant.

A set of weights is a dictionary with at least one floating-point tensor that has an axis. Training
files hold it at their top or a few dictionaries deep, beside optimiser states, random states and
averages. Between a model and its moving average nobody but the owner can choose.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from gate.subject.checkpoints.pickles import Table, TensorRef, kind_of
from gate.subject.checkpoints.refusals import corrupt, mismatch
from gate.subject.checkpoints.tensors import FLOATING, MAX_NAME, Weights, check_count
from gate.subject.checkpoints.torch_files import TorchFile
from gate.wording import list_names, plain, pluralize

_Value = TypeVar("_Value")

MAX_DEPTH = 4
_SAVE = 'save the weights: torch.save(model.state_dict(), "weights.pt")'

# What Lightning's WeightAveraging writes: its state_dict is the average, the other the raw weights.
_AVERAGED = frozenset({"pytorch-lightning_version", "state_dict", "current_model_state"})

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

    ``key`` is the path to it with dots (``ema`` or ``ema.state_dict``), or what stands before the
    names of a model that lies among others in one dictionary (``student``). Raises RefusedError,
    as a mismatch, when there is none, or several and no key.
    """
    found: dict[str, Table] = {}
    for path, table in _candidates(file.value):
        if path in found:  # a name with a dot in it looks like a path
            raise mismatch(f"it holds two models under one path, `{plain(path)}`", _SAVE)
        found[path] = table
    chosen, part = _named(found, key) if key is not None else (_only(found, file.value), "")
    weights = _weights(file, chosen, found[chosen])
    return part_of(weights, part) if part else weights


def part_of(weights: Weights, part: str) -> Weights:
    """Return the tensors whose names begin with a part and a dot, under the rest of their names.

    Raises RefusedError, as a mismatch, where no tensor has such a name.
    """
    front = f"{part}."
    tensors = tuple(
        replace(spec, name=spec.name.removeprefix(front))
        for spec in weights.tensors
        if spec.name.startswith(front)
    )
    if not tensors:
        raise mismatch(f"the file holds no model under `{plain(part)}`", "correct or remove `key`")
    beside = len(weights.tensors) - len(tensors)
    versions = _under(front, weights.versions)
    note = f"{pluralize(beside, 'tensor')} beside `{plain(part)}` left in the file"
    return Weights(
        tensors,
        _under(front, weights.others),
        f"{weights.key}.{part}".strip("."),
        (*weights.notes, note) if beside else weights.notes,
        {"": weights.versions[part]} | versions if part in weights.versions else versions,
        _under(front, weights.twins),
    )


def _under(front: str, table: Mapping[str, _Value]) -> dict[str, _Value]:
    return {
        name.removeprefix(front): each for name, each in table.items() if name.startswith(front)
    }


def _candidates(value: object) -> Iterator[tuple[str, Table]]:
    """Yield each set of weights once, with its path; a set inside a set speaks for it.

    Unless both hold a weight of one name: then each is a model.

    Every dictionary is looked through once, however many others name it.
    """
    seen: set[int] = set()
    holds = _Holdings()
    waiting: deque[tuple[tuple[str, ...], Table]] = deque()
    if isinstance(value, Table):
        waiting.append(((), value))
    while waiting:
        path, table = waiting.popleft()
        if id(table) in seen:
            continue
        seen.add(id(table))
        inner = [] if len(path) == MAX_DEPTH else list(_inner(table))
        within = [child for _, child in inner if holds.weights(child)]
        if holds.weights(table) and (not within or holds.shared(table, within)):
            yield ".".join(path), table
        if within or not holds.weights(table):
            waiting.extend(((*path, name), child) for name, child in inner)


def _inner(table: Table) -> Iterator[tuple[str, Table]]:
    for name, child in table.entries.items():
        if isinstance(child, Table) and not _is_no_model(name):
            yield name, child


def _is_no_model(name: str) -> bool:
    lowered = name.lower()
    return any(part in lowered for part in _NOT_A_MODEL)


class _Holdings:
    """Which dictionaries hold weights themselves; each is asked once."""

    def __init__(self) -> None:
        self._known: dict[int, bool] = {}
        self._tails: dict[int, set[str]] = {}

    def shared(self, table: Table, within: list[Table]) -> bool:
        """Return whether a loader that is not strict finds weights of one model in both.

        Statistics and weights of classes that lie beside a model have names of their own.
        """
        ours = self.tails(table)
        return any(not ours.isdisjoint(self.tails(child)) for child in within)

    def tails(self, table: Table) -> set[str]:
        """Return the names of tensors, and those without a first part, as a wrapper puts there."""
        found = self._tails.get(id(table))
        if found is None:
            names = {str(key) for key, each in table.entries.items() if isinstance(each, TensorRef)}
            found = names | {name.partition(".")[2] for name in names if name.count(".") > 1}
            self._tails[id(table)] = found
        return found

    def weights(self, table: Table) -> bool:
        known = self._known.get(id(table))
        if known is None:
            known = any(
                isinstance(each, TensorRef) and each.shape and each.dtype in FLOATING
                for each in table.entries.values()
            )
            self._known[id(table)] = known
        return known


def _only(found: Mapping[str, Table], value: object) -> str:
    nameless = _nameless(value)
    if nameless:
        ours = [name or "the top of the file" for name in found]
        beside = f" beside {list_names(ours)}" if ours else ""
        only = next(filter(None, found), "")
        raise mismatch(
            f"it holds an average whose tensors have no names (`{plain(nameless)}`){beside}",
            "copy the average into the model (ema.copy_to(model.parameters())) and save its "
            "state_dict" + (f"; or judge the model: `key: {plain(only)}`" if only else ""),
        )
    if not found:
        raise mismatch(f"it holds {_without_weights(value)}", _SAVE)
    if isinstance(value, Table) and value.entries.keys() >= _AVERAGED and "state_dict" in found:
        return "state_dict"
    if len(found) > 1:
        names = [name or "the top of the file" for name in found]
        raise mismatch(
            f"this file holds {len(names)} models: {list_names(names)}",
            "name the one that ships under `model:` of the gate file, for example `key: "
            f"{plain(next(filter(None, found)))}`; `inspect` takes it as --key",
        )
    return next(iter(found))


def _nameless(value: object) -> str:
    """Return the path of a list of averaged tensors, as torch_ema and diffusers keep them."""
    waiting: deque[tuple[tuple[str, ...], object]] = deque([((), value)])
    seen: set[int] = set()
    while waiting:
        path, table = waiting.popleft()
        if not isinstance(table, Table) or id(table) in seen or len(path) > MAX_DEPTH:
            continue
        seen.add(id(table))
        shadows = table.entries.get("shadow_params")
        if isinstance(shadows, list) and any(isinstance(each, TensorRef) for each in shadows):
            return ".".join([*path, "shadow_params"])
        waiting.extend(((*path, name), child) for name, child in _inner(table))
    return ""


def _without_weights(value: object) -> str:
    if isinstance(value, Table) and {"state", "param_groups"} <= value.entries.keys():
        return "no weights: it is the state of an optimizer"
    return f"no weights, only {_described(value)}"


def _named(found: Mapping[str, Table], key: str) -> tuple[str, str]:
    """Return the path of a set of weights, and the front of its names where key goes into them."""
    if key in found:
        return key, ""
    under = [name for name in found if name.startswith(f"{key}.")]
    if len(under) == 1:
        return under[0], ""
    if under:
        raise mismatch(
            f"`{plain(key)}` holds {len(under)} models: {list_names(under)}", "set `key` to one"
        )
    parts = [
        (path, part)
        for path, table in found.items()
        for part in {key, key.removeprefix(f"{path}.")}
        if any(name.startswith(f"{part}.") for name in table.entries)
    ]
    if len(parts) == 1:
        return parts[0]
    if parts:
        titles = [f"{path}.{part}" for path, part in parts]
        raise mismatch(
            f"`{plain(key)}` stands in {len(parts)} models: {list_names(titles)}",
            f"set `key` to one, for example `{plain(titles[-1])}`",
        )
    if list(found) == [""]:
        raise mismatch(
            f"the file holds one state_dict at its top, and no `{plain(key)}`", "remove `key`"
        )
    choice = f"; it holds {list_names(found)}" if found else ""
    raise mismatch(f"the file holds no model under `{plain(key)}`{choice}", "correct `key`")


def _weights(file: TorchFile, path: str, table: Table) -> Weights:
    check_count(len(table.entries))
    # torch would load it under a name that no model has; here it would be lost without a word.
    if table.other_keys:
        keys = pluralize(table.other_keys, "name")
        raise corrupt(
            f"among its weights, {keys} is no text of up to {MAX_NAME:,} characters", _SAVE
        )
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
    return Weights(tensors, others, path, versions=_versions(table))


def _versions(table: Table) -> Mapping[str, int]:
    """Return the versions of modules that a state_dict carries; modules convert older weights."""
    kept = table.attributes.get("_metadata")
    if not isinstance(kept, Table):
        return {}
    check_count(len(kept.entries))
    found = {
        name: each.entries.get("version")
        for name, each in kept.entries.items()
        if isinstance(each, Table)
    }
    return {name: number for name, number in found.items() if type(number) is int}


def _described(value: object) -> str:
    match value:
        case Table(entries=entries) if entries:
            return f"a dict with {list_names(entries)}"
        case list() | tuple():
            return f"a {kind_of(value)} of {pluralize(len(value), 'item')}"
        case _:
            kind = plain(kind_of(value))
            return f"{'an' if kind[:1] in 'aeiou' else 'a'} {kind}"
