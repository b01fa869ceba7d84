"""Pictures of leaked pairs and of sure mistakes, embedded."""

import base64
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from gate.evidence.operating_point import ABSTAINED
from gate.report.model import PairPart, Report
from gate.report.renderings.html.evidence import Beside

_MOST_PAIRS = 100  # rows of the table; the report has up to a thousand
_MOST_CLASSES = 12
_A_CLASS = 8


@dataclass(frozen=True, slots=True)
class ShownPair:
    """A pair and its pictures, as data addresses; empty where there is no picture."""

    pair: PairPart
    picture_a: str
    picture_b: str


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


def pairs_of(report: Report, beside: Beside, *, images: bool) -> list[ShownPair]:
    """Return the surest pairs that splits share, with their pictures where those were kept."""
    pictures = beside.pictures if images else {}
    return [
        ShownPair(
            pair,
            address(pictures.get((pair.split_a, pair.a))),
            address(pictures.get((pair.split_b, pair.b))),
        )
        for pair in report.leakage.pairs[:_MOST_PAIRS]
    ]


def mistakes_of(report: Report, beside: Beside) -> list[Mistakes]:
    """Return the surest mistakes, of classes whose rules did not pass first, then of the others."""
    found = beside.rows()
    if found is None or not beside.pictures:
        return []
    split, rows = found
    classes = report.subject.classes
    answers = [*classes, ABSTAINED]  # -1 is the last
    by_class: dict[str, list[Mistake]] = {}
    wrong = np.flatnonzero(rows.labels != rows.predictions)
    confidence = np.nan_to_num(rows.confidence).tolist()
    for row in sorted(wrong.tolist(), key=lambda row: (-confidence[row], str(rows.ids[row]))):
        picture = beside.pictures.get((split, str(rows.ids[row])))
        shown = by_class.setdefault(classes[rows.labels[row]], [])
        if picture is not None and len(shown) < _A_CLASS:
            guess = answers[rows.predictions[row]]
            shown.append(Mistake(str(rows.ids[row]), guess, confidence[row], address(picture)))
    named = [result.scope.class_ for result in report.results if result.scope.class_ is not None]
    order = [name for name in dict.fromkeys([*named, *classes]) if by_class.get(name)]
    return [Mistakes(name, split, by_class[name]) for name in order[:_MOST_CLASSES]]


def address(png: bytes | None) -> str:
    """Return a PNG as an address that holds it; empty where there is none, or it is none."""
    if png is None or not png.startswith(b"\x89PNG\r\n\x1a\n"):
        return ""
    whole = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    return Markup(whole)  # noqa: S704 -- base64 of our own; other strings are cut when too long
