"""Files that are read soon are asked for before: their readers need not wait for a disk."""

import os

import pytest
from PIL import Image

pytestmark = pytest.mark.skipif(
    not hasattr(os, "posix_fadvise"), reason="this system knows no such request"
)


@pytest.fixture
def asked(monkeypatch):
    """Return the descriptors and inodes that the system was asked for, as they are added."""
    seen = []

    def posix_fadvise(descriptor, offset, length, advice):
        assert (offset, length, advice) == (0, 0, os.POSIX_FADV_WILLNEED), "the whole file"
        inode = os.fstat(descriptor).st_ino
        seen.append((descriptor, inode))

    monkeypatch.setattr(os, "posix_fadvise", posix_fadvise)
    return seen


def inodes(folder, *names):
    return [(folder / name).stat().st_ino for name in names]


def test_the_files_of_the_rows_are_asked_for_and_no_others(pets, opened, asked):
    opened(path="pets").expect(range(1, 3))

    assert [inode for _, inode in asked] == inodes(pets, "cat/2.png", "dog/1.png")


def test_no_file_stays_open(pets, opened, asked):
    opened(path="pets").expect(range(4))

    assert len(asked) == 4
    for descriptor, _ in asked:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)


def test_what_cannot_be_asked_for_is_left_to_its_reader(pets, opened, asked, unreadable):
    data = opened(path="pets")
    (pets / "cat/1.png").unlink()
    (pets / "cat/2.png").unlink()
    (pets / "cat/2.png").mkdir()

    data.expect(range(3))

    assert [inode for _, inode in asked] == inodes(pets, "dog/1.png")
    assert unreadable(data, "cat/1.png") == "the file does not exist"
    assert unreadable(data, "cat/2.png") == "is a folder, not an image"


def test_a_pipe_is_not_waited_for(pets, opened, asked):
    os.mkfifo(pets / "cat/0.png")  # nobody ever writes to it

    opened(path="pets").expect(range(2))

    assert [inode for _, inode in asked] == inodes(pets, "cat/1.png")


def test_a_name_that_no_file_can_have_is_left_to_its_reader(opened, asked, tmp_path):
    Image.new("L", (8, 8)).save(tmp_path / "real.png")
    (tmp_path / "list.csv").write_text(f"image,label\n{'n' * 300},a\nreal.png,b\n")

    opened(path="list.csv").expect(range(2))

    assert [inode for _, inode in asked] == inodes(tmp_path, "real.png")


def test_a_system_without_such_a_request_reads_as_before(pets, opened, monkeypatch):
    monkeypatch.delattr(os, "posix_fadvise")
    data = opened(path="pets")

    data.expect(range(4))

    assert data.read(0).stored == (pets / "cat/1.png").read_bytes()


def test_nothing_is_fetched_from_another_machine(pets, opened, asked):
    fsspec = pytest.importorskip("fsspec")
    store = fsspec.filesystem("memory")
    store.put(str(pets), "/expected", recursive=True)
    try:
        opened(path="memory://expected").expect(range(4))
    finally:
        store.rm("/expected", recursive=True)

    assert asked == []


def test_an_address_that_cannot_be_opened_is_left_to_its_reader(opened, asked, tmp_path):
    Image.new("L", (8, 8)).save(tmp_path / "real.png")
    (tmp_path / "list.csv").write_text("image,label\nreal.png,a\nnowhere://bucket/x.png,b\n")

    opened(path="list.csv").expect(range(2))

    assert [inode for _, inode in asked] == inodes(tmp_path, "real.png")
