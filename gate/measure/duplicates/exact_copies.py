"""Exact copies share their bytes, their pixels, or their pixels once turned.

Digests of both sides are numbered together; then every image of b finds the first image of a with
its number, the surest kind first.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gate.evidence.records import Alignment, Fingerprints, PairKind, Split, Strings
from gate.measure.fingerprints.fingerprint import orientation_between

Indices = NDArray[np.int64]
Numbers = NDArray[np.int32]  # half the memory: many of them stand beside each other here
NONE = -1  # no partner
_AT_ONCE = 1 << 16  # rows that are compared together

KINDS = {PairKind.BYTES: "file", PairKind.PIXELS: "pixels", PairKind.FLIPPED: "oriented"}


@dataclass(frozen=True, slots=True, eq=False)
class FingerprintedSplit:
    """One split, as a side of a comparison; a row an image."""

    split: Split
    ids: Strings  # (n,) unique
    labels: Strings  # (n,) names of classes
    fingerprints: Fingerprints  # (n,)

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Match:
    """Two rows of a and b that are the same picture."""

    a: int
    b: int
    kind: PairKind
    distance: float | None = None
    orientation: int = 0  # how b is turned to become a
    alignment: Alignment | None = None


def exact_matches(a: FingerprintedSplit, b: FingerprintedSplit) -> tuple[list[Match], int]:
    """Return the exact matches to list, and how many exact pairs there are in all."""
    places_a = _places(a.ids)
    places_b = places_a if a is b else _places(b.ids)
    labels_a, labels_b = _joint_labels(a, b)
    partners: list[tuple[PairKind, Numbers, Numbers]] = []
    exact_pairs = 0
    for kind, column in KINDS.items():
        codes_a, codes_b = _joint_codes(a, b, column)
        first, other = _partners(np.argsort(places_a), codes_a, codes_b, labels_a, labels_b)
        if a is b:  # of two copies only the later one is listed, with the earlier as its partner
            for each in (first, other):
                each[places_a[each] >= places_b] = NONE
        partners.append((kind, first, other))
        # The last kind counts the pairs of the others too.
        exact_pairs = int(np.bincount(codes_a, minlength=len(a) + len(b))[codes_b].sum())
    matches = []
    for row in np.flatnonzero(partners[-1][1] != NONE).tolist():
        kind, found = next((k, int(first[row])) for k, first, _ in partners if first[row] != NONE)
        matches.append(_exact_match(a, b, found, row, kind))
        conflicts = ((k, int(other[row])) for k, _, other in partners if other[row] != NONE)
        if labels_a[found] == labels_b[row] and (conflict := next(conflicts, None)):
            matches.append(_exact_match(a, b, conflict[1], row, conflict[0]))
    return matches, exact_pairs


def _partners(
    by_id: Indices, codes_a: Numbers, codes_b: Numbers, labels_a: Numbers, labels_b: Numbers
) -> tuple[Numbers, Numbers]:
    """Return, for each row of b, the first row of a with its code, and the first of another label.

    ``by_id`` has the rows of a in the order of their ids; where there is none, the row is NONE.
    """
    codes = int(max(codes_a.max(initial=-1), codes_b.max(initial=-1))) + 1
    first = first_of_each(codes, codes_a, by_id)
    differs = labels_a != labels_a[first[codes_a]]
    second = first_of_each(codes, codes_a, by_id[differs[by_id]])
    partner, deputy = first[codes_b], second[codes_b]
    conflicting = (partner != NONE) & (labels_a[partner] != labels_b) if len(labels_a) else False
    return partner, np.where(conflicting, partner, deputy)


def first_of_each(codes: int, codes_a: Numbers, rows: Indices) -> Numbers:
    """Return, (codes,), for each code, the first of ``rows``, (m,), that has it, or NONE."""
    first = np.full(codes, NONE, np.int32)
    backwards = rows[::-1]  # of several values for one place, NumPy keeps the last
    first[codes_a[backwards]] = backwards
    return first


def _exact_match(
    a: FingerprintedSplit, b: FingerprintedSplit, row_a: int, row_b: int, kind: PairKind
) -> Match:
    if kind is not PairKind.FLIPPED:
        return Match(row_a, row_b, kind)
    orientation = orientation_between(
        a.fingerprints.pixels[row_a].tobytes(),
        b.fingerprints.pixels[row_b].tobytes(),
        b.fingerprints.oriented[row_b].tobytes(),
    )
    return Match(row_a, row_b, kind, orientation=orientation)


def same_files(a: FingerprintedSplit, b: FingerprintedSplit) -> bool:
    """Return whether both sides hold the same files, however named, as often."""
    codes_a, codes_b = _joint_codes(a, b, "file")
    return len(a) > 0 and np.array_equal(np.sort(codes_a), np.sort(codes_b))


def _joint_labels(a: FingerprintedSplit, b: FingerprintedSplit) -> tuple[Numbers, Numbers]:
    """Return integers for the labels of both sides, equal where the names are."""
    if a is b:
        numbers = _number(a.labels)
        return numbers, numbers
    numbers = _number(np.concatenate([a.labels, b.labels]))
    return numbers[: len(a)], numbers[len(a) :]


def _joint_codes(
    a: FingerprintedSplit, b: FingerprintedSplit, column: str
) -> tuple[Numbers, Numbers]:
    """Return integers for the rows of both sides, below their number, equal where digests are."""
    if a is b:
        codes = distinct_codes(getattr(a.fingerprints, column))
        return codes, codes
    digests = [getattr(side.fingerprints, column) for side in (a, b)]
    codes = distinct_codes(np.concatenate(digests))
    return codes[: len(a)], codes[len(a) :]


def distinct_codes(digests: NDArray[np.uint8]) -> Numbers:
    """Return integers below n, (n,), that are equal where digests, uint8 (n, 32), are."""
    words = np.ascontiguousarray(digests).view(np.uint64)
    order = np.argsort(words[:, 0], kind="stable")
    same_word, same = _as_the_one_before(words, order)
    if (same_word & ~same).any():  # two differ, and share their first 64 bits
        order = np.lexsort(words.T)
        _, same = _as_the_one_before(words, order)
    codes = np.empty(len(words), np.int32)
    codes[order] = np.cumsum(~same, dtype=np.int32) - 1
    return codes


def _as_the_one_before(
    words: NDArray[np.uint64], order: Indices
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return where a row's first word, and all four, are those of the row before it in ``order``.

    Rows are compared some at a time, so that they are never all copied.
    """
    first, every = np.zeros(len(order), np.bool_), np.zeros(len(order), np.bool_)
    for start in range(1, len(order), _AT_ONCE):
        rows = words[order[start - 1 : start + _AT_ONCE]]
        same = rows[1:] == rows[:-1]
        first[start : start + _AT_ONCE] = same[:, 0]
        every[start : start + _AT_ONCE] = same.all(axis=1)
    return first, every


def _places(ids: Strings) -> Numbers:
    """Return the place of each id in their sorted order."""
    places = np.empty(len(ids), np.int32)
    places[np.argsort(ids, kind="stable")] = np.arange(len(ids), dtype=np.int32)
    return places


def _number(names: Strings) -> Numbers:
    """Return integers that are equal where the names are."""
    numbers: dict[str, int] = {}
    each = (numbers.setdefault(name, len(numbers)) for name in names)
    return np.fromiter(each, np.int32, len(names))
