"""Workers: what they lose, say and print is as in line."""

import builtins
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import pytest

from gate.measure.partials import work_units

ENGINES = {"processes": ["--workers", "2"], "ray": ["--engine", "ray"]}
ON_RAY = pytest.param("ray", marks=pytest.mark.xdist_group("ray"))  # one cluster at a time

NETS = """\
import os
import signal
from pathlib import Path

import torch

from nets import Brightness

HERE = Path(__file__).parent


def nan():
    return Late(lambda scores: scores * float("nan"))


def wide():
    return Late(lambda scores: torch.cat([scores, scores], dim=1))


def broken():
    return Late(raises)


def raises(scores):
    raise ValueError("no such thing")


class Late(Brightness):
    # Goes wrong where a picture is of one flat grey.
    def __init__(self, spoil):
        super().__init__()
        self.spoil = spoil

    def forward(self, images):
        scores = super().forward(images)
        return self.spoil(scores) if (images.flatten(1).std(dim=1) == 0).any() else scores


class Mortal(Brightness):
    # Kills its process in its fifth unit, as often as there are files that say so.
    def forward(self, images):
        self.batches = getattr(self, "batches", 0) + 1
        lives = sorted(HERE.glob("kill-*"))
        if self.batches > 13 and lives and os.getpid() != int((HERE / "parent").read_text()):
            lives[0].unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(images)


class Doomed(Brightness):
    def forward(self, images):
        os.kill(os.getpid(), signal.SIGKILL)


class Loud(Brightness):
    def forward(self, images):
        print("python speaks")
        os.write(1, b"C speaks" + os.linesep.encode())
        return super().forward(images)
"""


# It counts its batches: a model without state would be traced, and sleep no more.
SLOW = """\
import time

from nets import Brightness


class Slow(Brightness):
    batches = 0

    def forward(self, images):
        self.batches += 1
        time.sleep(0.5)
        return super().forward(images)
"""


@pytest.fixture
def subject(project, monkeypatch):
    """Pictures in many units; the last one of the test split is flat."""
    from PIL import Image

    monkeypatch.setattr(work_units, "ROWS", 8)
    project.write("mine.py", NETS)
    project.write("parent", "0")
    project.folders("train", 20, seed=1)
    project.folders("test", 40, seed=2)
    Image.new("L", (8, 8), 40).save(project.folder / "test/dark/999.png")
    project.gatefile |= {
        "model": {"checkpoint": "model.pt", "factory": "nets:build"},
        "data": {"train": {"path": "train"}, "test": {"path": "test"}},
    }
    project.write_gatefile()
    return project


def with_factory(project, name):
    project.gatefile["model"]["factory"] = name
    project.write_gatefile()


def unreadable(project):
    (project.folder / "test/dark/003.png").write_bytes(b"no picture")
    (project.folder / "test/dark/010.png").write_bytes(b"")


def none_readable(project):
    for path in (project.folder / "test").rglob("*.png"):
        path.write_bytes(b"no picture")


def of_two_sizes(project):
    from PIL import Image

    project.gatefile["input"] = {"channels": "L"}
    project.write_gatefile()
    Image.new("L", (9, 8), 40).save(project.folder / "test/dark/999.png")


def factory(name):
    def change(project):
        with_factory(project, name)

    change.__name__ = name
    return change


PROBLEMS = [
    factory("mine:nan"),
    factory("mine:wide"),
    factory("mine:broken"),
    factory("nets:raises"),
    factory("nets:returns_text"),
    factory("nets:exits"),
    factory("nets:Segmenter"),
    factory("no:thing"),
    unreadable,
    none_readable,
    of_two_sizes,
]


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["processes", ON_RAY])
@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.__name__)
def test_what_goes_wrong_in_a_worker_reads_as_in_line(problem, engine, subject):
    problem(subject)
    inline = subject.command("run", "--no-cache")
    assert inline.status == 4

    there = subject.command("run", "--no-cache", *ENGINES[engine])

    assert there.errors == inline.errors
    assert there.digest == inline.digest
    assert (there.status, there.out) == (inline.status, inline.out)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["processes", ON_RAY])
def test_what_user_code_prints_stays_off_standard_output(engine, subject):
    quiet = subject.process("run", "--no-cache", rows=8)
    with_factory(subject, "mine:Loud")

    loud = subject.process("run", "--no-cache", *ENGINES[engine], rows=8)

    assert "speaks" not in loud.out
    told = loud.out.replace("mine:Loud", "nets:build")
    assert told.split() == quiet.out.split()  # the head is as wide as the name lets it be


@pytest.mark.slow  # a lone process that dies: test_measured_apart
def test_a_worker_that_dies_ends_the_run_in_words_and_what_is_measured_stays(subject, own_cache):
    with_factory(subject, "mine:Mortal")
    for life in range(2):
        subject.write(f"kill-{life}", "")

    dead = subject.command("run", "--workers", "2")

    assert dead.status == 4
    assert dead.errors == (
        "--workers 2: a worker process died, perhaps for want of memory, or the user's code ended "
        "it; run again with fewer workers, of which a single one tells how it ended; what was "
        "measured is kept in the cache"
    )
    assert dead.report["decision"]["retriable"]
    kept = list(own_cache.glob("plans/*/*/*.npz"))
    assert kept

    for path in subject.folder.glob("kill-*"):
        path.unlink()
    again = subject.command("run")
    assert again.digest == subject.command("run", "--no-cache").digest
    assert set(kept) <= set(own_cache.glob("plans/*/*/*.npz"))


@pytest.mark.slow
@pytest.mark.xdist_group("ray")
def test_a_worker_that_dies_under_ray_is_replaced(subject):
    pytest.importorskip("ray")
    with_factory(subject, "mine:Mortal")
    whole = subject.process("run", "--no-cache", rows=8)
    for life in range(2):
        subject.write(f"kill-{life}", "")

    run = subject.process("run", "--no-cache", "--engine", "ray", "--workers", 2, rows=8)

    assert not list(subject.folder.glob("kill-*"))  # they did die
    assert run.digest == whole.digest, run.errors


@pytest.mark.slow
@pytest.mark.xdist_group("ray")
def test_workers_that_always_die_under_ray_end_in_words(subject):
    pytest.importorskip("ray")
    with_factory(subject, "mine:Doomed")

    run = subject.process("run", "--no-cache", "--engine", "ray", rows=8)

    assert run.status == 4
    assert run.errors == (
        "--engine ray: a task was lost, 3 retries included (WorkerCrashedError); look into Ray's "
        "log; what was measured is kept in the cache"
    )
    assert "Traceback" not in run.err


def test_ray_that_is_not_installed_is_named(subject, monkeypatch):
    original = builtins.__import__

    def absent(name, *arguments, **settings):
        if name == "ray":
            raise ImportError(name)
        return original(name, *arguments, **settings)

    monkeypatch.setattr(builtins, "__import__", absent)

    run = subject.command("run", "--no-cache", "--engine", "ray")

    assert run.status == 2
    assert run.err.endswith(
        "Error: --engine ray: running on Ray needs an extra; "
        "install with the extra ray; from the checkout: pip install '.[ray]'\n"
    )
    assert run.report is None


@pytest.mark.slow
@pytest.mark.xdist_group("ray")
def test_a_cluster_that_does_not_answer_is_named(subject):
    pytest.importorskip("ray")
    started = time.monotonic()
    address = "127.0.0.1:9"  # where nobody listens

    run = subject.process("run", "--no-cache", "--engine", "ray", RAY_ADDRESS=address, timeout=120)

    assert run.status == 4
    assert run.errors.startswith(f"RAY_ADDRESS={address}: no cluster answers (")
    assert "unset the variable to start one here" in run.errors
    assert "Traceback" not in run.err
    assert run.out.count("\n") < 40
    print(f"\na cluster that does not answer: {time.monotonic() - started:.0f} s")  # noqa: T201


@pytest.mark.slow
@pytest.mark.xdist_group("ray")
def test_a_running_cluster_is_used_and_left_running(subject):
    pytest.importorskip("ray")
    ray = shutil.which("ray", path=Path(sys.executable).parent)
    whole = subject.process("run", "--no-cache", rows=8)
    secret = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": uuid4().hex}
    head = subprocess.Popen(
        [ray, "start", "--head", "--port=0", "--num-cpus=2", "--include-dashboard=false",
         "--disable-usage-stats", "--block", f"--temp-dir=/tmp/gate-ray-{os.getpid()}"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        env={**os.environ, **secret},
    )  # fmt: skip
    try:
        address = next(line.split("'")[1] for line in head.stdout if "--address='" in line)
        there = {"RAY_ADDRESS": address}
        how = ["--no-cache", "--engine", "ray", "--workers", 2]
        runs = [subject.process("run", *how, rows=8, **there, **secret) for _ in range(2)]
        secret["RAY_AUTH_TOKEN"] = uuid4().hex
        stranger = subject.process("run", *how, rows=8, **there, **secret)
        assert head.poll() is None
    finally:
        os.killpg(head.pid, signal.SIGTERM)
        head.communicate(timeout=60)
        shutil.rmtree(f"/tmp/gate-ray-{os.getpid()}", ignore_errors=True)

    assert {run.digest for run in runs} == {whole.digest}, [run.errors for run in runs]
    assert stranger.errors == (
        f"RAY_ADDRESS={address}: no cluster answers (ConnectionError); start Ray there, or unset "
        "the variable to start one here; a cluster with tokens needs RAY_AUTH_TOKEN"
    )


@pytest.mark.slow
@pytest.mark.xdist_group("ray")
def test_ctrl_c_under_ray_leaves_no_process(subject):
    pytest.importorskip("ray")
    subject.write("slow.py", SLOW)
    with_factory(subject, "slow:Slow")
    with subject.started("run", "--engine", "ray", rows=8) as process:
        cache = os.environ["VALIDATE_MODEL_CACHE"]
        while not any("npz" in name for _, _, names in os.walk(cache) for name in names):
            assert process.poll() is None, process.communicate()
            time.sleep(0.1)
        group = os.getpgid(process.pid)
        os.killpg(group, signal.SIGINT)
        out, err = process.communicate(timeout=120)

    assert process.returncode == 130, err
    assert err.splitlines()[-1] == "Interrupted; no report was written."
    assert "Traceback" not in err
    assert out == ""
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            break
        time.sleep(0.1)
    else:
        pytest.fail("processes of the run are still there")
