"""Compare the layouts of a model folder: judged is what every loader takes, or nothing."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from gate.subject.checkpoints.folders import MORE, Folder, Layout, naming_all
from gate.subject.checkpoints.refusals import RefusedError, corrupt, mismatch, unsafe
from gate.subject.checkpoints.sealing import Sealed
from gate.subject.checkpoints.tensors import TensorSpec, Weights, check_count, same_numbers
from gate.wording import list_names, plain

MOST_REPEATS = 16  # of a file's bytes by tensors that share them, as tied layers do


def weights_of(folder: Folder, read: Callable[[Sealed], Weights]) -> Weights:
    """Return the weights of a folder; where it holds them several times, bit for bit the same.

    ``read`` vets one file. Raises RefusedError, with the names of all layouts where there are
    several: for one that cannot be read, and as a mismatch where two differ.
    """
    titles = [each.title for each in folder.layouts]
    vetted: dict[str, Weights] = {}
    with naming_all(titles):
        for name, sealed in folder.files.items():
            with _naming(name, alone=len(folder.files) == 1):
                vetted[name] = read(sealed)
            check_count(sum(len(each.tensors) for each in vetted.values()))
        first, *others = (_joined(each, vetted) for each in folder.layouts)
        most = MORE + MOST_REPEATS * sum(each.size for each in folder.files.values())
        for title, other in zip(titles[1:], others, strict=True):
            _check_repeats(title, other, most)
            _check_same(titles[0], first, title, other)
    if not others:
        return first
    note = (
        f"the folder holds the same tensors {len(titles)} times ({list_names(titles)}); "
        "its digest is over all of them"
    )
    return replace(first, notes=(*first.notes, note))


@contextmanager
def _naming(name: str, *, alone: bool) -> Iterator[None]:
    """Let a refusal say in which file of several it was met."""
    try:
        yield
    except RefusedError as refused:
        if alone:
            raise
        fact = f"{plain(name)}: {refused.fact}"
        raise RefusedError(refused.refusal, fact, refused.remedy) from refused


def _joined(layout: Layout, vetted: Mapping[str, Weights]) -> Weights:
    """Return the tensors of all shards, after the index was found to tell the truth."""
    parts = {name: vetted[name] for name in layout.names}
    if layout.placed is None:
        return parts[layout.title]
    tensors = tuple(spec for weights in parts.values() for spec in weights.tensors)
    others = {name: kind for each in parts.values() for name, kind in each.others.items()}
    notes = tuple(note for each in parts.values() for note in each.notes)
    versions = {name: number for each in parts.values() for name, number in each.versions.items()}
    twins = {name: kept for each in parts.values() for name, kept in each.twins.items()}
    found = {spec.name: shard for shard, each in parts.items() for spec in each.tensors}
    wrong = sorted(name for name, shard in layout.placed.items() if found.get(name) != shard)
    if wrong or len(tensors) != len(layout.placed):
        names = list_names(wrong or sorted(set(found) - set(layout.placed)))
        raise corrupt(f"the shards do not hold what the index says: {names}")
    return Weights(tensors, others, notes=notes, versions=versions, twins=twins)


def _check_same(title: str, first: Weights, title_of_other: str, other: Weights) -> None:
    """Refuse two layouts that differ in a name, a dtype, a shape or a single bit."""
    ours = {spec.name: spec for spec in first.tensors}
    theirs = {spec.name: spec for spec in other.tensors}
    names = {*ours, *first.others} ^ {*theirs, *other.others}
    if names:
        raise _differing(title, title_of_other, f"only one of them has {list_names(sorted(names))}")
    kinds = [name for name in ours | theirs if _kind(ours.get(name)) != _kind(theirs.get(name))]
    if kinds:
        raise _differing(title, title_of_other, f"{list_names(kinds)} of another kind or shape")
    for name, spec in ours.items():
        if not same_numbers(spec, theirs[name]):
            raise _differing(title, title_of_other, f"{plain(name)} has other numbers")


def _check_repeats(title: str, weights: Weights, most: int) -> None:
    """Refuse, before numbers are compared, tensors that name the bytes of a file ever again."""
    claimed = sum(spec.bytes for spec in weights.tensors)
    if claimed > most:
        raise unsafe(
            f"the tensors of {plain(title)} repeat its bytes to {claimed:,}, more than is compared",
            "keep one layout, or save each tensor with .clone()",
        )


def _kind(spec: TensorSpec | None) -> tuple[str, tuple[int, ...]] | None:
    return None if spec is None else (spec.dtype, spec.shape)


def _differing(title: str, other: str, how: str) -> RefusedError:
    return mismatch(f"{plain(title)} and {plain(other)} differ: {how}", "keep the one to deploy")
