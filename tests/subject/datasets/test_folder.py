import os
from contextlib import contextmanager
from pathlib import Path

import pytest

from gate.errors import DataError
from gate.subject.datasets import open_dataset
from gate.subject.datasets.records import Entry
from gate.subject.datasets.spec import DataSpec


def test_a_folder_gives_its_images_sorted_by_their_path(pets, opened):
    data = opened(path="pets")

    assert data.format == "folder"
    assert data.classes == ("cat", "dog")
    assert list(data.entries) == [
        Entry("cat/1.png", 0),
        Entry("cat/2.png", 0),
        Entry("dog/1.png", 1),
        Entry("dog/2.png", 1),
    ]
    assert data.assumed == ()


def test_reading_gives_the_bytes_the_pixels_and_the_label(pets, opened):
    sample = opened(path="pets").read(2)

    assert sample.stored == (pets / "dog/1.png").read_bytes()
    assert (sample.image.mode, sample.image.size) == ("RGB", (8, 6))
    assert sample.label == 1
    assert sample.tensor is None


def test_a_relative_path_is_read_from_the_current_folder(pets, monkeypatch):
    monkeypatch.chdir(pets.parent)
    data = open_dataset(DataSpec(path=pets.name), base=Path(), classes=None)

    assert data.read(0).stored == (pets / "cat/1.png").read_bytes()


def test_the_order_does_not_depend_on_the_file_system(pets, opened, monkeypatch):
    expected = [entry.id for entry in opened(path="pets").entries]
    scandir = os.scandir

    class Backwards:
        def __init__(self, path):
            self.items = sorted(scandir(path), key=lambda item: item.name, reverse=True)

        def __enter__(self):
            return iter(self.items)

        def __exit__(self, *_):
            return None

    monkeypatch.setattr(os, "scandir", Backwards)

    assert [entry.id for entry in opened(path="pets").entries] == expected


def test_folders_are_read_to_any_depth(pets, opened, encoded):
    deep = pets / "dog" / "2024" / "may"
    deep.mkdir(parents=True)
    (deep / "x.png").write_bytes(encoded(9))

    assert opened(path="pets").entries[-1] == Entry("dog/2024/may/x.png", 1)


def test_declared_classes_give_the_order(pets, opened):
    data = opened(path="pets", classes=("dog", "cat"))

    assert data.classes == ("dog", "cat")
    assert [entry.label for entry in data.entries] == [1, 1, 0, 0]


def test_folders_are_ordered_as_text_as_torchvision_orders_them(tmp_path, opened, encoded):
    for name in ("10", "9", "2"):
        (tmp_path / "digits" / name).mkdir(parents=True)
        (tmp_path / "digits" / name / "x.png").write_bytes(encoded())

    assert opened(path="digits").classes == ("10", "2", "9")


def test_a_declared_class_without_a_folder_is_kept(pets, opened):
    data = opened(path="pets", classes=("cat", "dog", "horse"))

    assert data.classes == ("cat", "dog", "horse")
    assert {entry.label for entry in data.entries} == {0, 1}


def test_a_folder_outside_the_classes_is_refused_with_the_name_that_was_meant(opened, pets, says):
    with says(DataError, where="pets", fact="class folder 'dog' is not", remedy="mean 'dogs'"):
        opened(path="pets", classes=("cat", "dogs"))


def test_numbered_folders_are_never_taken_for_positions(tmp_path, opened, encoded, says):
    for name in ("0", "1"):
        (tmp_path / "d" / name).mkdir(parents=True)
        (tmp_path / "d" / name / "x.png").write_bytes(encoded())

    with says(DataError, fact="'0' is not one of the 2 classes"):
        opened(path="d", classes=("cat", "dog"))


def test_a_missing_folder_is_refused_with_its_neighbour(pets, opened, says):
    with says(DataError, where="pest", fact="does not exist", remedy="'pets'"):
        opened(path="pest")


def test_an_empty_folder_is_refused(tmp_path, opened, says):
    (tmp_path / "nothing").mkdir()

    with says(DataError, where="nothing", fact="empty"):
        opened(path="nothing")


def test_empty_class_folders_are_refused(tmp_path, opened, says):
    (tmp_path / "d" / "cat").mkdir(parents=True)
    (tmp_path / "d" / "dog").mkdir(parents=True)

    with says(DataError, where="d", fact="holds no images"):
        opened(path="d")


@pytest.mark.parametrize("classes", [None, ("cat", "dog")])
def test_images_of_one_class_alone_can_be_opened(pets, opened, classes):
    for file in (pets / "dog").iterdir():
        file.unlink()

    data = opened(path="pets", classes=classes)

    assert {data.classes[entry.label] for entry in data.entries} == {"cat"}


def test_images_without_class_folders_are_refused(tmp_path, opened, encoded, says):
    (tmp_path / "flat").mkdir()
    (tmp_path / "flat" / "a.png").write_bytes(encoded())

    with says(DataError, where="flat", fact="no class folders, only 1 file: a.png", remedy="CSV"):
        opened(path="flat")


def test_a_folder_of_idx_files_is_told_so(tmp_path, opened, says):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "train-images-idx3-ubyte").write_bytes(b"")

    with says(DataError, where="raw", remedy="IDX"):
        opened(path="raw")


def test_the_folder_above_the_splits_is_refused(tmp_path, pets, opened, says):
    (tmp_path / "data").mkdir()
    pets.rename(tmp_path / "data" / "train")
    (tmp_path / "data" / "test").mkdir()

    with says(DataError, where="data", fact="splits, not classes", remedy="data/test"):
        opened(path="data")


def test_a_text_file_among_images_is_listed_and_unreadable(pets, opened, unreadable):
    (pets / "cat" / "notes.txt").write_text("blurred ones removed")

    data = opened(path="pets")

    assert Entry("cat/notes.txt", 0) in data.entries
    assert unreadable(data, "cat/notes.txt") == "is text, not an image"


def test_an_image_beside_the_class_folders_is_listed_and_unreadable(
    pets, opened, encoded, unreadable
):
    (pets / "stray.png").write_bytes(encoded())

    data = opened(path="pets")

    assert Entry("stray.png", None) in data.entries
    assert "has no class" in unreadable(data, "stray.png")


def test_another_file_beside_the_class_folders_is_said(pets, opened):
    (pets / "README.md").write_text("about")

    data = opened(path="pets")

    assert len(data.entries) == 4
    assert data.assumed == ("1 file beside the class folders not read: README.md",)


def test_hidden_files_are_left_out_and_counted(pets, opened):
    (pets / ".ipynb_checkpoints").mkdir()
    (pets / "cat" / "Thumbs.db").write_bytes(b"x")
    (pets / "cat" / ".DS_Store").write_bytes(b"x")
    (pets / "dog" / ".DS_Store").write_bytes(b"x")

    data = opened(path="pets")

    assert data.classes == ("cat", "dog")
    assert len(data.entries) == 4
    assert data.assumed == (
        "4 hidden files not read: .DS_Store (2), .ipynb_checkpoints (1), Thumbs.db (1)",
    )


def test_what_a_desk_leaves_behind_is_no_hidden_image(pets, opened):
    apple_double = b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X" + bytes(400)
    (pets / "cat" / "._1.png").write_bytes(apple_double)
    (pets / "cat" / ".DS_Store").write_bytes(b"\x00\x00\x00\x01Bud1" + bytes(99))
    (pets / "cat" / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0" + bytes(99))
    (pets / ".ipynb_checkpoints").mkdir()
    (pets / ".ipynb_checkpoints" / "a-checkpoint.ipynb").write_text("{}")
    (pets / "dog" / ".empty.png").write_bytes(b"")

    assert opened(path="pets").hidden() == ()


def test_hidden_files_that_are_images_are_named_wherever_they_lie(pets, opened, encoded):
    (pets / ".stash" / "deep").mkdir(parents=True)
    (pets / "__MACOSX").mkdir()
    for name, kind in (
        ("cat/.x.png", "PNG"),
        ("cat/._y.png", "PNG"),
        ("dog/.no-suffix", "JPEG"),
        (".stash/deep/z.bmp", "BMP"),
        ("__MACOSX/w.gif", "GIF"),
    ):
        (pets / name).write_bytes(encoded(7, mode="L", kind=kind))

    data = opened(path="pets")

    assert data.hidden() == (
        *(".stash/deep/z.bmp", "__MACOSX/w.gif", "cat/._y.png", "cat/.x.png", "dog/.no-suffix"),
    )
    assert len(data.entries) == 4


def test_only_the_header_of_a_hidden_file_is_looked_at(pets, opened, encoded):
    (pets / "cat" / ".x.png").write_bytes(encoded(7)[:60])

    assert opened(path="pets").hidden() == ("cat/.x.png",)


def test_hidden_links_and_pipes_hold_nothing_up(pets, opened):
    (pets / "cat" / ".loop").symlink_to(pets)
    (pets / "cat" / ".gone").symlink_to(pets / "nowhere")
    os.mkfifo(pets / "cat" / ".pipe")

    assert opened(path="pets").hidden() == (
        *(f"cat/.loop/{name}" for name in ("cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png")),
    )


def test_a_folder_named_like_an_image_is_a_folder(pets, opened, encoded):
    (pets / "dog" / "x.png").mkdir()
    (pets / "dog" / "x.png" / "y.png").write_bytes(encoded())

    assert opened(path="pets").entries[-1].id == "dog/x.png/y.png"


def test_a_linked_image_is_read_under_its_own_name(tmp_path, pets, opened, encoded):
    (tmp_path / "store.png").write_bytes(encoded(7))
    (pets / "dog" / "3.png").symlink_to(tmp_path / "store.png")

    data = opened(path="pets")

    assert data.entries[-1].id == "dog/3.png"
    assert data.read(4).stored == encoded(7)


def test_a_linked_class_folder_is_read(tmp_path, pets, opened, encoded):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "e.png").write_bytes(encoded())
    (pets / "elk").symlink_to(elsewhere)

    assert opened(path="pets").entries[-1] == Entry("elk/e.png", 2)


def test_a_link_to_a_missing_file_is_unreadable(pets, opened, unreadable):
    (pets / "dog" / "gone.png").symlink_to(pets / "nowhere.png")

    assert unreadable(opened(path="pets"), "dog/gone.png") == "is a link to a missing file"


def test_a_link_to_a_folder_above_is_refused_and_not_followed_for_ever(pets, opened, says):
    (pets / "dog" / "all").symlink_to(pets / "dog")

    with says(DataError, where="pets", fact="'dog/all' is a link to a folder above"):
        opened(path="pets")


def test_a_pipe_is_unreadable_and_not_waited_for(pets, opened, unreadable):
    os.mkfifo(pets / "dog" / "pipe.png")

    assert unreadable(opened(path="pets"), "dog/pipe.png") == "is not a regular file"


def test_a_file_name_that_is_no_text_becomes_text(pets, opened, encoded):
    with open(os.fsencode(pets / "dog") + b"/\xff.png", "wb") as stream:  # noqa: PTH123 - bytes
        stream.write(encoded())

    data = opened(path="pets")

    assert data.entries[-1].id == "dog/\\xff.png"
    data.entries[-1].id.encode("utf-8")
    assert data.read(4).label == 1


def test_a_file_that_vanishes_after_listing_is_unreadable(pets, opened, unreadable):
    data = opened(path="pets")
    (pets / "dog" / "2.png").unlink()

    assert unreadable(data, "dog/2.png") == "the file does not exist"


def test_keys_of_other_formats_are_refused(pets, opened, says):
    with says(DataError, where="pets", fact="no 'group'", remedy="CSV manifest"):
        opened(path="pets", group="owner")


def test_folders_and_files_are_called_the_same_however_a_disk_stores_accents(
    tmp_path, encoded, opened
):
    for number, name in enumerate(["Ko\u0308ln/Rene\u0301.png", "Ulm/1.png"]):
        (tmp_path / "set" / name).parent.mkdir(parents=True)
        (tmp_path / "set" / name).write_bytes(encoded(number))

    data = opened(path="set", classes=("K\xf6ln", "Ulm"))

    assert [entry.id for entry in data.entries] == ["K\xf6ln/Ren\xe9.png", "Ulm/1.png"]
    assert data.read(0).stored == encoded(0)


@pytest.mark.parametrize(
    ("names", "fact"),
    [
        (["K\xf6ln/1.png", "Ko\u0308ln/2.png"], "two of its class folders are called 'K\xf6ln'"),
        (["cat/1.png", "ca\u200bt/2.png"], "two of its class folders are called 'cat'"),
        (["cat/1.png", "\u200b/2.png"], "shows nothing"),
        (["cat/a.png", "cat/a\u200b.png"], "two of its files are called 'cat/a.png'"),
    ],
)
def test_two_names_that_nobody_tells_apart_are_refused(
    tmp_path, encoded, opened, says, names, fact
):
    for number, name in enumerate([*names, "dog/1.png"]):
        file = tmp_path / "set" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encoded(number))

    with says(DataError, where="set", fact=fact, remedy="rename"):
        opened(path="set")


@pytest.mark.parametrize("name", ["cat/link", "link"])
def test_what_nobody_may_look_at_is_named_with_the_reason(name, pets, opened, monkeypatch):
    (pets / name).symlink_to(pets)
    true = os.DirEntry.is_dir

    class Item:
        def __init__(self, item):
            self.name, self.path, self._item = item.name, item.path, item

        def is_dir(self):
            if self.name == "link":  # as behind /proc/1/cwd
                raise PermissionError(13, "Permission denied")
            return true(self._item)

    scan = os.scandir

    @contextmanager
    def guarded(folder):
        with scan(folder) as items:
            yield [Item(each) for each in items]

    monkeypatch.setattr("os.scandir", guarded)

    with pytest.raises(DataError, match="link: cannot be looked at: Permission denied"):
        opened(path="pets")
