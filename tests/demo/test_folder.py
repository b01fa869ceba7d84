import contextlib
import shutil
from pathlib import Path

import pytest

from gate.cli import main
from gate.demo.folder import prepare
from gate.errors import UsageError


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "demo"
    prepare(folder)
    return folder


@pytest.fixture
def copy(made, tmp_path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "demo"))


def test_a_folder_is_made_with_the_folders_above_it(tmp_path, made):
    prepare(tmp_path / "a" / "b")

    assert contents(tmp_path / "a" / "b") == contents(made)


def test_an_empty_folder_is_filled(tmp_path, made):
    prepare(tmp_path)

    assert contents(tmp_path) == contents(made)


def test_a_case_is_a_folder_that_stands_alone(made):
    assert {path.name for path in (made / "good").iterdir()} == {
        "data",
        "gate.yaml",
        "history.csv",
        "model.pt",
        "nets.py",
    }


def test_the_trainers_validation_images_are_not_shown(made):
    assert {path.name for path in (made / "good" / "data").iterdir()} == {"train", "test"}


def test_an_untouched_demo_is_used_again_with_what_runs_left(copy):
    for left in ("good/gate-out/report.json", "good/__pycache__/nets.pyc"):
        (copy / left).parent.mkdir()
        (copy / left).write_text("left by a run")
    before = contents(copy)

    prepare(copy)

    assert contents(copy) == before


def edit(folder: Path) -> None:
    with (folder / "good" / "gate.yaml").open("a", encoding="utf-8") as file:
        file.write("# mine\n")


def add(folder: Path) -> None:
    (folder / "notes.txt").write_text("mine")


def remove(folder: Path) -> None:
    next((folder / "leaky" / "data" / "train" / "one").iterdir()).unlink()


def link_to_nothing(folder: Path) -> None:
    (folder / "link").symlink_to(folder / "nowhere")


@pytest.mark.parametrize("change", [edit, add, remove, link_to_nothing])
def test_a_demo_that_somebody_changed_is_refused_and_left_alone(copy, change):
    change(copy)
    before = contents(copy)

    with pytest.raises(UsageError, match=r"untouched demo.*name another folder, or delete"):
        prepare(copy)

    assert contents(copy) == before


def test_somebody_elses_folder_is_refused_and_left_alone(tmp_path, capsys):
    (tmp_path / "thesis.tex").write_text("years of work")

    status = main(["demo", "--out", str(tmp_path)])

    error = capsys.readouterr().err
    assert status == 2
    assert str(tmp_path) in error
    assert "nothing in it is overwritten" in error
    assert "name another folder" in error
    assert contents(tmp_path) == {"thesis.tex": b"years of work"}


def test_only_a_hidden_file_is_somebody_elses_folder_too(tmp_path):
    (tmp_path / ".git").mkdir()

    with pytest.raises(UsageError):
        prepare(tmp_path)


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_file_in_the_way_is_refused(tmp_path, place, capsys):
    (tmp_path / "file").write_text("here")

    status = main(["demo", "--out", str(tmp_path / place)])

    assert status == 2
    assert "name another folder" in capsys.readouterr().err


def test_control_characters_in_the_name_of_the_folder_do_not_reach_the_terminal(tmp_path, capsys):
    folder = tmp_path / "a\x1b[31m"
    folder.mkdir()
    (folder / "x").touch()

    main(["demo", "--out", str(folder)])

    assert "\x1b" not in capsys.readouterr().err


def test_ctrl_c_while_writing_leaves_the_folder_empty(tmp_path, monkeypatch):
    write, written = Path.write_bytes, []

    def interrupted(path: Path, content: bytes) -> int:
        written.append(path)
        if len(written) == 100:
            raise KeyboardInterrupt
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", interrupted)

    with contextlib.suppress(KeyboardInterrupt):
        prepare(tmp_path)

    assert len(written) == 100
    assert list(tmp_path.iterdir()) == []
