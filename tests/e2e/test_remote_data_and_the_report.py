"""The same bytes give the same report, wherever they lie."""

import io
import json
import tarfile

import pytest

fsspec = pytest.importorskip("fsspec", reason="the remote extra is not installed")


@pytest.fixture
def memory():
    store = fsspec.filesystem("memory")
    yield store
    store.store.clear()
    store.pseudo_dirs[:] = [""]


def test_data_by_url_gives_the_same_report_apart_from_the_path(project, memory):
    for split, seed in (("train", 1), ("test", 2)):
        folder = project.folders(split, 40, seed=seed)
        (folder / "dark" / "broken.png").write_bytes(b"cut off")
        for file in folder.rglob("*.png"):
            memory.pipe_file(f"/set/{file.relative_to(project.folder)}", file.read_bytes())
    classes = ["bright", "dark"]
    reports = {}
    for base in ("", "memory://set/"):
        data = {split: {"path": f"{base}{split}"} for split in ("train", "test")}
        report = project.run(data=data, classes=classes).report
        report.pop("run")
        assert report["data"]["test"]["path"] == f"{base}test"
        assert report["data"]["test"]["unreadable"]
        reports[base] = json.dumps(report)

    assert reports["memory://set/"].replace('"memory://set/', '"') == reports[""]


def test_shards_are_judged_as_the_folder_that_they_were_packed_from(project, memory):
    folder = project.folders("test", 40, seed=2)
    classes = ["bright", "dark"]
    files = sorted(folder.rglob("*.png"))
    for shard in range(2):
        with tarfile.open(project.folder / f"t-{shard}.tar", "w") as tar:
            for number, file in list(enumerate(files))[shard::2]:
                label = str(classes.index(file.parent.name)).encode()
                for name, content in (
                    (f"{number}.png", file.read_bytes()),
                    (f"{number}.cls", label),
                ):
                    info = tarfile.TarInfo(name)
                    info.size = len(content)
                    tar.addfile(info, io.BytesIO(content))
        memory.pipe_file(f"/t-{shard}.tar", (project.folder / f"t-{shard}.tar").read_bytes())

    packed, by_url, unpacked = (
        project.run(data={"test": {"path": path}}, classes=classes).report
        for path in ("t-{0..1}.tar", "memory://t-{0..1}.tar", "test")
    )

    assert packed["data"]["test"]["format"] == "webdataset"
    assert packed["data"]["test"]["manifest_sha256"] == by_url["data"]["test"]["manifest_sha256"]
    assert packed["confusion"] == by_url["confusion"] == unpacked["confusion"]
    assert packed["metrics"] == by_url["metrics"] == unpacked["metrics"]
