"""Visual copies are found by their hashes, and by their thumbnails where there are any.

Rows come in the order of their ids, so that of equally good partners the first id is taken,
wherever it stands.
"""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gate.evidence.records import PairKind, Thumbnails
from gate.measure.duplicates import coarse_candidates, edited_copies, exact_copies, near_copies
from gate.measure.duplicates.exact_copies import FingerprintedSplit, Indices, Match
from gate.measure.fingerprints.orientations import inverse

_SURE = round(1 - edited_copies.COPY, 3)
_AT_ONCE = 4096  # thumbnails, 16 MB


def near_matches(
    a: FingerprintedSplit, b: FingerprintedSplit, rows_a: Indices, rows_b: Indices
) -> list[Match]:
    """Return the near copies among ``rows_a``, of each of ``rows_b``."""
    firsts, hashes_a, _ = _distinct(a, rows_a)
    _, hashes_b, places = _distinct(b, rows_b)
    found = near_copies.near_copies(hashes_a, hashes_b)
    has = np.flatnonzero(found.row[places] != near_copies.NONE)
    some, rows_b = places[has], rows_b[has]
    return _near(
        a, b, firsts[found.row[some]], rows_b, found.distance[some], found.orientation[some]
    )


def near_duplicates(side: FingerprintedSplit, rows: Indices) -> list[Match]:
    """Return near copies among ``rows`` of one split."""
    firsts, hashes, places = _distinct(side, rows)
    later = np.flatnonzero(rows != firsts[places])
    nought = np.zeros(len(later), np.int64)
    same_hash = _near(side, side, firsts[places[later]], rows[later], nought, nought)
    found = near_copies.near_copies(hashes, hashes, same=True)
    has = np.flatnonzero(found.row != near_copies.NONE)
    others = _near(
        side, side, firsts[found.row[has]], firsts[has], found.distance[has], found.orientation[has]
    )
    return [*same_hash, *once(side, others)]


def _near(
    a: FingerprintedSplit,
    b: FingerprintedSplit,
    rows_a: Indices,
    rows_b: Indices,
    distances: Indices,
    orientations: Indices,
) -> list[Match]:
    """Return the near matches that thumbnails, where both images have one, do not contradict."""
    small_a, small_b = a.fingerprints.thumbnails, b.fingerprints.thumbnails
    sure = np.ones(len(rows_a), np.bool_)
    if small_a is not None and small_b is not None:
        for start in range(0, len(rows_a), _AT_ONCE):
            pairs = slice(start, start + _AT_ONCE)
            sure[pairs] = _has_no_contradiction(
                small_a[rows_a[pairs]], small_b[rows_b[pairs]], orientations[pairs]
            )
    return [
        Match(
            int(rows_a[pair]),
            int(rows_b[pair]),
            PairKind.NEAR,
            distance=float(distances[pair]),
            orientation=int(orientations[pair]),
        )
        for pair in np.flatnonzero(sure)
    ]


def _has_no_contradiction(
    a: NDArray[np.uint8], b: NDArray[np.uint8], orientations: Indices
) -> NDArray[np.bool_]:
    """Return which pairs of thumbnails, (n, 64, 64) each, agree; a black one says nothing."""
    agree = np.ones(len(a), np.bool_)
    both = np.flatnonzero(a.any(axis=(1, 2)) & b.any(axis=(1, 2)))
    agree[both] = coarse_candidates.surely_alike(a[both], b[both], orientations[both])
    return agree


def edited_matches(
    a: FingerprintedSplit, b: FingerprintedSplit, rows_a: Indices, rows_b: Indices
) -> list[Match]:
    """Return the edited copies, surely or perhaps, among ``rows_a``, of each of ``rows_b``."""
    assert a.fingerprints.thumbnails is not None, "edits are sought where there are thumbnails"
    assert b.fingerprints.thumbnails is not None, "edits are sought where there are thumbnails"
    if a is not b:  # copies of one picture would look like a crowd of pictures that are alike
        rows_a, _, _ = _distinct(a, rows_a[_that_show_something(a.fingerprints.thumbnails, rows_a)])
    found = edited_copies.edited_copies(
        coarse_candidates.ThumbnailView(a.fingerprints.thumbnails, rows_a),
        coarse_candidates.ThumbnailView(b.fingerprints.thumbnails, rows_b),
        same=a is b,
    )
    return [
        Match(
            int(rows_a[found.row[place]]),
            int(rows_b[place]),
            PairKind.EDITED,
            distance=round(1 - float(found.correlation[place]), 3),
        )
        for place in np.flatnonzero(found.row != edited_copies.NONE)
    ]


def _that_show_something(small: Thumbnails, rows: Indices) -> NDArray[np.bool_]:
    """Return which of the ``rows`` have a thumbnail that is not black."""
    parts = (rows[start : start + _AT_ONCE] for start in range(0, len(rows), _AT_ONCE))
    shown = [small[part].any(axis=(1, 2)) for part in parts]
    return np.concatenate([np.zeros(0, np.bool_), *shown])


def sure_and_unsure(edited: Iterable[Match]) -> tuple[list[Match], list[Match]]:
    """Return the edited copies that count, and those that only a person can judge."""
    sure: list[Match] = []
    unsure: list[Match] = []
    for match in edited:
        counts = match.distance is not None and match.distance <= _SURE
        (sure if counts else unsure).append(match)
    return sure, unsure


def once(side: FingerprintedSplit, matches: Iterable[Match]) -> list[Match]:
    """Return matches inside one split, each pair once and with the earlier id as ``a``."""
    pairs: dict[tuple[int, int], Match] = {}
    for match in matches:
        if side.ids[match.a] > side.ids[match.b]:
            turn_back = inverse(match.orientation)
            match = replace(match, a=match.b, b=match.a, orientation=turn_back)
        pairs.setdefault((match.a, match.b), match)
    return list(pairs.values())


def by_id(side: FingerprintedSplit, rows: Indices) -> Indices:
    """Return the rows, (m,), whose hash means something, in the order of their ids."""
    rows = rows[~side.fingerprints.featureless[rows]]
    return rows[np.argsort(side.ids[rows], kind="stable")]


def _distinct(
    side: FingerprintedSplit, rows: Indices
) -> tuple[Indices, NDArray[np.uint8], Indices]:
    """Return the first row with each hash, these hashes, and each row's place among them."""
    codes = exact_copies.distinct_codes(side.fingerprints.near[rows])
    many = int(codes.max(initial=-1)) + 1
    firsts = exact_copies.first_of_each(many, codes, np.arange(len(rows)))
    order = np.argsort(firsts)
    firsts_in_order = rows[firsts[order]]
    return firsts_in_order, side.fingerprints.near[firsts_in_order], np.argsort(order)[codes]
