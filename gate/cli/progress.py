"""Progress on standard error: a bar on a terminal, sparse lines elsewhere."""

import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from gate.cli.streams import tell
from gate.measure.progress import Advance

PATIENCE = 2.0  # seconds before work is worth a word
_BAR_EVERY = 0.2  # seconds between two drawings of a bar
_LINE_EVERY = 15.0  # seconds between two lines of a log
_WIDTH = 24
_FEWEST_STEPS = 5  # after the first, before anything is said of what is left
_WINDOW = 10.0  # seconds that an estimate rests on


class Progress:
    """Shows the stages of a run that take longer than two seconds."""

    @contextmanager
    def stage(self, name: str, total: int) -> Iterator[Advance]:
        """Give a function that is told how much more of ``total`` is done."""
        shown = _Stage(name, total, bar=sys.stderr.isatty())
        try:
            yield shown.advance
        finally:
            shown.finish()

    def warn(self, text: str) -> None:
        """Say what did not go as it should and changes no number."""
        tell(f"warning: {text}")


class _Stage:
    def __init__(self, name: str, total: int, *, bar: bool) -> None:
        self._name = name
        self._total = total
        self._bar = bar
        self._done = 0
        self._started = time.monotonic()
        self._shown_at: float | None = None
        # (when, done) after each step: what lies before the first is the start of the work,
        # loading and warming up, and says nothing of its pace.
        self._steps: deque[tuple[float, int]] = deque()

    def advance(self, count: int) -> None:
        self._done += count
        now = time.monotonic()
        self._steps.append((now, self._done))
        while len(self._steps) > _FEWEST_STEPS + 1 and now - self._steps[0][0] > _WINDOW:
            self._steps.popleft()
        if now - self._started < PATIENCE:
            return
        every = _BAR_EVERY if self._bar else _LINE_EVERY
        if self._shown_at is None or now - self._shown_at >= every:
            self._shown_at = now
            self._show(now)

    def finish(self) -> None:
        if self._shown_at is None:
            return
        self._show(time.monotonic())
        if self._bar:
            tell("")

    def _show(self, now: float) -> None:
        share = self._done / self._total if self._total else 1.0
        numbers = f"{self._done:,} of {self._total:,}{self._pace(now)}"
        if self._bar:
            filled = round(_WIDTH * share)
            bar = f"[{'#' * filled}{'.' * (_WIDTH - filled)}]"
            tell(f"\r{self._name:10} {bar} {numbers}\033[K", nl=False, moves_cursor=True)
        else:
            tell(f"{self._name}: {numbers}")

    def _pace(self, now: float) -> str:
        """Return what is left of the work, or how long all of it took.

        Nothing while too little was seen to say it: a wrong estimate is worse than none.
        """
        if self._done >= self._total:
            return f" in {_clock(now - self._started)}"
        (first, before), (last, done) = self._steps[0], self._steps[-1]
        seconds = last - first
        if len(self._steps) <= _FEWEST_STEPS or seconds < PATIENCE or done == before:
            return ""
        rate = (done - before) / seconds
        return f", {rate:,.0f}/s, about {_clock((self._total - done) / rate)} left"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"
