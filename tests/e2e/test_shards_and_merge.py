"""Shards: every image exactly once, by one plan, or words; never a wrong report."""

import random
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from gate.errors import EvidenceError
from gate.measure.partials import work_units
from gate.measure.partials.partial_files import read_parts, write_parts
from gate.measure.partials.work_units import WorkUnit

LOUD = """\
from nets import build as quiet


def build():
    print("loading")
    model = quiet()
    model.register_forward_hook(lambda *_: print("forward"))
    return model
"""


@pytest.fixture
def subject(in_units):
    """Pictures in six units."""
    return in_units


def measured(project, of, *arguments, indices=None, out="gate-shards"):
    files = []
    for index in range(of) if indices is None else indices:
        said = project.command("shard", "--index", index, "--of", of, "--out", out, *arguments)
        assert said.status == 0, said.err
        files.append(project.folder / said.out.strip())
    return files


def only(ran):
    """Return the one error of a report that has no verdict."""
    assert ran.status == 4
    (error,) = ran.report["errors"]
    return error


def test_a_shard_prints_its_name_and_nothing_else(subject):
    subject.write("loud.py", LOUD)
    subject.gatefile["model"]["factory"] = "loud:build"
    subject.write_gatefile()

    said = subject.command("shard", "--index", 0, "--of", 2, "--no-cache")

    (file,) = (subject.folder / "gate-shards").iterdir()
    assert said.out == f"gate-shards/{file.name}\n"
    assert "forward" in said.err
    assert "30 of 60 images" in said.err


def test_merge_takes_the_folder_by_itself(subject):
    whole = subject.command("run", "--no-cache")
    measured(subject, 3)

    assert subject.command("merge").digest == whole.digest


def test_a_share_may_be_empty(subject):
    (file,) = measured(subject, 40, indices=[0])

    assert read_parts(file).parts == ()


def test_a_missing_shard_is_named_by_its_images(subject):
    first, _, third = measured(subject, 3)

    error = only(subject.command("merge", first, third))

    assert error["where"] == "shards"
    assert error["message"] == (
        "none of the 2 files holds images 20 to 29 of train, and 1 more parts"
    )
    assert error["remedy"] == "give the shards of all indices, all made with the same --of"


def test_a_shard_that_is_given_twice_is_named(subject):
    first, second = measured(subject, 2)
    copy = shutil.copy(first, subject.folder / "copy.shard")

    error = only(subject.command("merge", first, second, copy))

    assert error["where"] == str(copy)
    assert error["message"] == f"holds images 0 to 9 of train, which {first} holds too"


def test_images_that_the_plan_does_not_have_are_named(subject):
    first, second = measured(subject, 2)
    stored = read_parts(second)
    stranger = replace(stored.parts[-1], unit=WorkUnit.named("test-000000900-000000910"))
    write_parts(second, [*stored.parts, stranger], stored.about)

    error = only(subject.command("merge", first, second))

    assert "images 900 to 909 of test, which is no part of the plan" in error["message"]


def test_shards_of_two_cuts_overlap(subject):
    halves = measured(subject, 2)
    thirds = measured(subject, 3, indices=[0])

    assert "holds too" in only(subject.command("merge", *halves, *thirds))["message"]


def checkpoint(project):
    project.checkpoint(change=lambda state: state["head.bias"].add_(0.5))


def transform(project):
    project.gatefile["input"] = {"channels": "L"}


def label(project):
    (project.folder / "test/dark/001.png").rename(project.folder / "test/bright/001.png")


def classes(project):
    project.gatefile["classes"] = ["bright", "dark"]


def kwargs(project):
    project.gatefile["model"]["kwargs"] = {"channels": 1}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (checkpoint, "checkpoint"),
        (transform, "input"),
        (label, "splits"),
        (classes, "classes"),
        (kwargs, "model"),
    ],
)
def test_a_shard_of_another_plan_is_refused_with_what_differs(change, named, subject):
    (first,) = measured(subject, 2, indices=[0])
    change(subject)
    subject.write_gatefile()
    (second,) = measured(subject, 2, indices=[1])

    error = only(subject.command("merge", first, second))

    assert error["where"] == str(first)
    assert error["message"].startswith("was measured by another plan; what differs: ")
    assert named in error["message"]


def test_another_grid_is_another_plan(subject, monkeypatch):
    files = measured(subject, 2)
    monkeypatch.setattr(work_units, "ROWS", 11)

    assert "what differs: units" in only(subject.command("merge", *files))["message"]


def test_what_torch_was_told_not_to_trace_is_measured_by_another_plan(subject, monkeypatch):
    files = measured(subject, 2)
    monkeypatch.setenv("PYTORCH_JIT", "0")

    assert "what differs: tracing" in only(subject.command("merge", *files))["message"]


def test_shards_by_other_code_of_the_user_are_refused(subject):
    import sys

    (first,) = measured(subject, 2, indices=[0])
    nets = (subject.folder / "nets.py").read_text()
    subject.write("nets.py", nets.replace("self.head(self.conv", "2.0 * self.head(self.conv"))
    from gate.subject import touched

    touched._used.clear()
    del sys.modules["nets"]
    (second,) = measured(subject, 2, "--no-cache", indices=[1])

    error = only(subject.command("merge", first, second))

    assert error["message"].endswith("under conditions that differ: code, nets.py")


def test_shards_of_two_devices_are_refused(subject):
    first, second = measured(subject, 2)
    stored = read_parts(second)
    about = {**stored.about, "facts": {**stored.about["facts"], "device": "cuda:0"}}
    write_parts(second, stored.parts, about)

    assert only(subject.command("merge", first, second))["message"].endswith("differ: device")


def cut_off(path):
    path.write_bytes(path.read_bytes()[:-100])


def halved(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path):
    path.write_bytes(b"")


def foreign(path):
    np.savez(str(path), a=np.arange(3))
    path.with_name(f"{path.name}.npz").replace(path)


def text(path):
    path.write_text("a text")


def another_version(path):
    import json

    with np.load(path) as arrays:
        head = json.loads(bytes(arrays["about"]))
        held = {name: arrays[name] for name in arrays if name != "about"}
    head["version"] = 99
    about = np.frombuffer(json.dumps(head).encode(), np.uint8)
    np.savez(str(path), about=about, **held)
    path.with_name(f"{path.name}.npz").replace(path)


def pickled(path):
    np.savez(str(path), about=np.array([print], dtype=object))
    path.with_name(f"{path.name}.npz").replace(path)


@pytest.mark.parametrize(
    ("damage", "fact"),
    [
        (cut_off, "is damaged, or holds no measured parts"),
        (halved, "is damaged, or holds no measured parts"),
        (emptied, "is damaged, or holds no measured parts"),
        (foreign, "is damaged, or holds no measured parts"),
        (text, "is damaged, or holds no measured parts"),
        (pickled, "is damaged, or holds no measured parts"),
        (another_version, "is of version 99, not 6"),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_a_shard_that_cannot_be_read_is_named(damage, fact, subject):
    first, second = measured(subject, 2)
    damage(second)

    error = only(subject.command("merge", first, second))

    assert error["where"] == str(second)
    assert error["message"] == fact
    assert error["remedy"] == "measure this part again"


def test_a_folder_in_place_of_a_shard_and_a_gone_one_are_named(subject):
    (first,) = measured(subject, 2, indices=[0])
    (subject.folder / "empty").mkdir()

    gone = subject.command("merge", first, "gone.shard")
    empty = subject.command("merge", first, "empty")

    assert (gone.status, empty.status) == (2, 2)
    assert gone.err.startswith("Error: gone.shard: does not exist; name the files")
    assert empty.err.startswith("Error: empty: holds no .shard files; name the files")


@pytest.mark.parametrize(("index", "of"), [(2, 2), (5, 3)])
def test_an_index_that_is_none_of_them_is_refused(index, of, subject):
    said = subject.command("shard", "--index", index, "--of", of)

    assert said.status == 2
    assert said.err.startswith(f"Error: --index: {index} is not one of {of} shares; they count")
    assert not (subject.folder / "gate-shards").exists()


@pytest.mark.parametrize("arguments", [("-1", "2"), ("0", "0"), ("x", "2")])
def test_numbers_that_are_none_are_wrong_usage(arguments, subject):
    assert subject.command("shard", "--index", arguments[0], "--of", arguments[1]).status == 2


def test_saved_predictions_have_no_shards(project):
    project.write("p.csv", "id,label,dark,bright\n0,dark,1,0\n1,bright,0,1\n")
    project.write_gatefile(model=None, input=None, data={"test": {"predictions": "p.csv"}})

    said = project.command("shard", "--index", "0", "--of", "2")

    assert said.status == 2
    assert "is of saved predictions" in said.err


def test_a_model_that_cannot_be_measured_leaves_no_shard(subject):
    subject.gatefile["model"]["factory"] = "nets:raises"
    subject.write_gatefile()

    said = subject.command("shard", "--index", "0", "--of", "2")

    assert said.status == 4
    assert "no such backbone" in said.err
    assert list((subject.folder / "gate-shards").iterdir()) == []


def refused_or_the_same(whole, project, files):
    merged = project.command("merge", *files)
    if merged.status == 4:
        assert [error["kind"] for error in merged.report["errors"]] == ["evidence"]
        return True
    assert merged.digest == whole
    return False


def test_every_byte_of_a_shard_counts(subject, monkeypatch):
    first, second = measured(subject, 2)
    whole = subject.command("merge", first, second).digest
    stored = second.read_bytes()
    positions = random.Random(0)
    refused = 0

    for _ in range(30):
        spoilt = bytearray(stored)
        spoilt[positions.randrange(len(stored))] ^= 1 << positions.randrange(8)
        second.write_bytes(spoilt)
        refused += refused_or_the_same(whole, subject, [first, second])

    assert refused > 15  # the others hit dates and attributes, which zip files have and nobody uses


@pytest.mark.slow
def test_no_flipped_byte_is_read_as_anything_else(subject):
    (file,) = measured(subject, 1)
    stored = file.read_bytes()
    whole = contents(file)
    positions = random.Random(1)

    for _ in range(4000):
        spoilt = bytearray(stored)
        for _ in range(positions.choice([1, 1, 1, 2, 8])):
            spoilt[positions.randrange(len(stored))] = positions.randrange(256)
        if positions.random() < 0.1:
            del spoilt[positions.randrange(len(stored)) :]
        file.write_bytes(spoilt)
        try:
            found = contents(file)
        except EvidenceError:
            continue
        assert found == whole


def contents(file):
    stored = read_parts(file)
    columns = [
        [
            part.unit,
            part.unreadable,
            part.rows.ids.tolist(),
            *(
                getattr(part.rows, name).tobytes()
                for name in ("labels", "predictions", "confidence", "margin", "true_rank", "scores")
            ),
            *(getattr(part.fingerprints, name).tobytes() for name in ("file", "pixels", "near")),
            part.lowest.tobytes(),
            part.highest.tobytes(),
        ]
        for part in stored.parts
    ]
    return stored.about, columns


@pytest.mark.slow
def test_conversions_are_counted_the_same_however_they_were_measured(subject):
    test = subject.folder / "test"
    for place, mode in enumerate(["CMYK", "RGB", "RGB"]):
        for label, level in (("dark", 40), ("bright", 210)):
            Image.new("L", (8, 8), level + place).convert(mode).save(test / label / f"{place}.tif")
    exif = Image.Exif()
    exif[0x0112] = 8
    Image.new("L", (8, 8), 33).save(test / "dark" / "side.png", exif=exif)
    said = (
        "1 image of test was not turned as EXIF says (nor does torchvision)",
        "2 images of test were converted from CMYK to L",
        "4 images of test were converted from RGB to L",
    )

    ran = [subject.command("run", *options) for options in ([], [], ["--no-cache"])]
    ran.append(subject.command("run", "--no-cache", "--workers", 2))
    measured(subject, 3)
    ran.append(subject.command("merge"))

    assert {each.digest for each in ran} == {ran[0].digest}
    assert tuple(sorted(set(ran[0].report["environment"]["assumed"]) & set(said))) == said
