"""Slices by measured properties: one pass, the same whoever measures, only where a rule asks."""

import numpy as np
import pytest

from gate.evidence.store import load

POLICY = """\
apiVersion: gate/v1
kind: Policy
metadata: {name: properties, version: 1.0.0}
rules:
  - {check: accuracy, min: 0.80}
"""
BY = "  - {id: by-brightness, check: accuracy, min: 0.80, by: brightness}\n"
JUDGE = ("judge", "gate-out", "--policy", "policy.yaml", "--out", "gate-out")


@pytest.fixture
def subject(project):
    for seed, (split, images) in enumerate({"train": 60, "validation": 60, "test": 100}.items()):
        project.folders(split, images, seed=seed)
    data = {name: {"path": name} for name in ("train", "validation", "test")}
    project.gatefile["data"] = data
    project.write("policy.yaml", POLICY + BY)
    project.write_gatefile()
    return project


def of_rule(ran, rule="by-brightness"):
    return {
        each["scope"]["slice"]: each["outcome"]
        for each in ran.report["results"]
        if each["rule"] == rule
    }


def test_images_are_judged_by_the_quarters_of_validation_and_again_from_saved_evidence(subject):
    ran = subject.command("run", "--no-cache")

    assert ran.status == 0, ran.errors + ran.err
    assert of_rule(ran) == {
        f"brightness={place} quarter": "passed"
        for place in ("lowest", "second", "third", "highest")
    }
    rows = load(subject.folder / "gate-out/evidence.sqlite").splits["validation"].rows
    seen = rows.observed("image-properties v1")["brightness"]
    stored = {each["split"]: each["summary"] for each in ran.report["measurements"]}
    assert (
        stored["validation"]["brightness"]
        == np.quantile(seen, [0.25, 0.5, 0.75], method="inverted_cdf").tolist()
    )
    again = subject.command(*JUDGE)
    assert (again.digest, again.status) == (ran.digest, 0)


def test_the_report_is_one_whatever_batch_workers_and_cache(subject):
    whole = subject.command("run", "--no-cache")
    others = [
        subject.command("run", "--no-cache", "--batch", 1),
        subject.command("run", "--no-cache", "--workers", 2),
        subject.command("run"),
        subject.command("run"),
    ]

    assert {(each.digest, each.status) for each in others} == {(whole.digest, 0)}


def test_nothing_is_measured_where_no_rule_asks(subject):
    subject.write("policy.yaml", POLICY)

    ran = subject.command("run", "--no-cache")

    assert ran.status == 0
    assert ran.report["measurements"] == []


def test_evidence_without_the_property_is_open_and_says_to_measure_again(subject):
    subject.write("policy.yaml", POLICY)
    assert subject.command("run", "--no-cache").status == 0
    subject.write("policy.yaml", POLICY + BY)

    again = subject.command(*JUDGE)

    assert again.status == 3
    (missing,) = [each for each in again.report["results"] if each["rule"] == "by-brightness"]
    assert missing["remedy"] == "measure again with this policy"


def test_with_test_alone_there_is_nothing_to_cut_on(subject):
    subject.gatefile["data"] = {"test": {"path": "test"}}
    subject.write_gatefile()

    ran = subject.command("run", "--no-cache")

    assert ran.status == 3
    assert set(of_rule(ran).values()) == {"inconclusive"}


def test_without_validation_train_says_where_to_cut(subject):
    data = {"train": {"path": "train"}, "test": {"path": "test"}}
    subject.gatefile["data"] = data
    subject.write_gatefile()

    assert subject.command("run", "--no-cache").status == 0


def test_arrays_have_properties_too(subject):
    for seed, name in enumerate(("train", "test")):
        subject.npz(f"{name}.npz", 100, seed=seed)
    data = {name: {"path": f"{name}.npz"} for name in ("train", "test")}
    subject.gatefile["data"] = data
    subject.write_gatefile()

    ran = subject.command("run", "--no-cache")

    assert len(of_rule(ran)) == 4
    assert ran.status == 0
