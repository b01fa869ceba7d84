"""The check input-contract: sources that differ, and inputs prepared otherwise than in training."""

import sqlite3
from contextlib import closing

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from gate.measure.partials import work_units

NETS = """\
from torch import nn


def build():
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(),
        nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(2),
        nn.Flatten(), nn.Linear(64, 5),
    )
"""
CLASSES = ["red", "green", "blue", "orange", "violet"]
COLOURS = np.array(
    [[190, 90, 80], [80, 170, 90], [70, 90, 180], [190, 140, 80], [150, 80, 180]], np.float64
)
IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
POLICY = """\
apiVersion: gate/v1
kind: Policy
metadata: {name: contract, version: 1.0.0}
rules:
  - {check: input-contract}
"""
PREPARE = """\
import numpy as np
import torch


def build():
    return lambda image: torch.from_numpy(np.asarray(image, np.float32).transpose(2, 0, 1) / 255)
"""
HALF = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}
BARE = {"size": [12, 12], "channels": "RGB"}


def pictures(count, seed, noise=60):
    """Return noisy pictures (n, 12, 12, 3) of one colour each, and their labels."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % len(CLASSES)
    tint = COLOURS[labels] + random.normal(0, 25, (count, 3))
    noisy = tint[:, None, None] + random.normal(0, noise, (count, 12, 12, 3))
    return noisy.clip(0, 255).astype(np.uint8), labels


def prepared(images, spec):
    """Return pictures as training gave them to the network, by hand."""
    levels = images.astype(np.float32)
    if spec.get("channels") == "BGR":
        levels = levels[..., ::-1]
    made = levels * spec.get("scale", 1 / 255) - np.array(spec.get("mean", 0.0))
    ready = made / np.array(spec.get("std", 1.0))
    return torch.from_numpy(np.ascontiguousarray(ready.transpose(0, 3, 1, 2), np.float32))


def train(folder, spec, *, steps=120, seed=0, noise=60, nets=NETS, rate=1e-2):
    """Leave the weights of a network that has learned pictures prepared by ``spec``."""
    (folder / "nets.py").write_text(nets)
    names = {}
    exec(nets, names)
    torch.manual_seed(seed)
    net = names["build"]()
    images, labels = pictures(400, seed + 10, noise)
    shown, truth = prepared(images, spec), torch.from_numpy(labels)
    optimizer = torch.optim.Adam(net.parameters(), rate)
    for _ in range(steps):
        chosen = torch.randint(len(shown), (64,))
        optimizer.zero_grad()
        cross_entropy(net(shown[chosen]), truth[chosen]).backward()
        optimizer.step()
    torch.save(net.state_dict(), folder / "model.pt")
    return net


@pytest.fixture
def coloured(project):
    """A project of coloured pictures whose model is still to be trained."""
    for name, count, seed in (("train", 400, 1), ("test", 100, 2)):
        images, labels = pictures(count, seed)
        np.savez(project.folder / f"{name}.npz", images=images, labels=labels)
    project.write("policy.yaml", POLICY)
    project.gatefile |= {"classes": CLASSES, "input": BARE}
    return project


def result_of(ran, part):
    key = f"input-contract[part={part}]"
    return next(each for each in ran.report["results"] if each["key"] == key)


PLANTED = [
    (IMAGENET, {}, "ImageNet mean and std"),
    ({"channels": "BGR"}, {}, "channels in the order BGR and values in 0..1"),
    ({"scale": 1}, {}, "values in 0..255"),
    (HALF, {}, "values in -1..1"),
    ({"channels": "BGR", **IMAGENET}, IMAGENET, "channels in the order BGR and ImageNet"),
    ({}, {"channels": "BGR"}, "values in 0..1 and no normalisation"),
]


@pytest.mark.parametrize(("trained", "declared", "said"), PLANTED)
def test_an_input_prepared_otherwise_than_in_training_is_named(coloured, trained, declared, said):
    train(coloured.folder, trained)

    ran = coloured.run("--no-cache", input={**BARE, **declared})

    assert ran.status == 1, ran.err
    message = result_of(ran, "preparation")["message"]
    assert "otherwise than in training: with " in message
    assert f"with {said}" in message
    assert "of 150 train images are right, as declared 0." in message
    assert "; and what reaches the first batch norm is " in message


def test_a_network_without_batch_norm_is_tried_by_accuracy_alone(coloured):
    train(coloured.folder, {"scale": 1}, nets=NETS.replace("nn.BatchNorm2d(8), ", ""), rate=1e-3)

    ran = coloured.run("--no-cache")

    message = result_of(ran, "preparation")["message"]
    assert (ran.status, "with values in 0..255" in message) == (1, True), message
    assert "batch norm" not in message


@pytest.mark.parametrize("spec", [{}, {"scale": 1}])
def test_statistics_that_were_forged_neither_blame_nor_excuse_the_input(coloured, spec):
    """The statistics are made to fit an input that is declared rightly, or wrongly, worst."""
    train(coloured.folder, spec, steps=200)
    state = torch.load(coloured.folder / "model.pt", weights_only=True)
    forge(state)
    torch.save(state, coloured.folder / "model.pt")

    ran = coloured.run("--no-cache")

    assert ran.status == bool(spec), result_of(ran, "preparation")["message"]


def forge(state):
    """Change what batch norm keeps, and its affine part, so that it computes what it did."""
    mean, variance = state["1.running_mean"], state["1.running_var"]
    weight, bias = state["1.weight"], state["1.bias"]
    forged_mean, forged_variance = mean * 0 + 7, variance * 0 + 50
    factor = weight / (variance + 1e-5).sqrt()
    state["1.weight"] = factor * (forged_variance + 1e-5).sqrt()
    state["1.bias"] = bias + factor * (forged_mean - mean)
    state["1.running_mean"], state["1.running_var"] = forged_mean, forged_variance


def test_validation_is_tried_too_and_test_is_not(coloured):
    images, labels = pictures(60, seed=3)
    np.savez(coloured.folder / "validation.npz", images=images, labels=labels)
    coloured.gatefile["data"] = {
        "validation": {"path": "validation.npz"},
        "test": {"path": "test.npz"},
    }
    train(coloured.folder, {"scale": 1})

    ran = coloured.run("--no-cache")

    assert "of 60 validation images are right" in result_of(ran, "preparation")["message"]
    assert {each["split"] for each in ran.report["measurements"]} == {"validation"}


def test_a_single_output_that_nobody_declares_is_not_asked_again(project):
    project.write("policy.yaml", POLICY)
    project.checkpoint(change=keep_one_output)
    nets = (project.folder / "nets.py").read_text()
    project.write("nets.py", nets.replace("def build(classes=2,", "def build(classes=1,"))

    ran = project.run("--no-cache")

    assert ran.status == 0, ran.err
    assert ran.report["measurements"][0]["summary"]["sample"] == 0


def keep_one_output(state):
    state["head.weight"], state["head.bias"] = state["head.weight"][:1], state["head.bias"][:1]


def test_an_input_of_the_users_own_code_is_not_tried(coloured):
    train(coloured.folder, {"scale": 1})
    coloured.write("prepare.py", PREPARE)

    ran = coloured.run("--no-cache", input={"factory": "prepare:build"})

    assert ran.status == 0, ran.err
    assert ran.report["measurements"][0]["summary"]["tried"] == 0


def test_nothing_is_tried_without_train_and_validation(coloured):
    coloured.gatefile["data"] = {"test": {"path": "test.npz"}}
    train(coloured.folder, {"scale": 1})

    ran = coloured.run("--no-cache")

    assert (ran.status, ran.report["measurements"]) == (0, [])
    assert result_of(ran, "preparation")["outcome"] == "passed"


# It takes down its forward passes, and is not traced.
COUNTING = """\
from pathlib import Path

from torch import nn

HERE = Path(__file__).parent


class Counting(nn.Module):
    batches = 0

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, images):
        self.batches += 1
        with (HERE / "batches").open("a") as log:
            log.write("x")
        return self.net(images)
"""


@pytest.mark.parametrize(("spec", "is_tried"), [({}, False), ({"scale": 1}, True)])
def test_only_a_model_below_the_floor_is_asked_again(coloured, spec, is_tried):
    train(coloured.folder, spec)
    state = torch.load(coloured.folder / "model.pt", weights_only=True)
    torch.save({f"net.{name}": each for name, each in state.items()}, coloured.folder / "model.pt")
    plain = NETS.replace("def build(", "def plain(")
    coloured.write(
        "nets.py", f"{COUNTING}\n\n{plain}\n\ndef build():\n    return Counting(plain())\n"
    )
    log = coloured.folder / "batches"
    assert coloured.run("--no-cache").status == int(is_tried)
    with_the_rule = len(log.read_text())
    coloured.write("policy.yaml", POLICY.replace("input-contract", "no-skill"))
    log.unlink()
    coloured.run("--no-cache")

    assert (with_the_rule > len(log.read_text())) is is_tried


# Models that are wrong often, and whose input is declared as they were trained.
WEAK = [
    {"steps": 0},
    {"steps": 4, "seed": 1},
    {"steps": 30, "noise": 250, "seed": 2},
    {"steps": 2, "spec": IMAGENET, "seed": 3},
    {"steps": 2, "spec": {"scale": 1}, "seed": 4},
]
MANY_WEAK = [
    {"steps": steps, "seed": seed, "spec": spec, "noise": noise}
    for seed, (steps, noise) in enumerate([(0, 60), (1, 60), (2, 60), (40, 600), (120, 900)])
    for spec in ({}, IMAGENET, HALF, {"channels": "BGR"})
]


def judge_weak(coloured, *, spec=None, noise=60, **how):
    spec = spec or {}
    for name, count, seed in (("train", 400, 1), ("test", 100, 2)):
        images, labels = pictures(count, seed, noise)
        np.savez(coloured.folder / f"{name}.npz", images=images, labels=labels)
    train(coloured.folder, spec, noise=noise, **how)
    return coloured.run("--no-cache", input={**BARE, **spec})


@pytest.mark.parametrize("how", WEAK)
def test_a_weak_model_whose_input_is_right_is_not_told_otherwise(coloured, how):
    ran = judge_weak(coloured, **how)

    assert ran.status == 0, result_of(ran, "preparation")["message"]
    assert " images tried)" in result_of(ran, "preparation")["message"]


@pytest.mark.slow
@pytest.mark.parametrize("how", MANY_WEAK)
def test_none_of_many_weak_models_is_told_that_its_input_is_prepared_otherwise(coloured, how):
    ran = judge_weak(coloured, **how)

    assert ran.status == 0, result_of(ran, "preparation")["message"]
    assert ran.report["measurements"][0]["summary"]["tried"] > 0


def test_a_trial_is_the_same_by_every_engine_and_in_shards(coloured, monkeypatch):
    monkeypatch.setattr(work_units, "ROWS", 64)
    train(coloured.folder, {"scale": 1})
    digests = {
        coloured.run("--no-cache", *arguments).digest for arguments in ((), ("--workers", "2"))
    }
    for index in range(2):
        assert coloured.command("shard", "--index", index, "--of", 2, "--out", "shards").status == 0
    digests.add(coloured.command("merge", "shards").digest)

    assert len(digests) == 1
    assert "right in" in str(coloured.report()["measurements"])


def change(folder, sql):
    with closing(sqlite3.connect(folder / "gate-out/evidence.sqlite")) as database, database:
        database.execute(sql)


def test_answers_of_a_trial_that_were_changed_are_refused(coloured):
    train(coloured.folder, {"scale": 1})
    assert coloured.run("--no-cache").status == 1
    evidence = coloured.folder / "gate-out/evidence.sqlite"
    honest = evidence.read_bytes()
    judge = ("judge", "gate-out", "--policy", "policy.yaml", "--out", "gate-out")

    assert coloured.command(*judge).status == 1
    for sql, status in (
        ("DELETE FROM observations WHERE value > 0", 4),
        ("UPDATE observations SET value = 4096 WHERE value > 0", 4),
        ("UPDATE observations SET value = 2 WHERE value > 0", 4),
    ):
        evidence.write_bytes(honest)
        change(coloured.folder, sql)
        assert coloured.command(*judge).status == status, sql


STATES = """\
import io
from contextlib import contextmanager

import numpy as np

from gate.subject.inputs import InputSpec
from gate.subject.sources.contract import contradiction
from gate.subject.sources.source import ModelSource, OpenModel
from gate.subject.sources.statements import Stated, Statements


class Linear(ModelSource):
    name = "npz-linear"

    def matches(self, path):
        return path.suffix == ".npz"

    def states(self, artefact):
        with np.load(io.BytesIO(artefact.sealed.data)) as arrays:
            wrong = bool(arrays["wrong"])
        spec = InputSpec(size=(8, 8), channels="L", mean=(0.485,), std=(1.0,))
        return Statements(
            classes=Stated(("dark", "bright"), "config.json: id2label"),
            input=Stated(spec, "preprocessor_config.json"),
            checks=(
                contradiction("num_labels", 3, "config.json", 2, "config.json: id2label"),
            ) if wrong else (),
        )

    @contextmanager
    def open(self, artefact, *, threads):
        def answer(images):
            level = images.mean(axis=(1, 2, 3)) + 0.485 - 0.49
            return np.stack([-level, level], axis=1).astype("f4") * 50

        yield OpenModel(model=answer, backend="numpy")


SOURCE = Linear()
"""


@pytest.fixture
def stating(project, tmp_path_factory, monkeypatch):
    """A project whose model states its classes and input, by a source of another package."""
    site = tmp_path_factory.mktemp("site")
    (site / "stating_linear.py").write_text(STATES)
    info = site / "stating_linear.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stating-linear\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[validate_model.model_sources]\nnpz-linear = stating_linear:SOURCE\n"
    )
    monkeypatch.syspath_prepend(str(site))
    np.savez(project.folder / "sound.npz", wrong=False)
    np.savez(project.folder / "wrong.npz", wrong=True)
    project.write("policy.yaml", POLICY)
    project.gatefile |= {
        "model": {"checkpoint": "sound.npz", "source": "npz-linear"},
        "classes": None,
        "input": None,
    }
    return project


def test_sources_that_agree_pass(stating):
    ran = stating.run("--no-cache")

    assert (ran.status, ran.report["contract"]) == (0, []), ran.err


def test_an_override_warns_with_both_values_and_both_sources(stating):
    spec = {"size": [8, 8], "channels": "L", "mean": [0.5], "std": [1.0]}
    ran = stating.run("--no-cache", input=spec)

    assert ran.status == 0, ran.err
    result = result_of(ran, "overrides")
    assert (result["outcome"], result["severity"]) == ("failed", "warn")
    assert (
        "input.mean is [0.5] in the gate file and [0.485] in preprocessor_config.json"
        in result["message"]
    )


def test_a_model_that_contradicts_itself_fails(stating):
    model = {"checkpoint": "wrong.npz", "source": "npz-linear"}
    ran = stating.run("--no-cache", model=model)

    assert ran.status == 1, ran.err
    assert (
        "num_labels is 3 in config.json and 2 in config.json: id2label"
        in result_of(ran, "contradictions")["message"]
    )


def test_a_statement_that_is_dropped_or_changed_in_evidence_changes_what_is_signed(stating):
    spec = {"size": [8, 8], "channels": "L", "mean": [0.5], "std": [1.0]}
    honest = stating.run("--no-cache", input=spec)
    judge = ("judge", "gate-out", "--policy", "policy.yaml", "--out", "gate-out")
    assert stating.command(*judge).digest == honest.digest
    change(
        stating.folder,
        "UPDATE about SET value = replace(value, '[0.5]', '[0.7]') WHERE key = 'contract'",
    )
    refused = stating.command(*judge)
    change(stating.folder, "UPDATE about SET value = '[]' WHERE key = 'contract'")

    assert refused.status == 4
    assert "was measured with another value" in " ".join(refused.err.split())
    assert stating.command(*judge).digest != honest.digest
