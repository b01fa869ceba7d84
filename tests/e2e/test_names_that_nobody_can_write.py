"""File names with half characters, escapes and turned writing; URLs with tokens: a whole run."""

import csv
import os
import re

import pytest

EVIL = os.fsdecode(b"=n\x80\x1b[31m\xe2\x80\xae-x")
TOKEN = "hunter2-hunter2"
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
FORMATS = ("text", "json", "markdown", "html", "junit", "sarif", "github", "openmetrics")
FORMATS += ("gitlab-codequality", "model-card", "intoto")


def written(folder):
    """The text of each file of an output folder that a person or another tool reads."""
    return {
        path.name: path.read_text(encoding="utf-8")
        for path in folder.iterdir()
        if path.suffix != ".sqlite"
    }


@pytest.mark.skipif(os.name != "posix", reason="names are text there")
def test_names_that_are_no_text_end_in_a_verdict_and_obey_nothing(project):
    project.folders("train", 20, seed=1)
    project.folders(f"{EVIL}test", 20, seed=2)
    evil = project.folder / f"{EVIL}test" / "dark" / f"{EVIL}.png"
    evil.write_bytes((project.folder / "train" / "dark" / "000.png").read_bytes())
    data = {split: {"path": split} for split in ("train", "test")}
    outputs = [
        word for form in FORMATS for word in ("-o", f"{form}={project.folder / 'gate-out' / form}")
    ]
    (project.folder / "gate-out").mkdir()

    ran = project.run(
        *("--test", f"{EVIL}test", *outputs),
        data=data,
        classes=["bright", "dark"],
    )

    assert ran.status in {0, 1, 3}, ran.err
    for name, text in written(project.folder / "gate-out").items():
        assert not OBEYED.search(text.replace("\n", "")), name
    assert not OBEYED.search((ran.out + ran.err).replace("\n", ""))
    with (project.folder / "gate-out" / "pairs.csv").open(newline="") as lines:
        units = [unit for row in csv.reader(lines) for unit in row]
    assert not any(unit.startswith(("=", "+", "@")) for unit in units)


def test_a_run_on_data_by_url_tells_no_token(project):
    fsspec = pytest.importorskip("fsspec", reason="the remote extra is not installed")
    memory = fsspec.filesystem("memory")
    folder = project.folders("set", 20, seed=2)
    lines = ["image,label"]
    for file in sorted(folder.rglob("*.png")):
        key = f"{file.parent.name}/{file.name}"
        memory.pipe_file(f"/{key}?jwt={TOKEN}", file.read_bytes())
        lines.append(f"memory://{key}?jwt={TOKEN},{file.parent.name}")
    memory.pipe_file(f"/t.csv?jwt={TOKEN}", "\n".join(lines).encode())
    (project.folder / "gate-out").mkdir()
    outputs = [
        word for form in FORMATS for word in ("-o", f"{form}={project.folder / 'gate-out' / form}")
    ]
    try:
        ran = project.run(
            *("--test", f"memory://t.csv?jwt={TOKEN}", *outputs),
            data={"test": {"path": "set"}},
            classes=["bright", "dark"],
        )
    finally:
        memory.store.clear()

    assert ran.report["data"]["test"]["images"] == 40
    assert ran.report["data"]["test"]["path"] == "memory://t.csv?***"
    files = [path for path in project.folder.rglob("*") if path.is_file()]
    assert not [path for path in files if TOKEN.encode() in path.read_bytes()]
    assert TOKEN not in ran.out + ran.err
