"""The one guard around the user's own code and objects: whatever they raise is said in words.

The user's module, transform and Dataset are trusted to mean well, not to behave. What a touch of
them raises, in their code, or in torch or NumPy between, becomes a FactoryError: a place, a fact
and a remedy. So do ``sys.exit``, ``os._exit`` in the process that judges, and an interruption that
nobody sent.
"""

import contextlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from opcode import opmap
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from gate import ending
from gate.errors import FactoryError
from gate.healing import origins
from gate.wording import plain

_LONGEST = 200  # characters of a message that are repeated
IN_PYTHON = "run it in Python to see the traceback"

_touching = threading.local()
_SYSTEM = sys.modules[os.name]  # where os has its functions from
_ENDS = {name: getattr(os, name) for name in ("_exit", "execv", "execve")}


@dataclass(frozen=True, slots=True)
class Guard:
    """Stands around every touch of one object of the user's."""

    where: str  # the key of the gate file, and the factory that it names
    base: Path  # the folder of the gate file

    @contextlib.contextmanager
    def during(self, doing: str = "", remedy: str = IN_PYTHON) -> Iterator[None]:
        """Raise FactoryError where the block raises anything but Ctrl-C.

        ``doing`` is what is asked of the object, such as "its forward"; it begins the fact. Nothing
        of the gate's own belongs into the block. Not for single images: it costs microseconds.
        """
        with in_reach():
            try:
                yield
            except BaseException as error:
                raise self.refusal(error, doing, remedy) from error

    def refusal(
        self, error: BaseException, doing: str = "", remedy: str = IN_PYTHON
    ) -> FactoryError:
        """Return what to raise for what a touch has raised; raises it again where it is Ctrl-C."""
        require_theirs(error)
        fact = f"{doing} raised {describe_error(error, self.base)}".strip()
        return FactoryError(self.where, fact, remedy)


@contextlib.contextmanager
def to_standard_error() -> Iterator[None]:
    """Have what the user's code prints meanwhile go to standard error, and leave ours as it was."""
    streams = sys.stdout, sys.stderr
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        sys.stdout, sys.stderr = streams


class _Reach:
    """A thread in which user code runs; entered for every image, so it is no generator."""

    def __enter__(self) -> None:
        if os._exit is not _raise_or_exit:
            _take_the_ends()
        _touching.process = os.getpid()
        _touching.depth = getattr(_touching, "depth", 0) + 1

    def __exit__(self, *raised: object) -> None:
        _touching.depth -= 1


def in_reach() -> _Reach:
    """Have ``os._exit`` raise SystemExit in this thread meanwhile, in the process that judges.

    And what puts another program into its place. A process that measures for another one may end as
    it likes: the other one says so. What user code has left running, in a thread or until Python
    ends, does not choose the status of the command either.
    """
    return _REACH


def require_theirs(error: BaseException) -> None:
    """Raise ``error`` again where it is Ctrl-C, or came of it; else the user's code has made it."""
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        if issubclass(type(each), KeyboardInterrupt) and _was_sent(_trace_of(each)):
            raise error
        cause, context = origins(each)
        each = context if cause is None else cause


def describe_error(error: BaseException, base: Path) -> str:
    """Return the exception's type, its message and the user's file and line, in one line."""
    name, text = kind_of(error), text_of(error)
    head = f"{name}: {text}" if text else name
    if issubclass(type(error), BaseExceptionGroup):
        inner = vars(BaseExceptionGroup)["exceptions"].__get__(error)[0]
        head += f", the first {kind_of(inner)}: {text_of(inner)}"
    place = place_of(error, base)
    return f"{head} ({place})" if place else head


def text_of(thing: object) -> str:
    """Return ``str(thing)`` on one line and cut; a clause about it where it cannot be written."""
    try:
        return plain(thing, _LONGEST)
    except BaseException as error:
        require_theirs(error)
        return "its text cannot be written"


def first_line(error: BaseException) -> str:
    """Return the exception's type and the first line of its message: torch's go on for pages."""
    try:
        lines = str(error).strip().splitlines() or ["no message"]
    except BaseException as another:
        require_theirs(another)
        lines = ["its text cannot be written"]
    return f"{kind_of(error)}: {plain(lines[0], _LONGEST)}"


def kind_of(thing: object) -> str:
    """Return the name of an object's type, whatever the type thinks of that."""
    return plain(type.__dict__["__name__"].__get__(type(thing)))


def place_of(error: BaseException, base: Path) -> str:
    """Return file:line of the deepest frame in the user's folder, else the deepest of all."""
    try:
        return _place(error, base)
    except BaseException as another:  # a name that is no name of a file; or a class of the user's
        require_theirs(another)
        return ""


def _place(error: BaseException, base: Path) -> str:
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_near(error.filename, base)}:{error.lineno}"
    own = Path(__file__).parents[1]
    frames = [
        frame
        for frame in traceback.extract_tb(_trace_of(error))
        if not frame.filename.startswith("<frozen") and not Path(frame.filename).is_relative_to(own)
    ]
    users = [each for each in frames if _is_below(each.filename, base)]
    deepest = (users or frames)[-1:]
    return f"{_near(deepest[0].filename, base)}:{deepest[0].lineno}" if deepest else ""


def _is_below(file: str, base: Path) -> bool:
    return Path(file).resolve().is_relative_to(base.resolve())


def _near(file: str, base: Path) -> str:
    """Return the path below the gate file's folder, or the bare name of a file elsewhere."""
    if _is_below(file, base):
        return plain(os.path.relpath(Path(file).resolve(), base.resolve()))
    return plain(Path(file).name)


def _trace_of(error: BaseException) -> TracebackType | None:
    """Return where an exception came from, whatever its class says of that."""
    trace: TracebackType | None = vars(BaseException)["__traceback__"].__get__(error)
    return trace


def _was_sent(trace: TracebackType | None) -> bool:
    """Return whether a KeyboardInterrupt is Ctrl-C, and not one that code has raised by itself.

    Ctrl-C comes to the main thread of a process that listens, out of its handler or between two
    steps of whatever runs; by itself, code raises it with a raise statement.
    """
    handler = signal.getsignal(signal.SIGINT)
    listens = callable(handler)
    if not listens or trace is None or threading.current_thread() is not threading.main_thread():
        return False
    while trace.tb_next is not None:
        trace = trace.tb_next
    step = trace.tb_frame.f_code.co_code[trace.tb_lasti]
    return _is_of(handler, trace.tb_frame) or step != opmap["RAISE_VARARGS"]


def _is_of(handler: object, frame: FrameType) -> bool:
    call = handler if hasattr(handler, "__code__") else vars(type(handler)).get("__call__")
    return getattr(call, "__code__", None) is frame.f_code


def _take_the_ends() -> None:
    for place in (os, _SYSTEM):
        for name, ends in (("_exit", _raise_or_exit), ("execv", _execv), ("execve", _execve)):
            setattr(place, name, ends)


def _raise_or_exit(status: int) -> None:
    _raise_inside(f"os._exit({status})")
    if ending.is_own():
        ending.end_now(f"os._exit({status}) was called")
    _ENDS["_exit"](status)


def _execv(path: Any, argv: Any) -> None:  # noqa: ANN401 -- whatever os takes
    _refuse_inside_or_own("os.execv")
    _ENDS["execv"](path, argv)


def _execve(path: Any, argv: Any, env: Any) -> None:  # noqa: ANN401 -- whatever os takes
    _refuse_inside_or_own("os.execve")
    _ENDS["execve"](path, argv, env)


def _refuse_inside_or_own(name: str) -> None:
    _raise_inside(name)
    if ending.is_own():
        raise SystemExit(name)


def _raise_inside(name: str) -> None:
    from multiprocessing import parent_process

    is_inside = getattr(_touching, "depth", 0) > 0 and _touching.process == os.getpid()
    if is_inside and parent_process() is None:  # and not in a copy that was forked
        raise SystemExit(name)


_REACH = _Reach()
