"""What may heal by running again, and what will not: by the error, its kind or its cause."""

import ast
import errno
import os
import pickle
import socket
import sqlite3
from pathlib import Path

import pytest

import gate
import gate.approval  # its errors count too
from gate.checks.plugins import OtherVersionError
from gate.errors import (
    AttestationError,
    CheckpointError,
    DataError,
    DocumentError,
    EvidenceError,
    FactoryError,
    GateError,
    HistoryError,
    MeasurementError,
    MissingExtraError,
    OutputError,
    PluginError,
    Refusal,
    SubjectError,
    UsageError,
)
from gate.healing import may_heal
from gate.subject.datasets.records import UnreadableImage

# Each kind of error without a cause and without a word of its own: none heals by itself.
STAYS = {
    GateError, UsageError, DocumentError, MissingExtraError, AttestationError, SubjectError,
    CheckpointError, DataError, FactoryError, HistoryError, EvidenceError, UnreadableImage,
    MeasurementError, PluginError, OtherVersionError,
}  # fmt: skip
BY_ITS_ERROR = {OutputError}


class OutOfMemoryError(RuntimeError):
    """As torch names it."""


class AnswerError(Exception):
    """As a web client's error: with the status of the answer."""

    def __init__(self, status):
        self.status = status


class PosingError(Exception):
    """Says of itself that it heals, which is not its to say."""

    retriable = True


class UnaskableError(Exception):
    """Raises where it is asked."""

    @property
    def retriable(self):
        raise ValueError("not this")

    @property
    def status(self):
        raise SystemExit(0)

    @property
    def __cause__(self):
        raise ValueError("nor this")


def opaque():
    """Return an error of a class that tells nothing."""

    class Opaque(type):
        def __getattribute__(cls, name):
            raise ValueError(name)

    class OpaqueError(Exception, metaclass=Opaque):
        pass

    return OpaqueError()


class WrongNumberError(OSError):
    """Has no number where others have one."""

    errno = ["ENOSPC"]  # noqa: RUF012 -- it is wrong in every way


def system(number):
    return OSError(number, os.strerror(number))


def full_database():
    database = sqlite3.connect(":memory:")
    try:
        database.execute("PRAGMA max_page_count = 1")
        database.execute("CREATE TABLE a (b)")
        database.execute("CREATE TABLE c (d)")
    except sqlite3.OperationalError as error:
        return error
    finally:
        database.close()
    raise AssertionError("one page holds no two tables")


HEALS = {
    "full disk": system(errno.ENOSPC),
    "quota": system(errno.EDQUOT),
    "disk error": system(errno.EIO),
    "share that went": system(errno.ESTALE),
    "refused": system(errno.ECONNREFUSED),
    "too slow": system(errno.ETIMEDOUT),
    "busy": system(errno.EAGAIN),
    "no memory": system(errno.ENOMEM),
    "too many open files": system(errno.EMFILE),
    "memory": MemoryError(),
    "connection": ConnectionError("4 bytes came of 8"),
    "time out": TimeoutError(),
    "memory of a GPU": OutOfMemoryError("CUDA out of memory"),
    "no name server": socket.gaierror(socket.EAI_AGAIN, "try again"),
    "server error": AnswerError(503),
    "too many requests": AnswerError(429),
    "full database": full_database(),
}
REMAINS = {
    "no cause": None,
    "no such file": system(errno.ENOENT),
    "not allowed": system(errno.EACCES),
    "a folder": system(errno.EISDIR),
    "name too long": system(errno.ENAMETOOLONG),
    "read-only": system(errno.EROFS),
    "limit of a file": system(errno.EFBIG),
    "no such host": socket.gaierror(socket.EAI_NONAME, "not known"),
    "not there": AnswerError(404),
    "forbidden": AnswerError(403),
    "user code": RuntimeError("no such backbone"),
    "no words": OSError("odd"),
    "user code that says it does": PosingError(),
    "user code that raises": UnaskableError(),
    "user code that tells nothing": opaque(),
    "a number that is none": WrongNumberError(),
    "no table": sqlite3.OperationalError("no such table"),
}


@pytest.mark.parametrize("name", HEALS)
def test_what_passes_may_heal(name):
    assert may_heal(HEALS[name])


@pytest.mark.parametrize("name", REMAINS)
def test_what_stays_will_not(name):
    assert not may_heal(REMAINS[name])


def raised(error, cause):
    try:
        raise error from cause
    except GateError as caught:
        return caught


@pytest.mark.parametrize("cause", [system(errno.ENOSPC), system(errno.EACCES)], ids=str)
def test_an_error_is_as_its_cause_is_also_after_a_journey(cause):
    error = raised(DataError("a", "b"), cause)

    assert error.retriable is pickle.loads(pickle.dumps(error)).retriable is may_heal(cause)


def test_a_cause_behind_another_counts():
    between = ValueError("cannot be loaded")
    between.__cause__ = system(errno.ESTALE)

    assert raised(FactoryError("a", "b"), between).retriable


@pytest.mark.parametrize("decided", [True, False])
def test_what_a_raiser_says_goes_before_the_cause_and_travels(decided):
    cause = system(errno.EACCES if decided else errno.EPIPE)
    error = raised(SubjectError("a", "b", retriable=decided), cause)

    assert error.retriable is pickle.loads(pickle.dumps(error)).retriable is decided
    assert raised(DataError("c", "d"), error).retriable is decided


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES])
def test_what_cannot_be_written_is_as_its_disk_is(number):
    assert OutputError("a", system(number), "b").retriable is (number == errno.ENOSPC)


def test_a_refusal_may_be_of_a_file_that_is_being_written():
    assert CheckpointError("a", Refusal.CORRUPT, "b", "c", retriable=True).retriable
    assert not CheckpointError("a", Refusal.CORRUPT, "b", "c").retriable


def test_every_kind_of_error_has_a_decided_value():
    def kinds(of):
        return {of}.union(*map(kinds, of.__subclasses__()))

    assert gate.approval.__name__ == "gate.approval"
    assert kinds(GateError) == STAYS | BY_ITS_ERROR


def sites():
    """Yield (place, raise) of each raise under a handler of what the system may say."""
    broad = {"OSError", "Exception", "ConnectionError", "TimeoutError", "MemoryError"}
    for file in sorted(Path(gate.__file__).parent.rglob("*.py")):
        for handler in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(handler, ast.ExceptHandler) and handler.type is not None:
                named = {each.id for each in ast.walk(handler.type) if isinstance(each, ast.Name)}
                for each in ast.walk(handler) if named & broad else ():
                    if isinstance(each, ast.Raise) and each.exc is not None:
                        yield f"{file.name}: {ast.unparse(each)}", each


def test_no_site_forgets_what_the_system_said():
    """Who raises an error in place of one of the system names its cause, which then decides."""
    found = list(sites())
    forgotten = [
        place
        for place, each in found
        if not isinstance(each.cause, ast.Name)
        and not any(word.arg == "retriable" for word in getattr(each.exc, "keywords", ()))
    ]

    assert len(found) > 30
    assert forgotten == [
        "frames.py: raise BrokenPipeOfWorkerError from None",  # of a parser that a file broke
        "pickles.py: raise corrupt(_DAMAGED) from None",  # a pickle that asks for too much
    ]
