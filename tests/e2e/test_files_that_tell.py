"""Files that tell the classes by their size or format, in a run and from its evidence."""

import pytest
from PIL import Image
from tensors import give_tensors

POLICY = """\
apiVersion: gate/v1
kind: Policy
metadata: {name: files, version: 1.0.0}
rules:
  - {check: accuracy, min: 0.80}
  - {check: property-label}
"""
PICTURES = """\
  - id: picture-label
    check: property-label
    properties: [brightness, contrast, sharpness, bytes]
    max_skill: 0.5
    severity: warn
"""


@pytest.fixture
def subject(project):
    """A hundred and fifty pictures a class, bright and dark: all PNG, 8 x 8."""
    project.folders("test", 150, seed=2)
    project.gatefile["data"] = {"test": {"path": "test"}}
    project.gatefile["input"] |= {"size": [8, 8], "resize": "stretch"}
    project.write("policy.yaml", POLICY)
    project.write_gatefile()
    return project


def result(ran, rule="property-label"):
    (found,) = (each for each in ran.report["results"] if each["rule"] == rule)
    return found


def test_files_that_are_alike_tell_nothing(subject):
    ran = subject.command("run", "--no-cache")

    assert ran.status == 0, ran.errors + ran.err
    assert result(ran)["outcome"] == "passed"
    assert result(ran)["measured"]["value"] == 0.5
    (measured,) = ran.report["measurements"]
    assert measured["summary"] == {"formats": {"PNG": 300}}


def test_a_class_that_is_stored_another_way_fails_and_judging_again_says_the_same(subject):
    for path in (subject.folder / "test" / "dark").iterdir():
        Image.open(path).save(path.with_suffix(".webp"), lossless=True)
        path.unlink()

    ran = subject.command("run", "--no-cache")
    judged = subject.command("judge", "gate-out", "--policy", "policy.yaml", "--out", "gate-out")

    assert ran.status == 1
    assert "asking for format first" in result(ran)["message"]
    assert judged.digest == ran.digest


def test_a_class_of_wider_files_fails(subject):
    for path in (subject.folder / "test" / "bright").iterdir():
        Image.open(path).resize((12, 8)).save(path)

    ran = subject.command("run", "--no-cache")

    assert ran.status == 1
    assert result(ran)["measured"]["value"] == 1.0


def test_classes_that_are_rightly_told_by_their_brightness_only_warn(subject):
    subject.write("policy.yaml", POLICY + PICTURES)

    ran = subject.command("run", "--no-cache")

    assert ran.status == 0
    assert result(ran, "picture-label")["outcome"] == "failed"
    assert result(ran, "picture-label")["severity"] == "warn"


def test_a_rule_that_would_block_on_the_picture_is_refused(subject):
    subject.write("policy.yaml", POLICY + PICTURES.replace("    severity: warn\n", ""))

    ran = subject.command("run", "--no-cache")

    assert ran.status == 2
    assert "brightness, contrast, sharpness, bytes are of the picture" in ran.err
    assert "severity: warn" in ran.err


@pytest.mark.parametrize("how", [("--workers", 2), ("--batch", 1)])
def test_whoever_measures_the_report_is_the_same(subject, how):
    subject.write("policy.yaml", POLICY + PICTURES)
    alone = subject.command("run", "--no-cache")

    assert subject.command("run", "--no-cache", *how).digest == alone.digest


def test_tensors_have_no_files(subject):
    give_tensors(subject)

    ran = subject.command("run", "--no-cache")

    assert ran.status == 3, ran.errors
    assert "40 of 40 images of test show no such property" in result(ran)["message"]
