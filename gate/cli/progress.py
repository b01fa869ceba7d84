"""Progress on standard error: a bar on a terminal, sparse lines elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from gate.cli.streams import tell
from gate.measure.progress import Advance

PATIENCE = 2.0  # seconds before work is worth a word
_BAR_EVERY = 0.2  # seconds between two drawings of a bar
_LINE_EVERY = 15.0  # seconds between two lines of a log
_WIDTH = 24


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

    def advance(self, count: int) -> None:
        self._done += count
        now = time.monotonic()
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
        rate = self._done / (now - self._started)
        share = self._done / self._total if self._total else 1.0
        left = (self._total - self._done) / rate if rate else 0.0
        numbers = f"{self._done:,} of {self._total:,}, {rate:,.0f}/s, {_clock(left)} left"
        if self._bar:
            filled = round(_WIDTH * share)
            bar = f"[{'#' * filled}{'.' * (_WIDTH - filled)}]"
            tell(f"\r{self._name:10} {bar} {numbers}\033[K", nl=False, moves_cursor=True)
        else:
            tell(f"{self._name}: {numbers}")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"
