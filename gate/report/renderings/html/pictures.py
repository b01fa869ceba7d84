"""Pictures of leaked pairs and of sure mistakes, embedded, within a bound of bytes."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from markupsafe import Markup

from gate.evidence.operating_point import ABSTAINED
from gate.report.model import AlignmentPart, PairPart, Report
from gate.report.pairs import pair_part
from gate.report.renderings.html.evidence import Beside

_MOST_PAIRS = 40  # shown; the report lists up to a thousand
_MOST_FOR_REVIEW = 20
_MOST_CLASSES = 12
_A_CLASS = 8
_MOST_CHARACTERS = 100_000  # of the addresses of mistakes, and again of those of pairs
_MOST_OF_REVIEWS = 50_000  # of the addresses of pairs that a person should look at

_PERHAPS = "may be the same"
KINDS = {
    "bytes": "identical file",
    "pixels": "identical pixels",
    "flipped": "mirrored or turned",
    "near": "near copy",
    "edited": "edited copy",
}


@dataclass(frozen=True, slots=True)
class ShownPair:
    """A pair and its pictures, as data addresses; empty where there is no picture."""

    pair: PairPart
    kind: str
    picture_a: str
    picture_b: str
    laid_on_a: str = ""  # the six numbers of an SVG matrix that lays picture b onto a


@dataclass(frozen=True, slots=True)
class Mistake:
    """An image that was taken for another class."""

    id: str
    guess: str
    confidence: float
    picture: str


@dataclass(frozen=True, slots=True)
class Mistakes:
    """The surest mistakes on images of one class."""

    truth: str
    split: str
    shown: list[Mistake]


@dataclass(slots=True)
class _Album:
    """Pictures as addresses, as long as there is room for them."""

    pictures: dict[tuple[str, str], bytes]
    room: int = _MOST_CHARACTERS
    taken: dict[tuple[str, str], str] = field(default_factory=dict)

    def take(self, split: str, image: str) -> str:
        """Return the address of a picture; empty where there is none, or no room for it."""
        found = self.taken.get((split, image)) or address(self.pictures.get((split, image)))
        if len(found) > self.room:
            return ""
        self.room -= len(found)
        self.taken[split, image] = found
        return found


def pairs_of(report: Report, beside: Beside, *, images: bool) -> list[ShownPair]:
    """Return pairs that splits share: with pictures, with two labels, and sure ones first."""
    pictures = beside.pictures if images else {}

    def order(pair: PairPart) -> tuple[bool, bool]:
        sides = {(pair.split_a, pair.a), (pair.split_b, pair.b)}
        return not sides <= pictures.keys(), pair.label_a == pair.label_b

    return _shown(sorted(report.leakage.pairs, key=order)[:_MOST_PAIRS], _Album(pictures))


def reviews_of(beside: Beside, *, images: bool) -> tuple[list[ShownPair], int]:
    """Return pairs of two splits that only a person can judge, and how many more there are."""
    if beside.evidence is None:
        return [], 0
    pairs = [
        pair
        for overlap in beside.evidence.overlaps
        if overlap.split_a is not overlap.split_b
        for pair in overlap.review
    ]
    listed = [pair_part(pair) for pair in pairs[:_MOST_FOR_REVIEW]]
    album = _Album(beside.pictures if images else {}, _MOST_OF_REVIEWS)
    return _shown(listed, album, _PERHAPS), len(pairs) - len(listed)


def _shown(pairs: list[PairPart], album: _Album, kind: str = "") -> list[ShownPair]:
    return [
        ShownPair(
            pair,
            kind or KINDS[pair.kind],
            album.take(pair.split_a, pair.a),
            album.take(pair.split_b, pair.b),
            laid_on_a(pair.alignment),
        )
        for pair in pairs
    ]


def laid_on_a(alignment: AlignmentPart | None) -> str:
    """Return the matrix that draws b where it lies in a, for SVG; empty without an alignment."""
    if alignment is None:
        return ""
    (a, b, down), (c, d, right) = alignment.down, alignment.right
    area = a * d - b * c
    # SVG has x first: x' = xx x + xy y + x0, and the matrix of it by columns.
    xx, xy, yx, yy = a / area, -c / area, -b / area, d / area
    x0, y0 = -(xx * right + xy * down), -(yx * right + yy * down)
    return " ".join(f"{each:.4f}" for each in (xx, yx, xy, yy, x0, y0))


def mistakes_of(report: Report, beside: Beside) -> list[Mistakes]:
    """Return the surest mistakes, of classes whose rules did not pass first, then of the others."""
    found = beside.rows()
    if found is None or not beside.pictures:
        return []
    split, rows = found
    classes = report.subject.classes
    answers = [*classes, ABSTAINED]  # -1 is the last
    wrong = np.flatnonzero(rows.labels != rows.predictions)
    confidence = np.nan_to_num(rows.confidence).tolist()
    by_class: dict[str, list[int]] = {}
    for row in sorted(wrong.tolist(), key=lambda row: (-confidence[row], str(rows.ids[row]))):
        if (split, str(rows.ids[row])) in beside.pictures:
            by_class.setdefault(classes[rows.labels[row]], []).append(row)
    named = [result.scope.class_ for result in report.results if result.scope.class_ is not None]
    order = [name for name in dict.fromkeys([*named, *classes]) if name in by_class]
    album = _Album(beside.pictures)
    shown: dict[str, list[Mistake]] = {name: [] for name in order[:_MOST_CLASSES]}
    for name, row in _in_turns({name: by_class[name][:_A_CLASS] for name in shown}):
        if picture := album.take(split, str(rows.ids[row])):
            guess = answers[rows.predictions[row]]
            shown[name].append(Mistake(str(rows.ids[row]), guess, confidence[row], picture))
    return [Mistakes(name, split, several) for name, several in shown.items() if several]


def _in_turns(rows: dict[str, list[int]]) -> Iterator[tuple[str, int]]:
    """Yield the first row of each class, then the second of each: room is shared evenly."""
    for turn in range(_A_CLASS):
        for name, several in rows.items():
            if turn < len(several):
                yield name, several[turn]


def address(png: bytes | None) -> str:
    """Return a PNG as an address that holds it; empty where there is none, or it is none."""
    if png is None or not png.startswith(b"\x89PNG\r\n\x1a\n"):
        return ""
    whole = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    return Markup(whole)  # noqa: S704 -- base64 of our own; other strings are cut when too long
