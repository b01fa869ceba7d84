"""Whether files were touched: what the kernel says of them, and never what a program set."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from gate.measure.partials import kept_partials
from gate.measure.partials.kept_partials import source_signature


@dataclass
class Files:
    """A dataset of a few files, as far as its witness goes."""

    paths: list[Path] | None

    def sources(self):
        return self.paths


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Three files that were written long ago."""
    paths = [tmp_path / name for name in "abc"]
    for path in paths:
        path.write_text(path.name)
    now = time.time_ns
    monkeypatch.setattr(kept_partials.time, "time_ns", lambda: now() + 10**10)
    return Files(paths)


def test_untouched_files_have_one_witness(files):
    assert source_signature(files) == source_signature(files)


def other_bytes(paths):
    """Bytes of the same length, and the time set back."""
    status = paths[1].stat()
    paths[1].write_text("x")
    os.utime(paths[1], ns=(status.st_atime_ns, status.st_mtime_ns))


def longer(paths):
    paths[1].write_text("longer")


def removed(paths):
    paths[1].unlink()


def another_inode(paths):
    paths[1].rename(paths[1].with_name("old"))
    paths[1].write_text("b")


def order(paths):
    paths.reverse()


def permissions(paths):
    paths[1].chmod(0o600)


@pytest.mark.parametrize(
    "change", [other_bytes, longer, removed, another_inode, order, permissions]
)
def test_whatever_happened_to_a_file_shows(change, files):
    before = source_signature(files)
    time.sleep(0.02)  # the kernel's clock ticks in hundredths of a second

    change(files.paths)

    assert source_signature(files) != before


def test_a_file_that_was_written_a_moment_ago_witnesses_nothing(files, monkeypatch):
    monkeypatch.undo()

    assert source_signature(files) != source_signature(files)


def test_a_file_of_the_future_witnesses_nothing(files):
    later = time.time() + 3600
    os.utime(files.paths[0], (later, later))

    assert source_signature(files) != source_signature(files)


def test_a_dataset_that_does_not_tell_its_files_has_none():
    assert source_signature(Files(None)) is None
