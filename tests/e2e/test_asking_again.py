"""The model is asked again about changed images: one report, whoever asks, and in which order."""

import random
from contextlib import closing
from sqlite3 import connect

import numpy as np
import pytest
from tensors import give_tensors

from gate.evidence.store import load
from gate.subject.datasets import sampled

POLICY = """\
apiVersion: gate/v1
kind: Policy
metadata: {name: views, version: 1.0.0}
rules:
  - {check: accuracy, min: 0.80}
  - {check: dataset-integrity, max_unreadable: 9}
  - {id: weather, check: stability, views: ["noise:1", "occlude:1"], max_drop: 0.2, images: 40}
  - {id: few, check: stability, views: ["lsb:1"], min_agreement: 0.5, images: 12}
  - {check: region-evidence, tint: {max: 0.05}, images: 40, severity: warn}
"""
PLAIN = "".join(POLICY.splitlines(True)[:6])
TINT = "view swap:tint:other v1 images=40"
VIEWS = {
    "view lsb:1 v1 images=12",
    "view noise:1 v1 images=40",
    "view occlude:1 v1 images=40",
    "view swap:tint:same v1 images=40",
    TINT,
}


OF_COLUMN = "WHERE number IN (SELECT number FROM observed_columns WHERE name = '{}')"


@pytest.fixture
def subject(in_units, monkeypatch):
    """Thirty pictures a class, one of them broken, in units of ten, and of seven for the sample."""
    monkeypatch.setattr(sampled, "ROWS", 7)
    monkeypatch.setattr("gate.measure.partials.kept_partials.SETTLED", 0.0)
    in_units.folders("test", 30, seed=2)
    (in_units.folder / "test" / "dark" / "007.png").write_bytes(b"no picture")
    in_units.write("policy.yaml", POLICY)
    return in_units


def rows_of(project):
    evidence = load(project.folder / "gate-out" / "evidence.sqlite")
    return next(iter(each for split, each in evidence.splits.items() if split == "test")).rows


def test_the_views_of_a_policy_are_measured_and_judged(subject):
    ran = subject.command("run", "--no-cache")

    assert ran.status == 0, ran.out
    assert {each["key"] for each in ran.report["measurements"]} == VIEWS
    outcomes = {each["key"]: each["outcome"] for each in ran.report["results"]}
    assert outcomes["weather[part=drop noise:1]"] == "passed"
    assert outcomes["region-evidence[part=tint]"] == "failed"  # it tells dark from bright


def test_who_waits_sees_the_images_and_then_the_views(subject, monkeypatch):
    monkeypatch.setattr("gate.cli.progress.PATIENCE", 0.0)

    shown = subject.command("run", "--no-cache").err.splitlines()

    stages = list(dict.fromkeys(each.partition(":")[0] for each in shown if " of " in each))
    assert stages[:2] == ["images", "views"]
    assert any(each.startswith("views: 40 of 40") for each in shown)


def test_without_a_rule_that_asks_nothing_is_asked(subject):
    subject.write("policy.yaml", PLAIN)

    ran = subject.command("run", "--no-cache")

    assert (ran.status, ran.report["measurements"]) == (0, [])


@pytest.mark.parametrize(
    "how", [("--workers", 2), ("--batch", 1), ("--batch", 16), ("--workers", 3, "--batch", 64)]
)
def test_whoever_asks_the_report_is_the_same(subject, how):
    alone = subject.command("run", "--no-cache")
    others = subject.command("run", "--no-cache", *how)

    assert (others.status, others.digest) == (alone.status, alone.digest)


@pytest.mark.slow
@pytest.mark.xdist_group("ray")
@pytest.mark.parametrize("batch", [1, 64])
def test_ray_asks_again_and_the_report_is_the_same(subject, batch):
    pytest.importorskip("ray")
    alone = subject.process("run", "--no-cache", rows=10)

    on_ray = subject.process(
        "run", "--no-cache", "--engine", "ray", "--workers", 2, "--batch", batch, rows=10
    )

    assert {each["key"] for each in on_ray.report["measurements"]} == VIEWS
    assert (on_ray.status, on_ray.digest) == (alone.status, alone.digest), on_ray.errors


def test_shards_in_any_order_give_the_same_report(subject):
    alone = subject.command("run", "--no-cache")
    for index in random.Random(3).sample(range(3), 3):
        assert subject.command("shard", "--index", index, "--of", 3, "--no-cache").status == 0

    merged = subject.command("merge")

    assert (merged.status, merged.digest) == (alone.status, alone.digest), merged.err


def test_a_missing_shard_of_the_second_pass_is_named(subject):
    shown = [
        subject.process("shard", "--index", index, "--of", 2, "--no-cache", rows=10).out.split()
        for index in range(2)
    ]
    (subject.folder / shown[1][1]).unlink()

    merged = subject.process("merge", rows=10)

    assert merged.status == 4
    assert "none of the 3 files holds images" in merged.errors


def test_what_was_asked_before_comes_from_the_cache(subject):
    first = subject.command("run")
    again = subject.command("run")

    assert again.digest == first.digest
    assert again.report["run"]["answers_from_cache"] > 0


def test_judging_the_evidence_gives_the_report_of_the_run(subject):
    ran = subject.command("run", "--no-cache")
    judged = subject.command("judge", "gate-out", "--policy", "policy.yaml", "--out", "gate-out")

    assert judged.digest == ran.digest


def test_evidence_without_a_view_leaves_its_rule_inconclusive_and_names_it(subject):
    subject.write("policy.yaml", PLAIN)
    subject.command("run", "--no-cache")
    subject.write("policy.yaml", POLICY)

    judged = subject.command("judge", "gate-out", "--policy", "policy.yaml", "--out", "gate-out")

    assert judged.status == 3
    found = {each["rule"]: each for each in judged.report["results"]}
    assert found["weather"]["outcome"] == "inconclusive"
    assert "view noise:1" in found["weather"]["message"]


def test_only_images_of_the_sample_are_asked_and_classes_take_turns(subject):
    subject.command("run", "--no-cache")
    rows = rows_of(subject)

    asked = rows.observed("view lsb:1 v1 images=12")["prediction"] >= 0

    assert np.bincount(rows.labels[asked]).tolist() == [6, 6]


def test_a_renamed_image_is_asked_all_the_same(subject):
    def pixels_asked():
        subject.command("run", "--no-cache")
        rows = rows_of(subject)
        asked = rows.observed("view lsb:1 v1 images=12")["prediction"] >= 0
        folder = subject.folder / "test"
        return {(folder / name).read_bytes() for name in rows.ids[asked]}

    before = pixels_asked()
    for place, path in enumerate(sorted((subject.folder / "test").rglob("*.png"), reverse=True)):
        path.rename(path.with_name(f"renamed-{place}.png"))

    assert pixels_asked() == before


def test_a_patient_lends_nothing_to_his_own_images(subject):
    lines = [
        f"{path.relative_to(subject.folder)},{path.parent.name},one\n"
        for path in sorted((subject.folder / "test").rglob("*.png"))
    ]
    subject.write("test.csv", "image,label,patient\n" + "".join(lines))
    subject.gatefile["data"]["test"] = {"path": "test.csv", "group": "patient"}
    subject.write_gatefile()

    ran = subject.command("run", "--no-cache")

    found = {each["rule"]: each for each in ran.report["results"]}
    assert found["region-evidence"]["outcome"] == "inconclusive"
    assert "no image may lend" in found["region-evidence"]["message"]


def test_tensors_have_no_pixels_and_the_remedy_is_named(subject):
    give_tensors(subject)

    ran = subject.command("run", "--no-cache")

    found = {each["rule"]: each for each in ran.report["results"]}
    assert ran.status == 3, ran.errors
    assert "tensors, which have no pixels" in found["weather"]["message"]
    assert found["weather"]["remedy"] == "return uint8 images"


@pytest.mark.parametrize(
    ("views", "fact"),
    [
        ('["fog:1"]', "there is no view 'fog'"),
        ('["noise:4"]', "no whole number from 1 to 3"),
        ('["noise:1", "noise:01"]', "a view stands here twice"),
    ],
)
def test_a_view_that_is_none_is_told_before_anything_is_measured(subject, views, fact):
    subject.write("policy.yaml", POLICY.replace('["noise:1", "occlude:1"]', views))

    ran = subject.command("run", "--no-cache")

    assert ran.status == 2
    assert fact in ran.err
    assert ran.report is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE measurements SET summary = '{}' WHERE key LIKE 'view noise%'",
        f"UPDATE observations SET value = 1 - value {OF_COLUMN.format('prediction')}",
        f"UPDATE observations SET value = 2 {OF_COLUMN.format('state')}",
    ],
)
def test_answers_to_views_that_were_changed_by_hand_prove_nothing(subject, statement):
    subject.command("run", "--no-cache")
    with closing(connect(subject.folder / "gate-out" / "evidence.sqlite")) as database, database:
        database.execute(statement)

    judged = subject.command("judge", "gate-out", "--policy", "policy.yaml", "--out", "gate-out")

    assert judged.status == 3, judged.out + judged.err
    found = {each["rule"]: each for each in judged.report["results"]}
    assert "the summary of view noise:1" in found["weather"]["message"]


def test_shards_of_the_two_passes_are_of_one_code(subject):
    """Another net answers the changed images: same checkpoint, same names, other code."""
    nets = (subject.folder / "nets.py").read_text()

    def shards(source):
        subject.write("nets.py", source)
        shown = subject.process("shard", "--index", 0, "--of", 1, "--no-cache", rows=10)
        assert shown.status == 0, shown.err
        files = shown.out.split()
        return {file: (subject.folder / file).read_bytes() for file in files}, files

    other, (_, again) = shards(nets.replace("def build(", "LIMIT = 1\n\n\ndef build("))
    _, files = shards(nets)
    assert again in files
    whole = subject.process("merge", rows=10)
    assert whole.status == 0, whole.errors

    (subject.folder / again).write_bytes(other[again])
    merged = subject.process("merge", rows=10)

    assert merged.status == 4, merged.out
    assert "under conditions that differ: " in merged.errors
    assert "nets.py" in merged.errors


@pytest.fixture
def three(project):
    """Thirty pictures of each of three classes, of which twelve are asked again."""
    names = ("dark", "grey", "bright")
    project.folders("test", 30, seed=2, classes=names)
    project.checkpoint(classes=3)
    project.gatefile |= {"classes": list(names), "data": {"test": {"path": "test"}}}
    project.gatefile["model"]["kwargs"] = {"classes": 3}
    project.write("policy.yaml", POLICY)
    project.write_gatefile()
    return project


def asked_of_each_class(project):
    ran = project.command("run", "--no-cache")
    assert ran.status in (0, 1), ran.errors
    rows = rows_of(project)
    asked = rows.observed("view lsb:1 v1 images=12")["prediction"] >= 0
    return np.bincount(rows.labels[asked]).tolist()


def test_a_class_that_the_policy_calls_critical_is_asked_first_and_leaves_half(three):
    three.write("policy.yaml", POLICY.replace("rules:", "critical: [bright]\nrules:"))

    assert asked_of_each_class(three) == [3, 3, 6]


def test_a_class_that_the_gate_file_calls_critical_takes_no_turn_of_the_others(three):
    """An owner who names other classes would leave the one with a shortcut hardly a turn."""
    three.gatefile["critical"] = ["bright"]
    three.write_gatefile()

    assert asked_of_each_class(three) == [4, 4, 4]


def test_shards_ask_the_classes_of_the_policy_first_too(three):
    three.write("policy.yaml", POLICY.replace("rules:", "critical: [bright]\nrules:"))
    alone = three.command("run", "--no-cache")
    for index in range(2):
        assert three.command("shard", "--index", index, "--of", 2, "--no-cache").status == 0

    assert three.command("merge").digest == alone.digest
