"""`validate-model cache`: what is kept, and how it goes."""

import errno
import json
import os
import time
from pathlib import Path

import pytest

from gate.cli import main
from gate.measure.cache_location import MARK, cache_folder, usable

DAY = 86_400


@pytest.fixture
def kept(own_cache):
    """A cache of two measurements, an overlap and fingerprints, and somebody's own file in it."""
    usable(own_cache, print)
    for name in (
        "plans/old/plan.json", "plans/old/variant/a.npz", "plans/new/plan.json",
        "plans/new/variant/a.npz", "overlaps/o.json", "fingerprints/p.sqlite", "notes.txt",
    ):  # fmt: skip
        path = own_cache / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 1000)
    return own_cache


def said(capsys, *arguments):
    status = main(["cache", *map(str, arguments)])
    out, err = capsys.readouterr()
    return status, out, err


def files(folder):
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    return found - {MARK}


def age(folder, days):
    then = time.time() - days * DAY
    for path in folder.rglob("*"):
        os.utime(path, (then, then))


def test_its_size_is_shown(kept, capsys):
    assert said(capsys, "show") == (0, f"{kept}: 6.0 kB of 2 measurements\n", "")


def test_its_size_is_shown_to_programs(kept, capsys):
    _, out, _ = said(capsys, "show", "--format", "json")

    assert json.loads(out) == {"folder": str(kept), "plans": 2, "files": 6, "size_bytes": 6000}


@pytest.mark.parametrize("command", ["show", "clean"])
def test_where_there_is_none_there_is_nothing(command, own_cache, capsys):
    status, out, _ = said(capsys, command)

    assert status == 0
    assert "0 bytes of 0 measurements" in out
    assert not own_cache.exists()


def test_cleaning_spares_what_is_not_its_own(kept, capsys):
    status, out, _ = said(capsys, "clean")

    assert (status, out) == (0, f"{kept}: removed 6.0 kB of 2 measurements\n")
    assert files(kept) == {"notes.txt"}


def test_a_folder_that_is_no_cache_is_not_cleaned(kept, capsys):
    (kept / MARK).unlink()

    status, _, err = said(capsys, "clean")

    assert status == 2
    assert "holds other things, and not the mark of a cache of ours" in err
    assert len(files(kept)) == 7


def test_a_folder_that_is_named_is_cleaned_and_no_other(kept, tmp_path, capsys):
    said(capsys, "clean", "--folder", tmp_path)

    assert len(files(kept)) == 7


def test_only_what_is_old_goes(kept, capsys):
    age(kept / "plans/old", 40)
    age(kept / "overlaps", 40)

    said(capsys, "clean", "--older-than", "30")

    assert files(kept) == {
        "plans/new/plan.json", "plans/new/variant/a.npz", "fingerprints/p.sqlite", "notes.txt",
    }  # fmt: skip


def test_one_part_that_was_of_use_keeps_its_measurement(kept, capsys):
    age(kept, 40)
    os.utime(kept / "plans/old/variant/a.npz")

    said(capsys, "clean", "--older-than", "30")

    assert files(kept) == {"plans/old/plan.json", "plans/old/variant/a.npz", "notes.txt"}


def test_what_cannot_be_removed_is_said(kept, capsys, monkeypatch):
    def denied(path, missing_ok=False):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "unlink", denied)

    status, out, err = said(capsys, "clean")

    assert (status, out) == (4, "")
    assert err.startswith(f"Error: {kept}: cannot be written (Permission denied); check the rights")


def test_a_file_that_a_run_writes_meanwhile_is_no_error(kept, capsys, monkeypatch):
    rmdir = Path.rmdir

    def busy(path):
        if path.name == "variant":
            (path / "b.npz").touch()
        rmdir(path)

    monkeypatch.setattr(Path, "rmdir", busy)

    assert said(capsys, "clean")[0] == 0
    assert "plans/old/variant/a.npz" not in files(kept)


@pytest.mark.parametrize("days", ["-1", "soon"])
def test_an_age_that_is_none_is_wrong_usage(days, kept, capsys):
    assert said(capsys, "clean", "--older-than", days)[0] == 2
    assert len(files(kept)) == 7


def test_the_environment_names_the_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("VALIDATE_MODEL_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path

    monkeypatch.delenv("VALIDATE_MODEL_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "validate-model"

    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "validate-model"
