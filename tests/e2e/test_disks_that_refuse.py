"""Full disks, places that cannot be written, data that vanishes: place, fact and remedy."""

import errno
import json
import os
import subprocess
import sys

import pytest

from gate.measure.partials import kept_partials, partial_files, work_units
from gate.subject.datasets import files

LIMITED = """\
import resource, sys
import gate.output_folder
from gate.measure.partials import work_units
work_units.ROWS = 10
gate.output_folder.SAVED_IN_FORK = range(int(sys.argv.pop(1)))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)),) * 2)
from gate.cli import main
sys.exit(main())
"""


@pytest.fixture
def subject(in_units):
    """Pictures in six units."""
    return in_units


@pytest.fixture
def limited(subject):
    """Return a function that runs the command where no file may be longer than so many bytes."""

    def run(size, *arguments, beside=0):
        return subprocess.run(
            [sys.executable, "-B", "-c", LIMITED, str(beside), str(size), *arguments],
            cwd=subject.folder, text=True, capture_output=True, timeout=240, check=False,
        )  # fmt: skip

    return run


def unfinished(*folders):
    return [path for folder in folders for path in folder.rglob(".*")]


def full(*_arguments, **_settings):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_cache_on_a_full_disk_is_said_once_and_the_verdict_stands(
    subject, own_cache, monkeypatch
):
    whole = subject.command("run", "--no-cache")
    monkeypatch.setattr(partial_files.np, "savez", full)

    run = subject.command("run")

    assert run.digest == whole.digest
    assert run.err.count("No space left on device") == 1
    assert run.err.startswith(f"warning: cache: {own_cache}/plans/")
    assert "nothing more is kept" in run.err
    assert unfinished(own_cache) == []


def test_a_cache_that_cannot_be_made_is_said_once_and_the_verdict_stands(
    subject, own_cache, monkeypatch
):
    whole = subject.command("run", "--no-cache")
    own_cache.parent.mkdir(parents=True, exist_ok=True)
    own_cache.write_text("a file where the folder should be")

    run = subject.command("run")

    assert run.digest == whole.digest
    assert run.err.count("warning: ") == 1
    assert f"warning: cache: {own_cache}" in run.err
    assert own_cache.read_text() == "a file where the folder should be"


def test_a_cache_that_may_not_be_written_is_read(subject, own_cache, monkeypatch):
    monkeypatch.setattr(kept_partials, "SETTLED", 0.0)
    whole = subject.command("run")
    before = {path: path.stat().st_mtime_ns for path in own_cache.rglob("*")}

    def denied(*_arguments, **_settings):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(partial_files.np, "savez", denied)
    monkeypatch.setattr(os, "utime", denied)
    monkeypatch.setattr("gate.measure.engines.inline.open_worker", None)

    run = subject.command("run")

    assert run.digest == whole.digest
    assert run.err == whole.err
    assert {path: path.stat().st_mtime_ns for path in own_cache.rglob("*")} == before


@pytest.mark.slow
@pytest.mark.parametrize("beside", [1_000_000, 0], ids=["saved beside", "saved first"])
def test_a_disk_that_is_full_where_the_report_goes_ends_in_words(limited, subject, beside):
    for size in (100, 6_000, 30_000):
        run = limited(size, "run", "--no-cache", beside=beside)

        assert run.returncode == 4, run.stderr
        said, heals = run.stderr.splitlines()[-2:]  # there may be lines of progress before
        assert heals in ("may heal: run again", "will not heal by running again")
        assert said.startswith("Error: gate-out/")
        assert "cannot be written (" in said
        assert said.endswith("; make room there, or name another place")
        assert "Traceback" not in run.stderr
        assert run.stdout == ""
        assert unfinished(subject.folder / "gate-out") == []


def test_a_disk_that_is_full_where_the_shard_goes_ends_in_words(limited, subject):
    run = limited(2_000, "shard", "--index", "0", "--of", "2", "--no-cache")

    assert run.returncode == 4, run.stderr
    said, heals = run.stderr.splitlines()[-2:]
    assert heals == "will not heal by running again"  # a limit of this system, and no full disk
    assert said.startswith("Error: gate-shards/")
    assert said.endswith(
        "cannot be written (File too large); make room there, or name another place"
    )
    assert run.stdout == ""
    assert list((subject.folder / "gate-shards").iterdir()) == []


def test_a_place_for_shards_that_is_a_file_is_refused(subject):
    subject.write("taken", "x")

    said = subject.command("shard", "--index", "0", "--of", "2", "--out", "taken")

    assert said.status == 4
    assert said.err.startswith("Error: taken: cannot be written (")
    assert "name another folder with --out" in said.err


def test_a_picture_that_vanishes_while_it_is_read_is_unreadable(subject, monkeypatch):
    original = files.read_bytes

    def reading(path):
        if path.name == "020.png" and path.exists() and "test" in path.parts:
            path.unlink()
        return original(path)

    monkeypatch.setattr(files, "read_bytes", reading)

    run = subject.command("run")

    assert run.status == 4
    assert "1 of 30 images of test cannot be read (the file does not exist)" in run.errors


def test_data_that_vanishes_between_two_runs_is_measured_without_it(subject):
    before = subject.command("run")
    (subject.folder / "test/dark/003.png").unlink()

    after = subject.command("run")

    assert after.report["data"]["test"]["images"] == 29
    assert after.digest == subject.command("run", "--no-cache").digest != before.digest


def test_a_whole_split_that_vanishes_is_named(subject):
    import shutil

    subject.command("run")
    shutil.rmtree(subject.folder / "test")

    run = subject.command("run")

    assert run.status == 4
    assert run.report["errors"][0]["where"] == "test"


def test_an_array_that_is_cut_off_while_it_is_read_is_named(project, monkeypatch):
    from gate.subject.datasets import stored

    monkeypatch.setattr(work_units, "ROWS", 10)
    original = stored.LocalFile.read_at

    def cut_off(self, offset, size):
        if offset > 4_000 and size > 100:
            os.truncate(self.path, offset)
        return original(self, offset, size)

    project.npz("test.npz", 100, seed=2)
    project.write_gatefile(data={"test": {"path": "test.npz"}})
    monkeypatch.setattr(stored.LocalFile, "read_at", cut_off)

    run = project.command("run")

    assert run.status == 4
    assert "test.npz: was changed or replaced while it was read" in run.errors


@pytest.mark.slow
def test_two_runs_at_once_on_one_cache_do_not_disturb_each_other(subject, own_cache):
    whole = subject.process("run", "--no-cache", rows=8)

    runs = [
        subject.started("run", "--out", f"out{index}", *arguments, rows=8)
        for index, arguments in enumerate([(), (), ("--workers", 2)])
    ]
    for run in runs:
        _out, err = run.communicate(timeout=240)
        assert run.returncode == whole.status, err
        assert "warning" not in err

    for index in range(3):
        report = json.loads((subject.folder / f"out{index}" / "report.json").read_text())
        del report["run"]
        assert report == {key: whole.report[key] for key in report}
    assert unfinished(own_cache) == []
