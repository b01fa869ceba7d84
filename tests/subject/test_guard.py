"""Whatever is raised inside the guard is said in words; Ctrl-C alone goes its way."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gate.errors import FactoryError
from gate.subject.guard import Guard, describe_error, to_standard_error

GUARD = Guard('model.factory "nets:build"', Path(__file__).parent)


class MuteError(Exception):
    def __str__(self):
        raise RuntimeError("even this")


class Final(BaseException):
    pass


class Unnamed(type):
    @property
    def __name__(cls):
        raise ValueError


class OddError(Exception, metaclass=Unnamed):
    pass


class LyingError(Exception):
    """Raises wherever a caught exception is looked at."""

    def raises(self):
        raise ValueError("not this")

    __cause__ = __context__ = __traceback__ = retriable = status = errno = property(raises)


class LyingGroup(ExceptionGroup):
    exceptions = property(LyingError.raises)


class Opaque(type):
    def __getattribute__(cls, name):
        if name in {"__name__", "__mro__"}:
            raise ValueError(name)
        return super().__getattribute__(name)


class OpaqueError(Exception, metaclass=Opaque):
    pass


def recursion():
    return recursion()


def raising(error):
    def touch():
        raise error

    return touch


WAYS = {
    "an error": (raising(ValueError("no\nGPU")), r"ValueError: no\nGPU (test_guard.py:"),
    "one that cannot tell": (raising(MuteError()), "MuteError: its text cannot be written"),
    "one whose class cannot": (raising(OddError("odd")), "OddError: odd"),
    "one that lies of all it is": (raising(LyingError("odd")), "LyingError: odd (test_guard.py:"),
    "one whose class tells nothing": (raising(OpaqueError("odd")), "OpaqueError: odd"),
    "several that lie": (
        raising(LyingGroup("two", [ValueError("one")])),
        "LyingGroup: two (1 sub-exception), the first ValueError: one",
    ),
    "one with escapes": (raising(OSError("\x1b[31m")), r"OSError: \x1b[31m"),
    "one with half a character": (raising(OSError("\ud800")), r"OSError: \ud800"),
    "a very long one": (raising(OSError("x" * 10_000)), "x" * 200 + "..."),
    "no memory": (raising(MemoryError()), "MemoryError (test_guard.py:"),
    "no end": (recursion, "RecursionError: maximum recursion depth exceeded"),
    "the end of an iterator": (raising(StopIteration()), "StopIteration (test_guard.py:"),
    "the end of a generator": (raising(GeneratorExit()), "GeneratorExit (test_guard.py:"),
    "an exit": (lambda: sys.exit(0), "SystemExit: 0 (test_guard.py:"),
    "the end of the process": (lambda: os._exit(9), "SystemExit: os._exit(9) (test_guard.py:"),
    "an interruption by itself": (raising(KeyboardInterrupt()), "KeyboardInterrupt (test_guard"),
    "a final error": (raising(Final("all")), "Final: all (test_guard.py:"),
    "several": (
        raising(ExceptionGroup("two", [ValueError("one"), ValueError("other")])),
        "ExceptionGroup: two (2 sub-exceptions), the first ValueError: one",
    ),
    "several that are final": (
        raising(BaseExceptionGroup("two", [Final("one")])),
        "BaseExceptionGroup: two (1 sub-exception), the first Final: one",
    ),
    "a syntax error": (lambda: compile("1 +", "x.py", "exec"), "SyntaxError: invalid syntax"),
}


@pytest.mark.parametrize("title", WAYS)
def test_what_is_raised_is_a_place_a_fact_and_a_remedy(title):
    touch, words = WAYS[title]

    with pytest.raises(FactoryError) as caught, GUARD.during("its forward"):
        touch()

    assert caught.value.where == 'model.factory "nets:build"'
    assert caught.value.fact.startswith("its forward raised ")
    assert words in caught.value.fact
    assert caught.value.remedy == "run it in Python to see the traceback"
    assert caught.value.exit_status == 4
    assert caught.value.retriable is (title == "no memory")


def test_an_error_of_a_file_with_no_name_has_no_place():
    code = compile("1 / 0", "x.py", "exec").replace(co_filename="a\0b")

    with pytest.raises(FactoryError) as caught, GUARD.during("it"):
        exec(code)

    assert caught.value.fact.startswith("it raised ZeroDivisionError: division by zero")


@contextlib.contextmanager
def hearing(handler):
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def heard(_number, _frame):
    raise KeyboardInterrupt


class Hearing:
    def __call__(self, number, frame):
        raise KeyboardInterrupt


HANDLERS = [signal.default_int_handler, heard, Hearing()]


@pytest.mark.parametrize("handler", HANDLERS, ids=["Python's", "a function", "an object"])
def test_ctrl_c_goes_its_way(handler):
    with hearing(handler), pytest.raises(KeyboardInterrupt), GUARD.during("it"):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("handler", HANDLERS, ids=["Python's", "a function", "an object"])
def test_an_error_that_came_of_ctrl_c_goes_its_way_too(handler):
    def touch():
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise OSError("cut off") from None

    with hearing(handler), pytest.raises(OSError, match="cut off"), GUARD.during("it"):
        touch()


@pytest.mark.parametrize(
    "handler", [*HANDLERS, signal.SIG_IGN], ids=["Python's", "a function", "an object", "none"]
)
def test_an_interruption_that_nobody_sent_is_the_codes_own(handler):
    with hearing(handler), pytest.raises(FactoryError), GUARD.during("it"):
        raise KeyboardInterrupt


def test_no_other_thread_than_the_first_is_interrupted():
    found = []

    def touch():
        try:
            with GUARD.during("it"):
                raise KeyboardInterrupt
        except BaseException as error:
            found.append(type(error))

    thread = threading.Thread(target=touch)
    thread.start()
    thread.join()

    assert found == [FactoryError]


def test_outside_of_the_guard_and_in_a_copy_a_process_may_end():
    program = """
import os
from gate.subject.guard import Guard
from pathlib import Path
guard = Guard("x", Path())
with guard.during("it"):
    child = os.fork()
    if child == 0:
        os._exit(5)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5
os._exit(6)
"""

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 6


def test_streams_that_the_users_code_replaces_are_put_back(capsys):
    before = sys.stdout, sys.stderr

    with to_standard_error():
        sys.stdout.write("to people\n")
        sys.stdout = sys.stderr = None

    assert (sys.stdout, sys.stderr) == before
    assert capsys.readouterr() == ("", "to people\n")


def test_a_chain_of_errors_that_bites_its_tail_ends():
    one, other = ValueError("one"), ValueError("other")
    one.__context__, other.__context__ = other, one

    with pytest.raises(FactoryError), GUARD.during("it"):
        raise one


def test_what_is_said_is_one_line():
    assert describe_error(ValueError(""), Path()) == "ValueError"
