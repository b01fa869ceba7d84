"""Confusion matrices: whole where a person can read them, else the worst and a small map."""

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from gate.evidence.operating_point import ABSTAINED
from gate.report.model import ConfusionPart
from gate.report.renderings.html.plots import confusion_map

READABLE = 20  # classes whose matrix fits on a page
_WORST = 50
_MAP = 100  # cells of a side of the small map


@dataclass(frozen=True, slots=True)
class Cell:
    """A count, and its share of the row's images."""

    count: int
    share: float


@dataclass(frozen=True, slots=True)
class Worst:
    """Images of one class that were taken for another."""

    truth: str
    guess: str
    cell: Cell


@dataclass(frozen=True, slots=True)
class Confusion:
    """A matrix with its rows, or where it is too large, a map; always the worst confusions."""

    classes: list[str]
    answers: list[str]  # the classes, and to abstain where the operating point can
    rows: list[tuple[str, int, list[Cell]]]  # class, images, cells; empty where it is too large
    worst: list[Worst]
    svg: Markup  # empty where there are rows
    block: int  # classes that one cell of the map stands for


def confusion_of(part: ConfusionPart) -> Confusion:
    """Return what is shown of a confusion matrix; rows are the truth."""
    counts = np.asarray(part.counts, dtype=np.int64).reshape(len(part.classes), -1)
    answers = part.classes
    if part.abstained is not None:
        counts = np.column_stack([counts, part.abstained])
        answers = [*part.classes, ABSTAINED]
    totals = counts.sum(axis=1)
    shares = counts / np.maximum(totals, 1)[:, None]
    readable = len(part.classes) <= READABLE
    rows = [
        (
            name,
            int(totals[row]),
            [
                Cell(int(count), float(share))
                for count, share in zip(counts[row], shares[row], strict=True)
            ],
        )
        for row, name in enumerate(part.classes if readable else [])
    ]
    block = -(-len(part.classes) // _MAP)
    return Confusion(
        classes=part.classes,
        answers=answers,
        rows=rows,
        worst=_worst(answers, counts, shares),
        svg=Markup()
        if readable
        else confusion_map(_blocks(counts[:, : len(part.classes)], block), len(part.classes)),
        block=block,
    )


def _worst(
    answers: list[str],
    counts: "np.ndarray[tuple[int, ...], np.dtype[np.int64]]",
    shares: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]",
) -> list[Worst]:
    """Return the commonest confusions, the most images first."""
    mistaken = counts.copy()
    np.fill_diagonal(mistaken, 0)
    order = np.argsort(-mistaken, axis=None, kind="stable")[:_WORST]
    places = [divmod(int(place), len(answers)) for place in order]
    return [
        Worst(
            answers[truth],
            answers[guess],
            Cell(int(counts[truth, guess]), float(shares[truth, guess])),
        )
        for truth, guess in places
        if mistaken[truth, guess]
    ]


def _blocks(
    counts: "np.ndarray[tuple[int, ...], np.dtype[np.int64]]", block: int
) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    """Return the sum of each block of classes as shares of the block's row."""
    short = -len(counts) % block
    padded = np.pad(counts, ((0, short), (0, short)))
    side = len(padded) // block
    summed = padded.reshape(side, block, side, block).sum(axis=(1, 3))
    shares: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = (
        summed / np.maximum(summed.sum(axis=1), 1)[:, None]
    )
    return shares
