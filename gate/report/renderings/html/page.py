"""What the page shows, in the order of the page; the template only lays it out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from gate.report.model import InflationPart, IntervalPart, Report, ResultPart, WaiverPart
from gate.report.renderings.html import plots
from gate.report.renderings.html.confusion import Confusion, confusion_of
from gate.report.renderings.html.evidence import Beside, read_beside
from gate.report.renderings.html.pictures import Mistakes, ShownPair, mistakes_of, pairs_of
from gate.report.renderings.leaks import notable
from gate.report.renderings.words import epochs_in_words, waivers_of
from gate.wording import pluralize

_MOST_PLOTS = 24
_MOST_INFLATED = 12  # metrics of classes; those of splits are all shown
_SPLITS = ("test", "validation", "train")


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing with its title and what it shows, in words."""

    title: str
    svg: str  # markup of our own
    words: str


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One class on one split."""

    name: str
    support: int  # without leaked and repeated images
    given: int
    cells: tuple[tuple[float | None, IntervalPart | None], ...]  # recall, precision, f1


@dataclass(frozen=True, slots=True)
class WaiverRow:
    """A waiver, what became of it, and the days it still holds."""

    waiver: WaiverPart
    state: str
    days_left: int | None


@dataclass(frozen=True, slots=True)
class Page:
    """Everything on the page that is not simply copied from the report."""

    missing: str  # why there are no plots of scores and no pictures; empty where there are
    images: bool
    intervals: list[Plot]
    intervals_left_out: int
    confusions: list[tuple[str, Confusion]]
    class_split: str | None
    classes: list[ClassRow]
    scores: list[Plot]
    losses: Plot | None
    inflation: list[InflationPart]
    pairs: list[ShownPair]
    mistakes: list[Mistakes]
    slices: list[Any]
    waivers: list[WaiverRow]
    facts: list[tuple[str, str]]


def page_of(report: Report, evidence: Path | None, *, images: bool) -> Page:
    """Return what the page of a report shows; ``evidence`` is the file beside it, if any."""
    beside = read_beside(report, evidence)
    rules = _rules_with_intervals(report)
    split = next((name for name in _SPLITS if name in report.data), None)
    return Page(
        missing=beside.missing,
        images=images,
        intervals=[_interval_plot(rule, results) for rule, results in rules[:_MOST_PLOTS]],
        intervals_left_out=max(0, len(rules) - _MOST_PLOTS),
        confusions=[
            (name, confusion_of(part))
            for name in _SPLITS
            for found, part in report.confusion.items()
            if found == name and part.classes
        ],
        class_split=split,
        classes=_classes(report, split),
        scores=[Plot(*drawn) for drawn in plots.of_scores(beside, report)],
        losses=_losses(report),
        inflation=notable(report, _MOST_INFLATED),
        pairs=pairs_of(report, beside, images=images),
        mistakes=mistakes_of(report, beside) if images else [],
        slices=[metric for metric in report.metrics if metric.slice is not None],
        waivers=[
            WaiverRow(waiver, state, _days_left(waiver.expires, report))
            for waiver, state in waivers_of(report)
        ],
        facts=list(_facts(report)),
    )


def _rules_with_intervals(report: Report) -> list[tuple[str, list[ResultPart]]]:
    """Return rule -> its results that have an interval, in the order of the report."""
    found: dict[str, list[ResultPart]] = {}
    for result in report.results:
        if result.measured.interval is not None and result.measured.value is not None:
            found.setdefault(result.rule, []).append(result)
    return list(found.items())


def _interval_plot(rule: str, results: Sequence[ResultPart]) -> Plot:
    shown = results[: plots.MOST_ROWS]
    more = f"; the worst {len(shown)} of {len(results)}" if len(results) > len(shown) else ""
    failed = sum(result.outcome != "passed" for result in results)
    number = pluralize(len(results), "result")
    said = f"{number}, {failed} not passed, with one-sided bounds{more}"
    return Plot(rule, plots.intervals(shown), said)


def _classes(report: Report, split: str | None) -> list[ClassRow]:
    """Return the classes of a split, the lowest recall first, those without one last."""
    found: dict[str, dict[str, Any]] = {}
    for metric in report.metrics:
        if metric.split == split and metric.class_ is not None and metric.slice is None:
            found.setdefault(metric.class_, {})[metric.name] = metric
    given = next((part.per_class for name, part in report.data.items() if name == split), {})
    rows = [
        ClassRow(
            name,
            metrics["recall"].support if "recall" in metrics else 0,
            given.get(name, 0),
            tuple(
                (metrics[each].value, metrics[each].interval) if each in metrics else (None, None)
                for each in ("recall", "precision", "f1")
            ),
        )
        for name, metrics in found.items()
    ]
    return sorted(rows, key=lambda row: 2.0 if row.cells[0][0] is None else row.cells[0][0])


def _losses(report: Report) -> Plot | None:
    history = report.history
    if history is None or not history.epochs:
        return None
    epoch = history.checkpoint_epoch
    shipped = "" if epoch is None else f"; the shipped checkpoint is of epoch {epoch:g}"
    said = f"{epochs_in_words(history.epochs)} from {history.path}{shipped}"
    return Plot("Losses of training", plots.losses(history), said)


def _days_left(expires: str, report: Report) -> int | None:
    """Return the days from the run, not from today: the page says the same tomorrow."""
    started = report.run.get("started")
    try:
        return (date.fromisoformat(expires[:10]) - date.fromisoformat(str(started)[:10])).days
    except ValueError:
        return None


def _facts(report: Report) -> Iterator[tuple[str, str]]:
    """Yield the environment and the run as pairs of words."""
    for name, value in {**report.environment, **report.run}.items():
        if isinstance(value, list):
            value = (
                " ".join(str(each) for each in value)
                if name == "command"
                else "; ".join(str(each) for each in value)
            )
        yield name, str(value)
    yield "validate-model", report.tool.version
    yield "report format", report.schema_version


__all__ = ["Beside", "Page", "Plot", "page_of"]
