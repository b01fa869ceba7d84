"""The process that judges is not the one that runs the user's model: nothing done there passes."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest

from gate.measure.partials import work_units
from gate.measure.partials.partial_files import read_parts

MINE = """\
import os
import signal
import sys
import time
from pathlib import Path

from nets import Brightness


class Loud(Brightness):
    def __init__(self):
        super().__init__()
        print("python builds")

    def forward(self, images):
        print("python speaks")
        os.write(1, b"C speaks" + os.linesep.encode())
        return super().forward(images)


class Killed(Brightness):
    def forward(self, images):
        os.kill(os.getpid(), signal.SIGKILL)


class Left(Brightness):
    def forward(self, images):
        os._exit(0)


class Exits(Brightness):
    def forward(self, images):
        sys.exit(0)


def left_while_built():
    os._exit(0)


def killed_while_it_answers():
    from multiprocessing.connection import Connection

    def half(self, message):
        os.write(self.fileno(), message[: len(message) // 2])
        os.kill(os.getpid(), signal.SIGKILL)

    Connection._send = half
    return Brightness()


def everything_passes():
    # What the verdict is made of, in the process where this runs.
    import gate.decision

    gate.decision._decide = lambda *given: (gate.decision.Outcome.PASSED, True)
    return Brightness()


def at_fault():
    # A fault of the gate itself, where the model runs.
    from gate.measure.data_pass.predict import ForwardPass

    def parts(*given):
        return 1 / 0

    ForwardPass.parts = parts
    return Brightness()


def patient():
    # Tells which process this is, and goes on when it is told to.
    here = Path(__file__).parent
    (here / "pid.new").write_text(str(os.getpid()))
    (here / "pid.new").rename(here / "pid")
    while not (here / "go").exists():
        time.sleep(0.02)
    return Brightness()


class Stuck(Brightness):
    def forward(self, images):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        Path(__file__).with_name("stuck").touch()
        time.sleep(3600)


def stuck():
    # Sleeps in the main thread, where signals are dealt with.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Path(__file__).with_name("stuck").touch()
    time.sleep(3600)
"""
# Says on standard error, at its end, whether torch was loaded.
JUDGING = """\
import sys
from gate.measure.partials import work_units
from gate.measure.partials.partial_files import read_parts
work_units.ROWS = 16
from gate.cli import main
status = main(sys.argv[1:])
print("torch" in sys.modules, file=sys.stderr)
sys.exit(status)
"""

# Saves even little evidence beside the judging, and notes which process did; its own comes last.
SAVING = """\
import os
import sys
import gate.output_folder
from gate.cli import main
gate.output_folder.SAVED_IN_FORK = range(1_000_000)
save = gate.output_folder._save
def noted(evidence, out):
    save(evidence, out)
    (out / "by").write_text(str(os.getpid()))
gate.output_folder._save = noted
status = main(sys.argv[1:])
print(os.getpid(), file=sys.stderr)
sys.exit(status)
"""

IN_LINE = "import sys, torch; from gate.cli import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture
def subject(project, monkeypatch):
    """A project in many units, and factories that are up to no good."""
    monkeypatch.setattr(work_units, "ROWS", 16)
    project.write("mine.py", MINE)
    project.write_gatefile()
    return project


def with_factory(project, name):
    project.gatefile["model"]["factory"] = f"mine:{name}"
    project.write_gatefile()


def is_document(text):
    return isinstance(json.loads(text), dict)


def test_the_report_is_that_of_a_process_that_measures_itself_and_torch_is_not_loaded(subject):
    in_line = subject.command("run", "--no-cache")

    apart = subprocess.run(
        [sys.executable, "-c", JUDGING, "run", "--no-cache"],
        cwd=subject.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip

    said = {key: value for key, value in subject.report().items() if key != "run"}
    assert said == {key: value for key, value in in_line.report.items() if key != "run"}
    assert (apart.returncode, apart.stdout) == (0, in_line.out)
    assert apart.stderr.splitlines()[-1] == "False"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is forked")
@pytest.mark.slow
def test_evidence_that_a_copy_of_the_process_saves_is_the_same(subject):
    def dumped():
        with closing(sqlite3.connect(subject.folder / "gate-out/evidence.sqlite")) as database:
            return [line for line in database.iterdump() if "'measured_at'" not in line]

    subject.command("run", "--no-cache")
    in_line = dumped()

    beside = subprocess.run(
        [sys.executable, "-c", SAVING, "run", "--no-cache"],
        cwd=subject.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert beside.returncode == 0, beside.stderr
    assert (subject.folder / "gate-out/by").read_text() != beside.stderr.splitlines()[-1]
    assert dumped() == in_line


@pytest.mark.slow
def test_a_shard_is_measured_apart_as_well(subject):
    in_line = subject.command("shard", "--index", "0", "--of", "2", "--no-cache", "--out", "a")
    apart = subprocess.run(
        [sys.executable, "-c", JUDGING, "shard", "--index", "0", "--of", "2", "--no-cache",
         "--out", "b"],
        cwd=subject.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert in_line.status == apart.returncode == 0, apart.stderr
    one, other = (subject.folder / each.strip() for each in (in_line.out, apart.stdout))
    assert one != other
    one, other = read_parts(one), read_parts(other)
    assert one.about == other.about
    for mine, theirs in zip(one.parts, other.parts, strict=True):
        assert (mine.unit, mine.unreadable) == (theirs.unit, theirs.unreadable)
        assert mine.rows.ids.tolist() == theirs.rows.ids.tolist()
        assert mine.rows.scores.tobytes() == theirs.rows.scores.tobytes()
        assert mine.fingerprints.file.tobytes() == theirs.fingerprints.file.tobytes()
    assert apart.stderr.splitlines()[-1] == "False"


KILLED = "was killed (signal 9), perhaps for want of memory; run again with a smaller --batch"
ENDED = (
    "was ended by the user's code (exit status 0); let the model's code raise an exception instead"
)
DEATHS = [
    ("Killed", KILLED),
    pytest.param("Left", ENDED, marks=pytest.mark.slow),
    pytest.param("left_while_built", ENDED, marks=pytest.mark.slow),
    pytest.param("killed_while_it_answers", KILLED, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("factory", "how"), DEATHS)
def test_a_model_that_ends_its_process_is_not_evaluated(factory, how, subject):
    with_factory(subject, factory)

    ran = subject.process("run", "--no-cache")

    assert ran.status == 4
    assert ran.report["verdict"] == "error"
    assert ran.errors == (
        f"the process that measures: {how}; what was measured is kept in the cache"
    )
    assert "Traceback" not in ran.err
    assert "pass" not in ran.out.lower()


@pytest.mark.slow
def test_a_model_that_leaves_politely_is_not_evaluated_and_its_line_is_told(subject):
    with_factory(subject, "Exits")

    ran = subject.process("run", "--no-cache")

    assert ran.status == 4
    assert ran.report["verdict"] == "error"
    assert "its forward raised SystemExit: 0 (mine.py:" in ran.errors
    assert "pass" not in ran.out.lower()


@pytest.mark.slow
def test_what_it_rewrites_in_its_process_changes_no_verdict(subject):
    subject.npz("test.npz", 50, seed=2, wrong=40)
    honest = subject.process("run", "--no-cache")
    assert (honest.status, honest.report["verdict"]) == (1, "fail")
    with_factory(subject, "everything_passes")

    fooled = subprocess.run(
        [sys.executable, "-c", IN_LINE, "run", "--no-cache"],
        cwd=subject.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    ran = subject.process("run", "--no-cache")

    assert fooled.returncode == 0  # in one process it would pass
    assert (ran.status, ran.report["decision"]) == (1, honest.report["decision"])


@pytest.mark.slow
def test_what_it_prints_is_for_people_and_standard_output_is_one_document(subject):
    quiet = subject.process("run", "--no-cache", "--format", "json")
    with_factory(subject, "Loud")

    loud = subject.process("run", "--no-cache", "--format", "json")

    assert {"python builds", "python speaks", "C speaks"} <= set(loud.err.splitlines())
    assert quiet.status == loud.status == 0
    assert is_document(loud.out)
    assert "speaks" not in loud.out


@pytest.mark.slow
def test_a_fault_of_our_own_in_there_is_one_out_here(subject):
    (subject.folder / "tmp").mkdir()
    with_factory(subject, "at_fault")

    ran = subject.process("run", "--no-cache", TMPDIR=str(subject.folder / "tmp"))

    assert ran.status == 70
    assert ran.report is None
    assert ran.out == ""
    (crash,) = (subject.folder / "tmp").glob("validate-model-crash-*.txt")
    assert "ZeroDivisionError" in crash.read_text()
    assert "Traceback" not in ran.err


def test_a_run_that_cannot_begin_ends_in_2_and_leaves_no_process(subject):
    with subject.started("run", "nowhere.yaml") as process:
        out, err = process.communicate(timeout=60)

    assert (process.returncode, out) == (2, "")
    assert err.startswith("Error: nowhere.yaml: ")
    assert not subject.left_of(process)


def stuck(project, factory):
    """Return a run whose model takes for ever, and will not be ended politely."""
    with_factory(project, factory)
    process = project.started("run", "--no-cache")
    while not (project.folder / "stuck").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    return process


@pytest.mark.parametrize("factory", ["stuck", pytest.param("Stuck", marks=pytest.mark.slow)])
@pytest.mark.parametrize("whom", ["all", pytest.param("one", marks=pytest.mark.slow)])
def test_ctrl_c_ends_it_and_what_measures_for_it(whom, factory, subject):
    with stuck(subject, factory) as process:
        send = os.killpg if whom == "all" else os.kill
        send(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)

    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "Interrupted; no report was written."
    assert "Traceback" not in err
    assert not subject.left_of(process)
    assert subject.report() is None


@pytest.mark.slow
def test_ctrl_c_is_heard_by_who_judges_alone(subject):
    with_factory(subject, "patient")
    with subject.started("run", "--no-cache") as process:
        while not (subject.folder / "pid").exists():
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        os.kill(int((subject.folder / "pid").read_text()), signal.SIGINT)
        subject.write("go", "")
        _, err = process.communicate(timeout=60)

    assert process.returncode == 0, err
    assert "Interrupt" not in err


@pytest.mark.slow
@pytest.mark.parametrize("wait", [0.0, 0.1, 0.3, 0.6, 1.0])
def test_ctrl_c_while_it_starts_leaves_no_process(wait, subject):
    with_factory(subject, "stuck")
    with subject.started("run", "--no-cache") as process:
        while not subject.descendants(process.pid):
            assert process.poll() is None, process.communicate()
        time.sleep(wait)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)

    assert (process.returncode, out) == (130, ""), err
    assert "Traceback" not in err
    assert not subject.left_of(process)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("factory", ["stuck", "Stuck"])
def test_what_measures_ends_with_who_judges(factory, number, subject):
    with stuck(subject, factory) as process:
        os.kill(process.pid, number)
        process.communicate(timeout=60)

    assert not subject.left_of(process)
