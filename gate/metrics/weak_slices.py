"""Weak slices: parts of the data, cut by one column or two, where answers are often wrong.

They are discovered on one split and confirmed on another, so that the search costs no more than the
few that it proposes. Without another split all that were searched share the error (Bonferroni).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from gate.evidence.records import Rows
from gate.metrics.proportions import Share

MOST_CANDIDATES = 5
RARE = "(rare)"  # the value that rare ones of a column are searched as, together

Mask = NDArray[np.bool_]
Definition = tuple[tuple[str, str], ...]  # columns with their values, in the order of the search


@dataclass(frozen=True, slots=True)
class Candidate:
    """A slice that looks weak: how many of its images are right, and how surprising that is."""

    definition: Definition
    hits: int
    images: int
    chance: float  # of so few right answers where the slice is as good as required

    @property
    def name(self) -> str:
        """The slice as a scope names it: "scanner=B, site=2"."""
        return ", ".join(f"{column}={value}" for column, value in self.definition)


@dataclass(frozen=True, slots=True)
class Search:
    """What a search looked at, and the slices that look weak, the most surprising first."""

    searched: int
    sizes: tuple[int, ...]  # images of each slice that was searched, ascending
    candidates: tuple[Candidate, ...]
    overlooked: tuple[int, str] = (0, "")  # the most images of a column in slices too small for it


def search(
    rows: Rows,
    counted: Mask,
    columns: Sequence[str],
    *,
    required: float,
    alpha: float,
    depth: int,
    min_images: int,
) -> Search:
    """Return the slices of rows that look weak: at most five, each with a chance of ``alpha`` most.

    ``counted``, (n,), are the rows that matter; those among them whose prediction is the label are
    right. Slices are all values of one of the ``columns`` and, for a ``depth`` of 2, all pairs of
    values of two, with ``min_images`` or more. The chance is the exact binomial one. Of slices that
    hold the same images the one with fewer columns is proposed.
    """
    from scipy.special import bdtr

    right = rows.labels[counted] == rows.predictions[counted]
    coded = {column: _codes(rows, column, counted) for column in columns}
    found: list[Candidate] = []
    sizes: list[int] = []
    overlooked = (0, "")
    for size in range(1, depth + 1):
        for chosen in combinations(columns, size):
            codes, shape = _joint([coded[column] for column in chosen])
            images = np.bincount(codes, minlength=int(np.prod(shape)))
            hits = np.bincount(codes[right], minlength=len(images))
            large = np.flatnonzero(images >= min_images)
            sizes += images[large].tolist()
            if size == 1:
                small = int(images[images < min_images].sum())
                overlooked = max(overlooked, (small, chosen[0]))
            chances = np.asarray(bdtr(hits[large], images[large], required))
            for at in np.flatnonzero(chances <= alpha):
                cell = large[at]
                values = np.unravel_index(cell, shape)
                named = zip(chosen, values, strict=True)
                definition = tuple((name, coded[name][1][int(value)]) for name, value in named)
                one = Candidate(definition, int(hits[cell]), int(images[cell]), float(chances[at]))
                found.append(one)
    found.sort(key=lambda each: (each.chance, len(each.definition), each.definition))
    candidates = tuple(_apart(found, rows, counted))
    return Search(len(sizes), tuple(sorted(sizes)), candidates, overlooked)


def rare_values(
    looked_at: Sequence[tuple[Rows, Mask]], column: str, min_images: int
) -> frozenset[str]:
    """Return the values of a column of which no split has ``min_images`` that count.

    ``looked_at`` are the rows of each split, with those that count, (n,).
    """
    most: dict[str, int] = {}
    for rows, counted in looked_at:
        codes, names = _codes(rows, column, counted)
        images = np.bincount(codes, minlength=len(names)).tolist()
        for name, count in zip(names, images, strict=True):
            most[name] = max(count, most.get(name, 0))
    return frozenset(name for name, count in most.items() if count < min_images)


def pooled(rows: Rows, rare: Mapping[str, frozenset[str]]) -> Rows:
    """Return rows whose ``rare`` values of a column are one: ``RARE``.

    Who cuts a weak site into slivers would else have it looked at nowhere.
    """
    slices = dict(rows.slices)
    for column, values in rare.items():
        if values:
            words = [RARE if _word(each) in values else each for each in rows.slices[column]]
            slices[column] = np.array(words, object)
    return replace(rows, slices=slices)


def where(rows: Rows, definition: Definition) -> Mask:
    """Return which rows lie in a slice, (n,)."""
    inside = np.ones(len(rows), dtype=bool)
    for column, value in definition:
        inside &= np.array([_word(each) == value for each in rows.slices[column]], dtype=bool)
    return inside


@dataclass(frozen=True, slots=True)
class OneOfSearched:
    """The share of a slice that was found among many: its upper bound allows for the others.

    ``shown`` slices are compared, and who shares the error among those shares it among all that
    were ``searched``. This one has ``part`` of the error of them all.
    """

    share: Share
    shown: int
    searched: int
    part: float = 1.0

    @property
    def value(self) -> float:
        """Return the share."""
        return self.share.value

    @property
    def numerator(self) -> int:
        """Return the images that are right."""
        return self.share.numerator

    @property
    def denominator(self) -> int:
        """Return the images."""
        return self.share.denominator

    @property
    def method(self) -> str:
        """Return the method of the share."""
        return f"{self.share.method}, one of {self.searched:,} slices"

    @property
    def reason(self) -> str:
        """Return why nothing is proven, or nothing."""
        return self.share.reason

    def lower(self, confidence: float) -> float:
        """Return the lower bound of this slice alone."""
        return self.share.lower(confidence)

    def upper(self, confidence: float) -> float:
        """Return the upper bound, at an error that all slices share."""
        return self.share.upper(1 - (1 - confidence) * self.part * self.shown / self.searched)


def _codes(rows: Rows, column: str, counted: Mask) -> tuple[NDArray[np.int64], list[str]]:
    """Return a number for the value of each counted row, and the values in their order."""
    values = [_word(each) for each in rows.slices[column][counted]]
    names = sorted(set(values))
    number = {name: at for at, name in enumerate(names)}
    return np.fromiter(map(number.__getitem__, values), np.int64, len(values)), names


def _word(value: str | None) -> str:
    return "(none)" if value is None else value


def _joint(
    coded: Sequence[tuple[NDArray[np.int64], list[str]]],
) -> tuple[NDArray[np.int64], tuple[int, ...]]:
    shape = tuple(max(1, len(names)) for _, names in coded)
    return np.ravel_multi_index(tuple(codes for codes, _ in coded), shape), shape


def _apart(found: Sequence[Candidate], rows: Rows, counted: Mask) -> list[Candidate]:
    """Return the first few candidates that hold different images."""
    kept: dict[bytes, Candidate] = {}
    for each in found:
        if len(kept) == MOST_CANDIDATES:
            break
        kept.setdefault((where(rows, each.definition) & counted).tobytes(), each)
    return list(kept.values())
