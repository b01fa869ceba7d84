"""Say why a checkpoint does not fit the model: the cause that its names and shapes show, and a way.

The causes are looked for from the particular to the general. What an adapter, a quantiser or a
pruner leaves behind has names of its own; a head or a block that is missing shows in what is left;
only then is it another architecture, and the factory the thing to look at.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from gate.subject.checkpoints.readings import (
    COUNTER,
    are_usual,
    bare_of,
    common_prefix,
    prefixes,
    unwrapped,
)
from gate.subject.checkpoints.refusals import AS_IT_RUNS, RefusedError, mismatch
from gate.subject.checkpoints.tensors import Expected, TensorSpec
from gate.wording import list_names, plain, pluralize

TRAINED = "build the model that was trained: check `factory` and its `kwargs`"

_MOST_NAMES = 20  # of tensors: what an engineer lays beside the model's own
_ADAPTER = re.compile(
    r"(^|\.)(lora_[AB]|lora_embedding_[AB]|lora_magnitude_vector|hada_w[12]_[ab])"
)
_SHARD = re.compile(r"-(\d{5})-of-(\d{5})\.")
_PACKED = frozenset(
    {"_packed_params", "SCB", "weight_format", "absmax", "quant_map", "nested_absmax"}
    | {"nested_quant_map", "qweight", "qzeros", "zero_point", "zero_points", "weight_scale"}
    | {"weight_scale_inv", "weight_zero_point"}
)
_PLAIN_KEY = re.compile(r"[\w.-]+")


@dataclass(frozen=True, slots=True, eq=False)
class Misfit:
    """A file and a model whose names differ, in the reading in which they differ least."""

    title: str  # of the file
    names: Collection[str]  # of all tensors, as the file has them
    named: Mapping[str, TensorSpec]  # by the names that the model could have
    model: Mapping[str, Expected]
    others: Mapping[str, str] = field(default_factory=dict)  # names without a tensor -> kind
    twins: Mapping[str, str] = field(default_factory=dict)  # absent name -> present one

    @property
    def missing(self) -> list[str]:
        """Return the model's names that the file lacks; batch counters are not missed."""
        return [name for name in self.model if name not in self.named and not is_counter(name)]

    @property
    def unexpected(self) -> list[str]:
        """Return the file's names that the model lacks."""
        return [name for name in self.named if name not in self.model and not is_counter(name)]


Cause = tuple[str, str]  # a fact and a remedy


def explain(misfit: Misfit) -> RefusedError:
    """Return the refusal: the cause where one is seen, the names that differ, and the remedy."""
    looks = _CAUSES if are_usual(misfit.names) else ()
    found = next(filter(None, (look(misfit) for look in looks)), None)
    fact, remedy = found or ("", TRAINED)
    return mismatch("; ".join(filter(None, [fact, *_differences(misfit)])), remedy)


def is_counter(name: str) -> bool:
    """Return whether a tensor counts batches, which no prediction depends on."""
    return name.rpartition(".")[2] == COUNTER


def _differences(misfit: Misfit) -> list[str]:
    missing, unexpected = misfit.missing, misfit.unexpected
    if len(missing) == len([name for name in misfit.model if not is_counter(name)]):
        return [
            (
                f"none of its {pluralize(len(misfit.named), 'name')} is one of the model's "
                f"(it has {list_names(misfit.names, limit=3)}; the model has "
                f"{list_names(misfit.model, limit=3)})"
            )
        ]
    return [
        f"{pluralize(len(names), 'tensor')} {how}: {list_names(names, _MOST_NAMES)}"
        for names, how in ((missing, "missing"), (unexpected, "unexpected"))
        if names
    ]


def _adapter(misfit: Misfit) -> Cause | None:
    if not any(_ADAPTER.search(name) for name in misfit.names):
        return None
    return (
        "it is an adapter (LoRA, as PEFT saves it), which changes a model that is not in it",
        (
            "merge it into its model and save the whole: with PEFT, "
            "torch.save(model.merge_and_unload().state_dict(), 'weights.pt')"
        ),
    )


def _quantised(misfit: Misfit) -> Cause | None:
    leaves = {name.rpartition(".")[2] for name in (*misfit.unexpected, *misfit.others)}
    leaves |= {name.split(".")[-2] for name in misfit.unexpected if name.count(".") > 1} & {
        "_packed_params",
        "quant_state",
    }
    marks = sorted(leaves & (_PACKED | {"quant_state"}))
    if not marks:
        return None
    return f"its weights are quantised ({list_names(marks)} beside them)", AS_IT_RUNS


def _pruned(misfit: Misfit) -> Cause | None:
    stems = _stems(misfit.unexpected, "_orig", "_mask") & {*misfit.missing}
    if stems:
        return (
            f"it was pruned and keeps the mask beside the weight ({list_names(sorted(stems))})",
            (
                "make them one where it was trained: torch.nn.utils.prune.remove(module, 'weight') "
                "of each pruned module, then torch.save(model.state_dict(), 'weights.pt')"
            ),
        )
    if stems := _stems(misfit.missing, "_orig", "_mask") & {*misfit.unexpected}:
        return (
            f"the factory prunes what the file has whole ({list_names(sorted(stems))})",
            "let the factory build the model without torch.nn.utils.prune",
        )
    return None


def _normed(misfit: Misfit) -> Cause | None:
    """Find weight_norm, spectral_norm or another parametrisation on one side only."""
    for theirs, ours, holder in (
        (misfit.unexpected, misfit.missing, "file"),
        (misfit.missing, misfit.unexpected, "model"),
    ):
        for tool, stems in _reparametrised(theirs).items():
            both = sorted(stems & {*ours})
            if not both:
                continue
            if holder == "file":
                return (
                    (
                        f"it was saved under {tool}, and the model has plain weights "
                        f"({list_names(both)})"
                    ),
                    (
                        f"let the factory apply {tool} as the training did, or remove it before "
                        "saving (torch.nn.utils.parametrize.remove_parametrizations, or "
                        "remove_weight_norm and remove_spectral_norm of the older ones)"
                    ),
                )
            return (
                f"the factory applies {tool}, and the file has plain weights ({list_names(both)})",
                f"let the factory build the model without {tool}",
            )
    return None


def _reparametrised(names: Collection[str]) -> dict[str, set[str]]:
    """Return the names of the plain weights, by the tool that took their place."""
    original = re.compile(r"((?:.*\.)?)parametrizations\.([^.]+)\.original\d*", re.DOTALL)
    found = (original.fullmatch(name) for name in names)
    return {
        "weight_norm": _stems(names, "_g", "_v"),
        "spectral_norm": _stems(names, "_orig", "_u"),
        "a parametrisation, such as weight_norm": {f"{each[1]}{each[2]}" for each in found if each},
    }


def _stems(names: Collection[str], *tails: str) -> set[str]:
    """Return what every one of the tails makes a name of."""
    first, *more = tails
    known = {*names}
    stems = {name.removesuffix(first) for name in names if name.endswith(first)}
    return {stem for stem in stems if all(stem + tail in known for tail in more)}


def _several(misfit: Misfit) -> Cause | None:
    """Find the whole model, once or several times, below names of its own."""
    places = _places(misfit)
    if not places:
        return None
    titles = [plain(place) or "the top" for place in places]
    below = next(filter(None, places), "")
    if len(places) > 1:
        return (
            f"it holds the model {len(places)} times: {list_names(titles)}",
            f"name the one that ships under `model:` of the gate file, for example `key: {below}`"
            + (
                "; to judge those at the top, save them alone: {name: tensor for name, tensor in "
                f"state_dict.items() if not name.startswith({plain(repr(below + '.'))})}}"
                if "" in places
                else ""
            ),
        )
    if below:
        return (
            f"the whole model lies under `{plain(below)}`, and other tensors beside it",
            f"judge that part: `key: {plain(below)}` under `model:` of the gate file",
        )
    return (
        f"it holds the whole model and {pluralize(len(misfit.unexpected), 'tensor')} beside it",
        (
            "let the factory build the model with them; or, if they are of the training alone, "
            "save the others: {name: tensor for name, tensor in state_dict.items() if name in "
            "model.state_dict()}"
        ),
    )


def _places(misfit: Misfit) -> list[str]:
    """Return the paths in the file below which every name of the model is, as `key` takes them."""
    bare = {short: name for name, short in unwrapped(list(misfit.names)).items()}
    ours = [name for name in unwrapped(list(misfit.model)).values() if not is_counter(name)]
    found: list[str] = []
    for taken in prefixes(ours):
        rests = [name.removeprefix(taken) for name in ours]
        ends = [name for name in bare if f".{name}".endswith(f".{rests[0]}")]
        starts = [name[: len(name) - len(rests[0])] for name in ends]
        found += [
            _path(bare[start + rests[0]], start)
            for start in starts
            if all(start + rest in bare for rest in rests)
        ]
    return list(dict.fromkeys(found))


def _path(name: str, start: str) -> str:
    """Return the front of a name that reads as ``start`` without its wrappers, without its dot."""
    parts = name.split(".")
    fronts = (".".join(parts[:count]) for count in range(len(parts)))
    return next(front for front in fronts if bare_of(front) == bare_of(start[:-1]))


def _partly_wrapped(misfit: Misfit) -> Cause | None:
    """Find words of wrappers in some names, or a name with them and without."""
    reached = {name: bare_of(name) for name in misfit.unexpected if bare_of(name) != name}
    twice = [f"{bare} and {name}" for name, bare in reached.items() if bare in misfit.named]
    whole = "save the state_dict of one module, the wrapper's own or that of what it wraps"
    if twice:
        return (
            f"it holds a tensor twice, with a wrapper's word and without: {list_names(twice)}",
            whole,
        )
    missing = {*misfit.missing}
    some = [name for name, bare in reached.items() if bare in missing]
    if some:
        return f"some names only have a wrapper's word: {list_names(some)}", whole
    return None


def _shard(misfit: Misfit) -> Cause | None:
    found = _SHARD.search(misfit.title)
    if found is None or misfit.unexpected or int(found[2]) < 2:
        return None
    return (
        f"it is shard {int(found[1])} of {int(found[2])}",
        "give the folder that holds all shards and their index (`checkpoint: FOLDER`)",
    )


def _shared(misfit: Misfit) -> Cause | None:
    """Find tensors that the file left out because they were shared, and the model has apart."""
    twins = [f"{name} (of {misfit.twins[name]})" for name in misfit.missing if name in misfit.twins]
    if not twins:
        return None
    return (
        (
            "it leaves out tensors that were shared where it was saved, and the model does not "
            f"share them: {list_names(twins)}"
        ),
        (
            "let the factory share them as the training did, or save every name: "
            "torch.save(model.state_dict(), 'weights.pt')"
        ),
    )


def _headless(misfit: Misfit) -> Cause | None:
    """Find a backbone: all of the model but its head, or but the name of its head."""
    head = _head(misfit.model)
    if not head or not misfit.missing or not {*misfit.missing} >= {*head}:
        return None
    if {*misfit.missing} != {*head} or len(head) == len(misfit.model):
        return None
    shapes = [misfit.model[name].shape for name in head]
    if misfit.unexpected and [misfit.named[name].shape for name in misfit.unexpected] == shapes:
        return (
            f"its head has another name: {list_names(misfit.unexpected)} for {list_names(head)}",
            "let the factory name the head as the training did",
        )
    if misfit.unexpected:
        return None
    return (
        "it holds a backbone without the head that gives the classes",
        "give the checkpoint of the whole classifier, saved after its head was trained",
    )


def _head(model: Mapping[str, Expected]) -> list[str]:
    """Return the names of the last layer that has a matrix: all that lies in its module."""
    matrices = [name for name, each in model.items() if len(each.shape or ()) >= 2]
    if not matrices or "." not in matrices[-1]:
        return []
    module = matrices[-1].rpartition(".")[0] + "."
    return [name for name in model if name.startswith(module)]


def _of_another_depth(misfit: Misfit) -> Cause | None:
    """Find blocks with numbers that one side lacks, where nothing else differs."""
    missing, unexpected = misfit.missing, misfit.unexpected
    if bool(missing) == bool(unexpected):
        return None
    places = {place for place in map(_numbered, missing or unexpected) if place}
    if not all(map(_numbered, missing or unexpected)):
        return None
    counts = []
    for place in sorted(places):
        theirs, ours = _numbers(place, misfit.named), _numbers(place, misfit.model)
        if not (theirs and ours and (theirs < ours or ours < theirs)):
            return None
        counts.append(f"`{plain(place)}` has {len(theirs)} in the checkpoint, {len(ours)} here")
    return (
        f"another depth: {'; '.join(counts)}",
        "give the depth that was trained under `kwargs:` of `model:`, or in the factory",
    )


def _numbered(name: str) -> str:
    """Return the path before the first number in a name; empty without one."""
    found = re.search(r"(?:^|\.)(\d+)\.", name)
    return name[: found.start(1)] if found else ""


def _numbers(place: str, names: Collection[str]) -> set[str]:
    inner = (name[len(place) :].partition(".")[0] for name in names if name.startswith(place))
    return {number for number in inner if number.isdigit()}


def _other_names(misfit: Misfit) -> Cause | None:
    """Find the shapes of the model, in its order, under other names."""
    theirs = {name: each.shape for name, each in misfit.named.items() if not is_counter(name)}
    ours = {name: each.shape for name, each in misfit.model.items() if not is_counter(name)}
    if not misfit.missing or [*theirs.values()] != [*ours.values()]:
        return None
    pairs = [f"{name} for {own}" for name, own in zip(theirs, ours, strict=True) if name != own]
    return (
        f"it has the model's shapes in the model's order under other names: {list_names(pairs, 3)}",
        "if they are the same layers, name them in the factory as the checkpoint does",
    )


def _of_another_architecture(misfit: Misfit) -> Cause | None:
    common = [name for name in misfit.named if name in misfit.model]
    if not misfit.missing or not misfit.unexpected or 2 * len(common) > len(misfit.model):
        return None
    front = common_prefix(list(misfit.names))
    under = f" (all under `{plain(front)}`)" if front else ""
    said = f"{len(common):,} of its {len(misfit.named):,} names{under} are the model's"
    return (
        said if common else "",
        "it was made by another architecture: check `factory` and its `kwargs`",
    )


_CAUSES: tuple[Callable[[Misfit], Cause | None], ...] = (
    _adapter,
    _quantised,
    _pruned,
    _normed,
    _of_another_depth,
    _several,
    _partly_wrapped,
    _shard,
    _shared,
    _headless,
    _other_names,
    _of_another_architecture,
)
