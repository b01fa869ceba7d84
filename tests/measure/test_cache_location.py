"""The cache is believed only where nobody else may have written to it."""

import os
import stat

import pytest

from gate.measure import cache_location
from gate.measure.cache_location import (
    MARK,
    OPEN,
    make_private,
    reason_to_distrust,
    trouble,
    usable,
)

OTHER = 12_345  # the id of another user

pytestmark = pytest.mark.skipif(not hasattr(os, "getuid"), reason="no owners and modes here")


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "cache"
    made.mkdir(mode=0o700)
    return made


@pytest.fixture
def said():
    return []


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def filled(folder):
    """Mark a folder as a cache, and put an entry into each part of it; return it."""
    assert usable(folder, print) == folder
    for name in ("plans/p/v/a.npz", "overlaps/o.json", "fingerprints/f.sqlite"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    return folder


def entries(folder):
    return [path for path in folder.rglob("*") if path.is_file() and path.name != MARK]


def belongs_to_another(monkeypatch):
    """Make every folder that of another user, whoever runs the tests."""
    monkeypatch.setattr(cache_location.os, "getuid", lambda: OTHER)


def test_a_folder_of_ones_own_is_used_as_it_is(folder, said):
    assert usable(filled(folder), said.append) == folder
    assert said == []
    assert len(entries(folder)) == 3


@pytest.mark.parametrize("private", [0o700, 0o750, 0o755, 0o711])
def test_that_others_may_read_it_is_of_no_account(private, folder, said):
    folder.chmod(private)

    assert usable(folder, said.append) == folder
    assert said == []
    assert mode(folder) == private


def test_a_new_one_is_closed_to_others_whatever_the_umask_is(tmp_path, said):
    before = os.umask(0)
    try:
        made = usable(tmp_path / "some" / "where", said.append)
        make_private(made / "plans" / "p" / "v")
    finally:
        os.umask(before)

    assert said == []
    assert {mode(made / each) for each in (".", "plans", "plans/p", "plans/p/v")} == {0o700}


@pytest.mark.parametrize("loose", [0o777, 0o770, 0o1777, 0o702, 0o720])
def test_one_that_others_could_write_to_is_closed_and_emptied(loose, folder, said):
    filled(folder).chmod(loose)

    assert usable(folder, said.append) == folder
    assert mode(folder) == 0o700
    assert entries(folder) == []
    assert said == [f"cache: {folder}: {OPEN}; it is closed to them now, and emptied"]


@pytest.mark.parametrize("name", ["plans", "overlaps", "fingerprints"])
def test_so_is_one_with_a_part_that_others_could_write_to(name, folder, said):
    (filled(folder) / name).chmod(0o777)

    assert usable(folder, said.append) == folder
    assert entries(folder) == []
    assert OPEN in said[0]


def test_a_folder_that_holds_other_things_is_not_ours_to_close(folder, said):
    (filled(folder) / "thesis.tex").write_text("x")
    folder.chmod(0o777)

    assert usable(folder, said.append) is None
    assert mode(folder) == 0o777
    assert len(entries(folder)) == 4
    (text,) = said
    assert text.startswith(f"cache: {folder}: {OPEN}; it is not used, and everything is measured")
    assert text.endswith("again: name a folder of your own in VALIDATE_MODEL_CACHE")


@pytest.mark.parametrize("place", ["plans/thesis.tex", "plans/p/v/a.npz", "notes"])
@pytest.mark.parametrize("loose", [0o777, 0o700])
def test_a_folder_without_our_mark_is_never_touched(loose, place, folder, said):
    (folder / place).parent.mkdir(parents=True, exist_ok=True)
    (folder / place).write_text("a life's work")
    folder.chmod(loose)

    assert usable(folder, said.append) is None
    assert (folder / place).read_text() == "a life's work"
    assert mode(folder) == loose
    assert "holds other things, and not the mark of a cache of ours; it is not used" in said[0]


def test_nor_is_an_empty_one_that_others_may_write_to(folder, said):
    folder.chmod(0o777)

    assert usable(folder, said.append) is None
    assert mode(folder) == 0o777
    assert OPEN in said[0]


@pytest.mark.parametrize("mark", ["", "Signature: 8a477f597d28d172789f06886806bc55\n", "\xff"])
def test_the_mark_of_another_program_is_not_ours(mark, folder, said):
    (folder / MARK).write_text(mark, encoding="latin-1")
    (folder / "plans").mkdir()

    assert usable(folder, said.append) is None


def test_a_link_to_a_mark_is_none(folder, tmp_path, said):
    usable(tmp_path / "another", said.append)
    (folder / MARK).symlink_to(tmp_path / "another" / MARK)

    assert usable(folder, said.append) is None


def test_an_empty_folder_of_ones_own_becomes_a_cache(folder, said):
    assert usable(folder, said.append) == folder
    assert (folder / MARK).read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55\n")
    assert said == []


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_what_others_may_write_to_is_distrusted(kind, tmp_path):
    made = tmp_path / "made"
    made.mkdir() if kind == "folder" else made.touch()
    made.chmod(0o755)
    assert reason_to_distrust(made) is None

    made.chmod(0o775)
    assert reason_to_distrust(made) == OPEN


def test_links_and_pipes_are_distrusted_and_what_is_not_there_is_not(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe")

    assert reason_to_distrust(tmp_path / "link") == "is no folder or file of its own"
    assert reason_to_distrust(tmp_path / "pipe") == "is no folder or file of its own"
    assert reason_to_distrust(tmp_path / "none") is None


def test_what_is_another_users_is_distrusted(folder, monkeypatch):
    belongs_to_another(monkeypatch)

    assert reason_to_distrust(folder) == "belongs to another user"


def test_what_cannot_be_emptied_stays_as_open_as_it_was_and_is_not_used(folder, said, monkeypatch):
    def denied(path):
        raise PermissionError(path)

    filled(folder).chmod(0o777)
    monkeypatch.setattr(cache_location.shutil, "rmtree", denied)

    assert usable(folder, said.append) is None
    assert usable(folder, said.append) is None
    assert mode(folder) == 0o777


def test_that_of_another_user_is_not_used(folder, said, monkeypatch):
    filled(folder)
    belongs_to_another(monkeypatch)

    assert usable(folder, said.append) is None
    assert "belongs to another user; it is not used, and everything is measured again" in said[0]
    assert len(entries(folder)) == 3


def test_a_link_of_ones_own_to_ones_own_folder_is_used(folder, tmp_path, said):
    (tmp_path / "link").symlink_to(folder)

    assert usable(tmp_path / "link", said.append) == tmp_path / "link"
    assert said == []


@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="only root gives files away")
def test_a_link_that_another_user_laid_is_not_followed(folder, tmp_path, said):
    (tmp_path / "link").symlink_to(folder)
    os.chown(tmp_path / "link", OTHER, OTHER, follow_symlinks=False)

    assert usable(tmp_path / "link", said.append) is None
    assert "belongs to another user" in said[0]


@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("place", [".", "plans"])
def test_a_folder_that_another_user_made_is_not_believed(place, folder, said):
    filled(folder)
    os.chown(folder / place, OTHER, OTHER)

    usable(folder, said.append)

    assert said
    assert place == "." or entries(folder) == []


def test_a_link_that_leads_nowhere_and_a_file_are_not_used(tmp_path, said):
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    (tmp_path / "file").write_text("x")

    assert usable(tmp_path / "link", said.append) is None
    assert usable(tmp_path / "file", said.append) is None
    assert [text.split("; ")[0].rsplit(": ", 1)[1] for text in said] == [
        "leads nowhere",
        "is no folder",
    ]


def test_without_a_cache_nothing_is_made_or_said(said):
    assert usable(None, said.append) is None
    assert said == []


def test_where_there_are_no_owners_nothing_is_asked(folder, monkeypatch):
    folder.chmod(0o777)
    monkeypatch.delattr(cache_location.os, "getuid")

    assert trouble(folder) is None
