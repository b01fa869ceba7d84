"""The same bytes give the same report, wherever they lie."""

import json

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
