"""A run that is killed at any moment: the next one gives the same report, and nothing is left."""

import os
import random
import signal
import time
from pathlib import Path

import pytest

from gate.measure.partials import work_units

# It counts its batches: a model without state would be traced, and sleep no more.
SLOWLY = """\
import time
from nets import Brightness


class Slow(Brightness):
    batches = 0

    def forward(self, images):
        self.batches += 1
        time.sleep(0.05)
        return super().forward(images)
"""
MOMENTS = 25  # in line, and as many with workers


@pytest.fixture
def subject(project):
    """Pictures in many units, and a model that takes its time."""
    project.folders("train", 20, seed=1)
    project.folders("test", 30, seed=2)
    project.write("slow.py", SLOWLY)
    project.gatefile |= {
        "model": {"checkpoint": "model.pt", "factory": "slow:Slow"},
        "data": {"train": {"path": "train"}, "test": {"path": "test"}},
    }
    project.write_gatefile()
    return project


def left_over(*folders):
    return [path for folder in folders for path in folder.rglob("*") if
            path.name.endswith(".unfinished") or "lock" in path.name]  # fmt: skip


def killed_at(project, moment, *arguments, after=None):
    """Start a run, kill it at that moment, and return what is left of it.

    The moment counts from the start, or from when there is anything in ``after``, a folder.
    """
    with project.started("run", *arguments, rows=8) as process:
        while after is not None and not kept_in(after) and process.poll() is None:
            time.sleep(0.01)
        time.sleep(moment)
        process.kill()
        process.communicate(timeout=60)
    return project.left_of(process)


def kept_in(cache):
    return list(cache.glob("plans/*/*/*.npz"))


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_that_is_killed_again_and_again_ends_in_the_same_report(workers, subject, own_cache):
    started = time.monotonic()
    whole = subject.process("run", "--no-cache", "--workers", workers, rows=8)
    takes = time.monotonic() - started
    assert whole.status == 0, whole.err
    moments = random.Random(workers)
    kept = []

    for _ in range(MOMENTS):
        if moments.random() < 0.3:
            subject.command("cache", "clean")
        if moments.random() < 0.5:  # anywhere
            left = killed_at(subject, moments.uniform(0.1, takes), "--workers", workers)
        else:  # while it measures
            moment = moments.uniform(0, 1)
            left = killed_at(subject, moment, "--workers", workers, after=own_cache)
        assert not left
        kept.append(len(kept_in(own_cache)))
    resumed = subject.process("run", "--workers", workers, rows=8)

    assert resumed.digest == whole.digest
    assert resumed.out == whole.out
    assert "warning" not in resumed.err
    assert "Traceback" not in resumed.err
    assert left_over(own_cache, subject.folder) == []
    assert len(set(kept)) > 2  # the moments were before, in and after the measuring


@pytest.mark.slow
def test_a_run_that_is_killed_in_the_middle_goes_on_where_it_was(subject, own_cache, monkeypatch):
    whole = subject.process("run", "--no-cache", rows=8)

    with subject.started("run", rows=8) as process:
        while len(parts := list(own_cache.glob("plans/*/*/*.npz"))) < 3:
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
        process.wait()
    when = {path: path.stat().st_ino for path in parts}
    resumed = subject.process("run", rows=8)

    assert resumed.digest == whole.digest
    # Files that were written a moment ago are compared by their bytes; the parts are kept.
    assert set(when) <= set(own_cache.glob("plans/*/*/*.npz"))


@pytest.mark.parametrize("place", ["gate-out", "gate-shards", "cache"])
def test_what_a_killed_process_left_is_swept_away(place, subject, own_cache, monkeypatch):
    monkeypatch.setattr(work_units, "ROWS", 8)
    subject.command("run")
    folder = next(own_cache.glob("plans/*/*/")) if place == "cache" else subject.folder / place
    folder.mkdir(exist_ok=True)
    node, dead, mine = os.uname().nodename, 2**22 + 1, os.getpid()
    theirs = folder / f".a.npz.{node}.{mine}.1.unfinished"
    far = folder / f".a.npz.another-machine.{dead}.1.unfinished"
    orphan = folder / f".a.npz.{node}.{dead}.1.unfinished"
    for each in (theirs, far, orphan):
        each.touch()

    if place == "gate-shards":
        subject.command("shard", "--index", "0", "--of", "9")
    else:
        subject.command("run")

    assert not orphan.exists()
    assert theirs.exists()  # that process is alive: it may be writing
    assert far.exists()  # nobody here can tell


@pytest.mark.slow
@pytest.mark.parametrize("moment", [0.3, 1.0, 2.0, 3.0, 4.0])
def test_workers_end_with_a_parent_that_is_killed(moment, subject):
    assert not killed_at(subject, moment, "--workers", "2")


@pytest.mark.slow
@pytest.mark.parametrize("moment", [0.8, 1.5, 2.5, 3.5])
def test_ctrl_c_with_workers_leaves_no_process_and_no_file(moment, subject, own_cache):
    with subject.started("run", "--workers", 2, rows=8) as process:
        time.sleep(moment)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
        out, err = process.communicate(timeout=60)

    assert not subject.left_of(process)
    if "Report: " not in err:  # else it was through, and perhaps on its way out
        assert process.returncode == 130, err
        assert err.splitlines()[-1] == "Interrupted; no report was written."
        assert "Traceback" not in err
        assert out == ""
    assert left_over(own_cache, subject.folder) == []


@pytest.mark.slow
@pytest.mark.parametrize("wait", [0.0, 0.05, 0.2])
def test_ctrl_c_while_workers_start_is_not_heard_by_them(wait, subject):
    with subject.started("run", "--workers", 2, rows=8) as process:
        while not any("spawn_main" in command(each) for each in subject.descendants(process.pid)):
            assert process.poll() is None, process.communicate()
        time.sleep(wait)
        os.killpg(process.pid, signal.SIGINT)
        _out, err = process.communicate(timeout=60)

    assert not subject.left_of(process)
    assert "Traceback" not in err
    assert process.returncode == 130


def command(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


STUCK = """\
import time
from pathlib import Path

from nets import Brightness


class Stuck(Brightness):
    def forward(self, images):
        Path(__file__).with_name("stuck").touch()
        time.sleep(3600)
"""


@pytest.mark.slow
def test_ctrl_c_does_not_wait_for_workers(subject):
    subject.write("stuck.py", STUCK)
    subject.gatefile["model"]["factory"] = "stuck:Stuck"
    subject.write_gatefile()
    with subject.started("run", "--workers", 2, rows=8) as process:
        while not (subject.folder / "stuck").exists():
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)

    assert not subject.left_of(process)
    assert process.returncode == 130
