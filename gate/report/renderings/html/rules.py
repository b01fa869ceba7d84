"""One card a rule: its state, what it found, a bar for each interval, a table of its results."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gate.report.model import Report, ResultPart, SearchPart
from gate.report.renderings.grouping import (
    RuleGroup,
    describe,
    group_results,
    name_part,
    name_scope,
)
from gate.report.renderings.html.bars import (
    Bar,
    interval_in_words,
    required_in_signs,
    scale_of,
)
from gate.report.renderings.words import level, value_of, word

MOST_CARDS = 300
_MOST_OPEN = 12  # cards; nobody reads more at once
_MOST_BARS = 40  # of one card
_FEWEST_BARS = 12  # of a card with more, where fewer did not pass
_MOST_ROWS = 200  # of one table
_MILDER = ("WARN", "WAIVED", "PASS", "NOT APPLICABLE")  # than what blocks


@dataclass(frozen=True, slots=True)
class ResultRow:
    """One result as a table and a plot show it."""

    result: ResultPart
    state: str
    scope: str  # the class, the slice or the part that it speaks of
    value: str
    counts: str  # 13/17, where something was counted
    interval: str
    required: str
    by_estimate: bool  # passed, and its interval leaves it open
    sentence: str  # empty where the numbers say it all
    bar: Bar | None


@dataclass(frozen=True, slots=True)
class RuleCard:
    """One rule with all its results, the worst first."""

    name: str
    title: str
    check: str
    state: str  # the worst of its results
    is_open: bool
    said: str
    rest: str  # how many results are in other states
    remedies: list[str]
    place: str  # file and line of the rule; empty where they are not known
    bars: list[ResultRow]
    marks: list[tuple[float, str]]  # of the scale below the bars
    bars_left_out: int
    rows: list[ResultRow]
    rows_left_out: int
    searches: list[SearchPart]  # what the rule could have seen


def cards_of(report: Report) -> list[RuleCard]:
    """Return the cards of all rules, the worst first; those that block are open."""
    by_rule: dict[str, list[RuleGroup]] = {}
    for group in sorted(group_results(report), key=_rank):
        by_rule.setdefault(group.rule, []).append(group)
    judged = bool(report.data)  # else an error is to be read, and no rule says more
    return [
        _card(
            groups,
            [each for each in report.searches if each.rule == groups[0].rule],
            is_open=judged and place < _MOST_OPEN and groups[0].blocks,
        )
        for place, groups in enumerate(by_rule.values())
    ]


def _rank(group: RuleGroup) -> int:
    """Return how far down a state stands; those that block keep the order of the report."""
    return 0 if group.blocks else 1 + _MILDER.index(group.state)


def _card(groups: Sequence[RuleGroup], searches: list[SearchPart], *, is_open: bool) -> RuleCard:
    first = groups[0]
    results = [each for group in groups for each in group.results]
    drawn = _chosen([each for each in results if _is_drawn(each)])
    rows = [_row(each) for each in results[:_MOST_ROWS]]
    bars, marks = _bars(drawn)
    place = first.worst.location
    return RuleCard(
        name=first.rule,
        title=first.title,
        check=first.check,
        state=first.state,
        is_open=is_open,
        said="" if first.state == "PASS" and first.all_results > 1 else describe(first),
        rest=", ".join(f"{len(each.results):,} {each.state}" for each in groups)
        if len(groups) > 1 or len(results) > 1
        else "",
        remedies=_remedies(results),
        place="" if place is None else f"{place.file}:{place.line}",
        bars=bars,
        marks=marks,
        bars_left_out=sum(map(_is_drawn, results)) - len(bars),
        rows=rows,
        rows_left_out=len(results) - len(rows),
        searches=searches,
    )


def _chosen(results: Sequence[ResultPart]) -> Sequence[ResultPart]:
    """Return what is drawn: all, or of too many those that did not pass."""
    if len(results) <= _MOST_BARS:
        return results
    not_passed = sum(each.outcome != "passed" for each in results)
    return results[: min(max(not_passed, _FEWEST_BARS), _MOST_BARS)]


def _is_drawn(result: ResultPart) -> bool:
    return result.measured.interval is not None and result.measured.value is not None


def _bars(results: Sequence[ResultPart]) -> tuple[list[ResultRow], list[tuple[float, str]]]:
    """Return the rows of a plot on one scale, and the marks of the scale."""
    if not results:
        return [], []
    values = [result.measured.value or 0.0 for result in results]
    required = [result.required.value for result in results]
    intervals = [each for result in results if (each := result.measured.interval) is not None]
    scale = scale_of([*values, *required], intervals)
    bars = [
        scale.bar(value, interval, limit)
        for value, interval, limit in zip(values, intervals, required, strict=True)
    ]
    rows = [_row(result, bar) for result, bar in zip(results, bars, strict=True)]
    return rows, scale.marks()


def _row(result: ResultPart, bar: Bar | None = None) -> ResultRow:
    measured = result.measured
    counts = (
        f"{measured.numerator:,}/{measured.denominator:,}"
        if measured.numerator is not None and measured.denominator is not None
        else ""
    )
    return ResultRow(
        result=result,
        state=word(result),
        scope=name_scope(result) or name_part(result) or result.scope.split or "the run",
        value=value_of(result) if measured.value is not None else "–",
        counts=counts,
        interval=interval_in_words(measured.interval),
        required=required_in_signs(result.required),
        by_estimate=is_by_estimate(result),
        sentence="" if result.outcome == "passed" and _is_drawn(result) else result.message,
        bar=bar,
    )


def is_by_estimate(result: ResultPart) -> bool:
    """Return whether the estimate alone decided that a result passed."""
    return result.outcome == "passed" and not result.proven and result.measured.interval is not None


def _remedies(results: Sequence[ResultPart]) -> list[str]:
    """Return what to do about what did not pass, each remedy once."""
    told = (each.remedy for each in results if level(each) in {"error", "warning"} and each.remedy)
    return list(dict.fromkeys(told))


def states_counted(report: Report) -> Iterator[tuple[str, int]]:
    """Yield each state that a result is in, the worst first, and how many are."""
    states = Counter(word(result) for result in report.results)
    for state in ("FAIL", "ERROR", "INCONCLUSIVE", *_MILDER):
        if states[state]:
            yield state, states[state]
