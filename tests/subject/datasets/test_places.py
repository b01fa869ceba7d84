"""Data on other machines, as far as fsspec's own memory store can stand in for them."""

import gzip
import importlib.util
import io
import struct
import sys
import tarfile
from typing import ClassVar

import numpy as np
import pytest

from gate.errors import DataError, MissingExtraError, UsageError
from gate.subject.datasets import files, places, stored
from gate.subject.datasets.arrays import StoredRows
from gate.subject.datasets.places import RemotePath, place_of
from gate.subject.datasets.urls import read_url

fsspec = pytest.importorskip("fsspec", reason="the remote extra is not installed")
from fsspec.implementations.memory import MemoryFileSystem  # noqa: E402 - after the skip


class Store(MemoryFileSystem):
    """A store whose connection can be made to fail: ``failing`` holds an error for each attempt."""

    protocol = "flaky"
    cachable = False
    store: ClassVar = {}
    pseudo_dirs: ClassVar = [""]
    failing: ClassVar = []
    asked: ClassVar = []

    @classmethod
    def _strip_protocol(cls, path):
        return super()._strip_protocol(path.replace("flaky://", "memory://"))

    def cat_file(self, path, start=None, end=None, **keys):
        self.asked.append((path, start, end))
        if self.failing:
            error = self.failing.pop(0)
            if isinstance(error, Exception):
                raise error
            return super().cat_file(path, start, end, **keys)[:error]
        return super().cat_file(path, start, end, **keys)


@pytest.fixture
def store(monkeypatch):
    fsspec.register_implementation("flaky", Store, clobber=True)
    monkeypatch.setattr(places, "WAITS", (0, 0))
    for name, value in {"store": {}, "pseudo_dirs": [""], "failing": [], "asked": []}.items():
        monkeypatch.setattr(Store, name, value)
    return Store


@pytest.fixture
def uploaded(tmp_path, store):
    """Copy what lies in the test's folder into the store."""

    def upload():
        for path in tmp_path.rglob("*"):
            key = f"/set/{path.relative_to(tmp_path)}"
            if path.is_dir():
                store().makedirs(key, exist_ok=True)
            else:
                store().pipe_file(key, path.read_bytes())

    return upload


def seen(dataset):
    """Everything that a dataset gives, apart from where it lies."""

    def read(index):
        try:
            sample = dataset.read(index)
        except DataError as error:
            return error.fact, error.remedy
        return sample.stored, sample.label, sample.image.mode, sample.image.tobytes()

    return (
        dataset.format,
        dataset.classes,
        list(dataset.entries),
        [read(index) for index in range(len(dataset.entries))],
        dataset.assumed,
        dataset.slice_columns,
        dataset.group_column,
    )


def idx_bytes(array):
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def test_a_folder_gives_the_same_by_path_and_by_url(pets, opened, uploaded):
    (pets / "dog" / "deep").mkdir()
    (pets / "dog" / "deep" / "3.png").write_bytes((pets / "dog/1.png").read_bytes())
    (pets / "dog" / "broken.png").write_bytes(b"")
    (pets / ".hidden").mkdir()
    (pets / ".hidden" / "1.png").write_bytes(b"")
    (pets / "cat" / ".DS_Store").write_bytes(b"")
    (pets / "notes.txt").write_text("beside")
    (pets / "stray.png").write_text("beside")
    (pets / "empty").mkdir()
    uploaded()

    local, remote = opened(path="pets"), opened(path="flaky://set/pets")

    assert seen(remote) == seen(local)
    assert len(local.assumed) == 2
    assert remote.path == "flaky://set/pets"


def test_hidden_images_of_a_remote_folder_are_named(pets, opened, uploaded, encoded):
    (pets / "cat" / ".x.png").write_bytes(encoded(7))
    (pets / "cat" / "._1.png").write_bytes(b"no image")
    uploaded()

    assert opened(path="flaky://set/pets").hidden() == ("cat/.x.png",)


def test_groups_by_name_are_found_in_a_remote_folder(pets, opened, uploaded):
    uploaded()

    data = opened(path="flaky://set/pets", group_pattern=r"/(\d)\.png")

    assert [entry.group for entry in data.entries] == ["1", "2", "1", "2"]


def test_a_manifest_gives_the_same_by_path_and_by_url(pets, opened, uploaded, tmp_path):
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "t.csv").write_text(
        "image,label,who\n../pets/cat/1.png,cat,a\n../pets/dog/1.png,dog,b\n"
        "../pets/gone.png,dog,b\n../pets/dog,dog,\n"
    )
    uploaded()
    keys = {"group": "who", "slices": ["who"]}

    local, remote = (
        opened(path="lists/t.csv", **keys),
        opened(path="flaky://set/lists/t.csv", **keys),
    )

    assert seen(remote) == seen(local)


def test_a_parquet_manifest_gives_the_same_by_path_and_by_url(pets, opened, uploaded, tmp_path):
    pyarrow = pytest.importorskip("pyarrow", reason="the parquet extra is not installed")
    from pyarrow import parquet

    table = {"image": ["pets/cat/1.png", "pets/dog/2.png"], "label": ["cat", "dog"]}
    parquet.write_table(pyarrow.table(table), tmp_path / "t.parquet")
    uploaded()

    assert seen(opened(path="flaky://set/t.parquet")) == seen(opened(path="t.parquet"))


@pytest.mark.parametrize("packed", [False, True])
def test_idx_gives_the_same_by_path_and_by_url(opened, uploaded, tmp_path, packed):
    ending = ".gz" if packed else ""
    images = np.arange(4 * 3 * 2, dtype=np.uint8).reshape(4, 3, 2)
    for name, array in {"t-images": images, "t-labels": np.array([0, 1, 1, 0], np.uint8)}.items():
        content = idx_bytes(array)
        (tmp_path / f"{name}{ending}").write_bytes(gzip.compress(content) if packed else content)
    uploaded()

    remote = opened(path=f"flaky://set/t-images{ending}")

    assert seen(remote) == seen(opened(path=f"t-images{ending}"))
    assert np.array_equal(remote.pixels[1:3], images[1:3])


def test_labels_that_are_not_beside_remote_images_are_told(opened, uploaded, tmp_path, says):
    (tmp_path / "t-images").write_bytes(idx_bytes(np.zeros((2, 2, 2), np.uint8)))
    (tmp_path / "t-lables").write_bytes(b"")
    uploaded()

    with says(DataError, where="t-images", fact="no file of labels", remedy="'t-lables'"):
        opened(path="flaky://set/t-images")


@pytest.mark.parametrize("writer", [np.savez, np.savez_compressed])
def test_npz_gives_the_same_by_path_and_by_url(opened, uploaded, tmp_path, writer):
    images = np.arange(4 * 3 * 2 * 3, dtype=np.uint8).reshape(4, 3, 2, 3)
    writer(tmp_path / "t.npz", x=images, y=[0, 1, 1, 0], site=["n", "s", "n", ""])
    uploaded()

    local, remote = (
        opened(path="t.npz", slices=["site"]),
        opened(path="flaky://set/t.npz", slices=["site"]),
    )

    assert seen(remote) == seen(local)
    assert isinstance(remote.pixels, StoredRows) == (writer is np.savez)


def test_rows_are_fetched_by_their_range(opened, uploaded, tmp_path, store):
    (tmp_path / "t-images").write_bytes(idx_bytes(np.zeros((9, 3, 2), np.uint8)))
    (tmp_path / "t-labels").write_bytes(idx_bytes(np.arange(9, dtype=np.uint8)))
    uploaded()
    data = opened(path="flaky://set/t-images")
    store.asked.clear()

    data.pixels[2:4]

    assert store.asked == [("/set/t-images", 16 + 12, 16 + 24)]


def test_saved_predictions_are_read_by_url(opened, uploaded, tmp_path):
    (tmp_path / "p.csv").write_text("id,label,a,b\n1,a,0.9,0.1\n2,b,0.4,0.6\n")
    uploaded()

    assert opened(predictions="flaky://set/p.csv").scores.tolist() == [[0.9, 0.1], [0.4, 0.6]]


def test_a_manifest_may_list_urls(pets, opened, uploaded, tmp_path):
    (tmp_path / "t.csv").write_text(
        "image,label\nflaky://set/pets/cat/1.png,cat\nflaky://set/pets/dog/1.png,dog\n"
    )
    uploaded()

    data = opened(path="t.csv")

    assert data.read(1).stored == (pets / "dog/1.png").read_bytes()
    assert data.entries[1].id == "flaky://set/pets/dog/1.png"
    assert data.sources() is None


@pytest.mark.parametrize("listed", ["/etc/hostname", "file:///etc/hostname"])
def test_a_remote_manifest_does_not_name_files_of_this_machine(
    opened, uploaded, tmp_path, says, listed
):
    (tmp_path / "t.csv").write_text(f"image,label\na.png,cat\n{listed},dog\n")
    uploaded()

    with says(DataError, where="t.csv, line 3", fact="one of this machine", remedy="relative"):
        opened(path="flaky://set/t.csv")


def test_a_remote_manifest_none_of_whose_images_exist_is_refused(opened, uploaded, tmp_path, says):
    (tmp_path / "t.csv").write_text("image,label\na.png,cat\nb.png,dog\n")
    uploaded()

    with says(DataError, where="t.csv, line 2", fact="flaky://set/a.png"):
        opened(path="flaky://set/t.csv")


def test_a_file_url_is_a_path(pets, opened):
    data = opened(path=f"file://{pets}")

    assert seen(data) == seen(opened(path="pets"))
    assert data.path == f"file://{pets}"
    assert data.sources() is not None


def test_only_reading_tells_whether_remote_data_is_the_same(pets, opened, uploaded):
    uploaded()

    assert opened(path="flaky://set/pets").sources() is None


def test_a_url_of_nothing_is_told(opened, store, says):
    with says(DataError, where="^flaky://set/none$", fact="does not exist", remedy="URL"):
        opened(path="flaky://set/none")


def test_a_connection_that_drops_twice_is_tried_again(pets, opened, uploaded, store):
    uploaded()
    data = opened(path="flaky://set/pets")
    store.failing[:] = [ConnectionError("reset"), TimeoutError()]

    assert data.read(0).stored == (pets / "cat/1.png").read_bytes()


def test_an_image_that_cannot_be_fetched_is_no_unreadable_image(
    pets, opened, uploaded, store, says
):
    uploaded()
    data = opened(path="flaky://set/pets")
    store.failing[:] = [ConnectionError("reset by peer\x1b")] * 9

    with says(
        DataError,
        where="^flaky://set/pets/cat/1.png$",
        fact=r"cannot be fetched \(ConnectionError: reset by peer\\x1b\)",
        remedy="connection",
    ) as caught:
        data.read(0)
    assert not isinstance(caught.value, files.UnreadableImage)


@pytest.mark.parametrize(
    "error",
    [
        PermissionError("Access Denied"),
        OSError("Forbidden: b/set\ncaller lacks storage.objects.get"),
        type("NoCredentialsError", (Exception,), {})("Unable to locate credentials"),
        type("HttpError", (Exception,), {"code": 401})("Anonymous caller"),
        type("ClientResponseError", (Exception,), {"status": 403})("no"),
    ],
)
def test_denied_access_is_told_at_once(pets, opened, uploaded, store, says, error):
    uploaded()
    data = opened(path="flaky://set/pets")
    store.asked.clear()
    store.failing[:] = [error]

    with says(DataError, where="1.png", fact="access is denied", remedy="environment"):
        data.read(0)
    assert len(store.asked) == 1


def test_a_range_that_comes_short_is_asked_for_again_and_then_refused(
    opened, uploaded, tmp_path, store, says
):
    (tmp_path / "t-images").write_bytes(idx_bytes(np.ones((9, 3, 2), np.uint8)))
    (tmp_path / "t-labels").write_bytes(idx_bytes(np.arange(9, dtype=np.uint8)))
    uploaded()
    data = opened(path="flaky://set/t-images")

    store.failing[:] = [5]
    assert data.pixels[0:9].sum() == 54
    store.failing[:] = [5, 5, 5]
    with says(DataError, where="flaky://set/t-images", fact="5 bytes came of 54"):
        data.pixels[0:9]


def test_what_vanishes_between_two_reads_is_told(opened, uploaded, tmp_path, store, says):
    (tmp_path / "t-images").write_bytes(idx_bytes(np.ones((9, 3, 2), np.uint8)))
    (tmp_path / "t-labels").write_bytes(idx_bytes(np.arange(9, dtype=np.uint8)))
    uploaded()
    data = opened(path="flaky://set/t-images")
    store.store.clear()

    with says(DataError, where="flaky://set/t-images", fact="no longer"):
        data.pixels[0:9]


@pytest.mark.parametrize(
    ("url", "shown", "secret"),
    [
        ("s3://me:hunter2@bucket/a", r"^s3://\*\*\*@bucket/a$", "hunter2"),
        ("https://hunter2@host/a.csv", r"^https://\*\*\*@host/a.csv$", "hunter2"),
        ("https://host/a.csv?X-Amz-Signature=hunter2", r"^https://host/a.csv\?\*\*\*$", "hunter2"),
        ("https://host/a.csv?v=1&sig=hunter2", r"\?\*\*\*$", "hunter2"),
        ("https://host/a.csv?AWSAccessKeyId=hunter2", r"\?\*\*\*$", "hunter2"),
        ("ftp://me:hunter2@[host/a", "^ftp://...$", "hunter2"),
    ],
)
@pytest.mark.parametrize("key", ["path", "predictions", "images"])
def test_a_url_with_a_secret_is_refused_and_the_secret_not_printed(
    opened, says, url, shown, secret, key
):
    keys = {key: url} | ({"labels": "x"} if key == "images" else {})

    with says(DataError, where=shown) as caught:
        opened(**keys)
    assert secret not in str(caught.value)
    assert caught.value.__cause__ is None or secret not in str(caught.value.__cause__)


def test_a_secret_in_the_url_of_labels_or_of_an_image_is_not_printed_either(opened, tmp_path, says):
    (tmp_path / "t.csv").write_text(
        "image,label\nhttps://me:hunter2@host/1.png,cat\nhttps://host/2.png,dog\n"
    )

    for keys in ({"images": "a", "labels": "https://me:hunter2@host/b"}, {"path": "t.csv"}):
        with pytest.raises(DataError, match="carries a user and password") as caught:
            opened(**keys)
        assert "hunter2" not in str(caught.value)


def test_the_account_of_a_store_is_no_secret():
    assert read_url("abfs://container@account.dfs.core.windows.net/a").path == "/a"
    assert read_url("https://host/a.csv?design=4&versionId=3").path == "/a.csv"


def test_a_chain_of_file_systems_is_refused(opened, says):
    with says(DataError, where="^simplecache::s3://...$", fact="chain", remedy="alone"):
        opened(path="simplecache::s3://bucket/a")


def test_an_unknown_scheme_is_told_with_its_neighbour(opened, says):
    with says(DataError, where="^htps://host/a$", fact="no 'htps'", remedy="'https'"):
        opened(path="htps://host/a")


@pytest.mark.skipif(importlib.util.find_spec("s3fs") is not None, reason="s3fs is installed")
def test_a_missing_package_of_a_store_is_named(opened, says):
    with says(UsageError, where="s3://bucket/a", fact="needs a package", remedy="pip install s3fs"):
        opened(path="s3://bucket/a")


def test_without_the_extra_its_name_is_told(opened, says, monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)

    with says(MissingExtraError, where="s3://b/a", fact="from a URL", remedy=r"\[remote\]"):
        opened(path="s3://b/a")


def test_local_paths_do_not_import_fsspec(tmp_path):
    import subprocess

    script = (
        "import sys; from pathlib import Path; from gate.subject.datasets import open_dataset;"
        "from gate.subject.datasets.spec import DataSpec;"
        f"open_dataset(DataSpec(path='t.npz'), base=Path({str(tmp_path)!r}), classes=None);"
        "sys.exit('fsspec' in sys.modules)"
    )
    np.savez(tmp_path / "t.npz", x=np.zeros((2, 2, 2), np.uint8), y=[0, 1])

    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_web_server_has_no_folders():
    class System:
        def info(self, key):
            return {"type": "directory"}

    assert not RemotePath("https://host/a", System(), "https://host/a").is_dir()


def test_a_folder_on_a_web_server_is_refused_without_asking(opened, says, monkeypatch):
    monkeypatch.setattr(places, "_opened", lambda url, scheme: (None, url))

    with says(DataError, where="https://host/a/", fact="folder on a web server", remedy="CSV"):
        opened(path="https://host/a/")


class Web:
    """What fsspec makes of a web server: whatever fails is a file that is not found."""

    def __init__(self, status):
        self.status = status

    def info(self, key):
        cause = type("ClientResponseError", (Exception,), {"status": self.status})("no")
        raise FileNotFoundError(key) from cause

    def cat_file(self, key, start=None, end=None):
        return b"the whole file"


@pytest.mark.parametrize(
    ("status", "fact"), [(403, "access is denied"), (500, "cannot be fetched"), (404, None)]
)
def test_what_a_web_server_refuses_is_not_taken_for_missing(store, says, status, fact):
    place = RemotePath("https://host/a", Web(status), "https://host/a")
    if fact is None:
        assert not place.is_file()
        return

    with says(DataError, where="^https://host/a$", fact=fact):
        place.is_file()


def test_a_server_that_sends_no_parts_is_told(says):
    place = RemotePath("https://host/a", Web(200), "https://host/a")

    with says(DataError, where="https://host/a", fact="whole files", remedy="download"):
        place.read_at(4, 5)


def test_a_server_that_does_not_tell_sizes_is_refused(says):
    class System:
        def info(self, key):
            return {"type": "file", "size": None}

    with says(DataError, where="https://host/a", fact="does not tell its size", remedy="download"):
        stored.stored_file(RemotePath("https://host/a", System(), "https://host/a"), "a")


def test_a_place_below_or_beside_a_url_keeps_its_scheme(store):
    place = place_of(None, "flaky://set/lists/t.csv")

    assert place.name == "t.csv"
    assert (place.parent / "../img/1.png").url == "flaky://set/img/1.png"
    assert (place.parent / "../img/1.png").key == "/set/img/1.png"
    assert place.with_name("u.csv").url == "flaky://set/lists/u.csv"


@pytest.fixture
def tars(tmp_path, encoded):
    """Two shards of two samples each, in the test's folder."""
    for shard in range(2):
        with tarfile.open(tmp_path / f"t-{shard}.tar", "w") as tar:
            for row in (2 * shard, 2 * shard + 1):
                for name, content in (
                    (f"{row}.png", encoded(row)),
                    (f"{row}.cls", b"%d" % (row % 2)),
                ):
                    info = tarfile.TarInfo(name)
                    info.size = len(content)
                    tar.addfile(info, io.BytesIO(content))


def test_shards_give_the_same_by_path_and_by_url(tars, opened, uploaded, store):
    uploaded()

    local, remote = opened(path="t-{0..1}.tar"), opened(path="flaky://set/t-{0..1}.tar")
    store.asked.clear()

    assert seen(remote) == seen(local)
    assert remote.shards == local.shards == (range(2), range(2, 4))
    assert remote.sources() is None
    assert [end - start for _, start, end in store.asked] == local.sizes.tolist()


def test_a_missing_remote_shard_is_named(tars, opened, uploaded, store, says):
    uploaded()
    del store.store["/set/t-1.tar"]

    with says(DataError, where="^flaky://set/t-1.tar$", fact="1 of 2 shards missing"):
        opened(path="flaky://set/t-{0..1}.tar")


def test_a_remote_shard_that_is_replaced_by_a_shorter_one_is_told(
    tars, opened, uploaded, store, says
):
    uploaded()
    data = opened(path="flaky://set/t-{0..1}.tar")
    store().pipe_file("/set/t-1.tar", b"short")

    with says(DataError, where="^flaky://set/t-1.tar$", fact="0 bytes came of"):
        data.read(3)
