"""One report outside `run`, whoever measures what, where and in which order."""

import json
import random

import numpy as np
import pytest
from PIL import Image

from gate.measure.partials import work_units

CONVOLUTIONS = """\
import torch
from torch import nn


def build():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(2),
        nn.Flatten(), nn.Linear(128, 2),
    )
"""
DATASETS = """\
import numpy as np


class Items:
    classes = ["dark", "bright"]

    def __init__(self, file):
        held = np.load(file)
        self.images, self.labels = held["images"], held["labels"]

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        if index == 5:
            raise OSError("a bad sector")
        return self.images[index], int(self.labels[index])


def items(file):
    return Items(file)
"""


def folder_of_pictures(project):
    for name, seed in (("train", 1), ("test", 2)):
        project.folders(name, 30, seed)
        (project.folder / name / "dark" / "007.png").write_bytes(b"no picture")
    return {"data": {"train": {"path": "train"}, "test": {"path": "test"}}}


def arrays(project):
    return {}


def idx_files(project):
    for name, seed in (("train", 1), ("test", 2)):
        images, labels = project.images(40, seed, wrong=3)
        project.write(f"{name}-images-idx3-ubyte", idx(images))
        project.write(f"{name}-labels-idx1-ubyte", idx(labels.astype(np.uint8)))
    return {"data": {name: {"path": f"{name}-images-idx3-ubyte"} for name in ("train", "test")}}


def idx(array):
    head = bytes([0, 0, 8, array.ndim])
    return head + b"".join(length.to_bytes(4, "big") for length in array.shape) + array.tobytes()


def manifest_with_groups_and_slices(project):
    for name, seed in (("train", 1), ("test", 2)):
        project.folders(name, 30, seed)
        lines = ["image,label,patient,site"]
        for place, path in enumerate(sorted((project.folder / name).rglob("*.png"))):
            label = path.parent.name
            lines.append(
                f"{path.relative_to(project.folder)},{label},{name}{place // 3},{'AB'[place % 2]}"
            )
        lines.append(f"{name}/dark/gone.png,dark,{name}x,A")
        project.write(f"{name}.csv", "\n".join(lines) + "\n")
    spec = {"group": "patient", "slices": ["site"]}
    return {"data": {name: {"path": f"{name}.csv", **spec} for name in ("train", "test")}}


def dataset_of_a_factory(project):
    project.write("sets.py", DATASETS)
    spec = {"factory": "sets:items"}
    return {
        "data": {name: {**spec, "kwargs": {"file": f"{name}.npz"}} for name in ("train", "test")}
    }


def tar_shards(project):
    import io
    import tarfile

    for name, seed in (("train", 1), ("test", 2)):
        images, labels = project.images(30, seed)
        for shard in range(3):
            with tarfile.open(project.folder / f"{name}-{shard}.tar", "w") as archive:
                for index in range(shard, len(labels), 3):
                    stored = io.BytesIO()
                    Image.fromarray(images[index]).save(stored, "PNG")
                    for end, content in (("cls", str(labels[index]).encode()),
                                         ("png", stored.getvalue())):  # fmt: skip
                        member = tarfile.TarInfo(f"{index:04}.{end}")
                        member.size = len(content)
                        archive.addfile(member, io.BytesIO(content))
    return {"data": {name: {"path": f"{name}-{{0..2}}.tar"} for name in ("train", "test")}}


def onnx_model(project):
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weights = np.stack([np.full(64, -1.0), np.full(64, 1.0)], axis=1).astype(np.float32)
    bias = np.array([31.0, -31.0], np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["images"], ["flat"]),
            helper.make_node("Gemm", ["flat", "weights", "bias"], ["scores"]),
        ],
        "brightness",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 1, 8, 8])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 2])],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(bias, "bias")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, project.folder / "model.onnx")
    return {"model": {"checkpoint": "model.onnx"}}


def convolutions(project):
    import torch

    project.write("nets.py", CONVOLUTIONS)
    torch.manual_seed(3)
    scope = {}
    exec(CONVOLUTIONS, scope)
    torch.save(scope["build"]().state_dict(), project.folder / "model.pt")
    project.npz("train.npz", 150, seed=1)
    project.npz("test.npz", 100, seed=2)
    return {}


KINDS = [
    folder_of_pictures,
    arrays,
    idx_files,
    manifest_with_groups_and_slices,
    dataset_of_a_factory,
    tar_shards,
    onnx_model,
    convolutions,
]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def subject(request, project, monkeypatch):
    """A project on one kind of data, in units of 16 images; its gate file is written."""
    monkeypatch.setattr(work_units, "ROWS", 16)
    project.gatefile |= request.param(project)
    project.write_gatefile()
    return project


def measured(ran):
    return set(ran.report["data"]) == {"train", "test"}


def shards_of(project, of, *arguments):
    """Return the shards, measured by calls of their own, in an order that is not theirs."""
    files = []
    for index in range(of):
        said = project.command("shard", "--index", index, "--of", of, *arguments)
        assert said.status == 0, said.err
        files.append(said.out.strip())
    random.Random(of).shuffle(files)
    return files


def test_the_batch_and_the_cache_change_no_byte_of_the_report(subject):
    whole = subject.command("run", "--no-cache")
    assert measured(whole), whole.errors + whole.err

    others = {
        "small batches": subject.command("run", "--no-cache", "--batch", "32"),
        "one large batch that fills the cache": subject.command("run", "--batch", "1024"),
        "the cache": subject.command("run", "--batch", "1024"),
    }

    assert {name: each.digest for name, each in others.items()} == dict.fromkeys(
        others, whole.digest
    )


@pytest.mark.parametrize("of", [2, pytest.param(40, marks=pytest.mark.slow)])
def test_shards_that_are_merged_in_any_order_give_the_same_report(of, subject):
    whole = subject.command("run", "--no-cache")

    merged = subject.command("merge", *shards_of(subject, of, "--no-cache"))

    assert merged.digest == whole.digest
    assert merged.status == whole.status


@pytest.mark.slow
def test_processes_and_threads_give_the_same_report(subject):
    whole = subject.process("run", "--no-cache")
    assert measured(whole), whole.errors + whole.err

    others = {
        "two processes": subject.process("run", "--no-cache", "--workers", 2),
        "one core": subject.process("run", "--no-cache", before=["taskset", "-c", "0"]),
        "one thread of OpenMP": subject.process("run", "--no-cache", OMP_NUM_THREADS="1"),
        "two processes that fill the cache": subject.process("run", "--workers", 2),
        "the cache": subject.process("run"),
    }

    assert {name: each.digest for name, each in others.items()} == dict.fromkeys(
        others, whole.digest
    )


@pytest.mark.slow
@pytest.mark.xdist_group("ray")
def test_ray_gives_the_same_report(subject):
    pytest.importorskip("ray")
    whole = subject.process("run", "--no-cache")

    on_ray = subject.process("run", "--no-cache", "--engine", "ray", "--workers", 2)

    assert on_ray.digest == whole.digest, on_ray.errors + on_ray.err
    assert on_ray.out == whole.out


def test_saved_predictions_know_no_cells(project, monkeypatch):
    _, labels = project.images(40)
    rows = [f"{i},{'dark' if y == 0 else 'bright'},{1 - y},{y}" for i, y in enumerate(labels)]
    project.write("p.csv", "\n".join(["id,label,dark,bright", *rows]) + "\n")
    changes = {"model": None, "data": {"test": {"predictions": "p.csv"}}, "input": None}
    whole = project.run(**changes)

    monkeypatch.setattr(work_units, "ROWS", 3)

    assert project.run("--workers", "2", **changes).digest == whole.digest
    assert json.dumps(whole.report["errors"]) == "[]"
