"""The line between the process that judges and the one that measures."""

import errno
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
from contextlib import closing, contextmanager

import pytest
import torch

from gate.errors import CheckpointError, FactoryError, Identity, Refusal, SubjectError
from gate.measure.engines import child_process, inline, isolated_process, worker_task
from gate.measure.engines.isolated_process import IsolatedEngine, _Measuring

UNITS = ("one", "two", "three")


class Gone:
    """A process that has ended, as the one that judges sees it."""

    pid = 1

    def __init__(self, exitcode=0):
        self.exitcode = exitcode
        self.killed = False

    def kill(self):
        self.killed = True

    def join(self):
        """It is over."""


@pytest.fixture
def served(monkeypatch):
    """Return a function that serves a line in a thread, measuring with a function of the test."""
    monkeypatch.setattr(isolated_process, "init_child", lambda: None)  # it is this process
    monkeypatch.setattr(isolated_process, "prepare_process", lambda: None)
    monkeypatch.setattr(worker_task, "datasets_of", lambda job: f"data of {job}")
    threads = []

    def serve(measured):
        monkeypatch.setattr(inline, "measure_units", measured)
        line, theirs = multiprocessing.Pipe()

        def assembler():
            with closing(theirs):
                isolated_process._serve(theirs)

        threads.append(threading.Thread(target=assembler))
        threads[-1].start()
        return _Measuring(Gone(), line, theirs)

    def ended():
        for each in threads:
            each.join(30)
            assert not each.is_alive()

    serve.ended = ended
    yield serve
    ended()


def test_parts_and_counts_come_in_order(served):
    def measured(job, units, datasets, advance):
        assert (job, units, datasets) == ("a job", UNITS, "data of a job")
        for unit in units:
            advance(5)
            advance(2)
            yield "facts", f"part {unit}"

    counts = []

    found = served(measured).results("a job", UNITS, counts.append)

    assert list(found) == [("facts", f"part {unit}") for unit in UNITS]
    assert counts == [5, 2] * 3


@pytest.mark.parametrize(
    "error",
    [
        FactoryError("model.factory 'a:b'", "raised ValueError", "mend it"),
        CheckpointError("m.pt", Refusal.UNSAFE, "holds code", "save it", Identity("ab", 5, "zip")),
    ],
    ids=lambda error: error.kind,
)
def test_an_error_arrives_as_it_was_said(error, served):
    def measured(job, units, datasets, advance):
        yield "facts", "part"
        raise error

    found = served(measured).results("a job", UNITS, lambda count: None)

    assert next(found) == ("facts", "part")
    with pytest.raises(type(error)) as caught:
        next(found)
    assert vars(caught.value) == vars(error)


def test_a_fault_of_our_own_arrives_with_its_traceback_and_is_no_gate_error(served):
    def measured(job, units, datasets, advance):
        raise ZeroDivisionError("of our own")
        yield

    with pytest.raises(RuntimeError, match=r"(?s)Traceback.*ZeroDivisionError: of our own"):
        list(served(measured).results("a job", UNITS, lambda count: None))


def test_what_user_code_prints_there_is_for_people(served, capsys):
    def measured(job, units, datasets, advance):
        sys.stdout.write("python speaks\n")
        yield "facts", "part"

    list(served(measured).results("a job", UNITS[:1], lambda count: None))

    assert capsys.readouterr() == ("", "python speaks\n")


@pytest.mark.parametrize("before", [True, False], ids=["before the job", "after it"])
def test_where_nobody_listens_any_more_it_ends_without_a_word(before, served, capsys):
    went = threading.Event()

    def measured(job, units, datasets, advance):
        went.wait(30)
        for unit in units * 1000:
            yield "facts", unit

    measuring = served(measured)
    if not before:
        measuring.line.send(("a job", UNITS))
    measuring.line.close()
    went.set()
    served.ended()

    assert capsys.readouterr() == ("", "")


def said_of(exitcode, sent):
    """Return the error where a process ended like this, and this is all that came from it."""
    line, theirs = multiprocessing.Pipe()
    os.write(theirs.fileno(), sent)
    theirs.close()
    with pytest.raises(SubjectError) as caught:
        list(_Measuring(Gone(exitcode), line, theirs).results("a job", UNITS, lambda count: None))
    return caught.value


HALF = b"\x00\x00\x00\x50half of what was to come"


@pytest.mark.parametrize("sent", [b"", b"\x00\x00", HALF], ids=["none", "half a message", "half"])
def test_a_line_that_breaks_anywhere_is_said_in_words(sent, monkeypatch):
    monkeypatch.setattr(multiprocessing.connection.Connection, "send", lambda *_: None)

    error = said_of(-9, sent)

    assert (error.where, error.exit_status) == ("the process that measures", 4)
    assert error.fact == "was killed (signal 9), perhaps for want of memory"
    assert error.remedy


@pytest.mark.parametrize(
    ("exitcode", "fact"),
    [
        (-9, "was killed (signal 9), perhaps for want of memory"),
        (-11, "died (signal 11), in compiled code of the model or of a package"),
        (0, "was ended by the user's code (exit status 0)"),
        (3, "was ended by the user's code (exit status 3)"),
    ],
)
def test_how_it_ended_is_said(exitcode, fact):
    assert said_of(exitcode, b"").fact == fact


def test_a_progress_that_cannot_be_written_is_no_death(monkeypatch):
    line, theirs = multiprocessing.Pipe()
    monkeypatch.setattr(multiprocessing.connection.Connection, "send", lambda *_: None)
    theirs.send_bytes(pickle.dumps(16))

    def unwritable(count):
        raise BrokenPipeError(count)

    with pytest.raises(BrokenPipeError):
        list(_Measuring(Gone(0), line, theirs).results("a job", UNITS, unwritable))


class Born:
    """A process in name only; knows whether it was started, used and closed."""

    def __init__(self):
        self.started = 0
        self.jobs = []
        self.closed = False

    def start(self):
        self.started += 1

    def results(self, job, units, advance):
        self.jobs.append(job)
        yield from units

    def close(self):
        self.closed = True


def results_of(engine, job):
    """Yield the results of all units, as they are taken."""
    engine.share({}, print)
    pending = [engine.submit(job, unit) for unit in UNITS]
    try:
        for each in pending:
            yield each.result()
    finally:
        engine.close()


@pytest.fixture
def born(monkeypatch):
    """Return the processes that are made, which do nothing."""
    made = []
    monkeypatch.setattr(isolated_process, "limit_malloc_cache", lambda: None)  # it is this process

    def create():
        made.append(Born())
        return made[-1]

    monkeypatch.setattr(_Measuring, "create", create)
    return made


def test_a_process_that_was_started_ahead_is_the_one_that_measures(born):
    engine = IsolatedEngine()

    with engine.start_ahead():
        assert [each.started for each in born] == [1]
        assert list(results_of(engine, "a job")) == list(UNITS)

        assert born[0].closed

    assert [(each.started, each.jobs) for each in born] == [(1, ["a job"])]


def test_a_process_that_was_not_needed_is_ended(born):
    with pytest.raises(KeyboardInterrupt), IsolatedEngine().start_ahead():
        raise KeyboardInterrupt

    assert [(each.jobs, each.closed) for each in born] == [([], True)]


def test_a_second_measurement_is_that_of_a_second_process(born):
    engine = IsolatedEngine()

    for job in ("one", "two"):
        list(results_of(engine, job))

    assert [(each.started, each.jobs, each.closed) for each in born] == [
        (1, ["one"], True),
        (1, ["two"], True),
    ]


def test_a_measurement_that_is_given_up_ends_its_process(born):
    found = results_of(IsolatedEngine(), "a job")

    next(found)
    found.close()

    assert [each.closed for each in born] == [True]


def interrupted_at_birth(monkeypatch):
    """Let Ctrl-C come while a process starts: it is heard when it has."""

    @contextmanager
    def block_sigint(**_how):
        yield
        raise KeyboardInterrupt

    monkeypatch.setattr(isolated_process, "limit_malloc_cache", lambda: None)  # it is this process
    monkeypatch.setattr(isolated_process, "block_sigint", block_sigint)
    return set(multiprocessing.active_children())


def test_ctrl_c_while_it_starts_ahead_leaves_no_process(monkeypatch):
    before = interrupted_at_birth(monkeypatch)

    with pytest.raises(KeyboardInterrupt), IsolatedEngine().start_ahead():
        pytest.fail("nothing is done after Ctrl-C")

    assert set(multiprocessing.active_children()) == before


def test_ctrl_c_while_it_starts_for_its_job_leaves_no_process(monkeypatch):
    before = interrupted_at_birth(monkeypatch)

    with pytest.raises(KeyboardInterrupt):
        next(results_of(IsolatedEngine(), "a job"))

    assert set(multiprocessing.active_children()) == before


def test_a_process_that_cannot_be_started_is_told_when_it_is_needed(monkeypatch):
    def refused(_process):
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(multiprocessing.process.BaseProcess, "start", refused)
    monkeypatch.setattr(isolated_process, "limit_malloc_cache", lambda: None)  # it is this process
    engine = IsolatedEngine()

    with engine.start_ahead(), pytest.raises(SubjectError) as told:
        next(results_of(engine, "a job"))

    assert told.value.where == "the process that measures"
    assert told.value.fact == "cannot be started (Resource temporarily unavailable)"
    assert told.value.remedy


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is forked")
@pytest.mark.parametrize(
    ("torch_is_here", "threads", "method"),
    [(False, 1, "fork"), (True, 1, "spawn"), (False, 2, "spawn")],
)
def test_only_a_process_with_one_thread_and_without_torch_is_forked(
    torch_is_here, threads, method, monkeypatch
):
    monkeypatch.setattr(threading, "active_count", lambda: threads)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    if torch_is_here:
        monkeypatch.setitem(sys.modules, "torch", torch)

    assert child_process.start_method() == method


def test_its_process_is_killed_and_the_line_closed():
    line, theirs = multiprocessing.Pipe()
    measuring = _Measuring(Gone(), line, theirs)

    measuring.close()
    measuring.close()

    assert measuring.process.killed
    assert line.closed
    assert theirs.closed


def test_what_measures_is_imported_while_the_data_are_opened():
    code = (
        "import sys\n"
        "from gate.measure.engines.isolated_process import import_ahead\n"
        "assert 'torch' not in sys.modules\n"
        "import_ahead()\n"
        "print(*sorted({'torch', 'gate.measure.data_pass.predict'} & set(sys.modules)))\n"
    )

    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ran.stdout.split() == ["gate.measure.data_pass.predict", "torch"]
