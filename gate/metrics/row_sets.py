"""Which rows a rule is judged on: those as given, and those without leaked and repeated images.

The model's owner decides which image stands in which split, and how often. So that nothing that is
left out of a metric can help it, and nothing that is repeated either, a rule is asked on each of
these sets of rows and has to hold on all of them (intersection-union test, Berger 1982):

- *as given*: every row that was measured. It can keep a rule from passing; where images are
  repeated it proves no failure, as a copy is no second observation.
- *as given, each image by itself*: the same without groups, for groups that were dealt after the
  answers were known can narrow a bound. It too can only keep from passing.
- *as given, copies as one observation*: the same rows; exact copies inside the split, and whatever
  shares a group with one of them, form one cluster.
- *each image once*: with each set of exact copies once, leaked or not; and *each image once and by
  itself*, without groups again, which can only keep from passing.
- *without leaked and repeated images*: the same without the images that an earlier split has.

A set of copies counts as right only if all of them are right: it is kept by its wrong copies, one
for each label and slice, else by the copy whose id comes first. Copies in several slices, all of
them right, are kept in none: whoever lists an image again adds to no slice.

Sets that do not differ are judged once.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from gate.evidence.records import EXACT, Baseline, Evidence, Overlap, Rows, Split, Strings
from gate.metrics import tables

Mask = NDArray[np.bool_]


class RowSet(StrEnum):
    """A set of the rows of a split, by the words that reports use for it."""

    GIVEN = "as given"
    APART = "as given, each image by itself"
    JOINED = "as given, copies as one observation"
    ONCE = "each image once"
    SINGLE = "each image once and by itself"
    CLEAN = "without leaked and repeated images"


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """The evidence with one set of rows for each split."""

    evidence: Evidence
    sets: Mapping[Split, RowSet]
    only_withholds: bool  # it can keep a rule from passing, and proves no failure


def views_of(evidence: Evidence, compared: Collection[str] = ()) -> tuple[View, ...]:
    """Return the evidence as a rule is asked on it, as given first.

    All splits change together. For a rule that compares some splits, ``compared``, each combination
    of their sets is a view of its own, and the other splits stay as given.
    """
    found = {
        split: row_sets(evidence, split, either_way=bool(compared)) for split in evidence.splits
    }
    if compared:
        choices = product(
            *(list(sets) if split in compared else [RowSet.GIVEN] for split, sets in found.items())
        )
        chosen = [dict(zip(found, each, strict=True)) for each in choices]
    else:
        chosen = [
            {split: _nearest(wanted, sets) for split, sets in found.items()}
            for wanted in RowSet
            if wanted is RowSet.GIVEN or any(wanted in sets for sets in found.values())
        ]
    return tuple(_view(evidence, sets, found) for sets in chosen)


@lru_cache(maxsize=6)  # two a split: the decision and the report ask for the same
def row_sets(
    evidence: Evidence, split: Split, *, either_way: bool = False
) -> Mapping[RowSet, Rows]:
    """Return the sets of rows of a split that differ from each other, as given first.

    An image has leaked into the later of two splits that share it (train, validation, test); with
    ``either_way``, where a rule compares the splits, it spoils the earlier one too.

    Raises KeyError for a split that was not measured.
    """
    rows = evidence.splits[split].rows
    shared = _shared(evidence, split, either_way=either_way)
    copies = _copies(evidence, split)
    found = {RowSet.GIVEN: rows}
    if tables.has_clusters(rows):
        found[RowSet.APART] = rows.with_groups(rows.ids)
    if not shared and not copies:
        return found
    leaked = np.fromiter((name in shared for name in rows.ids), dtype=bool, count=len(rows))
    if not copies:
        return {**found, RowSet.CLEAN: rows.where(~leaked)}
    place = {name: index for index, name in enumerate(rows.ids)}
    sets = [[place[name] for name in each if name in place] for each in copies]
    repeated = np.zeros(len(rows), dtype=bool)
    for each in sets:
        leaked[each] = leaked[each].any()
        repeated[each] = True
        repeated[_kept(rows, each)] = False
    joined = rows.with_groups(_clusters(rows, sets, split))
    found[RowSet.JOINED] = joined
    once = joined.where(~repeated)
    if leaked.any():
        found[RowSet.ONCE] = once
    if tables.has_clusters(once):
        found[RowSet.SINGLE] = once.with_groups(once.ids)
    return {**found, RowSet.CLEAN: joined.where(~(leaked | repeated))}


def clean_rows(evidence: Evidence, split: Split) -> Rows | None:
    """Return the rows of a split without leaked and repeated images; None if not measured."""
    if split not in evidence.splits:
        return None
    sets = row_sets(evidence, split)
    return sets.get(RowSet.CLEAN, sets[RowSet.GIVEN])


def excluded_rows(evidence: Evidence, split: Split) -> Mask:
    """Return which rows of a split, (n,), are leaked or repeated and not among the clean ones."""
    rows = evidence.splits[split].rows
    clean = clean_rows(evidence, split)
    if clean is None or len(clean) == len(rows):
        return np.zeros(len(rows), dtype=bool)
    kept = set(clean.ids)
    return np.fromiter((name not in kept for name in rows.ids), dtype=bool, count=len(rows))


def _nearest(wanted: RowSet, sets: Mapping[RowSet, Rows]) -> RowSet:
    """Return the wanted set, or the one that it is equal to in a split that has no such set."""
    if wanted in sets:
        return wanted
    is_single = wanted in (RowSet.ONCE, RowSet.SINGLE)
    return RowSet.CLEAN if is_single and RowSet.JOINED in sets else RowSet.GIVEN


def _view(
    evidence: Evidence, sets: Mapping[Split, RowSet], found: Mapping[Split, Mapping[RowSet, Rows]]
) -> View:
    splits = {
        split: measured
        if sets[split] is RowSet.GIVEN
        else replace(measured, rows=found[split][sets[split]], given=measured.rows)
        for split, measured in evidence.splits.items()
    }
    changed = any(name is not RowSet.GIVEN for name in sets.values())
    champion = evidence.baseline and _champion(evidence.baseline, sets, found)
    return View(
        replace(evidence, splits=splits, baseline=champion) if changed else evidence,
        sets,
        any(
            name in (RowSet.APART, RowSet.SINGLE)
            or (name is RowSet.GIVEN and RowSet.JOINED in found[split])
            for split, name in sets.items()
        ),
    )


def _champion(
    champion: Baseline, sets: Mapping[Split, RowSet], found: Mapping[Split, Mapping[RowSet, Rows]]
) -> Baseline:
    """Return the champion's answers to the images of the sets."""
    rows = dict(champion.rows)
    for split, name in sets.items():
        if name in (RowSet.ONCE, RowSet.SINGLE, RowSet.CLEAN) and split in rows:
            dropped = set(found[split][RowSet.GIVEN].ids) - set(found[split][name].ids)
            before = rows[split]
            kept = (each not in dropped for each in before.ids)
            rows[split] = before.where(np.fromiter(kept, dtype=bool, count=len(before)))
    return replace(champion, rows=rows)


def _shared(evidence: Evidence, split: Split, *, either_way: bool) -> set[str]:
    """Return the ids of the images of a split that an earlier one has too, or any other."""
    between = [each for each in evidence.overlaps if each.split_a is not each.split_b]
    later = {pair.b for each in between for pair in each.pairs if pair.split_b is split}
    if not either_way:
        return later
    return later | {pair.a for each in between for pair in each.pairs if pair.split_a is split}


def _copies(evidence: Evidence, split: Split) -> list[list[str]]:
    """Return the sets of ids of a split that are exact copies of each other."""
    inside = (each for each in evidence.overlaps if each.split_a is each.split_b is split)
    pairs = [pair for overlap in inside for pair in _exact(overlap)]
    return _components(pairs)


def _exact(overlap: Overlap) -> Iterator[tuple[str, str]]:
    for pair in overlap.pairs:
        if pair.kind in EXACT and pair.a != pair.b:
            yield pair.a, pair.b


def _kept(rows: Rows, copies: Sequence[int]) -> list[int]:
    """Return which of some copies stand for all of them."""
    in_order = sorted(copies, key=lambda at: str(rows.ids[at]))
    wrong = [at for at in in_order if rows.labels[at] != rows.predictions[at]]
    first: dict[tuple[object, ...], int] = {}
    for at in wrong or in_order:
        first.setdefault(_label_and_slices(rows, at), at)
    return list(first.values()) if wrong or len(first) == 1 else []


def _label_and_slices(rows: Rows, at: int) -> tuple[object, ...]:
    return rows.labels[at], *(column[at] for column in rows.slices.values())


def _clusters(rows: Rows, copies: Sequence[Sequence[int]], split: Split) -> Strings:
    """Return the name of the cluster of each row, (n,): its group, joined through copies.

    None for a row that has no group and no copy. Without a group the name tells the split, so that
    it is never taken for a group that two splits share.
    """
    names: Strings = np.full(len(rows), None, object) if rows.groups is None else rows.groups.copy()
    for each in copies:
        own = f"copies of {rows.ids[min(each, key=lambda at: str(rows.ids[at]))]} in {split}"
        for at in each:
            names[at] = own if names[at] is None else names[at]
    joined = _components(
        [(str(names[each[0]]), str(names[at])) for each in copies for at in each[1:]]
    )
    first = {name: min(component) for component in joined for name in component}
    if first:
        names[:] = [first.get(name, name) for name in names]
    return names


def _components(links: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Return the sets of names that ``links`` connect, each sorted, by union and find."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        parent.setdefault(name, name)
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for a, b in links:
        parent[root(b)] = root(a)
    members: dict[str, list[str]] = {}
    for name in sorted(parent):
        members.setdefault(root(name), []).append(name)
    return list(members.values())
