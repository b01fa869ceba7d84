"""Exit status 4 says whether running again may help: in the report, in words, on standard error."""

import errno
import os
import pickle
from pathlib import Path

import pytest

from gate.subject.datasets import files, places

HEALS, STAYS = "may heal: run again", "will not heal by running again"


def assert_said(ran, *, retriable):
    """Assert that a run was not evaluated, and that its report and its text say this."""
    assert ran.status == 4, ran.err
    assert [each["retriable"] for each in ran.report["errors"]] == [retriable]
    assert ran.report["decision"]["retriable"] is retriable
    lines = ran.out.splitlines()
    assert (f"note  {HEALS}" in lines, f"note  {STAYS}" in lines) == (retriable, not retriable)


def denied(number):
    def deny(*_arguments, **_settings):
        raise OSError(number, os.strerror(number))

    return deny


class Runs:
    def __reduce__(self):
        return os.system, ("true",)


# What will not heal


def test_wrong_channels(project):
    assert_said(project.run(input={"size": [8, 8], "channels": "RGB"}), retriable=False)


def test_a_misspelt_label(project):
    project.folders("test", 10)
    project.write("test.csv", "path,label\ntest/dark/000.png,dark\ntest/bright/010.png,brigt\n")

    assert_said(project.run(data={"test": {"path": "test.csv"}}), retriable=False)


def test_a_refused_checkpoint(project):
    project.write("model.pt", pickle.dumps(Runs()))

    ran = project.run()

    assert_said(ran, retriable=False)
    assert ran.kinds == ["refused-unsafe"]


def test_a_factory_that_raises(project):
    model = {"checkpoint": "model.pt", "factory": "nets:raises"}

    assert_said(project.run(model=model), retriable=False)


def test_data_that_are_not_there(project):
    assert_said(project.run(data={"test": {"path": "nowhere.npz"}}), retriable=False)


def test_a_checkpoint_that_is_not_there(project):
    model = {"checkpoint": "nowhere.pt", "factory": "nets:build"}

    assert_said(project.run(model=model), retriable=False)


def test_a_picture_that_is_not_there(in_units):
    (in_units.folder / "test" / "dark" / "003.png").unlink()
    (in_units.folder / "test" / "dark" / "003.png").symlink_to("nowhere")

    assert_said(in_units.command("run"), retriable=False)


# What may


def test_a_share_that_went_while_pictures_were_read(in_units, monkeypatch):
    monkeypatch.setattr(Path, "read_bytes", denied(errno.ESTALE))

    ran = in_units.command("run")

    assert_said(ran, retriable=True)
    assert "nothing is judged on a part of the data" in ran.errors


def test_a_disk_error_under_the_checkpoint(project, monkeypatch):
    from gate.subject.checkpoints import sealing

    monkeypatch.setattr(sealing.os, "readv", denied(errno.EIO))

    assert_said(project.run(), retriable=True)


@pytest.mark.parametrize("number", [errno.ECONNREFUSED, errno.EACCES])
def test_a_store_is_out_of_reach_or_says_no(number, project, monkeypatch):
    fsspec = pytest.importorskip("fsspec", reason="the remote extra is not installed")
    monkeypatch.setattr(places, "WAITS", ())
    store = fsspec.filesystem("memory")
    monkeypatch.setattr(type(store), "info", denied(number))

    ran = project.run(data={"test": {"path": "memory://set/test.npz"}})

    assert_said(ran, retriable=number == errno.ECONNREFUSED)


def test_a_factory_without_memory(project):
    project.write("hungry.py", "def build():\n    raise MemoryError\n")
    model = {"checkpoint": "model.pt", "factory": "hungry:build"}

    assert_said(project.run(model=model), retriable=True)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES])
def test_where_no_report_can_be_written_standard_error_says_it(number, project, monkeypatch):
    project.write_gatefile()
    monkeypatch.setattr(Path, "write_text", denied(number))

    ran = project.command("run")

    assert ran.status == 4
    assert ran.report is None
    assert ran.err.splitlines()[-1] == (HEALS if number == errno.ENOSPC else STAYS)


# Of both kinds


def test_one_error_that_stays_keeps_all_from_healing(in_units, monkeypatch):
    original = files.read_bytes

    def reading(path):
        if "test" in path.parts:
            raise places.DataError(str(path), "cannot be read", "run again", retriable=True)
        return original(path)

    monkeypatch.setattr(files, "read_bytes", reading)
    in_units.write_gatefile(history="nowhere.csv")

    ran = in_units.command("run")

    assert ran.status == 4
    assert sorted(each["retriable"] for each in ran.report["errors"]) == [False, True]
    assert ran.report["decision"]["retriable"] is False


def test_what_the_evidence_keeps_is_said_again_when_it_is_judged(in_units, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", denied(errno.ESTALE))
        in_units.command("run")

    ran = in_units.command("judge", "gate-out", "--policy", "smoke", "--format", "json")

    assert ran.status == 4
    assert '"retriable": true' in ran.out
