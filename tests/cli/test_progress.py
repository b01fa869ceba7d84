"""Progress on standard error: nothing for quick work, sparse lines in a log, else a bar."""

import contextlib

import pytest

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
    assert lines[-1] == "test: 60 of 60, 1/s, 0:00 left"
    assert "\r" not in err


def test_a_terminal_gets_one_bar_that_is_drawn_anew(clock, capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)

    worked(clock, 10, 1.0)

    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert err.endswith("\n")
    assert "[########################] 10 of 10" in err


def test_work_that_ends_early_leaves_a_whole_line(clock, capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)

    with contextlib.suppress(KeyboardInterrupt), progress.Progress().stage("test", 10) as advance:
        clock.now += 3
        advance(1)
        raise KeyboardInterrupt

    assert capsys.readouterr().err.endswith("\n")
