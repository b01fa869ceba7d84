"""User code may end the process that judges; it does not choose the status of the command."""

import subprocess
import sys
import textwrap

import pytest

PROGRAM = """\
import atexit, os, threading, time
import gate.cli
from gate import ending
from gate.__main__ import program
from gate.subject.guard import in_reach

ending._LINGER = 0.2
touched = []


def touch():
{touch}


def main():
    with in_reach():
        touch()
{after}
    print("judged", flush=True)
    return 1


gate.cli.main = main
program()
"""

# What user code leaves behind, and what the command would go on to do.
LEFT = {
    "an exit handler": ("atexit.register(os._exit, 0)", ""),
    "an exit handler with another program": ("atexit.register(os.execv, '/bin/true', ['t'])", ""),
    "an object that goes at the end": (
        "touched.append(type('Last', (), {'__del__': lambda self, ends=os._exit: ends(0)})())",
        "",
    ),
    "a thread that never ends": ("threading.Thread(target=time.sleep, args=(60,)).start()", ""),
    "a thread that ends it late": ("threading.Timer(0.1, os._exit, (0,)).start()", ""),
    "a function that was kept": ("atexit.register(__import__(os.name)._exit, 0)", ""),
    "nothing": ("pass", ""),
}


def ended(touch, after=""):
    program = PROGRAM.format(touch=textwrap.indent(touch, " " * 4), after=" " * 4 + after)
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=50
    )


@pytest.mark.parametrize("title", LEFT)
def test_the_status_stays_that_of_the_verdict(title):
    ran = ended(*LEFT[title])

    assert (ran.returncode, ran.stdout) == (1, "judged\n"), ran.stderr


@pytest.mark.parametrize(
    "ends", ["os._exit(0)", "os.execv('/bin/true', ['true'])", "__import__(os.name)._exit(0)"]
)
def test_before_the_verdict_it_is_an_error_that_can_be_told(ends):
    ran = ended(f"try:\n    {ends}\nexcept SystemExit as told:\n    print(told)")

    assert ran.returncode == 1
    assert ran.stdout.startswith(("os._exit(0)\n", "os.execv\n"))


def test_out_of_a_thread_it_ends_the_command_unjudged():
    ran = ended("threading.Thread(target=os._exit, args=(0,)).start()", "time.sleep(30)")

    assert ran.returncode == 4
    assert ran.stdout == ""
    assert "os._exit(0) was called by the user's code; nothing was judged" in ran.stderr


def test_a_copy_of_the_process_ends_as_it_likes():
    touch = "pid = os.fork()\nif not pid:\n    os._exit(5)\n"
    touch += "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))"

    assert ended(touch).stdout == "5\njudged\n"


def test_a_copy_may_become_another_program():
    touch = "pid = os.fork()\nif not pid:\n    os.execvp('false', ['false'])\n"
    touch += "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))"

    assert ended(touch).stdout == "1\njudged\n"


def test_another_program_that_uses_us_ends_as_it_likes():
    script = "import os\nfrom gate.subject.guard import in_reach\n"
    script += "with in_reach():\n    pass\nos._exit(7)\n"

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 7
