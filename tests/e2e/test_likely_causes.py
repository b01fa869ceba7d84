"""Likely causes, planted in nets that are really trained, and not planted."""

import json

import numpy as np
import pytest
from trained_nets import (
    CLOTHES,
    DIGITS,
    FASHION,
    IMAGENET,
    NETS,
    Pictures,
    clothes,
    digits,
    train,
)

POLICY = """\
apiVersion: gate/v1
kind: Policy
metadata: {name: strict, version: 1.0.0}
rules:
  - {check: model-integrity}
  - {check: input-contract}
  - {check: accuracy, min: 0.9999}
  - {check: recall, min: 0.9999}
  - {check: prediction-collapse}
  - {check: no-skill}
  - {check: class-order}
  - {check: train-test-overlap}
"""
NOT_IN_TRAINING = 3  # a class


class Trial:
    """A project of pictures in ten classes, its policy met by no model with a single mistake."""

    def __init__(self, project):
        self.project = project
        project.write("nets.py", NETS)
        project.write("policy.yaml", POLICY)

    def judge(self, *arguments, shown, tested, kind="conv", classes=DIGITS, spec=None):
        """Return what a run of the gate on the trained net left."""
        shown.save(self.project.folder / "train.npz")
        tested.save(self.project.folder / "test.npz")
        height, width = shown.images.shape[1:3]
        channels = shown.images.ndim
        self.project.gatefile |= {
            "classes": list(classes),
            "input": {
                "size": [height, width],
                "channels": "L" if channels == 3 else "RGB",
                **(spec or {}),
            },
            "model": {
                "checkpoint": "model.pt",
                "factory": "nets:build",
                "kwargs": {
                    "kind": kind,
                    "channels": 1 if channels == 3 else 3,
                    "pixels": height * width,
                },
            },
        }
        ran = self.project.run("--no-cache", *arguments)
        assert ran.report is not None, ran.err
        return ran

    def train(self, pictures, **training):
        train(self.project.folder / "model.pt", pictures, **training)


@pytest.fixture
def trial(project):
    return Trial(project)


def kinds(ran):
    return [each["kind"] for each in ran.report["causes"]]


def remedies(ran, rule):
    return {each["remedy"] for each in ran.report["results"] if each["rule"] == rule} - {""}


def test_judging_the_evidence_again_names_the_same_causes(trial):
    trial.train(digits("train"), spec={"scale": 1})
    ran = trial.judge(shown=digits("train"), tested=digits("test"))

    trial.project.command("judge", "gate-out", "--policy", "policy.yaml", "--out", "again")

    again = json.loads((trial.project.folder / "again" / "report.json").read_text())
    assert kinds(ran) == ["input-preparation"]
    assert again["causes"] == ran.report["causes"]


PREPARED = [
    (IMAGENET, "with ImageNet mean and std", "mean: [0.485, 0.456, 0.406]"),
    ({"channels": "BGR"}, "with BGR, ", "channels: BGR"),
    ({"scale": 1}, "with values in 0..255", "scale: 1"),
]


@pytest.mark.parametrize(("spec", "said", "declared"), PREPARED)
def test_an_input_prepared_otherwise_is_the_cause_and_its_remedy_stands_for_all(
    spec, said, declared, trial
):
    trial.train(digits("train"), spec=spec)

    ran = trial.judge(shown=digits("train"), tested=digits("test"))

    [cause] = ran.report["causes"]
    assert ran.status == 1
    assert cause["kind"] == "input-preparation"
    assert f"otherwise than in training: {said}" in cause["message"]
    assert cause["remedy"].startswith(f"declare in input: {declared}")
    assert remedies(ran, "accuracy") == remedies(ran, "recall") == {cause["remedy"]}


@pytest.mark.parametrize(("spec", "said", "declared"), PREPARED)
def test_an_input_prepared_as_in_training_is_no_cause(spec, said, declared, trial):
    trial.train(digits("train"), spec=spec, steps=40)

    ran = trial.judge(shown=digits("train"), tested=digits("test"), spec=spec)

    assert (ran.status, kinds(ran)) == (1, [])


def test_classes_in_another_order_are_the_cause(trial):
    in_training = np.argsort(np.argsort(DIGITS))  # a folder is read by its names
    trial.train(Pictures(digits("train").images, in_training[digits("train").labels]))

    ran = trial.judge(shown=digits("train"), tested=digits("test"))

    [cause] = ran.report["causes"]
    assert cause["kind"] == "class-order"
    assert "of the wrong answers: " in cause["message"]
    assert remedies(ran, "accuracy") == remedies(ran, "class-order") == {cause["remedy"]}


def in_order(pictures):
    """Return the same pictures class by class, as a folder has them."""
    return pictures.take(np.argsort(pictures.labels, kind="stable"))


def test_batch_norm_in_training_mode_is_the_cause(trial):
    trial.train(digits("train"), kind="by batch")

    ran = trial.judge(
        shown=in_order(digits("train")), tested=in_order(digits("test")), kind="by batch"
    )

    [cause] = ran.report["causes"]
    assert cause["kind"] == "batch-norm"
    assert "8 of 8 images get another answer alone than in a batch" in cause["message"]
    assert remedies(ran, "accuracy") == remedies(ran, "model-integrity") == {cause["remedy"]}


def test_batch_norm_with_its_running_statistics_is_no_cause(trial):
    trial.train(digits("train"), steps=60)

    ran = trial.judge(shown=in_order(digits("train")), tested=in_order(digits("test")))

    assert (ran.status, kinds(ran)) == (1, [])


def every_other(pictures):
    return pictures.take(np.arange(0, len(pictures), 2))


def joined(*parts):
    return Pictures(
        np.concatenate([each.images for each in parts]),
        np.concatenate([each.labels for each in parts]),
    )


def test_a_test_set_that_is_in_train_is_the_cause(trial):
    shown = joined(digits("train", 90), every_other(digits("test", 90)))
    trial.train(shown, kind="wide", steps=600)

    ran = trial.judge(shown=shown, tested=digits("test", 90), kind="wide")

    cause = ran.report["causes"][0]
    accuracy = next(each for each in ran.report["leakage"]["inflation"])
    assert cause["kind"] == "leaked-test"
    assert cause["message"] == (
        f"test is in train: accuracy is {accuracy['as_given']:.3f} with the copies and "
        f"{accuracy['clean']:.3f} without"
    )
    assert remedies(ran, "train-test-overlap") == {cause["remedy"]}
    assert cause["remedy"] not in remedies(ran, "accuracy")


def test_three_copies_and_copies_that_help_nothing_are_no_cause(trial):
    copied = digits("test").take(np.arange(3))
    shown = joined(digits("train"), copied)
    trial.train(shown, steps=40)

    few = trial.judge(shown=shown, tested=digits("test"))

    many = joined(digits("train"), digits("test").take(np.arange(100)))
    helpless = trial.judge(shown=many, tested=digits("test"))  # it was never shown them

    assert (few.status, kinds(few)) == (1, [])
    assert (helpless.status, kinds(helpless)) == (1, [])


def test_a_class_that_training_left_out_is_the_cause(trial):
    shown = digits("train")
    trial.train(shown.take(shown.labels != NOT_IN_TRAINING))

    ran = trial.judge(shown=shown, tested=digits("test"))

    [cause] = ran.report["causes"]
    assert cause["kind"] == "ignored-class"
    images = int((digits("test").labels == NOT_IN_TRAINING).sum())
    assert f"three is never predicted, though test has {images} images" in cause["message"]
    assert "the sampler" in cause["remedy"]


def test_a_class_that_is_rare_in_train_is_told_by_its_number(trial):
    rest = digits("train").take(digits("train").labels != NOT_IN_TRAINING)
    rare = digits("train").take(np.flatnonzero(digits("train").labels == NOT_IN_TRAINING)[:2])
    shown = joined(rest, rare)
    trial.train(rest)

    ran = trial.judge(shown=shown, tested=digits("test"))

    assert kinds(ran) == ["ignored-class"]
    assert "train has 2, and 90 of another class" in ran.report["causes"][0]["remedy"]


def test_a_class_that_is_hard_is_no_cause(trial):
    shown = digits("train")
    weights = np.where(np.arange(10) == NOT_IN_TRAINING, 0.05, 1.0).astype(np.float32).tolist()
    trial.train(shown, weights=weights, steps=60)

    ran = trial.judge(shown=shown, tested=digits("test"))

    found = sum(row[NOT_IN_TRAINING] for row in ran.report["confusion"]["test"]["counts"])
    assert found > 0
    assert (ran.status, kinds(ran)) == (1, [])


def test_a_model_that_knows_train_by_heart_is_told(trial):
    shown = digits("train", 200).take(np.arange(200))
    trial.train(shown, kind="wide", steps=800, rate=3e-3)

    ran = trial.judge(shown=shown, tested=digits("test", 200), kind="wide")

    [cause] = ran.report["causes"]
    assert cause["kind"] == "overfit"
    assert cause["message"].startswith("the model learned train by heart: accuracy is ")


def test_a_model_that_learned_nothing_is_told(trial):
    trial.train(digits("train"), steps=0)

    ran = trial.judge(shown=digits("train"), tested=digits("test"))

    [cause] = ran.report["causes"]
    assert cause["kind"] == "chance"
    assert "where a guess reaches 0.100" in cause["message"]


def mislabelled(pictures, share, seed):
    random = np.random.default_rng(seed)
    wrong = random.random(len(pictures)) < share
    labels = np.where(wrong, random.integers(0, 10, len(pictures)), pictures.labels)
    return Pictures(pictures.images, labels)


def weak(kind, steps, *, data="digits", noise=60, seed=0, rate=3e-3, wrong=0.0):
    """Return a way to train a weak model with no fault but what it is: its name and its numbers."""
    return pytest.param(
        {"kind": kind, "steps": steps, "seed": seed, "rate": rate},
        data,
        noise,
        wrong,
        id=f"{kind} {data} {steps}-{noise}-{wrong}",
    )


WEAK = [
    weak("linear", 40),
    weak("linear", 200, noise=120),
    weak("linear", 300, wrong=0.3),
    weak("perceptron", 60),
    weak("perceptron", 150, noise=120),
    weak("perceptron", 100, wrong=0.2),
    weak("conv", 40),
    weak("conv", 80, noise=120, seed=1),
    weak("narrow", 60, seed=2),
    weak("narrow", 150, noise=120, seed=3),
    weak("plain", 100, seed=4),
    weak("plain", 200, noise=120, wrong=0.2),
    weak("wide", 30, seed=5),
    weak("linear", 60, data="clothes"),
    weak("linear", 200, data="clothes", wrong=0.3),
    weak("perceptron", 100, data="clothes"),
    weak("conv", 60, data="clothes", seed=1),
    weak("narrow", 100, data="clothes", seed=2),
    weak("plain", 150, data="clothes", seed=3),
    weak("wide", 60, data="clothes", seed=4, wrong=0.2),
]


@pytest.mark.slow
@pytest.mark.parametrize(("training", "data", "noise", "wrong"), WEAK)
def test_an_honest_weak_model_has_no_likely_cause(training, data, noise, wrong, trial):
    if data == "clothes" and not FASHION.is_dir():
        pytest.skip(f"no Fashion-MNIST in {FASHION}")
    shown, tested = (
        clothes(split) if data == "clothes" else digits(split, noise) for split in ("train", "test")
    )
    shown = mislabelled(shown, wrong, seed=7)
    trial.train(shown, **training)

    ran = trial.judge(
        shown=shown,
        tested=tested,
        kind=training["kind"],
        classes=CLOTHES if data == "clothes" else DIGITS,
    )

    assert (ran.status, ran.report["causes"]) == (1, [])
