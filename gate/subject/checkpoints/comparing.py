"""Compare what a checkpoint describes with what the model expects, before any byte is read."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from math import prod

from gate.subject.checkpoints.causes import TRAINED, Misfit, explain
from gate.subject.checkpoints.readings import are_usual, bare_of, is_spare, readings
from gate.subject.checkpoints.refusals import AS_IT_RUNS, mismatch
from gate.subject.checkpoints.tensors import (
    FLOATING,
    ITEM_BYTES,
    Expected,
    TensorSpec,
    same_numbers,
)
from gate.wording import list_names, plain, pluralize

Shape = tuple[int, ...]

_EIGHT_BITS = frozenset(dtype for dtype, size in ITEM_BYTES.items() if size == 1) - {"bool"}
_BESIDE = 1000  # names that a file may have beside the model's and still be read in other ways


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """The tensor for each name of the model, and what was done to make them fit."""

    tensors: Mapping[str, TensorSpec]  # by the model's names
    reading: Mapping[str, str]  # names in the file -> names of the model
    casts: Mapping[tuple[str, str], int]  # (from, to) -> tensors
    absent_counters: tuple[str, ...] = ()  # batch counters that the file does not have
    shared: Mapping[str, str] = field(default_factory=dict)  # name not in the file -> its twin
    spare: tuple[str, ...] = ()  # tensors of the file that are of no model: losses, counters
    renamed: bool = False  # the names are the file's: the module's own load hooks know them


def match(
    tensors: Sequence[TensorSpec],
    others: Mapping[str, str],
    model: Mapping[str, Expected],
    *,
    title: str = "",
    twins: Mapping[str, str] | None = None,
) -> Matched:
    """Return the tensors by the model's names; names, shapes and dtypes agree.

    Names may differ by the words of wrappers, by one prefix before all of them on either side, and
    by the older spelling of weight_norm. A name that the file leaves out is taken from its twin
    where the model itself shares the two. Floating-point numbers may be cast to floating-point
    numbers; nothing else is converted.
    ``title`` is the file's name and ``twins`` what it says of shared tensors, for messages.
    Raises RefusedError, as a mismatch, in words about the cause.
    """
    theirs, spare = without_spare(tensors, model)
    reading = closest(list(theirs), others, model)
    named = {reading[name]: spec for name, spec in theirs.items()}
    _check_others({reading.get(name, name): kind for name, kind in others.items()}, model)
    shared = _twins(named, model)
    found = named | {name: named[twin] for name, twin in shared.items()}
    misfit = Misfit(title, list(theirs), found, model, others, twins or {})
    if misfit.missing or misfit.unexpected:
        raise explain(misfit)
    kept = {name: spec for name, spec in found.items() if name in model}
    spare += tuple(name for name in theirs if reading[name] not in model)
    _check_shapes(kept, model)
    casts = _check_dtypes(kept, model)
    counters = tuple(name for name in model if name not in kept)
    return Matched(kept, reading, casts, counters, shared, spare)


def without_spare(
    tensors: Sequence[TensorSpec], model: Mapping[str, Expected]
) -> tuple[dict[str, TensorSpec], tuple[str, ...]]:
    """Return the tensors that may be the model's, and the names of those that are of no model."""
    if not are_usual([spec.name for spec in tensors]):
        return {spec.name: spec for spec in tensors}, ()
    ours = {bare_of(name) for name in model}
    spare = {
        spec.name
        for spec in tensors
        if is_spare(spec.name, spec.elements) and bare_of(spec.name) not in ours
    }
    kept = {spec.name: spec for spec in tensors if spec.name not in spare}
    return kept, tuple(spec.name for spec in tensors if spec.name in spare)


def closest(
    names: list[str], others: Mapping[str, str], model: Mapping[str, Expected]
) -> Mapping[str, str]:
    """Return the reading under which the names are most of the model's; as they stand, if equal.

    A reading that fits wholly is the only one: each moves all names by the same words.
    """
    best: Mapping[str, str] = {name: name for name in [*names, *others]}
    most = _common(best, model)
    if most == len(names) or len(names) > 2 * len(model) + _BESIDE:
        return best
    for reading in readings([*names, *others], list(model)):
        count = _common(reading, model)
        if count > most and len({*reading.values()}) == len(reading):
            best, most = reading, count
    return best


def _common(reading: Mapping[str, str], model: Mapping[str, Expected]) -> int:
    return sum(name in model for name in reading.values())


def _twins(named: Mapping[str, TensorSpec], model: Mapping[str, Expected]) -> dict[str, str]:
    """Return the names that the file lacks, each with one that it has of the same tensor."""
    holders = {
        each.place: name for name, each in model.items() if each.place is not None and name in named
    }
    return {
        name: holders[each.place]
        for name, each in model.items()
        if name not in named and each.place is not None and each.place in holders
    }


def check_shared(tensors: Mapping[str, TensorSpec], model: Mapping[str, Expected]) -> None:
    """Raise RefusedError for two different tensors of a file for one tensor of the model.

    A load would keep the last of them, and another loader may keep the other.
    """
    first: dict[object, str] = {}
    for name, spec in tensors.items():
        place = model[name].place if name in model else None
        if place is None:
            continue
        other = tensors[first.setdefault(place, name)]
        if other is not spec and (other.dtype != spec.dtype or not same_numbers(other, spec)):
            raise mismatch(
                f"{plain(first[place])} and {plain(name)} are one tensor in the model, and have "
                "different numbers in the checkpoint",
                "let the factory build them apart, as they were trained",
            )


def _check_others(others: Mapping[str, str], model: Mapping[str, Expected]) -> None:
    wrong = [f"{name} ({kind})" for name, kind in others.items() if name in model]
    if wrong:
        raise mismatch(
            f"what should be tensors is something else: {list_names(wrong)}",
            'save the model\'s own state_dict: torch.save(model.state_dict(), "weights.pt")',
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
    raise mismatch(fact, _shape_remedy(pairs, model))


def _check_size(name: str, spec: TensorSpec) -> None:
    """Refuse a shape that the model would take, and that the bytes in the file do not fill."""
    held = len(spec.data) // ITEM_BYTES[spec.dtype]
    if prod(max(length, 1) for length in spec.shape) > max(held, 1):
        raise mismatch(
            f"{plain(name)} has the shape {_axes(spec.shape)} over {pluralize(held, 'element')}, "
            "and "
            "the model takes its shape from the file",
            "save it with .contiguous() before torch.save, or build the model with its sizes",
        )


Pairs = Mapping[str, tuple[Shape, Shape]]  # by name: in the file, in the model


def _in_words(wrong: Pairs, model: Mapping[str, Expected]) -> list[str]:
    """Return what the shapes mean: classes of the head, its image size, channels of the input."""
    said = []
    if channels := _channels(wrong, model):
        theirs, ours = channels
        said.append(
            f"the model expects {pluralize(ours, 'channel')}, the checkpoint has {theirs:,}"
        )
    if classes := _classes(wrong, model):
        theirs, ours = classes
        said.append(f"the checkpoint has {theirs:,} classes, the model has {ours:,}")
    said += [
        f"{plain(name)} takes {theirs[1]:,} inputs in the checkpoint and {ours[1]:,} in the "
        "model, so it was built for another image size or width"
        for name, (theirs, ours) in wrong.items()
        if len(theirs) == len(ours) == 2 and theirs[1] != ours[1]
    ][:1]
    return said


def _shape_remedy(wrong: Pairs, model: Mapping[str, Expected]) -> str:
    """Return what to change, where classes or channels alone differ; else what to check."""
    matrices = _matrices(model)
    channels, classes = _channels(wrong, model), _classes(wrong, model)
    explained = set()
    if channels:
        explained.add(matrices[0])
    if classes:
        explained |= {matrices[-1], matrices[-1].removesuffix("weight") + "bias"}
    if not explained or {*wrong} - explained:
        return TRAINED
    ways = []
    if classes:
        ways.append(
            f"let the factory build {pluralize(classes[0], 'output')}, in the order of `classes:` "
            f"(`kwargs:` under `model:`), or give the checkpoint of {classes[1]:,} classes"
        )
    if channels:
        ways.append(
            f"let the factory build a first layer of {pluralize(channels[0], 'channel')} "
            "(`kwargs:` under `model:`), and give images of as many (`channels:` of `input:`)"
        )
    return "; ".join(ways)


def _matrices(model: Mapping[str, Expected]) -> list[str]:
    return [name for name, each in model.items() if len(each.shape or ()) >= 2]


def _channels(wrong: Pairs, model: Mapping[str, Expected]) -> tuple[int, int] | None:
    """Return the channels of the first convolution, in the file and in the model, if other."""
    theirs, ours = wrong.get(next(iter(_matrices(model)), ""), ((), ()))
    is_convolution = len(theirs) == len(ours) == 4
    return (theirs[1], ours[1]) if is_convolution and theirs[1] != ours[1] else None


def _classes(wrong: Pairs, model: Mapping[str, Expected]) -> tuple[int, int] | None:
    """Return the outputs of the head, in the file and in the model, where they differ."""
    theirs, ours = wrong.get(next(reversed(_matrices(model)), ""), ((), ()))
    return (theirs[0], ours[0]) if len(theirs) == len(ours) and theirs[:1] != ours[:1] else None


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
            _dtype_remedy({(named[name].dtype, model[name].dtype) for name in wrong}),
        )
    return casts


def _dtype_remedy(pairs: Set[tuple[str, str]]) -> str:
    """Return what to do about numbers of another kind than the model has."""
    wanted = {ours for _, ours in pairs}
    if any(theirs in _EIGHT_BITS and ours in FLOATING for theirs, ours in pairs):
        return f"weights of 8 bits are quantised: {AS_IT_RUNS}"
    if wanted & FLOATING:
        return "save the weights as floating-point numbers"
    if any(dtype.startswith("float8") for dtype in wanted):
        return "save them as the model has them: torch.save(model.state_dict(), path)"
    return (
        "cast only what is floating-point: tensor.half() if tensor.is_floating_point() else tensor"
    )


def _axes(shape: Shape) -> str:
    return "[" + ", ".join(str(length) for length in shape) + "]"
