"""Compare what a checkpoint describes with what the model expects, before any byte is read."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from math import prod

from gate.subject.checkpoints.refusals import mismatch
from gate.subject.checkpoints.tensors import FLOATING, ITEM_BYTES, TensorSpec
from gate.wording import list_names, plain, pluralize

Shape = tuple[int, ...]

# What training wrappers put before every name: DDP, torch.compile, Lightning's own module.
_MOST_NAMES = 20  # of tensors: what an engineer lays beside the model's own
_WRAPPERS = ("module.", "_orig_mod.", "model.", "net.", "network.")
_MOST_WRAPPERS = 8  # more are no wrappers, and each costs a look at every name
_COUNTER = "num_batches_tracked"  # of batch normalisation; not used when a model is evaluated


@dataclass(frozen=True, slots=True)
class Expected:
    """One entry of the model's own state_dict."""

    dtype: str
    shape: Shape | None  # None: the model takes it from the checkpoint, as lazy modules do


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """The tensor for each name of the model, and what was done to make them fit."""

    tensors: Mapping[str, TensorSpec]  # by the model's names
    prefix: str  # taken off every name; empty: none
    casts: Mapping[tuple[str, str], int]  # (from, to) -> tensors
    absent_counters: tuple[str, ...]  # batch counters that the file does not have
    renamed: bool = False  # the names are the file's: the module's own load hooks know them


def match(
    tensors: Sequence[TensorSpec], others: Mapping[str, str], model: Mapping[str, Expected]
) -> Matched:
    """Return the tensors by the model's names; names, shapes and dtypes agree.

    A prefix of a training wrapper is taken off when every name has it and the rest is the model.
    Floating-point numbers may be cast to floating-point numbers; nothing else is converted.
    Raises RefusedError, as a mismatch, in words about channels, classes and names.
    """
    found = {spec.name: spec for spec in tensors}
    prefix = _wrapper(found, model)
    named = {name.removeprefix(prefix): spec for name, spec in found.items()}
    bare = {name.removeprefix(prefix): kind for name, kind in others.items()}
    counters = tuple(
        name for name in model if name not in named and name.rpartition(".")[2] == _COUNTER
    )
    _check_others(bare, model)
    _check_names(named, [name for name in model if name not in counters])
    _check_shapes(named, model)
    casts = _check_dtypes(named, model)
    return Matched(named, prefix, casts, counters)


def common_prefix(names: Sequence[str]) -> str:
    """Return the longest prefix that ends in a dot and that every name has.

    >>> common_prefix(["net.conv.weight", "net.fc.bias"])
    'net.'
    """
    if not names:
        return ""
    first, last = min(names), max(names)
    length = 0
    while length < min(len(first), len(last)) and first[length] == last[length]:
        length += 1
    return first[: first.rfind(".", 0, length) + 1]


def wrapper_prefix(names: Sequence[str]) -> str:
    """Return the prefixes of training wrappers that every name has, as one string.

    >>> wrapper_prefix(["module._orig_mod.fc.weight", "module._orig_mod.fc.bias"])
    'module._orig_mod.'
    """
    shared = common_prefix(names)
    prefix = ""
    for _ in range(_MOST_WRAPPERS):
        prefix += next((each for each in _WRAPPERS if shared.startswith(prefix + each)), "")
    return prefix


def _wrapper(found: Mapping[str, TensorSpec], model: Mapping[str, Expected]) -> str:
    """Return the wrapper prefix without which the names are more of the model's."""
    whole = wrapper_prefix(list(found))
    best, best_count = "", sum(name in model for name in found)
    prefix = whole
    while prefix:
        count = sum(name.removeprefix(prefix) in model for name in found)
        if count > best_count:
            best, best_count = prefix, count
        prefix = prefix[: prefix.rfind(".", 0, -1) + 1]
    return best


def _check_others(others: Mapping[str, str], model: Mapping[str, Expected]) -> None:
    wrong = [f"{name} ({kind})" for name, kind in others.items() if name in model]
    if wrong:
        raise mismatch(
            f"what should be tensors is something else: {list_names(wrong)}",
            'save the model\'s own state_dict: torch.save(model.state_dict(), "weights.pt")',
        )


def _check_names(named: Mapping[str, TensorSpec], model: Sequence[str]) -> None:
    expected = set(model)
    counters = {name for name in named if name.rpartition(".")[2] == _COUNTER}
    missing = [name for name in model if name not in named]
    unexpected = [name for name in named if name not in expected and name not in counters]
    unexpected += [name for name in counters if name not in expected]
    if not missing and not unexpected:
        return
    _say_prefix({name for name in named if name not in counters}, expected)
    if not expected & set(named):
        raise mismatch(
            f"none of its {pluralize(len(named), 'name')} is one of the model's "
            f"(it has {list_names(named, limit=3)}; the model has {list_names(model, limit=3)})",
            "it was made by another architecture: check `factory` and its `kwargs`",
        )
    facts = []
    if missing:
        facts.append(
            f"{pluralize(len(missing), 'tensor')} missing: {list_names(missing, _MOST_NAMES)}"
        )
    if unexpected:
        facts.append(
            f"{pluralize(len(unexpected), 'tensor')} unexpected: {list_names(unexpected, _MOST_NAMES)}"
        )
    raise mismatch(
        "; ".join(facts),
        "build the model that was trained: check `factory` and its `kwargs`",
    )


def _say_prefix(named: set[str], expected: set[str]) -> None:
    """Say it when the names differ only by a prefix, on one side or on the other."""
    model = {name for name in expected if name.rpartition(".")[2] != _COUNTER}
    theirs, ours = common_prefix(sorted(named)), common_prefix(sorted(model))
    for prefix, longer, shorter, holder in (
        (theirs, named, model, "the checkpoint has"),
        (ours, model, named, "the model expects"),
    ):
        if prefix and {name.removeprefix(prefix) for name in longer} == shorter:
            change = "name[len(prefix):]" if longer is named else "prefix + name"
            raise mismatch(
                f"keys differ only by the prefix `{plain(prefix)}`, which {holder}",
                f"with prefix = {plain(repr(prefix))}, save {{{change}: tensor for name, tensor in "
                "state_dict.items()}",
            )


def _check_shapes(named: Mapping[str, TensorSpec], model: Mapping[str, Expected]) -> None:
    pairs = {}
    for name, spec in named.items():
        ours = model[name].shape
        if ours is None:
            _check_size(name, spec)
        elif spec.shape != ours:
            pairs[name] = (spec.shape, ours)
    if not pairs:
        return
    said = _in_words(pairs, model)
    shapes = list_names(
        f"{name} {_axes(theirs)} for {_axes(ours)}" for name, (theirs, ours) in pairs.items()
    )
    fact = "; ".join([*said, f"{pluralize(len(pairs), 'shape')} not as in the model: {shapes}"])
    raise mismatch(fact, "build the model that was trained: check `factory` and its `kwargs`")


def _check_size(name: str, spec: TensorSpec) -> None:
    """Refuse a shape that the model would take, and that the bytes in the file do not fill."""
    held = len(spec.data) // ITEM_BYTES[spec.dtype]
    if prod(max(length, 1) for length in spec.shape) > max(held, 1):
        raise mismatch(
            f"{plain(name)} has the shape {_axes(spec.shape)} over {pluralize(held, 'element')}, and "
            "the model takes its shape from the file",
            "save it with .contiguous() before torch.save, or build the model with its sizes",
        )


def _in_words(wrong: Mapping[str, tuple[Shape, Shape]], model: Mapping[str, Expected]) -> list[str]:
    """Return what the shapes mean: classes of the head, its image size, channels of the input."""
    matrices = [name for name, each in model.items() if len(each.shape or ()) >= 2]
    said = []
    first, head = matrices[0] if matrices else "", matrices[-1] if matrices else ""
    if first in wrong:
        theirs, ours = wrong[first]
        if len(ours) == len(theirs) == 4 and theirs[1] != ours[1]:
            said.append(
                f"the model expects {pluralize(ours[1], 'channel')}, the checkpoint has {theirs[1]:,}"
            )
    if head in wrong:
        theirs, ours = wrong[head]
        if len(theirs) == len(ours) and theirs[0] != ours[0]:
            said.append(f"the checkpoint has {theirs[0]:,} classes, the model has {ours[0]:,}")
    said += [
        f"{plain(name)} takes {theirs[1]:,} inputs in the checkpoint and {ours[1]:,} in the "
        "model, so it was built for another image size or width"
        for name, (theirs, ours) in wrong.items()
        if len(theirs) == len(ours) == 2 and theirs[1] != ours[1]
    ][:1]
    return said


def _check_dtypes(
    named: Mapping[str, TensorSpec], model: Mapping[str, Expected]
) -> dict[tuple[str, str], int]:
    casts: dict[tuple[str, str], int] = {}
    wrong: dict[str, str] = {}
    for name, spec in named.items():
        pair = (spec.dtype, model[name].dtype)
        if pair[0] == pair[1]:
            continue
        if pair[0] in FLOATING and pair[1] in FLOATING:
            casts[pair] = casts.get(pair, 0) + 1
        else:
            wrong[name] = f"{name} is {pair[0]}, the model has {pair[1]}"
    if wrong:
        raise mismatch(
            f"{pluralize(len(wrong), 'tensor')} with numbers of another kind: "
            f"{list_names(wrong.values())}",
            _dtype_remedy({model[name].dtype for name in wrong}),
        )
    return casts


def _dtype_remedy(wanted: Set[str]) -> str:
    """Return what to do about numbers of another kind than the model has."""
    if wanted & FLOATING:
        return "save the weights as floating-point numbers"
    if any(dtype.startswith("float8") for dtype in wanted):
        return "save them as the model has them: torch.save(model.state_dict(), path)"
    return (
        "cast only what is floating-point: tensor.half() if tensor.is_floating_point() else tensor"
    )


def _axes(shape: Shape) -> str:
    return "[" + ", ".join(str(length) for length in shape) + "]"
