"""Drawings as SVG by Matplotlib: the same bytes each time, and in the colours of the page.

The page is light or dark after it was made. So drawings use marker colours, which become variables
of the style sheet.
"""

import io
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from itertools import chain, cycle, repeat
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gate.metrics.calibration import reliability
from gate.report.model import HistoryPart, Report, ResultPart
from gate.report.renderings.html.curves import precision_recall
from gate.report.renderings.html.evidence import Beside
from gate.wording import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_ROWS = 40  # of one interval plot
_MOST_CURVES = 8
_LABEL = 26  # characters of a name beside an axis
_WIDTH = 5.2  # inches of 72 points; a point is a pixel on a phone
_INK, _MUTED, _LINE = "#010203", "#010204", "#010205"
_PASS, _FAIL, _OPEN, _WAIVED = "#010206", "#010207", "#010208", "#010209"
_A, _B = "#01020a", "#01020b"
_VARIABLES = {
    _INK: "ink", _MUTED: "muted", _LINE: "line", _PASS: "pass", _FAIL: "fail", _OPEN: "open",
    _WAIVED: "waived", _A: "accent", _B: "second",
}  # fmt: skip
_MARKS = {
    "passed": ("o", _PASS),
    "failed": ("X", _FAIL),
    "error": ("X", _FAIL),
    "inconclusive": ("D", _OPEN),
    "waived": ("s", _WAIVED),
}
_STYLE: Any = {  # the stubs of some releases know every key by name, those of others none
    "svg.fonttype": "none",  # text stays text: small, searchable, in the page's font
    "text.parse_math": False,  # a class may be called $x$
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": _LINE,
    "axes.labelcolor": _MUTED,
    "axes.titlecolor": _INK,
    "text.color": _INK,
    "xtick.color": _MUTED,
    "ytick.color": _INK,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
}

Drawn = tuple[str, str, str]  # title, SVG, words


def intervals(results: Sequence[ResultPart]) -> str:
    """Return the values of one rule with their bounds, each against what is required of it."""

    def draw(axes: "Axes") -> None:
        values = [result.measured.value or 0.0 for result in results]
        required = [result.required.value for result in results]
        ends = [end for result in results for end in _ends(result)]
        low, high = min(*values, *required, *ends), max(*values, *required, *ends)
        room = (high - low) * 0.06 or 0.05
        for row, (result, value) in enumerate(zip(results, values, strict=True)):
            mark, colour = _MARKS[result.outcome]
            interval = result.measured.interval
            start = low - room if interval is None or interval.low is None else interval.low
            end = high + room if interval is None or interval.high is None else interval.high
            axes.plot([start, end], [row, row], color=colour, linewidth=2)
            axes.plot([value], [row], mark, color=colour, markersize=6)
            axes.plot([required[row]] * 2, [row - 0.38, row + 0.38], color=_INK, linewidth=1.5)
        axes.set_yticks(range(len(results)), [_name(_scope_of(result)) for result in results])
        axes.set_ylim(len(results) - 0.4, -0.6)
        axes.set_xlim(low - room, high + room)
        axes.grid(axis="x", color=_LINE, linewidth=0.5)
        axes.set_axisbelow(True)

    return _drawn(draw, height=0.5 + 0.24 * len(results))


def _ends(result: ResultPart) -> list[float]:
    interval = result.measured.interval
    assert interval is not None, "only results with intervals are drawn"
    return [end for end in (interval.low, interval.high) if end is not None]


def _scope_of(result: ResultPart) -> str:
    scope = result.scope
    parts = [scope.class_, scope.slice, scope.part]
    return ", ".join(part for part in parts if part) or scope.split or result.rule


def losses(history: HistoryPart) -> str:
    """Return the losses over the epochs, the shipped epoch marked."""
    named = [name for name in (history.train_loss, *history.validation_losses) if name is not None]
    looks = chain(((_A, "-"),), zip(repeat(_B), cycle(("--", ":", "-.")), strict=False))

    def draw(axes: "Axes") -> None:
        for name, (colour, style) in zip(named, looks, strict=False):
            series = history.series.get(name, [])
            values = [each if isinstance(each, float | int) else np.nan for each in series]
            axes.plot(history.epochs[: len(values)], values, style, color=colour, label=_name(name))
        if history.checkpoint_epoch is not None:
            axes.axvline(history.checkpoint_epoch, color=_INK, linewidth=1.2, label="shipped")
        axes.set_xlabel("epoch")
        axes.set_ylabel("loss")
        if named or history.checkpoint_epoch is not None:
            axes.legend()

    return _drawn(draw, height=3.0)


def confusion_map(shares: NDArray[np.float64], classes: int) -> str:
    """Return the shares of a large confusion matrix as a small map, by their square roots.

    ``shares``, in [0, 1], are square; ``classes`` is the number that its axes show.
    """

    def draw(axes: "Axes") -> None:
        extent = (0, classes, classes, 0)
        axes.imshow(np.sqrt(shares), cmap="viridis", extent=extent, interpolation="nearest")
        axes.set_xlabel("predicted class")
        axes.set_ylabel("true class")

    return _drawn(draw, height=4.8)


def of_scores(beside: Beside, report: Report) -> Iterator[Drawn]:
    """Yield reliability, confidence and precision-recall plots, where the evidence has scores."""
    found = beside.rows()
    if found is None or not len(found[1]) or np.isnan(found[1].confidence).any():
        return
    split, rows = found
    right = rows.best_is_right
    curve = [each for each in reliability(rows.confidence, right.astype(float)) if each.images]
    bins = f"{len(curve)} bins of {len(rows):,} images"
    yield (
        "Reliability",
        _reliability([each.confidence for each in curve], [each.accuracy for each in curve]),
        f"How often it is right when it is so sure, on {split}: {bins}; the diagonal is calibrated",
    )
    told = f"{int(right.sum()):,} right, {int((~right).sum()):,} wrong"
    yield (
        "Confidence when right and when wrong",
        _confidence(rows.confidence, right),
        f"Images of {split} by the score of the predicted class: {told}",
    )
    if rows.scores is not None:
        labels = _worst_classes(report, split)
        names = report.subject.classes
        curves = [
            (
                names[label],
                *precision_recall(rows.scores[:, label].astype(float), rows.labels == label),
            )
            for label in labels
        ]
        yield (
            "Precision and recall",
            _precision_recall(curves),
            f"On {split}, as the threshold falls, for "
            + (
                "every class"
                if len(labels) == len(names)
                else f"the {len(labels)} classes with the lowest recall"
            ),
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


def _reliability(mean: list[float], accuracy: list[float]) -> str:
    def draw(axes: "Axes") -> None:
        axes.plot([0, 1], [0, 1], "--", color=_MUTED, linewidth=1)
        axes.plot(mean, accuracy, "o-", color=_A, markersize=4)
        axes.set_xlabel("mean confidence")
        axes.set_ylabel("share that is right")
        axes.set_xlim(0, 1.02)
        axes.set_ylim(0, 1.02)

    return _drawn(draw, height=3.4)


def _confidence(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> str:
    def draw(axes: "Axes") -> None:
        edges = np.linspace(0, 1, 21)
        for chosen, colour, style, label in (
            (right, _PASS, "-", "right"),
            (~right, _FAIL, "--", "wrong"),
        ):
            counts, _ = np.histogram(confidence[chosen], edges)
            axes.stairs(counts, edges, color=colour, linestyle=style, linewidth=1.6, label=label)
        axes.set_yscale("symlog")
        axes.yaxis.set_major_formatter(lambda count, _: f"{count:,.0f}")
        axes.set_ylim(bottom=0)
        axes.set_xlabel("confidence")
        axes.set_ylabel("images")
        axes.legend(loc="upper left")

    return _drawn(draw, height=3.4)


def _precision_recall(
    curves: Sequence[tuple[str, NDArray[np.float64], NDArray[np.float64]]],
) -> str:
    styles = ("-", "--", "-.", ":")

    def draw(axes: "Axes") -> None:
        for place, (name, recall, precision) in enumerate(curves):
            colour = (_A, _B)[place // len(styles) % 2]
            style = styles[place % len(styles)]
            axes.plot(recall, precision, style, color=colour, label=_name(name))
        axes.set_xlabel("recall")
        axes.set_ylabel("precision")
        axes.set_xlim(0, 1.02)
        axes.set_ylim(0, 1.05)
        axes.legend(loc="lower left", fontsize=8)

    return _drawn(draw, height=3.4)


def _name(text: str) -> str:
    shown = printable(text, 10_000)
    return shown if len(shown) <= _LABEL else f"{shown[: _LABEL - 1]}…"


def _drawn(draw: "Callable[[Axes], None]", *, height: float) -> str:
    """Return one drawing as an ``svg`` element without ids that another could have."""
    import matplotlib as mpl
    from markupsafe import Markup
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    stream = io.StringIO()
    with warnings.catch_warnings(), mpl.rc_context({**_STYLE, "svg.hashsalt": "gate"}):
        warnings.simplefilter("ignore")  # a name may hold letters that no font has
        figure = Figure(figsize=(_WIDTH, height), layout="constrained", facecolor="none")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot(facecolor="none")
        draw(axes)
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return Markup(_cleaned(stream.getvalue()))  # noqa: S704 -- Matplotlib escapes names as XML


def _cleaned(svg: str) -> str:
    """Return the ``svg`` element alone: no declaration, no fixed size, the page's colours."""
    body = svg[svg.index("<svg") :].strip()
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'<g id="[^"]*"', "<g", body)
    body = re.sub(r'^<svg([^>]*?) width="[^"]*"', r"<svg\1", body)
    body = re.sub(r'^<svg([^>]*?) height="[^"]*"', r"<svg\1", body)
    body = body.replace("<svg", '<svg aria-hidden="true" focusable="false"', 1)
    mark = sha256(body.encode()).hexdigest()[:8]  # two drawings never share an id
    body = re.sub(r'\bid="([^"]+)"', rf'id="{mark}-\1"', body)
    body = re.sub(r'(xlink:href="|url\()#', rf"\1#{mark}-", body)
    for colour, variable in _VARIABLES.items():
        body = body.replace(colour, f"var(--{variable})")
    return re.sub(r"\n\s*", "\n", body)
