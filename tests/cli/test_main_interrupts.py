"""Ctrl-C at a command that runs as a process of its own."""

import multiprocessing
import signal
import subprocess
import sys
import threading
import time

import pytest

from gate import __main__ as own_process

IMPORTLIB = "<frozen importlib._bootstrap>"


@pytest.fixture(autouse=True)
def handler():
    before = signal.signal(signal.SIGINT, own_process._Hearing())
    yield
    signal.signal(signal.SIGINT, before)


def at_work(seconds, done):
    """Let Ctrl-C come, and go on for a while; note that it was not cut off."""
    signal.raise_signal(signal.SIGINT)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass
    done.append("all of it")


def module(seconds, done):
    """Work as the Python of a module does that is imported: it is called."""
    at_work(seconds, done)


def by_import(function):
    """Return the function as if it were one of Python's own import."""
    return type(function)(function.__code__.replace(co_filename=IMPORTLIB), function.__globals__)


IMPORTING = [by_import(at_work), by_import(module)]
importing = IMPORTING[0]


def test_it_is_heard_at_once():
    done = []

    with pytest.raises(KeyboardInterrupt):
        at_work(0.05, done)

    assert done == []


@pytest.mark.parametrize("importing", IMPORTING, ids=["its own steps", "a module"])
def test_an_import_is_not_cut_off_and_it_is_heard_after_it(importing):
    done = []

    def import_and_go_on():
        importing(0.05, done)
        time.sleep(60)

    with pytest.raises(KeyboardInterrupt):
        import_and_go_on()

    assert done == ["all of it"]


@pytest.mark.parametrize(
    ("importing", "seconds", "expected"),
    [(IMPORTING[0], 0.2, ["all of it"]), (IMPORTING[1], 60, [])],
    ids=["its own steps", "a module"],
)
def test_a_module_that_takes_long_to_import_is_cut_off_but_no_step_of_import(
    importing, seconds, expected, monkeypatch
):
    monkeypatch.setattr(own_process, "_PATIENCE", 0.05)
    done = []

    def import_and_go_on():
        importing(seconds, done)
        time.sleep(60)

    with pytest.raises(KeyboardInterrupt):
        import_and_go_on()

    assert done == expected


def released_in_vain():
    """Import, be interrupted, and wait; return whether the wait came to its end."""
    line, theirs = multiprocessing.Pipe()
    released = threading.Event()

    def release():
        released.set()
        theirs.send("waited for it all")

    late = threading.Timer(20, release)
    late.start()

    def import_and_wait():
        importing(0.0, [])
        line.recv()

    with line, theirs, pytest.raises(KeyboardInterrupt):
        import_and_wait()
    late.cancel()
    return released.is_set()


@pytest.mark.skipif(sys.platform == "win32", reason="there it is heard when the wait is over")
def test_one_that_came_during_an_import_wakes_whoever_waits_after_it():
    assert not released_in_vain()


@pytest.mark.skipif(sys.platform == "win32", reason="there it is heard when the wait is over")
def test_one_that_woke_nobody_comes_again(monkeypatch):
    send, sent = signal.pthread_kill, []

    def lost_at_first(*whom):
        sent.append(whom)
        if len(sent) > 2:
            send(*whom)

    monkeypatch.setattr(signal, "pthread_kill", lost_at_first)

    assert not released_in_vain()
    assert len(sent) >= 3


@pytest.mark.parametrize(
    ("before", "after"),
    [("default_int_handler", "_Hearing"), ("SIG_IGN", "Handlers")],
    ids=["heard", "born deaf"],
)
def test_what_is_born_deaf_to_it_stays_deaf(before, after):
    script = (
        "import atexit, signal, sys\n"
        "from gate.__main__ import program\n"
        f"signal.signal(signal.SIGINT, signal.{before})\n"
        "atexit.register(lambda: print(type(signal.getsignal(signal.SIGINT)).__name__))\n"
        "program()\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, "--version"], capture_output=True, text=True, check=True
    )

    assert ran.stdout.splitlines()[-1] == after


def test_where_the_command_line_cannot_hear_it_it_is_130_without_a_traceback():
    script = (
        "import signal, sys, types\n"
        "cli = sys.modules['gate.cli'] = types.ModuleType('gate.cli')\n"
        "cli.main = lambda: signal.raise_signal(signal.SIGINT)\n"
        "from gate.__main__ import program\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "program()\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, "run"], capture_output=True, text=True, check=False
    )

    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", "")
