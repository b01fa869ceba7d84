"""Work that a copy of this process does is done once, done whole, and never lost."""

import errno
import multiprocessing
import os
import signal
import sys
from multiprocessing.process import BaseProcess

import pytest

from gate.measure.engines import background as room
from gate.measure.engines.background import run_in_fork

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is forked")


@pytest.fixture
def safe(monkeypatch):
    """Let a copy be made here: it touches nothing that pytest has imported."""
    monkeypatch.setattr(room, "start_method", lambda: "fork")
    monkeypatch.setattr(room, "usable_cores", lambda: 2)


@pytest.fixture
def done(tmp_path):
    """Work that writes who did it, a line each time."""
    file = tmp_path / "done"

    def work():
        with file.open("a") as stream:
            stream.write(f"{os.getpid()}\n")

    work.by = lambda: [int(line) for line in file.read_text().split()]
    return work


@pytest.mark.usefixtures("safe")
def test_a_copy_does_the_work_once_and_it_is_waited_for(done):
    with run_in_fork(done):
        pass

    (by,) = done.by()
    assert by != os.getpid()


@pytest.mark.usefixtures("safe")
def test_the_block_runs_meanwhile(tmp_path):
    go_on = tmp_path / "go on"
    os.mkfifo(go_on)

    with run_in_fork(lambda: go_on.read_text() and None):  # waits until somebody writes
        go_on.write_text("the block is here")


@pytest.mark.parametrize("ending", ["raises", "is killed"])
@pytest.mark.usefixtures("safe")
def test_what_a_copy_does_not_finish_is_done_here(done, ending):
    here = os.getpid()

    def work():
        if os.getpid() != here:
            if ending == "is killed":
                os.kill(os.getpid(), signal.SIGKILL)
            raise OSError("no room")
        done()

    with run_in_fork(work):
        pass

    assert done.by() == [here]


@pytest.mark.usefixtures("safe")
def test_what_cannot_be_done_here_either_is_raised_after_the_block_and_said_once(capfd):
    through = False

    def work():
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"), run_in_fork(work):
        through = True

    assert through
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("safe")
def test_an_error_of_the_block_is_raised_when_the_work_is_done(done):
    with pytest.raises(KeyError), run_in_fork(done):
        raise KeyError("of the block")

    assert len(done.by()) == 1


@pytest.mark.usefixtures("safe")
def test_where_no_copy_can_be_made_the_work_is_done_first(done, monkeypatch):
    def refused(_process):
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(BaseProcess, "start", refused)

    with run_in_fork(done):
        assert done.by() == [os.getpid()]

    assert done.by() == [os.getpid()]


@pytest.mark.usefixtures("safe")
def test_a_worker_of_a_pool_may_have_no_copy_and_does_the_work_first(done, monkeypatch):
    monkeypatch.setitem(multiprocessing.current_process()._config, "daemon", True)

    with run_in_fork(done):
        assert done.by() == [os.getpid()]


@pytest.mark.parametrize(("method", "cores"), [("spawn", 2), ("fork", 1)])
def test_without_a_safe_copy_or_a_core_for_it_the_work_is_done_first(
    done, method, cores, monkeypatch
):
    monkeypatch.setattr(room, "start_method", lambda: method)
    monkeypatch.setattr(room, "usable_cores", lambda: cores)

    with run_in_fork(done):
        assert done.by() == [os.getpid()]

    assert done.by() == [os.getpid()]
