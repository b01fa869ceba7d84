"""Files from outside are read where they are regular, and no further than is sane."""

import os
import sqlite3
from contextlib import closing
from hashlib import sha256

import pytest

from gate.errors import EvidenceError
from gate.evidence.regular import IrregularError, read_regular, sha256_of_database
from gate.report.reading import read_report


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "a.sqlite"
    with closing(sqlite3.connect(path)) as made:
        made.execute("CREATE TABLE t (a)")
        made.executemany("INSERT INTO t VALUES (?)", [("x" * 900,)] * 20)
        made.commit()
    return path


def pipe(path):
    os.mkfifo(path)


def device(path):
    path.symlink_to("/dev/zero")


def folder(path):
    path.mkdir()


@pytest.mark.parametrize("make", [pipe, device, folder])
def test_what_is_no_regular_file_is_refused_at_once(make, tmp_path):
    make(tmp_path / "report.json")

    with pytest.raises(IrregularError, match="no regular file"):
        read_regular(tmp_path / "report.json", most=10)
    with pytest.raises(IrregularError, match="no regular file"):
        sha256_of_database(tmp_path / "report.json", most=10)


@pytest.mark.parametrize("make", [pipe, device])
def test_a_report_is_a_regular_file(make, tmp_path):
    make(tmp_path / "report.json")

    with pytest.raises(EvidenceError, match="no regular file"):
        read_report(tmp_path)


def test_a_file_is_read_whole_up_to_the_limit(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"0123456789")
    (tmp_path / "link").symlink_to(path)

    assert read_regular(tmp_path / "link", most=10) == b"0123456789"
    with pytest.raises(IrregularError, match="at most 9"):
        read_regular(path, most=9)


def test_a_missing_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_regular(tmp_path / "a", most=10)


@pytest.mark.parametrize("page_size", [512, 4096, 65536])
def test_a_database_has_the_digest_of_its_bytes(page_size, tmp_path):
    path = tmp_path / "a.sqlite"
    with closing(sqlite3.connect(path)) as made:
        made.execute(f"PRAGMA page_size = {page_size}")
        made.execute("CREATE TABLE t (a)")

    assert sha256_of_database(path, most=1 << 20) == sha256(path.read_bytes()).hexdigest()


def test_a_database_with_a_hole_behind_it_or_without_its_end_is_refused(database):
    size = database.stat().st_size

    for other in (size + 1, 1 << 34, size - 1, 0):
        os.truncate(database, other)
        with pytest.raises(IrregularError, match="not as long as its header says"):
            sha256_of_database(database, most=1 << 36)
