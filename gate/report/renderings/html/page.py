"""The sections of the page, in their order; the template only lays them out."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from gate.report.copies_found import IF_SMALL, CopiesFound, copies_found
from gate.report.model import InflationPart, MetricPart, Report, WaiverPart
from gate.report.renderings.changes import before_and_after, difference, shown_changes
from gate.report.renderings.grouping import RuleGroup, describe, group_results, next_steps
from gate.report.renderings.html import plots
from gate.report.renderings.html.asked_again import EvidenceMap, Flip, flips_of, maps_of
from gate.report.renderings.html.bars import interval_in_words
from gate.report.renderings.html.confusion import Confusion, confusion_of
from gate.report.renderings.html.evidence import read_beside
from gate.report.renderings.html.glance import Glance, glances_of
from gate.report.renderings.html.pictures import (
    Mistakes,
    ShownPair,
    mistakes_of,
    pairs_of,
    reviews_of,
)
from gate.report.renderings.html.rules import (
    MOST_CARDS,
    RuleCard,
    cards_of,
    is_by_estimate,
    states_counted,
)
from gate.report.renderings.leaks import notable
from gate.report.renderings.thresholds import Changed, describe_thresholds, notable_changes
from gate.report.renderings.words import waivers_of
from gate.wording import printable

_MOST_REASONS = 5  # rules that the verdict names; the cards below tell all
_MOST_STEPS = 5
_MOST_CLASSES = 1000  # rows of the table of classes
_MOST_SLICES = 500
_MOST_CHANGED = 30  # metrics that an operating point changes
_MOST_INFLATED = 12  # metrics of classes; those of splits are all shown
_SPLITS = ("test", "validation", "train")


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One class on one split."""

    name: str
    support: int  # without leaked and repeated images
    given: int
    cells: tuple[tuple[float | None, str], ...]  # recall, precision, f1, each with its interval


@dataclass(frozen=True, slots=True)
class SliceRow:
    """A metric of one slice."""

    metric: MetricPart
    interval: str


@dataclass(frozen=True, slots=True)
class InflationRow:
    """A metric with and without leaked and repeated images."""

    part: InflationPart
    interval: str  # of the difference


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A metric of the champion and of the model."""

    name: str
    split: str
    values: str  # before and after
    difference: str  # with its interval


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
    reasons: list[tuple[RuleGroup, str]]  # the rules that block, and what they found
    reasons_left_out: int
    unmeasured: int  # rules that block because nothing was measured
    steps: list[str]
    steps_left_out: int
    glances: list[Glance]
    changes: list[ChangeRow]  # against the champion
    states: list[tuple[str, int]]
    by_estimate: int  # results that the estimate alone decided
    cards: list[RuleCard]
    cards_left_out: int
    mistakes: list[Mistakes]
    pairs: list[ShownPair]
    reviews: list[ShownPair]  # for people to judge
    reviews_left_out: int
    maps: list[EvidenceMap]
    flips: list[Flip]
    confusions: list[tuple[str, Confusion]]
    split: str | None  # that classes and figures are of
    classes: list[ClassRow]
    classes_left_out: int
    slices: list[SliceRow]
    slices_left_out: int
    thresholds: str  # how scores became answers; empty where the highest score decided
    price: list[Changed]  # what the operating point changes, the most changed first
    scores: list[plots.Plot]
    losses: plots.Plot | None
    inflation: list[InflationRow]
    waivers: list[WaiverRow]
    facts: list[tuple[str, str]]
    copies_found: CopiesFound
    if_small: str  # of images in which not all copies are looked for


def page_of(report: Report, evidence: Path | None, *, images: bool) -> Page:
    """Return what the page of a report shows; ``evidence`` is the file beside it, if any."""
    beside = read_beside(report, evidence)
    blocking = [each for each in group_results(report) if each.blocks]
    unmeasured = 0
    if report.errors and not report.data:  # the errors are the reason, and tell what to do
        unmeasured, blocking = len({each.rule for each in blocking}), []
    steps = _steps(report, next_steps(report) if blocking else [])
    cards = cards_of(report)
    split = next((name for name in _SPLITS if name in report.data), None)
    classes = _classes(report, split)
    slices = [SliceRow(m, interval_in_words(m.interval)) for m in report.metrics if m.slice]
    history = report.history
    reviews, reviews_left_out = reviews_of(beside, images=images)
    return Page(
        missing=beside.missing,
        images=images,
        reasons=[(each, describe(each)) for each in blocking[:_MOST_REASONS]],
        reasons_left_out=max(0, len(blocking) - _MOST_REASONS),
        unmeasured=unmeasured,
        steps=steps[:_MOST_STEPS],
        steps_left_out=max(0, len(steps) - _MOST_STEPS),
        glances=glances_of(report, split),
        changes=list(_changes(report)),
        states=list(states_counted(report)),
        by_estimate=sum(map(is_by_estimate, report.results)),
        cards=cards[:MOST_CARDS],
        cards_left_out=max(0, len(cards) - MOST_CARDS),
        mistakes=mistakes_of(report, beside) if images else [],
        pairs=pairs_of(report, beside, images=images),
        reviews=reviews,
        reviews_left_out=reviews_left_out,
        maps=maps_of(report, beside, images=images),
        flips=flips_of(report, beside) if images else [],
        confusions=[
            (name, confusion_of(part))
            for name in _SPLITS
            for found, part in report.confusion.items()
            if found == name and part.classes
        ],
        split=split,
        classes=classes[:_MOST_CLASSES],
        classes_left_out=max(0, len(classes) - _MOST_CLASSES),
        slices=slices[:_MOST_SLICES],
        slices_left_out=max(0, len(slices) - _MOST_SLICES),
        thresholds=describe_thresholds(report),
        price=notable_changes(report, split)[:_MOST_CHANGED] if split else [],
        scores=list(plots.of_scores(beside, report)),
        losses=plots.losses(history) if history is not None and history.epochs else None,
        inflation=[
            InflationRow(each, interval_in_words(each.interval))
            for each in notable(report, _MOST_INFLATED)
        ],
        waivers=[
            WaiverRow(waiver, state, _days_left(waiver.expires, report))
            for waiver, state in waivers_of(report)
        ],
        facts=list(_facts(report)),
        copies_found=copies_found(),
        if_small=IF_SMALL,
    )


def _steps(report: Report, of_rules: list[str]) -> list[str]:
    """Return what to do about causes, about errors, and about rules, each remedy once."""
    first = [
        *(each.remedy for each in report.causes),
        *(each.remedy for each in report.errors if each.remedy),
    ]
    return list(dict.fromkeys([*map(printable, first), *of_rules]))


def _classes(report: Report, split: str | None) -> list[ClassRow]:
    """Return the classes of a split, the lowest recall first, those without one last."""
    found: dict[str, dict[str, MetricPart]] = {}
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
                (metrics[each].value, interval_in_words(metrics[each].interval))
                if each in metrics
                else (None, "")
                for each in ("recall", "precision", "f1")
            ),
        )
        for name, metrics in found.items()
    ]
    return sorted(rows, key=lambda row: 2.0 if row.cells[0][0] is None else row.cells[0][0])


def _changes(report: Report) -> Iterator[ChangeRow]:
    for each in [] if report.baseline is None else shown_changes(report.baseline):
        of = "" if each.class_ is None else f" of {each.class_}, now the lowest"
        yield ChangeRow(f"{each.name}{of}", each.split, before_and_after(each), difference(each))


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
        yield name, _in_words(value, " " if name == "command" else "; ")
    yield "validate-model", report.tool.version
    yield "report format", report.schema_version


def _in_words(value: Any, between: str) -> str:  # noqa: ANN401 -- whatever JSON holds
    if isinstance(value, list):
        return between.join(str(each) for each in value)
    if isinstance(value, dict):
        return between.join(f"{name} {each}" for name, each in value.items())
    return str(value)
