"""Shards and kept parts that were rewritten: refused, or measured again; never a pass."""

import json
import os
import random
import stat

import numpy as np
import pytest

from gate.cli import main
from gate.measure.partials import kept_partials
from gate.measure.partials.partial_files import read_parts, write_parts


@pytest.fixture
def subject(in_units, monkeypatch):
    """A model that fails: nearly all pictures of test that are dark are bright."""
    from PIL import Image

    monkeypatch.setattr(kept_partials, "SETTLED", 0.0)
    for index in range(14):
        Image.new("L", (8, 8), 205 + index).save(in_units.folder / f"test/dark/{index:03}.png")
    return in_units


def shard(project):
    said = project.command("shard", "--index", 0, "--of", 1, "--no-cache")
    assert said.status == 0, said.err
    return project.folder / said.out.strip()


def arrays_of(file):
    with file.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
        return {name: arrays[name].copy() for name in arrays}


def rewritten(file, arrays):
    with file.open("wb") as stream:
        np.savez(stream, **arrays)


def all_right(arrays):
    """Let every answer be right, and leave the scores as they are."""
    for name in [name for name in arrays if name.endswith(".predictions")]:
        part = name.split(".")[0]
        arrays[name] = arrays[f"{part}.labels"].copy()
        arrays[f"{part}.true_rank"][:] = 0


def all_sure(arrays):
    """Let every answer be right and every column agree with it, but for the scores."""
    all_right(arrays)
    for name in [name for name in arrays if name.endswith(".confidence")]:
        part = name.split(".")[0]
        for column in ("confidence", "margin", "true_score"):
            arrays[f"{part}.{column}"][:] = 1.0


def relabelled(arrays):
    """Let every label be what the model answered: all agrees but the data."""
    for name in [name for name in arrays if name.endswith(".predictions")]:
        part = name.split(".")[0]
        arrays[f"{part}.labels"] = arrays[name].copy()
        arrays[f"{part}.true_rank"][:] = 0
        arrays[f"{part}.true_score"] = arrays[f"{part}.confidence"].copy()


FORGERIES = [all_right, all_sure, relabelled]


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda each: each.__name__)
def test_a_forged_shard_is_refused_where_the_honest_one_fails(forge, subject):
    file = shard(subject)
    assert subject.command("merge", file).status == 1
    arrays = arrays_of(file)
    forge(arrays)
    rewritten(file, arrays)

    merged = subject.command("merge", file)

    assert merged.status == 4
    assert merged.kinds == ["evidence"]
    (error,) = merged.report["errors"]
    assert error["where"].startswith(f"{file}: test-")
    assert error["remedy"] == "measure this part again"


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda each: each.__name__)
def test_a_forged_part_of_the_cache_is_named_and_measured_again(forge, subject, own_cache):
    honest = subject.command("run")
    assert honest.status == 1
    for file in own_cache.glob("plans/*/*/test-*.npz"):
        arrays = arrays_of(file)
        forge(arrays)
        rewritten(file, arrays)

    again = subject.command("run")

    assert again.status == 1
    assert again.report["confusion"] == honest.report["confusion"]
    assert "warning: cache: " in again.err
    assert "this part is measured again" in again.err


def test_a_shard_by_another_checkpoint_is_refused_although_its_plan_is_this(subject):
    file = shard(subject)
    stored = read_parts(file)
    head = stored.about["facts"]
    other = {**head, "subject": {**head["subject"], "sha256": "0" * 64}}

    for change, said in (
        ({"facts": other}, "was measured with another checkpoint"),
        ({"facts": None}, "does not say which model measured it"),
        ({"facts": {**head, "notes": 7}}, "does not say which model measured it"),
        (
            {"facts": {**head, "subject": {**head["subject"], "size_bytes": -1}}},
            "does not say which model measured it",
        ),
        ({"facts": {**head, "batch_disagreements": 99}}, "does not say which model measured it"),
        ({"plan": "x", "document": [1]}, "was measured by another plan"),
    ):
        write_parts(file, stored.parts, {**stored.about, **change})

        merged = subject.command("merge", file)

        assert merged.status == 4
        assert said in merged.errors


# The folder of the cache


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_cache_that_others_may_write_to_is_closed_and_all_is_measured_again(subject, own_cache):
    first = subject.command("run")
    assert mode(own_cache) == 0o700
    own_cache.chmod(0o777)
    shown = subject.command("cache", "show")

    second = subject.command("run")

    assert shown.out.endswith("what lies there is not believed: other users may write to it\n")
    assert second.err.startswith(f"warning: cache: {own_cache}: other users may write to it; it is")
    assert second.report["run"]["answers_from_cache"] == 0
    assert second.digest == first.digest
    assert mode(own_cache) == 0o700
    assert subject.command("run").report["run"]["answers_from_cache"] == 60


@pytest.mark.parametrize(
    "place", ["plans/*", "plans/*/*", "plans/*/*/facts.json", "plans/*/*/*.npz"]
)
def test_entries_that_others_may_write_to_are_named_and_measured_again(place, subject, own_cache):
    first = subject.command("run")
    before = {path: path.stat().st_mode for path in own_cache.glob(place)}
    assert subject.command("run").report["run"]["answers_from_cache"] == 60
    for path in before:
        path.chmod(0o777)

    second = subject.command("run")

    assert second.report["run"]["answers_from_cache"] == 0
    assert second.digest == first.digest
    assert "other users may write to it; what it holds is measured again" in second.err


def test_a_link_to_a_plan_is_not_followed(subject, own_cache, tmp_path):
    subject.command("run")
    (plan,) = own_cache.glob("plans/*")
    plan.rename(tmp_path / "theirs")
    plan.symlink_to(tmp_path / "theirs")
    kept = sorted(path.stat().st_mtime_ns for path in (tmp_path / "theirs").rglob("*"))

    again = subject.command("run")

    assert again.report["run"]["answers_from_cache"] == 0
    assert f"{plan}: is no folder or file of its own; what it holds is measured again" in again.err
    assert sorted(path.stat().st_mtime_ns for path in (tmp_path / "theirs").rglob("*")) == kept


def test_what_is_kept_is_believed_whatever_the_umask_is(subject, own_cache):
    before = os.umask(0)
    try:
        subject.command("run")
        again = subject.command("run")
    finally:
        os.umask(before)

    assert again.report["run"]["answers_from_cache"] == 60
    assert "warning" not in again.err


def test_a_folder_of_the_users_own_is_neither_emptied_nor_closed(subject, tmp_path, monkeypatch):
    (tmp_path / "mine/plans").mkdir(parents=True)
    (tmp_path / "mine/plans/thesis.tex").write_text("a life's work")
    (tmp_path / "mine").chmod(0o777)
    monkeypatch.setenv("VALIDATE_MODEL_CACHE", str(tmp_path / "mine"))

    ran = subject.command("run")

    assert ran.status == 1
    assert "holds other things, and not the mark of a cache of ours; it is not used" in ran.err
    assert [str(path.name) for path in (tmp_path / "mine").rglob("*")] == ["plans", "thesis.tex"]
    assert mode(tmp_path / "mine") == 0o777


@pytest.mark.parametrize("command", ["run", "shard"])
def test_a_cache_of_another_user_is_neither_read_nor_written(
    command, subject, own_cache, monkeypatch
):
    subject.command("run")
    kept = {path: path.stat().st_mtime_ns for path in own_cache.rglob("*")}
    monkeypatch.setattr("gate.measure.cache_location.os.getuid", lambda: 12_345)

    ran = subject.command(command, *(() if command == "run" else ("--index", 0, "--of", 1)))

    assert ran.status == (1 if command == "run" else 0)
    assert ran.err.count("warning: ") == 1
    assert f"warning: cache: {own_cache}: belongs to another user; it is not used" in ran.err
    assert {path: path.stat().st_mtime_ns for path in own_cache.rglob("*")} == kept
    if command == "run":
        assert ran.report["run"]["answers_from_cache"] == 0


def test_a_cache_of_another_user_is_shown_as_such_and_not_cleaned(own_cache, capsys, monkeypatch):
    own_cache.mkdir(parents=True, mode=0o700)
    monkeypatch.setattr("gate.measure.cache_location.os.getuid", lambda: 12_345)

    assert main(["cache", "show", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["trouble"] == "belongs to another user"
    assert main(["cache", "clean"]) == 2
    assert capsys.readouterr().err.startswith(f"Error: {own_cache}: belongs to another user; name")


def test_overlap_does_not_use_the_fingerprints_of_another_user(subject, own_cache, monkeypatch):
    subject.command("overlap", "train", "test")
    monkeypatch.setattr("gate.measure.cache_location.os.getuid", lambda: 12_345)

    said = subject.command("overlap", "train", "test")

    assert f"warning: cache: {own_cache}: belongs to another user" in said.err


# Whatever is changed


def changed(arrays, dice):
    """Change one thing of a shard, and keep its checksums right."""
    head = json.loads(arrays["about"].tobytes())
    names = sorted(set(arrays) - {"about"})
    name = dice.choice(names)
    what = dice.randrange(4)
    if what == 0:
        flat = arrays[name].reshape(-1)
        if len(flat):
            flat[dice.randrange(len(flat))] = dice.choice([0, 1, 2, 255])
    elif what == 1:
        arrays[name] = dice.choice(
            [arrays[name][:-1], arrays[name].astype(np.float32), arrays[name][..., None]]
        )
    elif what == 2:
        del arrays[name]
    else:
        _change_json(head, dice)
        arrays["about"] = np.frombuffer(json.dumps(head).encode(), np.uint8)


def _change_json(value, dice):
    """Replace something inside of a JSON document."""
    while True:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        key = dice.choice(keys)
        inner = value[key]
        if not isinstance(inner, dict | list) or not inner or dice.random() < 0.2:
            value[key] = dice.choice(
                [None, 0, -1, "", "x", [], {}, [[1]], 1e308, float("nan"), True]
            )
            return
        value = inner


@pytest.mark.parametrize("times", [15, pytest.param(300, marks=pytest.mark.slow)])
def test_whatever_is_changed_in_a_shard_it_ends_in_words(times, subject):
    file = shard(subject)
    honest = subject.command("merge", file)
    stored = file.read_bytes()
    dice = random.Random(times)
    refused = 0

    for _ in range(times):
        file.write_bytes(stored)
        arrays = arrays_of(file)
        for _ in range(dice.choice([1, 1, 2])):
            changed(arrays, dice) if len(arrays) > 2 else None
        rewritten(file, arrays)

        merged = subject.command("merge", file)

        assert merged.status in (1, 3, 4), merged.err
        assert "Traceback" not in merged.err
        if merged.status == 4:
            refused += 1
            assert merged.kinds == ["evidence"]
        assert merged.status == 4 or merged.report["confusion"] == honest.report["confusion"]
    assert refused > times // 2


def test_folders_of_the_cache_are_closed_whatever_the_umask_is(subject, own_cache):
    before = os.umask(0)
    try:
        subject.command("run")
    finally:
        os.umask(before)

    assert {mode(path) for path in own_cache.rglob("*") if path.is_dir()} == {0o700}
