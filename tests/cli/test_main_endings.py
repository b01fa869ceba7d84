"""The end of a command that runs as a process of its own."""

import subprocess
import sys

PROGRAM = """
import atexit
import gate.cli
from gate.__main__ import program

class Loop:
    def __init__(self):
        self.itself = self

    def __del__(self):
        print("found by a search for cycles")

def main():
    Loop()
    atexit.register(print, "cleaned up")
    return 3

gate.cli.main = main
program()
"""


def ended():
    return subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)


def test_what_nobody_reaches_any_more_is_not_searched_for():
    """Twice through all objects takes a tenth of the time of a short command."""
    assert "found" not in ended().stdout


def test_what_was_asked_for_at_the_end_is_done():
    assert ended().stdout == "cleaned up\n"


def test_the_status_is_that_of_the_command():
    assert ended().returncode == 3


LATE = """
import _thread
import time
import gate.cli
import gate.subject.guard
from gate import ending
from gate.__main__ import program

start = _thread.start_new_thread
soon = ending.end_soon

def end_soon(*arguments):
    print("runs", flush=True)
    soon(*arguments)

def start_late(function, arguments):  # as on a machine that is busy
    return start(lambda: (time.sleep(0.3), function(*arguments)), ())

_thread.start_new_thread = start_late
ending.end_soon = end_soon
gate.cli.main = lambda: 3
program()
"""


def test_python_does_not_end_before_the_thread_runs_that_ends_it_in_a_while():
    """A thread that begins when Python is ending is a fatal error, and another exit status."""
    late = subprocess.run([sys.executable, "-c", LATE], capture_output=True, text=True)

    assert (late.returncode, late.stdout, late.stderr) == (3, "runs\n", "")
