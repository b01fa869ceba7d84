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
    before = signal.signal(signal.SIGINT, own_process._interrupt)
    yield
    signal.signal(signal.SIGINT, before)


def at_work(seconds, done):
    """Let Ctrl-C come, and go on for a while; note that it was not cut off."""
    signal.raise_signal(signal.SIGINT)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass
    done.append("all of it")


# As if it were a function of Python's own import.
importing = type(at_work)(at_work.__code__.replace(co_filename=IMPORTLIB), at_work.__globals__)


def test_it_is_heard_at_once():
    done = []

    with pytest.raises(KeyboardInterrupt):
        at_work(0.05, done)

    assert done == []


def test_an_import_is_not_cut_off_and_it_is_heard_after_it():
    done = []

    def import_and_go_on():
        importing(0.05, done)
        time.sleep(60)

    with pytest.raises(KeyboardInterrupt):
        import_and_go_on()

    assert done == ["all of it"]


@pytest.mark.skipif(sys.platform == "win32", reason="there it is heard when the wait is over")
def test_one_that_came_during_an_import_wakes_whoever_waits_after_it():
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

    assert not released.is_set()


@pytest.mark.parametrize(
    ("before", "after"),
    [("default_int_handler", "_interrupt"), ("SIG_IGN", "SIG_IGN")],
    ids=["heard", "born deaf"],
)
def test_what_is_born_deaf_to_it_stays_deaf(before, after):
    script = (
        "import atexit, signal, sys\n"
        "from gate.__main__ import program\n"
        f"signal.signal(signal.SIGINT, signal.{before})\n"
        "def handler():\n"
        "    found = signal.getsignal(signal.SIGINT)\n"
        "    print(getattr(found, '__name__', None) or found.name)\n"
        "atexit.register(handler)\n"
        "program()\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, "--version"], capture_output=True, text=True, check=True
    )

    assert ran.stdout.splitlines()[-1] == after


def test_before_the_command_line_is_there_it_is_130_without_a_traceback():
    script = (
        "import signal, sys\n"
        "class Interrupted:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'gate.cli':\n"
        "            signal.raise_signal(signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupted())\n"
        "from gate.__main__ import program\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "program()\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, "run"], capture_output=True, text=True, check=False
    )

    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", "")
