"""Progress on standard error: nothing for quick work, sparse lines in a log, else a bar."""

import contextlib
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.cli import progress


class Clock:
    """Time that passes only when it is told to."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(progress, "time", made)
    return made


def worked(clock, steps, seconds_each, *, total=None):
    with progress.Progress().stage("test", total or steps) as advance:
        for _ in range(steps):
            clock.now += seconds_each
            advance(1)


def test_work_of_less_than_two_seconds_says_nothing(clock, capsys):
    worked(clock, 10, 0.19)

    assert capsys.readouterr() == ("", "")


def test_a_log_gets_a_line_now_and_then_and_one_at_the_end(clock, capsys):
    worked(clock, 60, 1.0)

    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert 3 <= len(lines) <= 6
    assert lines[-1] == "test: 60 of 60 in 1:00"
    assert "\r" not in err


def test_a_terminal_gets_one_bar_that_is_drawn_anew(clock, capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)

    worked(clock, 10, 1.0)

    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert err.endswith("\n")
    assert "[########################] 10 of 10 in 0:10" in err


def test_work_that_ends_early_leaves_a_whole_line(clock, capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)

    with contextlib.suppress(KeyboardInterrupt), progress.Progress().stage("test", 10) as advance:
        clock.now += 3
        advance(1)
        raise KeyboardInterrupt

    assert capsys.readouterr().err.endswith("\n")


@pytest.mark.parametrize("bar", [False, True])
def test_a_slow_start_promises_nothing(clock, capsys, monkeypatch, bar):
    """Loading takes four seconds, the work itself ten batches of half a second."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: bar)

    with progress.Progress().stage("test", 1000) as advance:
        clock.now += 4
        advance(10)
        first = capsys.readouterr().err
        for _ in range(20):
            clock.now += 0.5
            advance(45)

    assert "10 of 1,000" in first
    assert "left" not in first


def promised(err):
    """Return the seconds that each estimate says are left."""
    found = re.findall(r"about (\d+):(\d\d) left", err)
    return [60 * int(minutes) + int(seconds) for minutes, seconds in found]


@given(start=st.floats(0, 60), each=st.floats(0.05, 3), steps=st.integers(10, 200))
def test_of_even_work_no_estimate_is_far_off(start, each, steps):
    clock = Clock()
    err = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stderr(err):
        patch.setattr(progress, "time", clock)
        patch.setattr(progress, "_LINE_EVERY", 0.0)
        remaining = {}
        with progress.Progress().stage("test", steps) as advance:
            clock.now += start
            for done in range(1, steps + 1):
                clock.now += each
                advance(1)
                remaining[done] = (steps - done) * each

    told = re.findall(r"test: (\d+) of \d+, \d+/s, about (\d+):(\d\d) left", err.getvalue())
    for done, minutes, seconds in told:
        assert 60 * int(minutes) + int(seconds) == pytest.approx(remaining[int(done)], abs=1)


def test_an_estimate_follows_a_pace_that_changes(clock, capsys):
    """The cache gives the first half at once, and the rest is slow."""
    with progress.Progress().stage("test", 200) as advance:
        for _ in range(100):
            clock.now += 0.001
            advance(1)
        for _ in range(50):
            clock.now += 1
            advance(1)
        half = promised(capsys.readouterr().err)

    assert half[-1] == pytest.approx(55, abs=15)


def test_of_steps_that_differ_the_first_ones_promise_nothing(clock, capsys):
    """One slow step and five minutes to go; then the work is done in ten seconds."""
    with progress.Progress().stage("test", 100) as advance:
        for seconds in (1, 3, 3, 3, 3):
            clock.now += seconds
            advance(1)
        first = capsys.readouterr().err
        for _ in range(95):
            clock.now += 0.1
            advance(1)

    assert "test: 2 of 100" in first
    assert "left" not in first
