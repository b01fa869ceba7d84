"""Notes on keys: groups that join nothing, and names that look like each other."""

from collections.abc import Iterable, Iterator

from gate.evidence.records import Evidence, Rows, Split
from gate.keys import look_alikes

_SHOWN = 3  # pairs
_SPLITS = "\0"  # where a note names the splits that it is of; no name has it, as names are escaped


def key_notes(evidence: Evidence) -> list[str]:
    """Return what was assumed of classes, groups and slices, a sentence each."""
    notes = list(_alike("class names", evidence.classes))
    if all(each.rows.groups is None for each in evidence.splits.values()):
        return [*notes, *_without_groups(evidence), *_of_slices(evidence)]
    said: dict[str, list[str]] = {}  # by the note, the splits that it is of
    for split, each in evidence.splits.items():
        for note in _of_groups(split, each.rows):
            said.setdefault(note, []).append(str(split))
    notes += [note.replace(_SPLITS, " and ".join(splits)) for note, splits in said.items()]
    return [*notes, *_of_slices(evidence)]


def _without_groups(evidence: Evidence) -> list[str]:
    return ["no groups: images are taken as independent"] if evidence.splits else []


def _of_groups(split: Split, rows: Rows) -> Iterator[str]:
    """Yield what there is to say of the groups of a split; ``_SPLITS`` stands for its name."""
    if rows.groups is None:
        yield f"no groups in {_SPLITS}: its images are taken as independent"
        return
    known = [str(group) for group in rows.groups if group is not None]
    distinct = set(known)
    if len(known) < len(rows):
        missing = f"{len(rows) - len(known):,} of {len(rows):,} images of {split}"
        yield f"{missing} have no group: they are taken as independent"
    if known and len(distinct) == len(known) == len(rows):
        yield f"every image of {_SPLITS} is a group of its own, so the groups join nothing"
    elif known and len(distinct) == len(known):
        yield f"every group of {_SPLITS} is one image, so the groups join nothing"
    yield from _alike(f"groups of {split}", distinct)


def _of_slices(evidence: Evidence) -> Iterator[str]:
    for split, each in evidence.splits.items():
        for column, values in each.rows.slices.items():
            names = {str(value) for value in values.tolist() if value is not None}
            yield from _alike(f"slices of {split} by {column}", names)


def _alike(what: str, names: Iterable[str]) -> Iterator[str]:
    """Yield which of different names a reader could take for one."""
    pairs = look_alikes(names)
    if pairs:
        shown = ", ".join(f"{_visible(a)} and {_visible(b)}" for a, b in pairs[:_SHOWN])
        more = f" and {len(pairs) - _SHOWN:,} more" if len(pairs) > _SHOWN else ""
        yield f"{what} look alike and are taken as different: {shown}{more}"


def _visible(name: str) -> str:
    """Return a name as ASCII where it is not, so that look-alikes can be told from each other."""
    return repr(name) if name.isascii() else ascii(name)
