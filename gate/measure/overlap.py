"""Which images two splits share, and which ones a split holds twice.

Digests of both sides are numbered together; then every image of b finds the first image of a with
its number, the surest kind first. An image of b is listed with one partner, its surest, and with
one more when another label contradicts its own: pairs grow with the images, never with their
product.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gate.evidence.records import (
    Fingerprints,
    Overlap,
    Pair,
    PairKind,
    Split,
    Strings,
)
from gate.measure.fingerprints import orientation_between
from gate.measure.orientations import NAMES

Indices = NDArray[np.int64]
NONE = -1  # no partner

_EXACT_BY = {PairKind.BYTES: "file", PairKind.PIXELS: "pixels", PairKind.FLIPPED: "oriented"}
_EXACT_KINDS = tuple(_EXACT_BY)
_SUREST_FIRST = {kind: place for place, kind in enumerate(PairKind)}


@dataclass(frozen=True, slots=True, eq=False)
class SplitSide:
    """One split, as a side of a comparison; a row an image."""

    split: Split
    ids: Strings  # (n,) unique
    labels: Strings  # (n,) names of classes
    fingerprints: Fingerprints  # (n,)

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class _Match:
    """Two rows of a and b that are the same picture."""

    a: int
    b: int
    kind: PairKind
    distance: float | None = None
    orientation: str | None = None


def find_overlap(a: SplitSide, b: SplitSide) -> Overlap:
    """Return which images of ``b`` are also in ``a``: exact copies.

    Exact kinds are sought from the surest on: bytes, pixels, pixels after one of eight turns. An
    image of b is listed with the partner whose id comes first; when that one has the same label and
    another exact copy has a different one, that copy is listed too. So 20,000 copies of one image
    on each side give at most 40,000 pairs; ``Overlap.exact_pairs`` has the count of all of them.
    The result depends neither on the order of the rows nor on the number of workers.
    """
    matches, exact_pairs = _exact_matches(a, b)
    return Overlap(
        split_a=a.split,
        split_b=b.split,
        pairs=_pairs(a, b, matches),
        compared=_EXACT_KINDS,
        images_a=len(a),
        images_b=len(b),
        exact_pairs=exact_pairs,
        identical=_same_files(a, b),
    )


def find_duplicates(side: SplitSide) -> Overlap:
    """Return which images ``side`` holds more than once.

    Of m copies the one whose id comes first stays, and each of the m - 1 others is ``b`` of a pair
    with it: the split holds as many different images as it has rows, less the distinct exact b's.
    Kinds, labels and order are those of :func:`find_overlap`.
    """
    matches, exact_pairs = _exact_matches(side, side)
    return Overlap(
        split_a=side.split,
        split_b=side.split,
        pairs=_pairs(side, side, matches),
        compared=_EXACT_KINDS,
        images_a=len(side),
        images_b=len(side),
        exact_pairs=(exact_pairs - len(side)) // 2,  # each twice, and each image with itself
    )


def leaked(overlap: Overlap) -> frozenset[str]:
    """Return the ids of split b whose picture is in split a, exactly or nearly.

    Inside one split these are the images to leave out so that every picture counts once.
    """
    return frozenset(pair.b for pair in overlap.pairs)


def _exact_matches(a: SplitSide, b: SplitSide) -> tuple[list[_Match], int]:
    """Return the exact matches to list, and how many exact pairs there are in all."""
    places_a, places_b = _places(a.ids), _places(b.ids)
    labels = _numbered(np.concatenate([a.labels, b.labels]))
    labels_a, labels_b = labels[: len(a)], labels[len(a) :]
    partners: list[tuple[PairKind, Indices, Indices]] = []
    exact_pairs = 0
    for kind, column in _EXACT_BY.items():
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
    by_id: Indices, codes_a: Indices, codes_b: Indices, labels_a: Indices, labels_b: Indices
) -> tuple[Indices, Indices]:
    """Return, for each row of b, the first row of a with its code, and the first of another label.

    ``by_id`` has the rows of a in the order of their ids; where there is none, the row is NONE.
    """
    codes = int(max(codes_a.max(initial=-1), codes_b.max(initial=-1))) + 1
    first = _first_of_each(codes, codes_a, by_id)
    differs = labels_a != labels_a[first[codes_a]]
    second = _first_of_each(codes, codes_a, by_id[differs[by_id]])
    partner, deputy = first[codes_b], second[codes_b]
    conflicting = (partner != NONE) & (labels_a[partner] != labels_b) if len(labels_a) else False
    return partner, np.where(conflicting, partner, deputy)


def _first_of_each(codes: int, codes_a: Indices, rows: Indices) -> Indices:
    """Return, for each code, the first of ``rows`` that has it, or NONE."""
    first = np.full(codes, NONE, np.int64)
    present, places = np.unique(codes_a[rows], return_index=True)
    first[present] = rows[places]
    return first


def _exact_match(a: SplitSide, b: SplitSide, row_a: int, row_b: int, kind: PairKind) -> _Match:
    if kind is not PairKind.FLIPPED:
        return _Match(row_a, row_b, kind)
    orientation = orientation_between(
        a.fingerprints.pixels[row_a].tobytes(),
        b.fingerprints.pixels[row_b].tobytes(),
        b.fingerprints.oriented[row_b].tobytes(),
    )
    return _Match(row_a, row_b, kind, orientation=NAMES[orientation])


def _same_files(a: SplitSide, b: SplitSide) -> bool:
    """Return whether both sides hold the same files, however named, as often."""
    codes_a, codes_b = _joint_codes(a, b, "file")
    return len(a) > 0 and np.array_equal(np.sort(codes_a), np.sort(codes_b))


def _joint_codes(a: SplitSide, b: SplitSide, column: str) -> tuple[Indices, Indices]:
    """Return integers, below the number of rows of both, that are equal where digests are."""
    digests = np.concatenate([getattr(a.fingerprints, column), getattr(b.fingerprints, column)])
    words = np.ascontiguousarray(digests).view(np.uint64)
    order = np.argsort(words[:, 0], kind="stable")
    ordered = words[order]
    same = ordered[1:] == ordered[:-1]
    if (same[:, 0] & ~same.all(axis=1)).any():  # never by chance: two digests share 64 bits
        order = np.lexsort(words.T)
        ordered = words[order]
        same = ordered[1:] == ordered[:-1]
    codes = np.zeros(len(words), np.int64)
    codes[order[1:]] = np.cumsum(~same.all(axis=1))
    return codes[: len(a)], codes[len(a) :]


def _places(ids: Strings) -> Indices:
    """Return the place of each id in their sorted order."""
    places = np.empty(len(ids), np.int64)
    places[np.argsort(ids, kind="stable")] = np.arange(len(ids))
    return places


def _numbered(names: Strings) -> Indices:
    """Return integers that are equal where the names are."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], np.int64)


def _pairs(a: SplitSide, b: SplitSide, matches: Iterable[_Match]) -> tuple[Pair, ...]:
    """Return the matches by their ids and labels, the surest kind first, then by ids."""
    pairs = [
        Pair(
            a=a.ids[match.a],
            b=b.ids[match.b],
            split_a=a.split,
            split_b=b.split,
            label_a=a.labels[match.a],
            label_b=b.labels[match.b],
            kind=match.kind,
            distance=match.distance,
            orientation=match.orientation,
        )
        for match in matches
    ]
    return tuple(sorted(pairs, key=lambda pair: (_SUREST_FIRST[pair.kind], pair.a, pair.b)))
