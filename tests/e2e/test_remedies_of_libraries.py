"""The commands for files of fastai and Ultralytics are run as they are printed, to a verdict.

The libraries here are small: their public names, and what their pages say that these do. The real
ones bring gigabytes, and code of a licence that this repository keeps out.
"""

import ast
import os
import re
import shlex
import stat
import subprocess
import sys

import pytest
import yaml

FASTAI = '''
import pickle

import torch


class DataLoaders:
    """Knows the classes, in the order of the outputs."""

    def __init__(self, vocab):
        self.vocab = vocab


class Learner:
    def __init__(self, dls, model):
        self.dls, self.model = dls, model

    def export(self, fname="export.pkl", pickle_module=pickle, pickle_protocol=2):
        torch.save(self, fname, pickle_module=pickle_module, pickle_protocol=pickle_protocol)


def load_learner(fname, cpu=True, pickle_module=pickle):
    where = "cpu" if cpu else None
    return torch.load(fname, map_location=where, pickle_module=pickle_module, weights_only=False)
'''
TASKS = '''
from nets import Brightness


class ClassificationModel(Brightness):
    """The head gives logits in training, and probabilities when it is exported."""

    names = {0: "dark", 1: "bright"}
'''
# `yolo export model=best.pt format=onnx` writes best.onnx, with metadata and a softmax at its end.
YOLO = """
import sys

import torch
from onnx import TensorProto, helper, numpy_helper, save

mode, *given = sys.argv[1:]
told = dict(each.split("=", 1) for each in given)
assert (mode, told["format"]) == ("export", "onnx")
net = torch.load(told["model"], weights_only=False)["model"].float()
parts = {"w": net.head.weight.T.contiguous(), "b": net.head.bias}
nodes = [
    helper.make_node("ReduceMean", ["x"], ["grey"], axes=[1], keepdims=1),
    helper.make_node("Flatten", ["grey"], ["flat"]),
    helper.make_node("Gemm", ["flat", "w", "b"], ["y"]),
    helper.make_node("Softmax", ["y"], ["p"], axis=1),
]
floats = TensorProto.FLOAT
graph = helper.make_graph(
    nodes, "main_graph",
    [helper.make_tensor_value_info("x", floats, [1, 3, 8, 8])],
    [helper.make_tensor_value_info("p", floats, [1, 2])],
    [numpy_helper.from_array(each.detach().numpy(), name) for name, each in parts.items()],
)
made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
metadata = {"author": "Ultralytics", "task": "classify", "names": str(net.names)}
helper.set_model_props(made, metadata | {"imgsz": "[8, 8]", "stride": "1", "batch": "1"})
save(made, told["model"].replace(".pt", ".onnx"))
"""
SAVE_LEARNER = """
import torch, nets
from fastai.learner import DataLoaders, Learner

model = nets.build()
model.load_state_dict(torch.load("model.pt", weights_only=True))
Learner(DataLoaders(["dark", "bright"]), model).export("export.pkl")
"""
SAVE_BEST = """
import torch
from ultralytics.nn.tasks import ClassificationModel

model = ClassificationModel()
model.load_state_dict(torch.load("model.pt", weights_only=True))
about = {"date": "2026-01-01", "version": "8.4.0", "ema": None, "train_args": {"imgsz": 8}}
torch.save({"model": model.half(), **about}, "best.pt")
"""


@pytest.fixture
def outside(project, tmp_path_factory):
    """Return a function that runs a program where the libraries are, which the gate has not."""
    site = tmp_path_factory.mktemp("libraries")
    for name, text in {
        "fastai/__init__.py": "",
        "fastai/learner.py": FASTAI,
        "ultralytics/__init__.py": "",
        "ultralytics/nn/__init__.py": "",
        "ultralytics/nn/tasks.py": TASKS,
        "bin/yolo": f"#!{sys.executable}\n{YOLO}",
    }.items():
        path = site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (site / "bin" / "yolo").chmod(stat.S_IRWXU)
    (site / "bin" / "python").symlink_to(sys.executable)
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(site / "bin"), os.environ["PATH"]]),
        "PYTHONPATH": os.pathsep.join([str(site), str(project.folder), *filter(None, sys.path)]),
        "PYTHONWARNINGS": "ignore",
    }

    def run(*command):
        ran = subprocess.run(
            command, cwd=project.folder, env=environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    return run


def command_for(project, artefact):
    """Return the command that the refusal of a file prints."""
    ran = project.run(model={"checkpoint": artefact, "factory": "nets:build"})
    assert ran.status == 4
    (error,) = ran.report["errors"]
    found = re.search(r'run: (python -c "[^"]+"|yolo [^,]+), and give', error["remedy"])
    return shlex.split(found[1])


def test_a_learner_of_fastai_is_saved_as_weights_and_classes(project, outside):
    outside("python", "-c", SAVE_LEARNER)

    printed = outside(*command_for(project, "export.pkl"))

    classes = ast.literal_eval(printed.strip().splitlines()[-1])
    model = {"checkpoint": "weights.pt", "factory": "nets:build"}
    assert classes == ["dark", "bright"]
    assert project.run(model=model, classes=classes).status == 0


def test_a_model_of_ultralytics_is_exported_to_onnx_with_its_names(project, outside):
    pytest.importorskip("onnx", reason="writes the graph; an extra of the tests")
    pytest.importorskip("onnxruntime", reason="runs the graph; an extra of the product")
    outside("python", "-c", SAVE_BEST)
    pictures = {
        name: {"path": str(project.folders(name, 50, seed))}
        for seed, name in enumerate(("train", "test"))
    }

    outside(*command_for(project, "best.pt"))

    told = {"model": {"checkpoint": "best.onnx"}, "classes": None, "data": pictures}
    asked = project.run(**told, input=None)
    assert asked.status == 2
    said = " ".join(asked.err.split())
    proposal = re.search(r"if as Ultralytics does by default, add (input: \{[^}]+\})", said)[1]
    assert project.run(**told, **yaml.safe_load(proposal)).status == 0
