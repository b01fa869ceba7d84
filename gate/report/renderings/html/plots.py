"""Curves as small SVG: the same bytes each time, in the colours of the page, with text as text.

The page is light or dark after it was made, so drawings name classes of the style sheet.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from gate.metrics.calibration import reliability
from gate.report.model import HistoryPart, Report
from gate.report.renderings.html.bars import round_values
from gate.report.renderings.html.curves import precision_recall
from gate.report.renderings.html.evidence import Beside
from gate.report.renderings.words import epochs_in_words

_WIDTH, _HEIGHT = 360, 230  # a pixel each on a phone
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 10, 22, 38
_MOST_CURVES = 8
_MOST_EPOCHS = 400  # points of a curve; more would be less than a pixel apart
_BINS = 20
_SHADES = 6

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing with its title, what it shows in words, and the names of its lines."""

    title: str
    words: str
    svg: Markup
    lines: tuple[tuple[str, str], ...] = ()  # class of the style sheet, name


@dataclass(frozen=True, slots=True)
class _Frame:
    """The values at the edges of a drawing."""

    x: tuple[float, float]
    y: tuple[float, float]

    def across(self, value: float) -> float:
        low, high = self.x
        return round(_LEFT + (value - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT), 1)

    def up(self, value: float) -> float:
        low, high = self.y
        room = _HEIGHT - _TOP - _BOTTOM
        return round(_HEIGHT - _BOTTOM - (value - low) / (high - low) * room, 1)

    def line(self, kind: str, xs: Sequence[float], ys: Sequence[float]) -> Markup:
        """Return one line; it is broken where a value is missing."""
        path, is_down = "", False
        for x, y in zip(xs, ys, strict=True):
            if math.isfinite(y):
                path += f"{'L' if is_down else 'M'}{self.across(x):g} {self.up(y):g}"
            is_down = math.isfinite(y)
        return Markup('<path class="{}" d="{}"/>').format(kind, path)


def losses(history: HistoryPart) -> Plot:
    """Return the losses over the epochs, the shipped epoch marked."""
    names = [name for name in (history.train_loss, *history.validation_losses) if name is not None]
    epochs = _thinned(history.epochs)
    series = {
        name: _thinned([_finite(each) for each in history.series.get(name, [])]) for name in names
    }
    known = [each for values in series.values() for each in values if math.isfinite(each)]
    shipped = history.checkpoint_epoch
    frame = _Frame(_wide([*epochs, *([] if shipped is None else [shipped])]), _wide([0.0, *known]))
    drawn = [
        frame.line(f"line-{place}", epochs[: len(values)], values)
        for place, values in enumerate(series.values())
    ]
    if shipped is not None:
        drawn.append(frame.line("shipped", [shipped, shipped], frame.y))
    said = f"{epochs_in_words(history.epochs)} from {history.path}"
    lines = [(f"line-{place}", name) for place, name in enumerate(names)]
    if shipped is not None:
        lines.append(("shipped", f"the checkpoint that is judged, epoch {shipped:g}"))
    svg = _drawing(frame, drawn, "epoch", "loss")
    return Plot("Loss by epoch", said, svg, tuple(lines))


def of_scores(beside: Beside, report: Report) -> Iterator[Plot]:
    """Yield plots of confidence, and of precision and recall, where the evidence has scores."""
    found = beside.rows()
    if found is None or not len(found[1]) or np.isnan(found[1].confidence).any():
        return
    split, rows = found
    right = rows.best_is_right
    yield _reliability(rows.confidence, right, split)
    yield _confidence(rows.confidence, right, split)
    if rows.scores is not None:
        yield _precision_recall(rows.scores.astype(float), rows.labels, report, split)


def _reliability(confidence: Floats, right: NDArray[np.bool_], split: str) -> Plot:
    curve = [each for each in reliability(confidence, right.astype(float)) if each.images]
    frame = _Frame((0, 1), (0, 1))
    xs, ys = [each.confidence for each in curve], [each.accuracy for each in curve]
    points = [
        Markup('<circle class="point" cx="{:g}" cy="{:g}" r="{:.1f}"/>').format(
            frame.across(each.confidence),
            frame.up(each.accuracy),
            2 + 5 * math.sqrt(each.images / len(confidence)),
        )
        for each in curve
    ]
    return Plot(
        "How often it is right, by confidence",
        f"{len(curve)} bins of {len(confidence):,} images of {split}. On the dashed line, "
        "confidence and share are equal; below it the model is too sure. "
        "A larger dot stands for more images.",
        _drawing(
            frame,
            [frame.line("even", [0, 1], [0, 1]), frame.line("line-0", xs, ys), *points],
            "mean confidence",
            "share that is right",
        ),
    )


def _confidence(confidence: Floats, right: NDArray[np.bool_], split: str) -> Plot:
    edges = np.linspace(0, 1, _BINS + 1)
    kinds = (("right", right), ("wrong", ~right))
    counts = {kind: np.histogram(confidence[chosen], edges)[0] for kind, chosen in kinds}
    most = max(int(each.max()) for each in counts.values())
    powers = [0, *(10**power for power in range(len(str(max(most, 1)))))]
    frame = _Frame((0, 1), (0, math.log10(1 + max(most, 1)) * 1.05))
    xs = np.repeat(edges, 2)[1:-1].tolist()
    drawn = [
        frame.line(kind, xs, np.repeat(np.log10(1 + each), 2).tolist())
        for kind, each in counts.items()
    ]
    ticks = [(math.log10(1 + each), f"{each:,}") for each in powers if each <= most or each == 0]
    told = [(kind, f"{kind}: {int(chosen.sum()):,}") for kind, chosen in kinds]
    return Plot(
        "Confidence of right and of wrong answers",
        f"Images of {split} by the score of the predicted class, on a logarithmic scale.",
        _drawing(frame, drawn, "confidence", "images", ticks),
        tuple(told),
    )


def _precision_recall(
    scores: Floats, labels: NDArray[np.int32], report: Report, split: str
) -> Plot:
    names = report.subject.classes
    chosen = _worst_classes(report, split)
    frame = _Frame((0, 1), (0, 1))
    drawn = [
        frame.line(f"line-{place}", *_listed(*precision_recall(scores[:, label], labels == label)))
        for place, label in enumerate(chosen)
    ]
    which = (
        "every class" if len(chosen) == len(names) else f"{len(chosen)} classes of lowest recall"
    )
    return Plot(
        "Precision and recall, by class",
        f"As the threshold falls, for {which}, on {split}.",
        _drawing(frame, drawn, "recall", "precision"),
        tuple((f"line-{place}", names[label]) for place, label in enumerate(chosen)),
    )


def _worst_classes(report: Report, split: str) -> list[int]:
    """Return the labels of the classes with the lowest recall, at most eight."""
    recalls = {
        metric.class_: metric.value
        for metric in report.metrics
        if metric.split == split and metric.name == "recall" and metric.slice is None
    }
    known = [
        label for label, name in enumerate(report.subject.classes) if recalls.get(name) is not None
    ]
    worst = sorted(known, key=lambda label: (recalls[report.subject.classes[label]] or 0.0, label))
    return worst[:_MOST_CURVES]


def confusion_map(shares: Floats, classes: int) -> Markup:
    """Return the shares of a large confusion matrix as a small map, in six shades of their roots.

    ``shares``, in [0, 1], are square; ``classes`` is the number that its edges stand for.
    """
    side = len(shares)
    shades = np.ceil(np.sqrt(shares) * _SHADES).astype(int)
    paths = [
        Markup('<path class="shade-{}" d="{}"/>').format(shade, "".join(_runs(shades == shade)))
        for shade in range(1, _SHADES + 1)
        if (shades == shade).any()
    ]
    size = 100 / side
    inside = Markup("").join(paths)
    return Markup(
        '<svg viewBox="-9 -7 111 118" aria-hidden="true" focusable="false">'
        '<rect class="frame" width="100" height="100"/><g transform="scale({:g})">{}</g>'
        '<text x="0" y="-2">1</text><text x="100" y="-2" class="end">{:,}</text>'
        '<text x="50" y="-2" class="middle">answer</text><text x="50" y="107" class="middle">'
        "rows from top to bottom: truth</text></svg>"
    ).format(size, inside, classes)


def _runs(cells: NDArray[np.bool_]) -> Iterator[str]:
    """Yield the path of each row's stretches of true cells."""
    for y, row in enumerate(cells):
        edges = np.flatnonzero(np.diff(np.concatenate(([0], row.astype(np.int8), [0])))).tolist()
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            yield f"M{start} {y}h{end - start}v1H{start}z"


def _drawing(
    frame: _Frame,
    drawn: Sequence[Markup],
    x_label: str,
    y_label: str,
    y_ticks: Sequence[tuple[float, str]] | None = None,
) -> Markup:
    """Return the lines in a frame with ticks and labels, as an ``svg`` element."""
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    ups = y_ticks or [(each, f"{each:g}") for each in round_values(*frame.y, 6)]
    grid = [
        Markup('<path class="grid" d="M{} {:g}H{}"/><text class="end" x="{}" y="{:g}">{}</text>')
        .format(_LEFT, frame.up(each), right, _LEFT - 6, frame.up(each) + 4, name)
        for each, name in ups
    ]  # fmt: skip
    across = [
        Markup('<text class="middle" x="{:g}" y="{}">{:g}</text>').format(
            frame.across(each), bottom + 16, each
        )
        for each in round_values(*frame.x, 6)
    ]
    labels = Markup(
        '<text class="label" x="{}" y="12">{}</text>'
        '<text class="label middle" x="{}" y="{}">{}</text>'
    ).format(2, y_label, (_LEFT + right) // 2, _HEIGHT - 4, x_label)
    return Markup('<svg viewBox="0 0 {} {}" aria-hidden="true" focusable="false">{}</svg>').format(
        _WIDTH, _HEIGHT, Markup("").join([*grid, *across, labels, *drawn])
    )


def _wide(values: Sequence[float]) -> tuple[float, float]:
    """Return the least and the greatest value, apart from each other."""
    low, high = min(values), max(values)
    return (low, high) if low < high else (low, low + 1)


def _finite(value: float | str | None) -> float:
    return float(value) if isinstance(value, float | int) else math.nan


def _thinned(values: Sequence[float]) -> list[float]:
    if len(values) <= _MOST_EPOCHS:
        return list(values)
    places = np.linspace(0, len(values) - 1, _MOST_EPOCHS).astype(int)
    return [values[place] for place in places.tolist()]


def _listed(*arrays: Floats) -> list[list[float]]:
    return [each.tolist() for each in arrays]
