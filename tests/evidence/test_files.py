"""Files are written whole or not at all, and what killed processes left is found."""

import errno
import os

import pytest

from gate.errors import OutputError
from gate.evidence.files import remove_unfinished_files, replace_file, write_text


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def half_write(path, problem):
    with replace_file(path) as unfinished:
        unfinished.write_text("half")
        raise problem


def test_a_file_takes_its_name_when_it_is_whole(tmp_path):
    with replace_file(tmp_path / "a") as unfinished:
        unfinished.write_text("new")
        assert not (tmp_path / "a").exists()

    assert (tmp_path / "a").read_text() == "new"
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("problem", [KeyboardInterrupt, ValueError, SystemExit])
def test_an_exception_leaves_the_old_file_and_no_other(problem, tmp_path):
    write_text(tmp_path / "a", "old")

    with pytest.raises(problem):
        half_write(tmp_path / "a", problem())

    assert (tmp_path / "a").read_text() == "old"
    assert names(tmp_path) == ["a"]


def test_a_full_disk_is_said_with_the_place_and_leaves_nothing(tmp_path):
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OutputError, match="No space left") as caught:
        half_write(tmp_path / "a", full)

    assert caught.value.where == str(tmp_path / "a")
    assert caught.value.remedy
    assert names(tmp_path) == []


def test_a_folder_that_is_gone_is_said(tmp_path):
    with pytest.raises(OutputError, match="No such file"):
        write_text(tmp_path / "gone" / "a", "x")


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    from threading import Barrier, Thread

    together, seen = Barrier(2), []

    def write(text):
        with replace_file(tmp_path / "a") as unfinished:
            seen.append(unfinished)
            unfinished.write_text(text)
            together.wait(10)

    threads = [Thread(target=write, args=(text,)) for text in "xy"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(seen)) == 2
    assert (tmp_path / "a").read_text() in ("x", "y")
    assert names(tmp_path) == ["a"]


def unfinished(folder, node, process):
    file = folder / f".a.{node}.{process}.1.unfinished"
    file.touch()
    return file


def test_only_files_of_dead_processes_of_this_machine_are_swept(tmp_path):
    node = os.uname().nodename
    orphan = unfinished(tmp_path, node, 2**22 + 1)
    spared = [
        unfinished(tmp_path, node, os.getpid()),
        unfinished(tmp_path, node, 1),
        unfinished(tmp_path, "elsewhere", 2**22 + 1),
        unfinished(tmp_path, node, "x"),
        unfinished(tmp_path, node, 10**30),
    ]
    (tmp_path / "a").touch()

    remove_unfinished_files(tmp_path)

    assert not orphan.exists()
    assert all(each.exists() for each in spared)
    assert (tmp_path / "a").exists()


def test_sweeping_a_folder_that_is_not_there_is_nothing(tmp_path):
    remove_unfinished_files(tmp_path / "gone")

    assert names(tmp_path) == []
