"""What was measured is not measured again, and what changed always is."""

import os
import random
import shutil
import sys
import time

import numpy as np
import pytest
from PIL import Image

from gate.measure.cache_location import MARK
from gate.measure.engines import inline
from gate.measure.inference.torch_runner import TorchRunner
from gate.measure.partials import kept_partials, work_units
from gate.subject import touched
from gate.subject.datasets.files import FileDataset

NETS = """\
import json
from pathlib import Path

import torch
from torch import nn

from .layers import head

HERE = Path(__file__).parent


class Net(nn.Module):
    def __init__(self, sharpness):
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 1, bias=False)
        self.head = head()
        self.sharpness = sharpness * json.loads((HERE / "scale.json").read_text())
        try:
            self.sharpness *= json.loads((HERE / "more.json").read_text())
        except FileNotFoundError:
            pass

    def forward(self, images):
        from . import late

        more = json.loads((HERE / "late.json").read_text())
        return self.head(self.conv(images).flatten(1)) * self.sharpness * late.FACTOR * more


def build(sharpness=1.0):
    return Net(sharpness)


def to_tensor(image):
    import numpy as np
    level = json.loads((HERE / "level.json").read_text())
    return torch.from_numpy(np.asarray(image, np.float32)[None] / 255 * level)


def transform():
    return to_tensor
"""
MODEL = {"checkpoint": "model.pt", "factory": "mine.nets:build"}
FILES = {
    "mine/__init__.py": "",
    "mine/nets.py": NETS,
    "mine/layers.py": "from torch import nn\n\n\ndef head():\n    return nn.Linear(64, 2)\n"
    "\n\nclass Flipped(nn.Linear):\n    def forward(self, images):\n"
    "        return -super().forward(images)\n",
    "mine/late.py": "FACTOR = 1.0\n",
    "mine/scale.json": "1.00",
    "mine/late.json": "1.00",
    "mine/level.json": "1.00",
}


POLICY = """\
apiVersion: gate/v1
kind: Policy
metadata: {name: small, version: 1.0.0}
rules:
  - {check: accuracy, min: 0.80}
  - {check: dataset-integrity, max_unreadable: 3}
  - {check: train-test-overlap}
  - {check: model-integrity}
"""


@pytest.fixture
def subject(project, monkeypatch):
    """A project on pictures, in units of 10; its model is made of several files."""
    monkeypatch.setattr(work_units, "ROWS", 10)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # Python's own cache goes by seconds
    for name, text in FILES.items():
        project.write(name, text)
    project.folders("train", 15, seed=1)
    project.folders("test", 15, seed=2)
    Image.fromarray(np.full((8, 8), 190, np.uint8)).save(project.folder / "test/dark/000.png")
    project.write("test/bright/018.png", b"no picture")
    for name in ("train", "test"):
        paths = sorted((project.folder / name).rglob("*.png"))
        rows = [f"{each.relative_to(project.folder)},{each.parent.name},p{at // 3}"
                for at, each in enumerate(paths)]  # fmt: skip
        project.write(f"{name}.csv", "\n".join(["image,label,patient", *rows]) + "\n")
    project.gatefile["model"] = MODEL
    project.write("policy.yaml", POLICY)
    project.gatefile["data"] = {
        name: {"path": f"{name}.csv", "group": "patient"} for name in ("train", "test")
    }
    yield project
    forget()


@pytest.fixture
def settled(monkeypatch):
    """Files count as untouched although they were written a moment ago."""
    monkeypatch.setattr(kept_partials, "SETTLED", 0.0)


@pytest.fixture
def measured(monkeypatch):
    """The names of the units that were measured and not taken from the cache."""
    units = []
    original = inline.measure_units

    def noted(job, wanted, datasets, advance):
        units.extend(unit.name for unit in wanted)
        return original(job, wanted, datasets, advance)

    monkeypatch.setattr(inline, "measure_units", noted)
    return units


def forget():
    """Make the next run one of a new process, as far as user code goes."""
    for name in [each for each in sys.modules if each.partition(".")[0] == "mine"]:
        del sys.modules[name]
    touched._used.clear()


def again(project, *arguments, **changes):
    forget()
    return project.run(*arguments, **changes)


def told(ran):
    """Return what was said beside the progress, which is told where measuring takes long."""
    return [line for line in ran.err.splitlines() if not line.startswith("images: ")]


def parts(folder):
    return sorted(folder.glob("plans/*/*/*.npz"))


ALL = [f"{split}-{start:09d}-{start + 10:09d}" for split in ("train", "test")
       for start in (0, 10, 20)]  # fmt: skip


def test_the_same_inputs_are_measured_once(subject, measured):
    first = again(subject)
    second = again(subject)

    assert measured == ALL
    assert second.digest == first.digest
    assert told(second) == told(first)


def test_settled_files_are_not_even_read(subject, settled, measured, monkeypatch):
    first = again(subject, "--no-images")
    monkeypatch.setattr(FileDataset, "read", None)

    second = again(subject, "--no-images")

    assert measured == ALL
    assert second.report["errors"] == first.report["errors"]


def test_a_model_is_not_built_for_what_is_kept(subject, measured):
    first = again(subject)
    subject.write("mine/late.json", "1.00 ")  # read by nobody if no model is built
    subject.write("mine/late.json", "1.00")

    sys.modules["torch"].manual_seed(0)
    before = set(sys.modules)
    second = again(subject)

    assert second.digest == first.digest
    assert "mine.layers" not in set(sys.modules) - before


def checkpoint(project):
    project.checkpoint(change=lambda state: state["head.bias"].add_(0.5))


def pixels(project):
    """Replace a picture by one of the same size in bytes, and set its time back."""
    path = project.folder / "test/bright/016.png"
    if not path.exists():
        return
    status = path.stat()
    other = bytearray(path.read_bytes())
    for seed in range(1000):
        random = np.random.default_rng(seed)
        Image.fromarray(random.integers(190, 230, (8, 8), dtype=np.uint8)).save(path)
        if len(path.read_bytes()) == len(other):
            break
    assert path.stat().st_size == status.st_size
    assert path.read_bytes() != bytes(other)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_mtime_ns == status.st_mtime_ns


def replaced(name, old, new):
    def change(project):
        text = (project.folder / name).read_text()
        assert old in text
        project.write(name, text.replace(old, new, 1))

    change.__name__ = name
    return change


def vanished(project):
    (project.folder / "test/bright/016.png").unlink(missing_ok=True)


def mended(project):
    shutil.copy(project.folder / "test/bright/017.png", project.folder / "test/bright/018.png")


def more(project):
    project.write("mine/more.json", "7.00")


def gatefile(**changes):
    def change(project):
        project.gatefile |= changes

    change.__name__ = " ".join(changes)
    return change


CHANGES = [
    checkpoint,
    replaced("mine/nets.py", "* self.sharpness", "* 0.5 * self.sharpness"),
    replaced("mine/layers.py", "nn.Linear(64, 2)", "Flipped(64, 2)"),
    replaced("mine/late.py", "1.0", "2.0"),
    replaced("mine/scale.json", "1.00", "3.00"),
    replaced("mine/late.json", "1.00", "0.25"),
    more,
    gatefile(model={**MODEL, "kwargs": {"sharpness": 2.0}}),
    gatefile(classes=["bright", "dark"]),
    gatefile(input={"size": [8, 8], "channels": "L", "mean": [0.1], "std": [1.0]}),
    pixels,
    replaced("test.csv", "bright/016.png,bright", "bright/016.png,dark"),
    replaced("test.csv", ",p5", ",p77"),
    replaced("test.csv", "test/bright/016.png,bright,p0\n", ""),
    vanished,
    mended,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@pytest.mark.parametrize("workers", ["inline", pytest.param("processes", marks=pytest.mark.slow)])
def test_whatever_the_numbers_depend_on_is_measured_again(
    change, workers, subject, settled, measured
):
    how = ["--workers", "2"] if workers == "processes" else []
    before = again(subject, *how)
    del measured[:]

    change(subject)
    after = again(subject)

    assert measured
    assert after.digest == again(subject, "--no-cache").digest
    assert before.digest != after.digest


def test_a_file_that_a_transform_reads_late_counts(subject, settled, measured):
    subject.gatefile["input"] = {"factory": "mine.nets:transform"}
    again(subject)
    del measured[:]

    subject.write("mine/level.json", "0.10")
    after = again(subject)

    assert measured == ALL
    assert after.digest == again(subject, "--no-cache").digest


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("gate.measure.partials.plan.__version__", "99.0.0"),
        ("gate.measure.partials.plan.FINGERPRINTS", "99"),
        ("gate.measure.partials.plan.version", lambda package: "99.0"),
    ],
    ids=["the gate", "fingerprints", "packages"],
)
def test_another_release_measures_again(place, value, subject, measured, monkeypatch):
    again(subject)
    monkeypatch.setattr(place, value)

    again(subject)

    assert measured == ALL * 2


def test_another_device_measures_again(subject, measured):
    again(subject)

    again(subject, "--device", "cpu")

    assert measured == ALL * 2


def test_only_the_cells_that_changed_are_measured(subject, settled, measured):
    again(subject)
    del measured[:]

    pixels(subject)
    again(subject)

    assert measured == ["test-000000000-000000010"]  # bright comes first


def test_a_copied_folder_is_believed_by_its_bytes(subject, settled, measured):
    first = again(subject)
    for name in ("train", "test"):
        shutil.copytree(subject.folder / name, subject.folder / "copy")
        shutil.rmtree(subject.folder / name)
        (subject.folder / "copy").rename(subject.folder / name)

    second = again(subject)

    assert measured == ALL
    assert second.digest == first.digest


def test_without_a_cache_nothing_is_read_or_written(subject, measured, own_cache):
    again(subject, "--no-cache")
    assert not own_cache.exists()
    again(subject)
    kept = {path: path.stat().st_mtime_ns for path in own_cache.rglob("*")}

    again(subject, "--no-cache")

    assert measured == ALL * 3
    assert {path: path.stat().st_mtime_ns for path in own_cache.rglob("*")} == kept


def flipped(path):
    stored = bytearray(path.read_bytes())
    stored[len(stored) // 2] ^= 0x10
    path.write_bytes(stored)


def cut_off(path):
    path.write_bytes(path.read_bytes()[:-50])


def emptied(path):
    path.write_bytes(b"")


def foreign(path):
    with path.open("wb") as stream:
        np.savez(stream, a=np.arange(3))


def of_another_cell(path):
    others = [each for each in sorted(path.parent.glob("*.npz")) if each != path]
    shutil.copy(others[0], path)


DAMAGES = [flipped, cut_off, emptied, foreign, of_another_cell]


def test_a_damaged_part_is_named_and_measured_again(subject, measured, own_cache):
    first = again(subject)
    for damage in DAMAGES:
        del measured[:]
        spoilt = parts(own_cache)[2]
        damage(spoilt)

        second = again(subject)
        third = again(subject)

        assert measured == [spoilt.stem], damage
        assert second.digest == first.digest == third.digest, damage
        assert f"warning: cache: {spoilt}: " in second.err, damage
        assert "measured again" in second.err, damage
        assert "warning: cache" not in third.err, damage


def test_a_part_of_another_plan_is_not_believed(subject, settled, measured, own_cache):
    again(subject)
    theirs = parts(own_cache)
    checkpoint(subject)
    again(subject)
    for mine in set(parts(own_cache)) - set(theirs):
        shutil.copy(next(each for each in theirs if each.name == mine.name), mine)
    del measured[:]

    third = again(subject)

    assert measured == ALL
    assert third.err.count("measured again") == len(ALL)
    assert third.digest == again(subject, "--no-cache").digest


@pytest.mark.parametrize("name", ["plans/*/*/facts.json", "overlaps/*.json"])
def test_what_else_is_kept_is_not_believed_when_damaged(name, subject, own_cache):
    first = again(subject)
    for damage in (flipped, cut_off, emptied):
        for file in own_cache.glob(name):
            damage(file)

        second = again(subject)
        third = again(subject)

        assert second.digest == first.digest == third.digest, damage
        assert "warning: cache: " in second.err, damage
        assert "warning: cache" not in third.err, damage


def written_over(path):
    path.write_bytes(b"no database, however long it may be" * 300)


def test_fingerprints_that_are_damaged_are_taken_again(subject, own_cache):
    first = again(subject)
    for damage in (flipped, cut_off, emptied, written_over):
        (prints,) = own_cache.glob("fingerprints/*.sqlite")
        damage(prints)
        shutil.rmtree(own_cache / "plans")

        second = again(subject)
        shutil.rmtree(own_cache / "plans")
        third = again(subject)

        assert second.digest == first.digest == third.digest, damage
        told = f"warning: cache: {prints}: is damaged" in second.err
        assert told == (damage is written_over), damage
        assert "warning" not in third.err, damage


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("overlaps/*.json", "dark/001.png", "dark/002.png"),
        ("plans/*/*/facts.json", '"batch_disagreements": 0', '"batch_disagreements": 5'),
    ],
)
def test_a_changed_text_that_still_can_be_read_is_not_believed(name, old, new, subject, own_cache):
    shutil.copy(subject.folder / "train/dark/001.png", subject.folder / "test/dark/001.png")
    first = again(subject)
    edited = [file for file in own_cache.glob(name) if old in file.read_text()]
    for file in edited:
        file.write_text(file.read_text().replace(old, new))

    second = again(subject)

    assert edited
    assert second.digest == first.digest
    assert second.err.count("warning: cache: ") == len(edited)
    evidence = subject.folder / "gate-out" / "pairs.csv"
    assert "dark/002.png" not in evidence.read_text()


def test_parts_of_another_device_are_not_mixed_with_new_ones(
    subject, measured, own_cache, monkeypatch
):
    with monkeypatch.context() as patched:
        patched.setattr(TorchRunner, "device", "cuda:7")
        again(subject)
    parts(own_cache)[1].unlink()
    del measured[:]

    after = again(subject)

    assert set(measured) == set(ALL)
    assert after.digest == again(subject, "--no-cache").digest


@pytest.mark.slow
def test_user_code_of_workers_counts_too(subject, settled, measured):
    again(subject, "--workers", "2")
    replaced("mine/late.py", "1.0", "2.0")(subject)

    after = again(subject)

    assert measured == ALL
    assert after.digest == again(subject, "--no-cache").digest


EDITS = [
    checkpoint,
    pixels,
    vanished,
    mended,
    lambda p: p.write("mine/late.py", f"FACTOR = {random.choice([1.0, 2.0, 0.5])}\n"),
    lambda p: p.write("mine/scale.json", random.choice(["1.00", "2.00"])),
    lambda p: p.write("mine/late.json", random.choice(["1.00", "0.05"])),
    lambda p: p.write("mine/more.json", random.choice(["1.00", "9.00"])),
    lambda p: (p.folder / "mine/more.json").unlink(missing_ok=True),
    lambda p: p.gatefile.update(classes=random.sample(["dark", "bright"], 2)),
    lambda p: p.gatefile["input"].update(mean=[random.choice([0.0, 0.1])], std=[1.0]),
    lambda p: shutil.copy(
        p.folder / f"train/dark/{random.randrange(15):03}.png", p.folder / "test/dark/004.png"
    ),
    lambda p: p.write("test.csv", (p.folder / "test.csv").read_text().replace(",p4", ",p3")),
    lambda p: p.checkpoint(),
    lambda p: None,
]


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 8))]
)
def test_no_edit_between_runs_makes_the_cache_say_anything_else(seed, subject, settled):
    random.seed(seed)
    subject.checkpoint()
    for _ in range(12 if seed else 6):
        for edit in random.sample(EDITS, random.randrange(3)):
            edit(subject)

        cached = again(subject)

        assert cached.digest == again(subject, "--no-cache").digest


def test_cleaning_removes_all_that_is_kept(subject, own_cache):
    again(subject)
    shown = subject.command("cache", "show")

    cleaned = subject.command("cache", "clean")

    assert shown.out.startswith(f"{own_cache}: ")
    assert shown.out.endswith(" of 1 measurements\n")
    assert cleaned.out.endswith("of 1 measurements\n")
    assert [path.name for path in own_cache.rglob("*") if path.is_file()] == [MARK]
    assert subject.command("cache", "show").out == f"{own_cache}: 0 bytes of 0 measurements\n"


def test_cleaning_by_age_spares_what_was_of_use(subject, measured, own_cache):
    again(subject)
    old = time.time() - 10 * 86_400
    for path in own_cache.rglob("*.npz"):
        os.utime(path, (old, old))
    for path in own_cache.rglob("*.json"):
        os.utime(path, (old, old))
    again(subject)  # of use again
    del measured[:]

    subject.command("cache", "clean", "--older-than", "5")
    again(subject)

    assert measured == []
    for path in own_cache.rglob("*"):
        os.utime(path, (old, old))
    subject.command("cache", "clean", "--older-than", "5")
    assert not parts(own_cache)


def test_a_cache_that_is_cleaned_meanwhile_costs_only_time(subject, own_cache, monkeypatch):
    first = again(subject)
    original = kept_partials.Kept.keep

    def cleaned_first(kept, head, part):
        shutil.rmtree(own_cache, ignore_errors=True)
        original(kept, head, part)

    shutil.rmtree(own_cache)
    with monkeypatch.context() as patched:
        patched.setattr(kept_partials.Kept, "keep", cleaned_first)
        second = again(subject)

    assert second.digest == first.digest == again(subject).digest
    assert told(second) == told(first)
