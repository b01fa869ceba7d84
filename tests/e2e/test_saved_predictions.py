"""Saved predictions in place of a model: what they can pass, and what nobody gets past by them."""

import csv
import shutil

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from gate.cli import program
from gate.run import Settings, validate
from gate.subject.gatefile import GateFile
from gate.subject.overrides import Flags, override

CLASSES = ("crack", "dent", "good")
SHIPPED = ("baseline", "smoke", "recall-first", "precision-first")


class Factory:
    """A folder in which somebody saved what a model answered elsewhere."""

    def __init__(self, folder):
        self.folder = folder

    def table(self, split, each=100, *, ids=None, extra=None, wrong=0, names=None):
        """Write predictions; ``extra`` are columns that a row's number and class give."""
        extra = extra or {}
        with (self.folder / f"{split}.csv").open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(["id", "label", *extra, *CLASSES])
            for row in range(each * len(CLASSES)):
                label = row % len(CLASSES)
                answer = (label + 1) % len(CLASSES) if row < wrong else label
                scores = [0.98 if place == answer else 0.01 for place in range(len(CLASSES))]
                name = ids(row) if ids else f"{split}-{row:05}"
                named = names[row] if names else CLASSES[label]
                rows.writerow([name, named, *(f(row) for f in extra.values()), *scores])

    def picture(self, name, seed):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(seed).integers(0, 256, (12, 12, 3), np.uint8)
        Image.fromarray(pixels).save(path)

    def judge(self, policy="baseline", **flags):
        said = {
            "classes": CLASSES,
            "policy": policy,
            "predictions": str(self.folder / "test.csv"),
            "train_predictions": str(self.folder / "train.csv"),
            **flags,
        }
        subject = override(GateFile(), Flags(**said))
        return validate(subject, settings=Settings(out=self.folder / "gate-out"))


@pytest.fixture
def factory(tmp_path):
    return Factory(tmp_path)


def command(*arguments):
    return CliRunner().invoke(program, arguments)


def outcomes(report, rule):
    return {each.key: each.outcome for each in report.results if each.rule == rule}


def of(report, key):
    return next(each for each in report.results if each.key == key)


@pytest.mark.parametrize("policy", SHIPPED)
def test_good_predictions_pass_what_is_not_for_a_release(factory, policy):
    for split in ("train", "test"):
        factory.table(split, extra={"part": lambda row, split=split: f"{split}-{row}"})

    report = factory.judge(policy, critical=("crack",), group="part")

    assert report.verdict == "pass"
    assert report.decision.counts.not_applicable == 2
    for rule in ("model-integrity", "input-contract"):
        assert set(outcomes(report, rule).values()) == {"not-applicable"}
    assert "saved predictions have no model" in of(report, "model-integrity[part=tensors]").message


def test_who_saves_predictions_does_not_get_a_release_past_the_model(factory):
    for split in ("train", "test"):
        factory.table(split, each=400, extra={"part": lambda row, split=split: f"{split}-{row}"})

    report = factory.judge("release", group="part")

    assert report.verdict == "inconclusive"
    for rule in ("model-integrity", "input-contract"):
        assert set(outcomes(report, rule).values()) == {"inconclusive"}
    tensors = of(report, "model-integrity[part=tensors]")
    assert "this policy requires one" in tensors.message
    assert "let the gate run the model" in tensors.remedy


def test_a_policy_of_rules_about_a_model_alone_judges_no_predictions(factory, tmp_path):
    factory.table("test")
    policy = tmp_path / "p.yaml"
    policy.write_text(
        "apiVersion: gate/v1\nkind: Policy\nmetadata: {name: p, version: '1'}\n"
        "rules: [{check: model-integrity}]\n",
        encoding="utf-8",
    )

    assert factory.judge(str(policy), train_predictions=None).verdict == "error"


def test_bad_predictions_fail_whatever_is_not_applicable(factory):
    factory.table("train")
    factory.table("test", wrong=120)

    assert factory.judge("baseline").verdict == "fail"


def test_one_id_in_two_splits_is_an_exact_copy(factory):
    factory.table("train", ids=lambda row: f"img-{row}")
    factory.table("test", ids=lambda row: f"img-{row + 290}")

    report = factory.judge()

    assert of(report, "train-test-overlap[part=exact]").outcome == "failed"
    assert of(report, "train-test-overlap[part=exact]").measured.value == 10
    assert {pair.kind for pair in report.leakage.pairs} == {"id"}


def test_one_id_with_two_labels_is_a_conflict(factory):
    factory.table("train", ids=lambda row: f"img-{row}")
    factory.table("test", ids=lambda row: f"img-{row + 299}")

    report = factory.judge()

    assert of(report, "train-test-overlap[part=label-conflict]").measured.value == 1


@pytest.mark.parametrize("key", ["train-test-overlap[part=exact]", "duplicate-images[part=copies]"])
def test_by_ids_alone_finding_nothing_is_no_proof_and_warns(factory, key):
    for split in ("train", "test"):
        factory.table(split)

    report = factory.judge()
    rule = key.partition("[")[0]

    assert (of(report, key).outcome, of(report, key).proven) == ("passed", False)
    warning = of(report, f"{rule}[part=by-ids]")
    assert (warning.outcome, warning.severity) == ("failed", "warn")
    assert "by their ids alone" in warning.message
    assert "--image" in warning.remedy


def test_where_proof_is_asked_for_ids_alone_prove_nothing(factory):
    for split in ("train", "test"):
        factory.table(split)

    report = factory.judge("release")

    assert of(report, "train-test-overlap[part=exact]").outcome == "inconclusive"
    assert "--image" in of(report, "train-test-overlap[part=exact]").remedy


def with_images(factory, shared, column):
    """Write both splits with a picture a row; ``shared`` of them stand in both, ids renamed."""
    for split, shift in (("train", 0), ("test", 60 - shared)):
        for row in range(60):
            factory.picture(f"{split}/{row}.png", seed=row + shift)
        factory.table(split, each=20, extra={column: lambda row, split=split: f"{split}/{row}.png"})


@pytest.mark.parametrize("column", ["image", "path", "file_name"])
def test_renamed_ids_do_not_hide_images_that_the_table_names(factory, column):
    with_images(factory, 7, column)

    report = factory.judge()

    exact = of(report, "train-test-overlap[part=exact]")
    assert (exact.outcome, exact.measured.value) == ("failed", 7)


def test_different_images_are_proven_to_be_so(factory):
    with_images(factory, 0, "picture")

    report = factory.judge(image="picture")

    exact = of(report, "train-test-overlap[part=exact]")
    assert (exact.outcome, exact.proven) == ("passed", True)
    assert not [each for each in report.results if each.key.endswith("[part=by-ids]")]


def test_one_image_that_is_gone_leaves_ids_alone_and_says_so(factory):
    with_images(factory, 7, "image")
    (factory.folder / "test" / "3.png").unlink()

    report = factory.judge()

    assert of(report, "train-test-overlap[part=exact]").proven is False
    assert any("ids alone were compared for test" in each for each in report.environment["assumed"])


def test_an_image_column_that_is_declared_must_be_there(factory):
    with_images(factory, 7, "image")
    shutil.rmtree(factory.folder / "test")

    report = factory.judge(image="image")

    assert report.verdict == "error"


def test_a_class_may_be_called_image(factory):
    with (factory.folder / "test.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "label", "image", "text"])
        rows.writerows([[f"{row}", "image", 0.9, 0.1] for row in range(40)])
        rows.writerows([[f"{row}t", "text", 0.1, 0.9] for row in range(40)])

    report = factory.judge(classes=("image", "text"), train_predictions=None)

    assert of(report, "accuracy").outcome == "passed"


def test_all_that_a_table_lacks_is_named_at_once(factory):
    factory.folder.joinpath("test.csv").write_text("name,truth,crack\na,crack,1.0\n")

    report = factory.judge(train_predictions=None)

    said = report.errors[0].message
    assert "no column 'id'" in said
    assert "no column 'label'" in said
    assert "2 of 3 classes: 'dent', 'good'" in said
    assert "--id" in report.errors[0].remedy
    assert "truth" in report.errors[0].remedy


def test_there_is_no_subject_to_attest(factory):
    for split in ("train", "test"):
        factory.table(split)
    assert factory.judge().verdict == "pass"
    out, key = factory.folder / "gate-out", factory.folder / "ci.key"
    assert (
        command(
            "keygen", str(key), "--name", "ci", "--role", "runner", "--policy", "baseline"
        ).exit_code
        == 0
    )

    refused = command(
        *("attest", str(out), "--checkpoint", str(factory.folder / "test.csv")),
        *("--key", str(key), "-o", str(factory.folder / "signed.json")),
    )

    assert refused.exception.exit_status == 5
    assert "no checkpoint" in str(refused.exception)
    assert not (factory.folder / "signed.json").exists()
