"""Rounds as figures: medians of times, and medians of ratios within a round."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from turns import Rounds


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table; a ratio is None where there is nothing to compare with."""

    job: str
    threads: int
    program: str
    seconds: float
    cpu: float
    peak: float | None  # MiB
    to_bound: float | None = None  # with the best rate of the session
    cpu_to_bound: float | None = None
    in_turn: float | None = None  # to the bound with the best rate of the same round
    to_script: float | None = None  # as many times as fast as the script


@dataclass(frozen=True, slots=True)
class Bar:
    """What PERFORMANCE asks for, and what was measured."""

    name: str
    most: float
    measured: float
    unit: str

    @property
    def met(self) -> bool:
        """Whether it is reached."""
        return self.measured <= self.most


def best_rate(rounds: Sequence[Rounds]) -> float:
    """Return the best FLOP/s of one core in the session."""
    return max(part["rate"] for each in rounds for part in each.parts)


def figures(rounds: Rounds, best: float) -> list[Figure]:
    """Return the lines of one job on so many cores, the bound first; ``best`` is a FLOP/s."""
    wall, cpu = _bounds(rounds, [best] * len(rounds.parts))
    wall_in_turn, _ = _bounds(rounds, [part["rate"] for part in rounds.parts])
    head = (rounds.job, rounds.threads)
    lines = [Figure(*head, "bound", median(wall), median(cpu), None)]
    script = [each.seconds for each in rounds.taken["script"]]
    for program, taken in rounds.taken.items():
        seconds = [each.seconds for each in taken]
        lines.append(
            Figure(
                *head,
                program,
                median(seconds),
                median(each.cpu for each in taken),
                median(each.peak for each in taken),
                to_bound=_ratio(seconds, wall),
                cpu_to_bound=_ratio([each.cpu for each in taken], cpu),
                in_turn=_ratio(seconds, wall_in_turn),
                to_script=_ratio(script, seconds),
            )
        )
    return lines


def _bounds(rounds: Rounds, rates: Sequence[float]) -> tuple[list[float], list[float]]:
    """Return the bound of each round at its rate, in seconds and in CPU seconds."""
    work = [
        rounds.flops * rounds.images / rate + part["decode"] + part["hash"]
        for rate, part in zip(rates, rounds.parts, strict=True)
    ]
    starts = rounds.taken["start-up"]
    wall = [start.seconds + each / rounds.threads for start, each in zip(starts, work, strict=True)]
    return wall, [start.cpu + each for start, each in zip(starts, work, strict=True)]


def _ratio(these: Sequence[float], those: Sequence[float]) -> float:
    """Return the median over the rounds that have both; the script may have had the first only."""
    return median(this / that for this, that in zip(these, those, strict=False))


def table(lines: Sequence[Figure]) -> str:
    """Return the figures as text."""
    head = f"{'job':9} cores {'program':11} {'seconds':>8} {'CPU s':>8} {'peak MiB':>8}"
    head += f" {'x bound':>8} {'CPU x':>6} {'in turn':>7} {'x as fast':>9}"
    rows = [head]
    for each in lines:
        row = f"{each.job:9} {each.threads:5} {each.program:11} {each.seconds:8.2f} {each.cpu:8.2f}"
        row += f" {_or_dash(each.peak, '8.0f')} {_or_dash(each.to_bound, '8.2f')}"
        row += f" {_or_dash(each.cpu_to_bound, '6.2f')} {_or_dash(each.in_turn, '7.2f')}"
        rows.append(row + f" {_or_dash(each.to_script, '9.2f')}")
    return "\n".join(rows)


def bar_table(bars: Sequence[Bar]) -> str:
    """Return the bars as text."""
    return "\n".join(
        f"{bar.name:55} {bar.measured:8.2f} {bar.unit:8} bar {bar.most:6.2f}  "
        f"{'met' if bar.met else 'not met'}"
        for bar in bars
    )


def _or_dash(value: float | None, form: str) -> str:
    return format("-", ">" + form.split(".")[0]) if value is None else format(value, form)
