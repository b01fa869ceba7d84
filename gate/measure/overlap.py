"""Which images two splits share, and which ones a split holds twice.

Exact copies are found first; then the rest of b is compared by how it looks. An image of b is
listed with one partner, its surest, and with one more when another label contradicts its own: pairs
grow with the images, never with their product.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from gate.evidence.records import Overlap, Pair, PairKind
from gate.measure import exact, near
from gate.measure.exact import Indices, Match, SplitSide
from gate.measure.orientations import NAMES, inverse

__all__ = ["SplitSide", "find_duplicates", "find_overlap", "leaked"]

_EXACT_KINDS = tuple(exact.KINDS)
_ALL_KINDS = (*_EXACT_KINDS, PairKind.NEAR)
_SUREST_FIRST = {kind: place for place, kind in enumerate(PairKind)}


def find_overlap(a: SplitSide, b: SplitSide, *, exact_only: bool = False) -> Overlap:
    """Return which images of ``b`` are also in ``a``: exact copies, then near ones among the rest.

    Exact kinds are sought from the surest on: bytes, pixels, pixels after one of eight turns. An
    image of b is listed with the partner whose id comes first; when that one has the same label and
    another exact copy has a different one, that copy is listed too. So 20,000 copies of one image
    on each side give at most 40,000 pairs; ``Overlap.exact_pairs`` has the count of all of them.
    The result depends neither on the order of the rows nor on the number of workers.
    """
    copies, exact_pairs = exact.exact_matches(a, b)
    copied = {match.b for match in copies}
    rest = np.array([row for row in range(len(b)) if row not in copied], np.int64)
    like = [] if exact_only else _near_matches(a, b, rest)
    return Overlap(
        split_a=a.split,
        split_b=b.split,
        pairs=_pairs(a, b, [*copies, *like]),
        compared=_EXACT_KINDS if exact_only else _ALL_KINDS,
        featureless=_featureless(a) + _featureless(b),
        images_a=len(a),
        images_b=len(b),
        exact_pairs=exact_pairs,
        identical=exact.same_files(a, b),
    )


def find_duplicates(side: SplitSide, *, exact_only: bool = False) -> Overlap:
    """Return which images ``side`` holds more than once.

    Of m copies the one whose id comes first stays, and each of the m - 1 others is ``b`` of a pair
    with it: the split holds as many different images as it has rows, less the distinct exact b's.
    Near copies are sought among those that stay; the one whose id comes later is ``b``.
    Kinds, labels and order are those of :func:`find_overlap`.
    """
    copies, exact_pairs = exact.exact_matches(side, side)
    copied = {match.b for match in copies}
    kept = np.array([row for row in range(len(side)) if row not in copied], np.int64)
    like = [] if exact_only else _near_duplicates(side, kept)
    return Overlap(
        split_a=side.split,
        split_b=side.split,
        pairs=_pairs(side, side, [*copies, *like]),
        compared=_EXACT_KINDS if exact_only else _ALL_KINDS,
        featureless=_featureless(side),
        images_a=len(side),
        images_b=len(side),
        exact_pairs=(exact_pairs - len(side)) // 2,  # each twice, and each image with itself
    )


def leaked(overlap: Overlap) -> frozenset[str]:
    """Return the ids of split b whose picture is in split a, exactly or nearly.

    Inside one split these are the images to leave out so that every picture counts once.
    """
    return frozenset(pair.b for pair in overlap.pairs)


def _near_matches(a: SplitSide, b: SplitSide, rows_b: Indices) -> list[Match]:
    """Return the near copies in ``a`` of some rows of ``b``."""
    rows_a = _by_id(a, np.arange(len(a)))
    firsts_a, hashes_a, _ = _distinct(a, rows_a)
    rows_b = rows_b[~b.fingerprints.featureless[rows_b]]
    _, hashes_b, places = _distinct(b, rows_b)
    found = near.near_copies(hashes_a, hashes_b)
    return [
        _near_match(int(firsts_a[found.row[place]]), row, found, place)
        for row, place in zip(rows_b.tolist(), places.tolist(), strict=True)
        if found.row[place] != near.NONE
    ]


def _near_duplicates(side: SplitSide, rows: Indices) -> list[Match]:
    """Return near copies among ``rows`` of one split, each pair once and the first id first."""
    rows = _by_id(side, rows)
    firsts, hashes, places = _distinct(side, rows)
    same_hash = [
        Match(int(firsts[place]), row, PairKind.NEAR, distance=0.0)
        for row, place in zip(rows.tolist(), places.tolist(), strict=True)
        if row != firsts[place]
    ]
    found = near.near_copies(hashes, hashes, same=True)
    others: dict[tuple[int, int], Match] = {}
    for place in np.flatnonzero(found.row != near.NONE).tolist():
        partner = int(found.row[place])
        orientation = int(found.orientation[place])
        earlier, later = sorted((partner, place))
        if later == partner:  # found from the side of a: the turn is the other way round
            orientation = inverse(orientation)
        others[earlier, later] = Match(
            int(firsts[earlier]),
            int(firsts[later]),
            PairKind.NEAR,
            distance=float(found.distance[place]),
            orientation=NAMES[orientation],
        )
    return [*same_hash, *others.values()]


def _near_match(row_a: int, row_b: int, found: near.Nearest, place: int) -> Match:
    return Match(
        row_a,
        row_b,
        PairKind.NEAR,
        distance=float(found.distance[place]),
        orientation=NAMES[found.orientation[place]],
    )


def _by_id(side: SplitSide, rows: Indices) -> Indices:
    """Return the rows whose hash means something, in the order of their ids."""
    rows = rows[~side.fingerprints.featureless[rows]]
    return rows[np.argsort(side.ids[rows], kind="stable")]


def _distinct(side: SplitSide, rows: Indices) -> tuple[Indices, NDArray[np.uint8], Indices]:
    """Return the first row with each hash, these hashes, and each row's place among them."""
    codes = exact.distinct_codes(side.fingerprints.near[rows])
    _, firsts, places = np.unique(codes, return_index=True, return_inverse=True)
    order = np.argsort(firsts)
    firsts = rows[firsts[order]]
    return firsts, side.fingerprints.near[firsts], np.argsort(order)[places]


def _featureless(side: SplitSide) -> int:
    return int(np.count_nonzero(side.fingerprints.featureless))


def _pairs(a: SplitSide, b: SplitSide, matches: Iterable[Match]) -> tuple[Pair, ...]:
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
