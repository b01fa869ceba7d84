"""A manifest read from a URL reaches files of its own store, and nothing else."""

from typing import ClassVar

import pytest

from gate.errors import DataError
from gate.subject.datasets.places import RemotePath, place_of
from gate.subject.datasets.urls import is_url, names_this_machine, read_url, shown

fsspec = pytest.importorskip("fsspec", reason="the remote extra is not installed")
from fsspec.implementations.memory import MemoryFileSystem  # noqa: E402 - after the skip


class Store(MemoryFileSystem):
    """A store with buckets: ``bucket://name/key``, all of them readable to this process."""

    protocol = "bucket"
    cachable = False
    store: ClassVar = {}
    pseudo_dirs: ClassVar = [""]
    read: ClassVar = []

    @classmethod
    def _strip_protocol(cls, path):
        return super()._strip_protocol(path.replace("bucket://", "memory://"))

    def cat_file(self, path, start=None, end=None, **keys):
        self.read.append(path)
        return super().cat_file(path, start, end, **keys)


@pytest.fixture
def manifest(monkeypatch, encoded, opened):
    """Open a manifest in a bucket that lists one path, beside a row that is as it should be."""
    fsspec.register_implementation("bucket", Store, clobber=True)
    for name, value in {"store": {}, "pseudo_dirs": [""], "read": []}.items():
        monkeypatch.setattr(Store, name, value)
    for key in (
        "mine/set/a.png",
        "mine/b.png",
        "mine/set/deep er/c.png",
        "mine-too/a.png",
        "mine/set/50%.png",
        "mine/set/x/%2e%2e/a..b.png",
    ):
        Store().pipe_file(f"/{key}", encoded(len(key)))

    def of(listed, url="bucket://mine/set/m.csv"):
        text = f'image,label\na.png,cat\n"{listed}",dog\n'
        Store().pipe_file("/mine/set/m.csv", text.encode())
        return opened(path=url)

    return of


@pytest.mark.parametrize(
    "listed",
    [
        "/etc/passwd",
        "//host/share/a.png",
        "file:///etc/passwd",
        "FILE:///etc/passwd",
        "fIle:/etc/passwd",
        "file://localhost/etc/passwd",
        " file:///etc/passwd",
        "\tfile:///etc/passwd",
        "local:///etc/passwd",
        "LOCAL:/etc/passwd",
        "asynclocal:///etc/passwd",
        "bucket://mine-too/a.png",
        "bucket://MINE.evil/a.png",
        "bucket://mine@other/a.png",
        "bucket://mine:1234/a.png",
        "bucket:///mine-too/a.png",
        "bucket://mine\\@other/a.png",
        "bucket://mine%2eevil/a.png",
        "bucket://mine evil/a.png",
        "bucket://m\u0131ne/a.png",
        "bucket://mine/../mine-too/a.png",
        "../../mine-too/a.png",
        "%2e%2e/%2E./mine-too/a.png",
        "bucket://mine/%2e%2e/mine-too/a.png",
        "x/../../../mine-too/a.png",
        "https://mine/set/a.png",
        "memory://mine/set/a.png",
        "zip://a.png::file:///etc/images.zip",
        "dir://x::file:///etc",
        "simplecache::bucket://mine-too/a.png",
        "reference://x",
        "data://text/plain,x",
        "git:///root/repository/a.png",
        "arrow_hdfs:///a.png",
        "github://owner:repository@main/a.png",
        "hf://datasets/owner/other/a.png",
        "ftp://mine/a.png",
        "bucket://mine/a\x01.png",
    ],
)
def test_a_remote_manifest_does_not_lead_out_of_its_store(manifest, says, listed):
    with says(DataError, where=r"m\.csv, line 3", fact=".", remedy="."):
        manifest(listed)
    assert {path for path in Store.read if not path.endswith("m.csv")} == set()


@pytest.mark.parametrize(
    ("listed", "read"),
    [
        ("a.png", "/mine/set/a.png"),
        ("./../b.png", "/mine/b.png"),
        ("x/%2e%2e/a..b.png", "/mine/set/x/%2e%2e/a..b.png"),
        ("50%.png", "/mine/set/50%.png"),
        ("../b.png", "/mine/b.png"),
        ("deep er/c.png", "/mine/set/deep er/c.png"),
        ("bucket://mine/b.png", "/mine/b.png"),
        ("BUCKET://mine/b.png", "/mine/b.png"),
    ],
)
def test_every_path_of_its_own_store_is_read(manifest, listed, read):
    data = manifest("../b.png" if listed == "a.png" else listed)

    data.read(0 if listed == "a.png" else 1)

    assert Store.read[-1] == read


def test_a_scheme_in_capitals_is_the_same_scheme(manifest):
    assert manifest("../b.png", url="BUCKET://mine/set/m.csv").read(1).label == 1


def test_a_manifest_in_the_memory_of_this_process_reads_beside_itself(opened, encoded):
    memory = fsspec.filesystem("memory")
    memory.pipe({"/beside/a.png": encoded(1), "/beside.csv": b"image,label\nbeside/a.png,cat\n"})
    memory.pipe("/beside.csv", b"image,label\nbeside/a.png,cat\nmemory://beside/a.png,dog\n")
    try:
        data = opened(path="memory://beside.csv")

        assert data.read(0).stored == data.read(1).stored
    finally:
        memory.rm("/beside", recursive=True)
        memory.rm("/beside.csv")


def test_a_local_manifest_may_name_any_store_and_any_file(pets, manifest, opened, tmp_path):
    (tmp_path / "t.csv").write_text(
        f"image,label\nbucket://mine/b.png,cat\n{pets}/dog/1.png,dog\nfile://{pets}/dog/2.png,dog\n"
        f"File://localhost{pets}/cat/1.png,cat\n"
    )

    data = opened(path="t.csv")

    assert data.read(3).stored == (pets / "cat/1.png").read_bytes()
    assert [data.read(row).label for row in range(4)] == [0, 1, 1, 0]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("https://Host/a", "HTTPS://host:443/b"),
        ("http://host:80/a", "http://host/b"),
        ("s3://bucket/a", "s3a://bucket/b"),
        ("gs://bucket/a", "gcs://bucket/b"),
        ("abfs://box@account.example/a", "abfss://box@account.example/b"),
        ("hf://datasets/owner/set@main/a", "hf://datasets/owner/set/b"),
        ("memory://a", "memory://b/c"),
        ("hdfs:///a", "hdfs:///b"),
        ("hf://datasets/owner/set/x/../a", "hf://datasets/owner/set/b"),
    ],
)
def test_two_urls_of_one_store_are_of_one_store(first, second):
    assert read_url(first).store == read_url(second).store


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("https://host/a", "http://host/a"),
        ("https://host/a", "https://host:8443/a"),
        ("https://host/a", "https://host.evil/a"),
        ("https://host/a", "https://host./a"),
        ("https://host/a", "https://\uff48ost/a"),
        ("s3://bucket/a", "s3://bucket-2/a"),
        ("s3://bucket/a", "gs://bucket/a"),
        ("abfs://box@account/a", "abfs://other@account/a"),
        ("sftp://host/a", "sftp://root@host/a"),
        ("hf://datasets/owner/set/a", "hf://datasets/owner/set-2/a"),
        ("hf://datasets/owner/set/a", "hf://owner/set/a"),
        ("hf://datasets/owner/set/a", "hf://datasets/owner/set/../other/a"),
        ("hf://datasets/owner/set/a", "hf://datasets/owner/set/%2e%2e/other/a"),
        ("hdfs://one/a", "hdfs:///a"),
    ],
)
def test_two_stores_are_two(first, second):
    assert read_url(first).store != read_url(second).store


@pytest.mark.parametrize("url", ["s3:///a", "https:///host/a", "ftp:///a", "hf:///a"])
def test_a_url_without_a_host_is_told(says, url):
    with says(DataError, where="a$", fact="no host and no bucket", remedy="HOST"):
        read_url(url)


def test_the_disk_of_another_machine_is_not_the_one_of_this(says):
    with says(DataError, where="^file://nas/a$", fact="machine 'nas'", remedy="file:///PATH"):
        place_of(None, "file://nas/a")


def test_marks_of_a_query_are_part_of_a_local_path(tmp_path):
    assert place_of(None, f"file://{tmp_path}/a%20b#1?.csv") == tmp_path / "a b#1?.csv"


@pytest.mark.parametrize("path", ["C:/images", "c://images", "a/b.png", "2020-01-01T10:00.png"])
def test_a_path_is_no_url(path):
    assert not is_url(path)
    assert not names_this_machine(path)


def test_a_path_is_shown_whole_and_a_url_without_its_query():
    assert shown("a#1?.csv") == "a#1?.csv"
    assert shown("s3://bucket/a.csv?versionId=3") == "s3://bucket/a.csv?***"


def test_a_query_with_slashes_is_of_the_manifest_alone():
    place = RemotePath("https://host/set/m.csv?a=b/c", None, "https://host/set/m.csv?a=b/c")

    assert (place.parent / "1.png").key == "https://host/set/1.png"


def test_a_folder_of_a_hub_is_left_by_no_dots(says):
    place = RemotePath("hf://datasets/owner/set/lists", None, "datasets/owner/set/lists")

    assert (place / "../img/1.png").key == "datasets/owner/set/img/1.png"
    with says(DataError, where="^hf://", fact="'../../other/1.png' leads out", remedy="stay"):
        _ = place / "../../other/1.png"


def test_what_the_query_of_an_image_says_is_not_its_name(opened, manifest, tmp_path):
    """Two images that differ in their queries stay two; an id that is a URL is masked as well."""
    Store().pipe_file("/mine/a.png?x=1", b"one")
    (tmp_path / "t.csv").write_text(
        "image,label,id\nbucket://mine/a.png?jwt=hunter2,a,https://host/1?jwt=hunter2\n"
        "bucket://mine/a.png?x=1,b,2\n"
    )

    plain, named = opened(path="t.csv"), opened(path="t.csv", id="id")

    ids = [entry.id for data in (plain, named) for entry in data.entries]
    assert len(set(ids)) == 4
    assert not any("hunter2" in each for each in ids)
    assert ids[0].startswith("bucket://mine/a.png?***")
    assert plain.stored(1) == b"one"


@pytest.mark.parametrize(
    "said",
    [
        "403, message='Forbidden', url='https://mine/set/m.csv?jwt=hunter2'",
        "Max retries exceeded with url: /set/m.csv?jwt=hunter2",
        "no such key: set/m.csv?jwt=hunter2",
        "https%3A%2F%2Fmine%2Fset%2Fm.csv%3Fjwt%3Dhunter2",
        "{'jwt': 'hunter2'}",
    ],
)
def test_a_client_that_repeats_the_address_tells_no_secret(said, says, monkeypatch):
    class Client:
        def cat_file(self, key, **_):
            raise PermissionError(said)

    url = "https://mine/set/m.csv?jwt=hunter2"

    with says(DataError, where=r"^https://mine/set/m.csv\?\*\*\*$", fact="denied") as caught:
        RemotePath(url, Client(), url).read_bytes()
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["zip://a.png::file:///x.zip", "dir://x", "ZIP://x", "reference://x", "data://x,y"]
)
def test_file_systems_that_read_through_others_are_refused(says, url):
    with says(DataError, where=r"^\w+://\.\.\.$", fact="chain|through", remedy="URL"):
        read_url(url)
