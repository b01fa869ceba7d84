"""Read the names of a file as names of the model: wrappers, prefixes and the older weight_norm.

Training tools put words into names. A wrapper (DataParallel, torch.compile, AveragedModel) has one
child and nothing else, so its word is taken away wherever every name below a place has it. A class
that holds the network puts one prefix before all names, in the file or in the model. Each step
keeps different names different; none looks at shapes or numbers.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

WRAPPERS = frozenset({"module", "_orig_mod"})
# What training wrappers put before every name: DDP, torch.compile, Lightning's own module.
_PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "network.")
_LONGEST = 1 << 20  # characters of all names; a ResNet-152 has 40,000
_MOST_PARTS = 32  # of a name, between its dots
_DEEPEST = 8  # prefixes and wrappers; more are no wrappers, and each costs a look at every name
_PARAMETRIZED = re.compile(r"((?:.*\.)?)parametrizations\.([^.]+)\.original([01])", re.DOTALL)
_LOSSES = frozenset({"criterion", "loss_fn", "loss"})
# Counters that averages keep beside the model: torch's AveragedModel, and ema_pytorch.
_AVERAGES = frozenset({"n_averaged", "initted", "step"})
COUNTER = "num_batches_tracked"  # of batch normalisation; not used when a model is evaluated


def readings(theirs: Sequence[str], ours: Sequence[str]) -> Iterator[Mapping[str, str]]:
    """Yield what the names of a file can mean: for each of them, a name of the model or its like.

    The names as they stand come first. Every reading keeps different names different.
    """
    yield {name: name for name in theirs}
    bare, model = unwrapped(theirs), unwrapped(ours)
    named = {short: name for name, short in model.items()}
    for plain_names in (bare, _as_older_norm(bare, named)):
        for taken in prefixes(list(plain_names.values())):
            rests = {name: short.removeprefix(taken) for name, short in plain_names.items()}
            for added in prefixes(list(model.values())):
                yield {name: named.get(added + rest, added + rest) for name, rest in rests.items()}


def unwrapped(names: Sequence[str]) -> dict[str, str]:
    """Return each name without the words of wrappers in it, which may stand in its middle.

    A word is a wrapper's where every name below its place has it: a wrapper holds nothing beside.
    Names that are longer than those of any network, each or together, stay as they are.

    >>> unwrapped(["backbone._orig_mod.0.weight", "head.weight"])
    {'backbone._orig_mod.0.weight': 'backbone.0.weight', 'head.weight': 'head.weight'}
    """
    found = {name: name for name in names}
    for _ in range(_DEEPEST if are_usual(names) else 0):
        wrappers = _wrappers(list(found.values()))
        if not wrappers:
            break
        found = {name: _without(short, wrappers) for name, short in found.items()}
    return found


def are_usual(names: Collection[str]) -> bool:
    """Return whether names are no longer, each and together, than those of any network."""
    if sum(map(len, names)) > _LONGEST:
        return False
    return all(name.count(".") < _MOST_PARTS for name in names)


def prefixes(names: Sequence[str]) -> list[str]:
    """Return what can be taken from the front of every name: nothing, one part, two, and so on.

    >>> prefixes(["model.net.conv.weight", "model.net.fc.bias"])
    ['', 'model.', 'model.net.']
    """
    found, rest = [""], common_prefix(names)
    while rest and len(found) <= _DEEPEST:
        part, _, rest = rest.partition(".")
        found.append(f"{found[-1]}{part}.")
    return found


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
    for _ in range(_DEEPEST):
        prefix += next((each for each in _PREFIXES if shared.startswith(prefix + each)), "")
    return prefix


def is_spare(name: str, elements: int) -> bool:
    """Return whether a tensor is no part of a model: of a loss, or a counter beside an average.

    >>> is_spare("module.criterion.weight", 10), is_spare("n_averaged", 1), is_spare("fc.bias", 1)
    (True, True, False)
    """
    parts = bare_of(name).split(".")
    if parts[-1] in _AVERAGES:
        return elements == 1
    return parts[0] in _LOSSES and len(parts) > 1


def bare_of(name: str) -> str:
    """Return a name without any word that a wrapper may have put into it."""
    if not any(word in name for word in WRAPPERS):
        return name
    return ".".join(part for part in name.split(".") if part not in WRAPPERS)


def versions_by(reading: Mapping[str, str], versions: Mapping[str, int]) -> Mapping[str, int]:
    """Return the versions of modules by their names in the model, as a reading moves tensors.

    Of a wrapper and what it wraps, the version is that of the inner one.
    """
    if all(name == ours for name, ours in reading.items()):
        return versions
    found: dict[str, int] = {}
    seen: set[tuple[str, str]] = set()
    for name, ours in reading.items():
        older = name if name.rpartition(".")[2] == ours.rpartition(".")[2] else _older(name)
        pair = (_parent(older), _parent(ours))
        while pair not in seen:
            seen.add(pair)
            theirs, mine = pair
            if theirs in versions:
                found.setdefault(mine, versions[theirs])
            last, same = theirs.rpartition(".")[2], mine.rpartition(".")[2]
            if last in WRAPPERS and last != same:
                pair = (_parent(theirs), mine)
            elif last == same:
                pair = (_parent(theirs), _parent(mine))
    return found


def _wrappers(names: Collection[str]) -> set[str]:
    """Return the paths, dot included, of the words of wrappers."""
    paths = {
        ".".join(parts[: place + 1]) + "."
        for parts in (name.split(".") for name in names)
        for place, part in enumerate(parts[:-1])
        if part in WRAPPERS
    }
    above: dict[str, set[str]] = {}
    for path in paths:
        above.setdefault(path[: path.rfind(".", 0, -1) + 1], set()).add(path)
    lone = {place: children.pop() for place, children in above.items() if len(children) == 1}
    for name in names:
        for place in _places(name, lone):
            if not name.startswith(lone[place]):
                del lone[place]
    return set(lone.values())


def _places(name: str, above: Collection[str]) -> list[str]:
    ends = [0, *(place + 1 for place, letter in enumerate(name) if letter == ".")]
    return [name[:end] for end in ends if name[:end] in above]


def _without(name: str, wrappers: Collection[str]) -> str:
    path = next(iter(_places(name, wrappers)), None)
    if path is None:
        return name
    return path[: path.rfind(".", 0, -1) + 1] + name[len(path) :]


def _as_older_norm(bare: Mapping[str, str], model: Mapping[str, str]) -> Mapping[str, str]:
    """Return the names of weight_norm as it was before it was a parametrisation: same numbers.

    As they stand where the model has no such name, and where two would become one.
    """
    older = {name: _older(short) for name, short in bare.items()}
    is_wanted = any(name.endswith("_g") for name in model)
    return older if is_wanted and len({*older.values()}) == len(older) else bare


def _older(name: str) -> str:
    found = _PARAMETRIZED.fullmatch(name)
    return f"{found[1]}{found[2]}_{'gv'[int(found[3])]}" if found else name


def _parent(name: str) -> str:
    return name.rpartition(".")[0]
