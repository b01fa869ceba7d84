"""Visual copies are found by their hashes, and by their thumbnails where there are any.

Rows come in the order of their ids, so that of equally good partners the first id is taken,
wherever it stands.
"""

from collections.abc import Iterable
from dataclasses import replace
from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

from gate.evidence.records import Alignment, PairKind, Thumbnails
from gate.measure.duplicates import (
    aligned_copies,
    coarse_candidates,
    edited_copies,
    exact_copies,
    near_copies,
    straight_edges,
)
from gate.measure.duplicates.coarse_candidates import ThumbnailView
from gate.measure.duplicates.exact_copies import FingerprintedSplit, Indices, Match
from gate.measure.duplicates.silhouettes import show_objects
from gate.measure.duplicates.tone_agreement import tone_agreement
from gate.measure.fingerprints.orientations import inverse, turn
from gate.measure.fingerprints.sparse_looks import SparseLooks

_SURE = round(1 - edited_copies.COPY, 3)
_ALIKE = 0.35  # in place of RATIO: silhouettes of one kind are much alike
# Of pictures on plain ground, by the bits in which their hashes differ; see ``tone_agreement``.
_LEAST_LIKENESS = ((near_copies.SURE, near_copies.RADIUS), (0.96, 0.992))
_RARE = 10  # of more than one in so many images with a border, all are sought without it
_AT_ONCE = 4096  # thumbnails, 16 MB


def near_matches(
    a: FingerprintedSplit, b: FingerprintedSplit, rows_a: Indices, rows_b: Indices
) -> tuple[list[Match], Indices]:
    """Return the near copies among ``rows_a``, of each of ``rows_b``, and rows of b in a crowd.

    What is in a crowd looks like so many of a that no copy can be told. Copies are sought by what
    the images show, then without their borders, then as negatives, then as objects set upright;
    each search among those that the one before left over.
    """
    near, negatives, crowded = _across(a, b, rows_a, rows_b, _By.AS_SHOWN)
    bordered = _near_borders(a, b, rows_a, _without(rows_b, near))
    near += _across(a, b, rows_a, bordered, _By.WITHOUT_BORDER)[0]
    near += _across(a, b, rows_a, _without(negatives, near), _By.INVERTED)[0]
    rest = _objects(b, _without(rows_b, near))
    return [*near, *_across(a, b, _objects(a, rows_a), rest, _By.UPRIGHT)[0]], crowded


def near_duplicates(side: FingerprintedSplit, rows: Indices) -> tuple[list[Match], Indices]:
    """Return near copies among ``rows`` of one split, and those that are in a crowd."""
    near, negatives, crowded = _inside(side, rows, rows, _By.AS_SHOWN)
    rest = _without(rows, near)
    near += _inside(side, rest, _near_borders(side, side, rest, rest), _By.WITHOUT_BORDER)[0]
    near += _inside(side, _without(rows, near), _without(negatives, near), _By.INVERTED)[0]
    rest = _objects(side, _without(rows, near))
    return [*near, *_inside(side, rest, rest, _By.UPRIGHT)[0]], crowded


def told_apart(
    a: FingerprintedSplit, b: FingerprintedSplit, rows_a: Indices, matches: list[Match]
) -> tuple[list[Match], Indices]:
    """Return the matches that stand although many of ``rows_a`` show one straight edge or slope.

    And the rows of b of the others: such pictures agree without being copies.
    """
    small_a, small_b = a.fingerprints.thumbnails, b.fingerprints.thumbnails
    if small_a is None or small_b is None or not matches:
        return matches, np.zeros(0, np.int64)
    one_edge: list[bool] = []
    for start in range(0, len(matches), _AT_ONCE):
        some = matches[start : start + _AT_ONCE]
        shown_a = small_a[np.array([match.a for match in some], np.int64)]
        shown_b = small_b[np.array([match.b for match in some], np.int64)]
        found = straight_edges.show_one_edge(shown_a) | straight_edges.show_one_edge(shown_b)
        one_edge += found.tolist()
    if not any(one_edge) or not straight_edges.are_common(small_a, rows_a):
        return matches, np.zeros(0, np.int64)
    kept = [match for match, edge in zip(matches, one_edge, strict=True) if not edge]
    left = [match.b for match, edge in zip(matches, one_edge, strict=True) if edge]
    return kept, np.array(left, np.int64)


class _By(Enum):
    """What is compared by its hash."""

    AS_SHOWN = auto()
    WITHOUT_BORDER = auto()
    INVERTED = auto()
    UPRIGHT = auto()


def _hashes(side: FingerprintedSplit, rows: Indices, by: _By) -> NDArray[np.uint8]:
    prints = side.fingerprints
    if by is _By.UPRIGHT:
        return prints.upright[rows]
    near = prints.near[rows]
    if by is not _By.WITHOUT_BORDER:
        return near
    bare = prints.bare[rows]
    return np.where(bare.any(axis=1, keepdims=True), bare, near)


def _ratios(side: FingerprintedSplit, rows: Indices, by: _By) -> float | NDArray[np.float64]:
    """Return by how much a partner must be nearer than the 20th neighbour, of all or each, (m,)."""
    prints = side.fingerprints
    common = _ALIKE if by is _By.UPRIGHT else near_copies.RATIO
    by_look = by in (_By.AS_SHOWN, _By.INVERTED)
    if not by_look or prints.looks is None or prints.thumbnails is None:
        return common
    ratios = np.full(len(rows), common)
    ratios[_have_look(prints.looks, rows)] = _ALIKE
    return ratios


def _have_look(looks: Thumbnails, rows: Indices) -> NDArray[np.bool_]:
    if isinstance(looks, SparseLooks):
        return looks.have(rows)
    return np.asarray(looks[rows].any(axis=(1, 2)))


def _have_border(side: FingerprintedSplit, rows: Indices) -> NDArray[np.bool_]:
    return _not_black(side.fingerprints.bare)[rows]


def _near_borders(
    a: FingerprintedSplit, b: FingerprintedSplit, rows_a: Indices, rows_b: Indices
) -> Indices:
    """Return those ``rows_b`` of which a copy may differ in its border.

    Where few images have one, these are few: the others were compared as they are shown.
    """
    bordered_a, bordered_b = rows_a[_have_border(a, rows_a)], _have_border(b, rows_b)
    if len(bordered_a) * _RARE > len(rows_a):
        return rows_b
    if len(bordered_a):
        bare = a.fingerprints.bare[bordered_a]
        found = near_copies.nearest(
            bare, _hashes(b, rows_b, _By.WITHOUT_BORDER), near_copies.RADIUS
        )
        bordered_b |= found.row != near_copies.NONE
    return rows_b[bordered_b]


def _across(
    a: FingerprintedSplit, b: FingerprintedSplit, rows_a: Indices, rows_b: Indices, by: _By
) -> tuple[list[Match], Indices, Indices]:
    """Return the near copies in ``rows_a``, which may have a negative, and which are in a crowd."""
    if not len(rows_b):
        return [], rows_b, rows_b
    firsts, hashes_a, _ = _distinct(a, rows_a, by)
    firsts_b, hashes_b, places = _distinct(b, rows_b, by)
    hashes_b = ~hashes_b if by is _By.INVERTED else hashes_b
    found = near_copies.near_copies(
        hashes_a, hashes_b, ratio=_ratios(b, firsts_b, by), negatives=by is _By.AS_SHOWN
    )

    def near(row: Indices) -> list[Match]:
        has = np.flatnonzero(row[places] != near_copies.NONE)
        some, copies = places[has], rows_b[has]
        partners, distances = firsts[row[some]], found.distance[some]
        return _near(a, b, partners, copies, distances, found.orientation[some], by)

    return near(found.row), rows_b[found.has_negative[places]], _rows_of_b(near(found.crowded))


def _inside(
    side: FingerprintedSplit, rows: Indices, sought: Indices, by: _By
) -> tuple[list[Match], Indices, Indices]:
    """Return the near copies in ``rows`` of some, and which may have a negative, or a crowd."""
    if not len(sought):
        return [], sought, sought
    firsts, hashes, places = _distinct(side, rows, by)
    wanted = np.isin(rows, sought)
    later = np.flatnonzero(wanted & (rows != firsts[places]) & (by is not _By.INVERTED))
    nought = np.zeros(len(later), np.int64)
    same_hash = _near(side, side, firsts[places[later]], rows[later], nought, nought, by)
    itself = np.unique(places[wanted])
    found = near_copies.near_copies(
        hashes,
        ~hashes[itself] if by is _By.INVERTED else hashes[itself],
        itself=itself,
        ratio=_ratios(side, firsts[itself], by),
        negatives=by is _By.AS_SHOWN,
    )

    def near(row: Indices) -> list[Match]:
        has = np.flatnonzero(row != near_copies.NONE)
        rows_a, distances = firsts[row[has]], found.distance[has]
        rows_b, orientations = firsts[itself[has]], found.orientation[has]
        return _near(side, side, rows_a, rows_b, distances, orientations, by)

    negatives = rows[np.isin(places, itself[found.has_negative])]
    matches = [*same_hash, *once(side, near(found.row))]
    return matches, negatives, _rows_of_b(near(found.crowded))


def _rows_of_b(matches: Iterable[Match]) -> Indices:
    return np.array([match.b for match in matches], np.int64)


def _without(rows: Indices, found: Iterable[Match]) -> Indices:
    """Return the ``rows``, in their order, that are ``b`` of no match."""
    return rows[np.isin(rows, [match.b for match in found], invert=True)]


def _objects(side: FingerprintedSplit, rows: Indices) -> Indices:
    """Return those of the ``rows`` that show an object on plain ground."""
    return rows[_not_black(side.fingerprints.upright)[rows]]


def _not_black(hashes: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which of the hashes, (n, 32), are not zero: which images have one."""
    return np.asarray(hashes.any(axis=1))


def _near(
    a: FingerprintedSplit,
    b: FingerprintedSplit,
    rows_a: Indices,
    rows_b: Indices,
    distances: Indices,
    orientations: Indices,
    by: _By,
) -> list[Match]:
    """Return the near matches that the images' small pictures do not contradict."""
    sure: NDArray[np.bool_] = np.ones(len(rows_a), np.bool_)
    if by in (_By.AS_SHOWN, _By.INVERTED):
        inverted = by is _By.INVERTED
        for start in range(0, len(rows_a), _AT_ONCE):
            pairs = slice(start, start + _AT_ONCE)
            found = (each[pairs] for each in (rows_a, rows_b, distances, orientations))
            sure[pairs] = _have_no_contradiction(a, b, *found, inverted=inverted)
    elif by is _By.WITHOUT_BORDER:  # two without any were compared as shown
        sure = _have_border(a, rows_a) | _have_border(b, rows_b)
    if by is _By.UPRIGHT:  # how objects were turned to stand upright is not known
        orientations = np.zeros_like(orientations)
    rows_a, rows_b = rows_a[sure], rows_b[sure]
    distances, orientations = distances[sure], orientations[sure]
    return [
        Match(row_a, row_b, PairKind.NEAR, distance=float(bits), orientation=orientation)
        for row_a, row_b, bits, orientation in zip(
            rows_a.tolist(), rows_b.tolist(), distances.tolist(), orientations.tolist(), strict=True
        )
    ]


def _have_no_contradiction(
    a: FingerprintedSplit,
    b: FingerprintedSplit,
    rows_a: Indices,
    rows_b: Indices,
    distances: Indices,
    orientations: Indices,
    *,
    inverted: bool,
) -> NDArray[np.bool_]:
    """Return which pairs agree in what small pictures show; a black one says nothing.

    ``inverted``: the pictures of b are, as negatives of those of a.
    """
    agree = np.ones(len(rows_a), np.bool_)
    small_a, small_b = a.fingerprints.thumbnails, b.fingerprints.thumbnails
    if small_a is not None and small_b is not None:
        large_a, large_b = small_a[rows_a], small_b[rows_b]
        both = np.flatnonzero(large_a.any(axis=(1, 2)) & large_b.any(axis=(1, 2)))
        shown_b = 255 - large_b[both] if inverted else large_b[both]
        agree[both] = coarse_candidates.surely_alike(large_a[both], shown_b, orientations[both])
    looks_a, looks_b = a.fingerprints.looks, b.fingerprints.looks
    if looks_a is not None and looks_b is not None:
        doubtful = np.flatnonzero(distances > near_copies.SURE)
        agree[doubtful] &= _agree_in_tone(
            looks_a[rows_a[doubtful]],
            looks_b[rows_b[doubtful]],
            distances[doubtful],
            orientations[doubtful],
        )
    return agree


def _agree_in_tone(
    a: NDArray[np.uint8], b: NDArray[np.uint8], distances: Indices, orientations: Indices
) -> NDArray[np.bool_]:
    """Return which pairs of small pictures, (n, 16, 16) each, agree; a black one says nothing."""
    turned = np.empty_like(b)
    for orientation in np.unique(orientations).tolist():
        pairs = orientations == orientation
        turned[pairs] = turn(b[pairs], orientation)
    least = np.interp(distances, *_LEAST_LIKENESS)
    says_nothing = ~(a.any(axis=(1, 2)) & b.any(axis=(1, 2)))
    agree: NDArray[np.bool_] = says_nothing | (tone_agreement(a, turned) >= least)
    return agree


def edited_matches(
    a: FingerprintedSplit,
    b: FingerprintedSplit,
    rows_a: Indices,
    rows_b: Indices,
    *,
    turned: bool,
) -> tuple[list[Match], list[Match]]:
    """Return the edited copies among ``rows_a``, of each of ``rows_b``: surely, and perhaps.

    With ``turned``, photographs are sought that were turned, moved or cropped too; then, among what
    that leaves over, those that lie in place.
    """
    assert a.fingerprints.thumbnails is not None, "edits are sought where there are thumbnails"
    assert b.fingerprints.thumbnails is not None, "edits are sought where there are thumbnails"
    if a is not b:  # copies of one picture would look like a crowd of pictures that are alike
        rows_a, _, _ = _distinct(a, rows_a[_that_show_something(a.fingerprints.thumbnails, rows_a)])
    views = (
        ThumbnailView(a.fingerprints.thumbnails, rows_a),
        ThumbnailView(b.fingerprints.thumbnails, rows_b),
    )
    alike = coarse_candidates.candidates(*views, same=a is b)
    sure, unsure = _aligned(a, b, views, alike) if turned else ([], [])
    left = np.isin(rows_b[alike[1]], [match.b for match in sure], invert=True)
    found = edited_copies.edited_copies(*views, (alike[0][left], alike[1][left]))
    for place in np.flatnonzero(found.row != edited_copies.NONE):
        lack = round(1 - float(found.correlation[place]), 3)
        rows = int(rows_a[found.row[place]]), int(rows_b[place])
        (sure if lack <= _SURE else unsure).append(Match(*rows, PairKind.EDITED, distance=lack))
    return sure, _without_the_sure(sure, unsure)


def _aligned(
    a: FingerprintedSplit,
    b: FingerprintedSplit,
    views: tuple[ThumbnailView, ThumbnailView],
    alike: tuple[Indices, Indices],
) -> tuple[list[Match], list[Match]]:
    """Return the copies of photographs that are found by aligning, surely and perhaps.

    Of objects on plain ground all silhouettes of one kind would agree: those are left out.
    """
    photos = [_are_photos(view) for view in views]
    chosen_a, chosen_b = (
        ThumbnailView(view.all, view.rows[shown]) for view, shown in zip(views, photos, strict=True)
    )
    both = photos[0][alike[0]] & photos[1][alike[1]]
    places = [(np.cumsum(shown) - 1)[rows[both]] for shown, rows in zip(photos, alike, strict=True)]
    found = aligned_copies.aligned_copies(chosen_a, chosen_b, (places[0], places[1]), same=a is b)
    sure: list[Match] = []
    unsure: list[Match] = []
    for place, counts in enumerate(found.sure.tolist()):
        match = Match(
            int(chosen_a.rows[found.rows_a[place]]),
            int(chosen_b.rows[found.rows_b[place]]),
            PairKind.EDITED,
            distance=round(1 - float(found.agree[place]), 3),
            alignment=_alignment(found.ways[place], inverted=bool(found.inverted[place])),
        )
        (sure if counts else unsure).append(match)
    return sure, unsure


def _are_photos(view: ThumbnailView) -> NDArray[np.bool_]:
    """Return which of the pictures, (n,), show no object on plain ground."""
    places = np.arange(len(view.rows))
    parts = (places[start : start + _AT_ONCE] for start in range(0, len(places), _AT_ONCE))
    photos = [~show_objects(view.take(part)) for part in parts]
    return np.concatenate([np.zeros(0, np.bool_), *photos])


def _alignment(way: NDArray[np.float32], *, inverted: bool) -> Alignment:
    (a, b, c), (d, e, f) = way.astype(np.float64).round(4).tolist()
    return Alignment((a, b, c), (d, e, f), inverted)


def _without_the_sure(sure: Iterable[Match], unsure: Iterable[Match]) -> list[Match]:
    """Return the first of the ``unsure`` matches of each b that has no sure one."""
    known = {match.b for match in sure}
    first: dict[int, Match] = {}
    for match in unsure:
        if match.b not in known:
            first.setdefault(match.b, match)
    return list(first.values())


def _that_show_something(small: Thumbnails, rows: Indices) -> NDArray[np.bool_]:
    """Return which of the ``rows`` have a thumbnail that is not black."""
    parts = (rows[start : start + _AT_ONCE] for start in range(0, len(rows), _AT_ONCE))
    shown = [small[part].any(axis=(1, 2)) for part in parts]
    return np.concatenate([np.zeros(0, np.bool_), *shown])


def once(side: FingerprintedSplit, matches: Iterable[Match]) -> list[Match]:
    """Return matches inside one split, each pair once and with the earlier id as ``a``."""
    pairs: dict[tuple[int, int], Match] = {}
    for match in matches:
        if side.ids[match.a] > side.ids[match.b]:
            turn_back = inverse(match.orientation)
            back = None if match.alignment is None else _undone(match.alignment)
            match = replace(match, a=match.b, b=match.a, orientation=turn_back, alignment=back)
        pairs.setdefault((match.a, match.b), match)
    return list(pairs.values())


def _undone(alignment: Alignment) -> Alignment:
    """Return where in a lies what is in b."""
    way = np.array([alignment.down, alignment.right])
    linear = np.linalg.inv(way[:, :2])
    back = np.concatenate([linear, -linear @ way[:, 2:]], axis=1)
    return _alignment(back.astype(np.float32), inverted=alignment.inverted)


def by_id(side: FingerprintedSplit, rows: Indices) -> Indices:
    """Return the rows, (m,), whose hash means something, in the order of their ids."""
    rows = rows[~side.fingerprints.featureless[rows]]
    return rows[np.argsort(side.ids[rows], kind="stable")]


def _distinct(
    side: FingerprintedSplit, rows: Indices, by: _By = _By.AS_SHOWN
) -> tuple[Indices, NDArray[np.uint8], Indices]:
    """Return the first row with each hash, these hashes, and each row's place among them."""
    hashes = _hashes(side, rows, by)
    codes = exact_copies.distinct_codes(hashes)
    many = int(codes.max(initial=-1)) + 1
    firsts = exact_copies.first_of_each(many, codes, np.arange(len(rows)))
    order = np.argsort(firsts)
    in_order = firsts[order]
    return rows[in_order], hashes[in_order], np.argsort(order)[codes]
