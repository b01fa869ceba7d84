"""One package of others adds a check, a format, a rendering, an engine and a model source."""

import json
import shutil
import sys

import numpy as np
import pytest

POLICY = """\
apiVersion: gate/v1
kind: Policy
metadata: {name: extras, version: 1.0.0}
plugins: [vision-extras]
rules:
  - {check: accuracy, min: 0.80}
  - {check: min-images, min: 100}
  - {check: answer-agreement, views: [mirror, invert], min: 0.5, severity: warn}
"""
PLAIN = POLICY.replace("plugins: [vision-extras]\n", "")
PLAIN = "".join(
    line for line in PLAIN.splitlines(True) if "min-images" not in line and "agree" not in line
)
ALL = ("--engine", "threads", "--workers", 2, "--no-cache")
PACKAGE = {"vision-extras": "1.2"}


@pytest.fixture
def subject(project, vision_extras, monkeypatch):
    """A model, data, in units of 40, and a policy that only the package can read."""
    monkeypatch.setattr("gate.measure.partials.work_units.ROWS", 40)
    monkeypatch.setattr("gate.measure.partials.kept_partials.SETTLED", 0.0)
    levels = np.array([40, 210]) / 255
    weight = np.repeat(2 * levels[:, None] / 64, 64, axis=1) * 50
    arrays = {"weight": weight.astype("f4"), "bias": (-50 * levels**2).astype("f4")}
    np.savez(project.folder / "linear.npz", **arrays, size=[8, 8], classes=["dark", "bright"])
    for name, count, seed in (("train", 20, 1), ("test", 60, 2)):
        images, labels = project.images(count, seed)
        lines = [
            f"{index} {('dark', 'bright')[label]} {image.tobytes().hex()}\n"
            for index, (image, label) in enumerate(zip(images, labels, strict=True))
        ]
        project.write(f"{name}.tiles", "".join(lines))
    project.write("policy.yaml", POLICY)
    project.plain = dict(project.gatefile)
    project.gatefile |= {
        "model": {"checkpoint": "linear.npz", "source": "npz-linear"},
        "classes": None,
        "input": None,
        "data": {n: {"path": f"{n}.tiles", "format": "tiles"} for n in ("train", "test")},
    }
    project.package = vision_extras()
    project.write_gatefile()
    return project


@pytest.fixture
def pictures(subject):
    """The same with our own source and format: the package adds no more than the check."""
    subject.gatefile = subject.plain
    subject.folders("train", 20, seed=1)
    subject.folders("test", 60, seed=2)
    subject.gatefile["data"] = {"train": {"path": "train"}, "test": {"path": "test"}}
    subject.write_gatefile()
    return subject


def test_a_run_measures_judges_and_renders_by_all_that_the_package_adds(subject):
    outputs = ("text", "html", "markdown", "paint")
    ran = subject.command(
        "run", *ALL, "--format", "paint", *(f"--output={name}={name}.out" for name in outputs)
    )
    report = ran.report

    assert (ran.status, ran.out) == (0, "PAINT pass\n"), ran.err
    assert [
        (each["rule"], each["scope"]["part"], each["outcome"]) for each in report["results"]
    ] == [
        ("accuracy", None, "passed"),
        ("min-images", None, "passed"),
        ("answer-agreement", "invert", "failed"),
        ("answer-agreement", "mirror", "passed"),
    ]
    assert [(each["package"], each["version"]) for each in report["policy"]["plugins"]] == [
        ("vision-extras", "1.2")
    ]
    assert report["configuration"]["plugins"] == report["run"]["engines"] == PACKAGE
    assert report["subject"]["format"] == "npz-linear"
    assert {each["format"] for each in report["data"].values()} == {"tiles"}
    assert [(each["key"], each["summary"]) for each in report["measurements"]] == [
        ("invert/1", {"changed": 120}),
        ("mirror/1", {"changed": 0}),
    ]
    written = {name: (subject.folder / f"{name}.out").read_text() for name in outputs}
    assert written["paint"] == ran.out
    for name in ("text", "html", "markdown"):
        assert "answer-agreement" in written[name]
        assert "vision-extras" in written[name]


def test_evidence_is_judged_again_without_model_and_data(subject):
    ran = subject.command("run", "--no-cache")
    for name in ("linear.npz", "train.tiles", "test.tiles"):
        (subject.folder / name).unlink()

    again = subject.command(
        "judge", "gate-out", "--policy", "policy.yaml", "--format", "paint", "--out", "gate-out"
    )

    assert (again.status, again.out) == (0, "PAINT pass\n"), again.err
    assert again.digest == ran.digest


@pytest.mark.parametrize("how", [("--plugin", "vision-extras"), ("--policy", "policy.yaml")])
def test_the_check_is_explained(how, subject):
    said = subject.command("explain", "answer-agreement", *how)

    assert said.status == 0, said.err
    assert "vision-extras 1.2" in said.out
    assert "views" in said.out


def test_schema_lint_show_and_test_know_the_check(subject):
    schema = subject.command("policy", "schema", "--plugin", "vision-extras")
    lint = subject.command("policy", "lint", "policy.yaml")
    shown = subject.command("policy", "show", "policy.yaml")
    subject.write("shown.yaml", shown.out)
    subject.write(
        "fixtures.yaml",
        "apiVersion: gate/v1\nkind: PolicyFixtures\npolicy: shown.yaml\n"
        "measured: {test: [[50, 0], [0, 50]]}\nfixtures:\n  - name: answers turn over\n"
        "    measured: {observations: {test: {mirror/1: {prediction: [[50, 1], [50, 0]]},\n"
        "      invert/1: {prediction: [[50, 0], [50, 1]]}}}}\n"
        "    expect: {answer-agreement: failed, accuracy: passed}\n",
    )
    tried = subject.command("policy", "test", "fixtures.yaml")

    assert "answer-agreement" in json.dumps(json.loads(schema.out))
    assert (lint.status, lint.err) == (0, "")
    assert "vision-extras==1.2" in shown.out
    assert tried.status == 0, tried.out + tried.err


def test_what_was_judged_is_accepted_where_that_very_package_is(subject, vision_extras):
    ran = subject.command("run", *ALL)
    said = subject.command("keygen", "ci.key", "--name=ci", "--role=runner", "--policy=extras")
    head = "apiVersion: gate/v1\nkind: TrustRoot\napprovals: 0\nkeys:\n"
    subject.write("trust.yaml", head + said.out)
    key = ("--checkpoint", "linear.npz", "--key", "ci.key", "-o", "model.jsonl")
    attested = subject.command("attest", "gate-out", *key)
    verify = ("verify", "linear.npz", "--policy", "policy.yaml", "--trust", "trust.yaml")
    honest = subject.command(*verify, "--attestation", "model.jsonl")
    shutil.rmtree(subject.package)
    without = subject.command(*verify, "--attestation", "model.jsonl")
    vision_extras("1.3")
    other = subject.command(*verify, "--attestation", "model.jsonl")

    assert (ran.status, attested.status) == (0, 0), attested.err
    assert honest.out.endswith("ACCEPTED (exit status 0)\n"), honest.out + honest.err
    assert (without.status, without.out) == (2, "")
    assert "plugin vision-extras: no installed package of this name adds checks" in without.err
    assert other.status == 5
    assert "version 1.2, and 1.3 is installed here" in " ".join(other.out.split())


def test_whoever_measures_gives_one_digest(subject):
    inline = subject.command("run", "--no-cache")
    found = {
        "threads": subject.command("run", *ALL),
        "two processes": subject.command("run", "--no-cache", "--workers", 2),
        "isolated": subject.process("run", "--no-cache", rows=40, PYTHONPATH=str(subject.package)),
        "fills the cache": subject.command("run"),
        "the cache": subject.command("run"),
    }
    kept = found["the cache"].report["run"]["answers_from_cache"]
    for index in (1, 0):
        subject.command("shard", "--index", index, "--of", 2, "--no-cache")
    found["shards"] = subject.command("merge")

    assert inline.status == 0, inline.err
    digests = {name: (each.digest, each.status) for name, each in found.items()}
    assert digests == dict.fromkeys(found, (inline.digest, 0))
    assert kept == 160


@pytest.mark.slow
def test_ray_gives_that_digest_too(subject):
    pytest.importorskip("ray")
    inline = subject.command("run", "--no-cache")

    there = subject.process(
        "run", "--no-cache", "--engine", "ray", rows=40, PYTHONPATH=str(subject.package)
    )

    assert there.digest == inline.digest, there.err


def test_nothing_is_imported_where_nothing_names_the_package(pictures, vision_extras):
    vision_extras(__init__="raise RuntimeError('imported')\n")
    pictures.write("policy.yaml", PLAIN)

    ran = pictures.command("run", "--no-cache", "-o", "html=page.html")
    known = [pictures.command("policy", "lint", "policy.yaml"), pictures.command("explain")]

    assert [each.status for each in (ran, *known)] == [0, 0, 0], ran.err
    assert "vision_extras" not in sys.modules
    assert ran.report["configuration"]["plugins"] == {}


# The package of a measurement


@pytest.mark.parametrize(
    ("left", "plugins"), [("", PACKAGE), ("answer-agreement", {})], ids=["needed", "not needed"]
)
def test_the_package_of_a_measurement_stands_in_the_evidence(left, plugins, pictures):
    kept = [line for line in POLICY.splitlines(True) if not left or left not in line]
    pictures.write("policy.yaml", "".join(kept))

    ran = pictures.command("run", "--no-cache")

    assert ran.status == 0, ran.err
    assert ran.report["configuration"]["plugins"] == plugins


@pytest.mark.parametrize(
    ("changed", "kept"),
    [({}, 160), ({"version": "1.3"}, 0), ({"helpers": "X = 7\n"}, 0)],
    ids=["the same", "another version", "another file"],
)
def test_what_another_package_observed_is_not_taken_from_the_cache(
    changed, kept, pictures, vision_extras
):
    first = pictures.command("run")
    vision_extras(**changed)

    again = pictures.command("run")

    assert (first.status, again.status) == (0, 0), again.err
    assert again.report["run"]["answers_from_cache"] == kept


@pytest.mark.parametrize(("version", "status"), [("1.2", 0), ("1.3", 4)])
def test_shards_of_another_version_do_not_join(version, status, pictures, vision_extras):
    pictures.command("shard", "--index", 0, "--of", 2, "--no-cache")
    vision_extras(version)
    pictures.command("shard", "--index", 1, "--of", 2, "--no-cache")

    merged = pictures.command("merge")

    assert merged.status == status
    assert ("what differs: measurements" in merged.errors) == (status == 4)


def test_needs_that_a_plugin_cannot_tell_are_told_with_its_package(pictures, vision_extras):
    code = (pictures.package / "vision_extras/answer_agreement.py").read_text()
    raising = code.replace(
        "        return tuple(map(", "        raise ValueError('7')\n        return tuple(map("
    )
    vision_extras(answer_agreement=raising)

    ran = pictures.command("run")

    assert ran.status == 2
    assert "plugin answer-agreement of vision-extras 1.2: needs: ValueError: 7" in ran.err
    assert "mend or reinstall vision-extras" in ran.err
    assert ran.report is None


def test_other_files_under_the_same_version_are_other_code_of_the_verdict(subject, vision_extras):
    honest = subject.command("run", "--no-cache").report["configuration"]
    same = subject.command("run", "--no-cache").report["configuration"]
    vision_extras(helpers="X = 7\n")
    forged = subject.command("run", "--no-cache").report["configuration"]

    assert {"plugin formats tiles", "plugin model_sources npz-linear"} <= set(honest["code"])
    assert same["digests"] == honest["digests"]
    assert forged["plugins"] == honest["plugins"]
    assert forged["digests"]["code"] != honest["digests"]["code"]
