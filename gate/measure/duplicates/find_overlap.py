"""A search finds the images that two splits share, or that one split holds twice.

Exact copies are found first; then the rest of b is compared by how it looks. An image of b is
listed with one partner, its surest, and with one more when another label contradicts its own: pairs
grow with the images, never with their product.
"""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from gate.evidence.records import OF_IMAGES, Overlap, Pair, PairKind
from gate.measure.duplicates import coarse_candidates, exact_copies, visual_copies
from gate.measure.duplicates.aligned_copies import is_quick
from gate.measure.duplicates.exact_copies import FingerprintedSplit, Indices, Match
from gate.measure.fingerprints.orientations import NAMES

__all__ = ["FingerprintedSplit", "find_duplicates", "find_overlap", "with_described"]

_EXACT_KINDS = tuple(exact_copies.KINDS)
_SUREST_FIRST = {kind: place for place, kind in enumerate(PairKind)}


def find_overlap(
    a: FingerprintedSplit,
    b: FingerprintedSplit,
    *,
    exact_only: bool = False,
    thorough: bool = False,
) -> Overlap:
    """Return which images of ``b`` are also in ``a``: exact copies, then near ones among the rest.

    Exact kinds are sought from the surest on: bytes, pixels, pixels after one of eight turns. An
    image of b is listed with the partner whose id comes first; when that one has the same label and
    another exact copy has a different one, that copy is listed too. So 20,000 copies of one image
    on each side give at most 40,000 pairs; ``Overlap.exact_pairs`` has the count of all of them.

    Near copies are sought by hash among images that are no exact copies, and edited ones among
    those that are no near copies either; ``Overlap.review`` lists images that may be edited copies,
    and that only a person can judge. Edits are not sought among images below 64 pixels, nor in
    splits so large that it would take hours; ``Overlap.compared`` names what was. Photographs that
    were turned, moved or cropped are sought too where that takes minutes, and with ``thorough``
    wherever edits are sought; ``Overlap.turned`` says whether they were. What looks like so many of
    ``a`` that no copy can be told, as frames of one video do, is counted: ``Overlap.look_alikes``.

    The result depends neither on the order of the rows nor on the number of workers.
    """
    found, exact_pairs = exact_copies.exact_matches(a, b)
    kinds = _EXACT_KINDS if exact_only else _kinds(a, b)
    near: list[Match] = []
    sure: list[Match] = []
    unsure: list[Match] = []
    alike: list[Indices] = []
    turned = PairKind.EDITED in kinds and (thorough or is_quick(len(a), len(b)))
    if PairKind.NEAR in kinds:
        rows_a = visual_copies.by_id(a, np.arange(len(a)))
        near, crowded = visual_copies.near_matches(a, b, rows_a, _unmatched(b, found))
        near, edges = visual_copies.told_apart(a, b, rows_a, near)
        alike += [crowded, edges]
    if PairKind.EDITED in kinds:
        rest = _unmatched(b, [*found, *near])
        edited = visual_copies.edited_matches(a, b, rows_a, rest, turned=turned)
        (sure, edges), (unsure, _) = (
            visual_copies.told_apart(a, b, rows_a, matches) for matches in edited
        )
        alike.append(edges)
    return Overlap(
        split_a=a.split,
        split_b=b.split,
        pairs=_pairs(a, b, [*found, *near, *sure]),
        compared=kinds,
        featureless=_featureless(a) + _featureless(b),
        images_a=len(a),
        images_b=len(b),
        exact_pairs=exact_pairs,
        identical=exact_copies.same_files(a, b),
        review=_pairs(a, b, unsure),
        turned=turned,
        look_alikes=_count_left(alike, [*found, *near, *sure]),
    )


def find_duplicates(
    side: FingerprintedSplit, *, exact_only: bool = False, thorough: bool = False
) -> Overlap:
    """Return which images ``side`` holds more than once.

    Of m copies the one whose id comes first stays, and each of the m - 1 others is ``b`` of a pair
    with it: the split holds as many different images as it has rows, less the distinct exact b's.
    Near and edited copies are sought among those that stay; of a pair the later id is ``b``.
    Kinds, labels and order are those of :func:`find_overlap`.
    """
    found, exact_pairs = exact_copies.exact_matches(side, side)
    kinds = _EXACT_KINDS if exact_only else _kinds(side, side)
    near: list[Match] = []
    sure: list[Match] = []
    unsure: list[Match] = []
    alike: list[Indices] = []
    turned = PairKind.EDITED in kinds and (thorough or is_quick(len(side), len(side)))
    if PairKind.NEAR in kinds:
        rows = _unmatched(side, found)
        near, crowded = visual_copies.near_duplicates(side, rows)
        near, edges = visual_copies.told_apart(side, side, rows, near)
        alike += [crowded, edges]
    if PairKind.EDITED in kinds:
        rest = _unmatched(side, [*found, *near])
        edited = visual_copies.edited_matches(side, side, rest, rest, turned=turned)
        (sure, edges), (unsure, _) = (
            visual_copies.told_apart(side, side, rows, visual_copies.once(side, matches))
            for matches in edited
        )
        alike.append(edges)
    return Overlap(
        split_a=side.split,
        split_b=side.split,
        pairs=_pairs(side, side, [*found, *near, *sure]),
        compared=kinds,
        featureless=_featureless(side),
        images_a=len(side),
        images_b=len(side),
        exact_pairs=(exact_pairs - len(side)) // 2,  # each twice, and each image with itself
        review=_pairs(side, side, unsure),
        turned=turned,
        look_alikes=_count_left(alike, [*found, *near, *sure]),
    )


def with_described(
    overlap: Overlap,
    a: FingerprintedSplit,
    b: FingerprintedSplit,
    matches: Iterable[Match],
    *,
    copy: float,
) -> Overlap:
    """Return the overlap with what a descriptor sees in images of b that have no partner yet.

    Up to a distance of ``copy`` a match counts as a near copy; the others are for review.
    """
    known = {pair.b for pair in overlap.pairs}
    new = [match for match in matches if b.ids[match.b] not in known]
    sure = _pairs(a, b, [match for match in new if _distance(match) <= copy])
    known |= {pair.b for pair in sure}
    review = [pair for pair in overlap.review if pair.b not in known]
    known |= {pair.b for pair in review}
    hints = [match for match in new if b.ids[match.b] not in known]
    return replace(
        overlap,
        pairs=_in_order([*overlap.pairs, *sure]),
        review=_in_order([*review, *_pairs(a, b, hints)]),
    )


def _kinds(a: FingerprintedSplit, b: FingerprintedSplit) -> tuple[PairKind, ...]:
    """Return the kinds that can be sought between two sides."""
    thumbnails = a.fingerprints.thumbnails is not None and b.fingerprints.thumbnails is not None
    feasible = len(a) * len(b) <= coarse_candidates.MOST_PAIRS
    return OF_IMAGES if thumbnails and feasible else (*_EXACT_KINDS, PairKind.NEAR)


def _unmatched(b: FingerprintedSplit, found: Iterable[Match]) -> Indices:
    """Return the rows of ``b`` without a partner yet that have features, in the order of ids."""
    free = np.ones(len(b), np.bool_)
    free[[match.b for match in found]] = False
    return visual_copies.by_id(b, np.flatnonzero(free))


def _count_left(alike: Iterable[Indices], found: Iterable[Match]) -> int:
    """Return how many rows of b look like too many of a, and are not found to be copies."""
    rows = {row for some in alike for row in some.tolist()}
    return len(rows - {match.b for match in found})


def _featureless(side: FingerprintedSplit) -> int:
    return int(np.count_nonzero(side.fingerprints.featureless))


def _pairs(
    a: FingerprintedSplit, b: FingerprintedSplit, matches: Iterable[Match]
) -> tuple[Pair, ...]:
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
            orientation=NAMES[match.orientation],
            alignment=match.alignment,
        )
        for match in matches
    ]
    return _in_order(pairs)


def _in_order(pairs: Iterable[Pair]) -> tuple[Pair, ...]:
    return tuple(sorted(pairs, key=lambda pair: (_SUREST_FIRST[pair.kind], pair.a, pair.b)))


def _distance(match: Match) -> float:
    return 0.0 if match.distance is None else match.distance
