"""What a refusal says to do is done here as it is printed, and ends in a verdict.

Commands of libraries that are not installed are parsed; the names in them are those of keras 3.15,
fastai 2.8, mlflow 3.17 and ultralytics 8.4.
"""

import ast
import re
import shlex
import subprocess
import sys
import warnings
import zipfile

import pytest
import torch
from torch import nn

from gate.subject.checkpoints.resaving import FASTAI, KERAS, ULTRALYTICS

_COMMAND = re.compile(r"run: (python -c \"[^\"]+\")")


def command_in(text):
    (command,) = _COMMAND.findall(" ".join(text.split()))
    return shlex.split(command)


def remedy_of(project, artefact, **changes):
    """Return what the report of a refusal says to do; it was measured by nobody."""
    ran = project.run(model={"checkpoint": artefact}, **changes)
    (error,) = ran.report["errors"]
    assert ran.status == 4
    assert ran.report["confusion"] == {}
    return error["remedy"]


def follow(project, remedy, **names):
    """Run the command of a remedy, with the file's own name in the place of its example."""
    python, *arguments = command_in(remedy)
    assert python == "python"
    for example, name in names.items():
        arguments = [
            each.replace(f"'{example.replace('__', '.')}'", f"'{name}'") for each in arguments
        ]
    with warnings.catch_warnings():
        ran = subprocess.run(
            [sys.executable, "-W", "ignore", *arguments],
            cwd=project.folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert ran.returncode == 0, ran.stderr


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv2d(1, 1, 1, bias=False), nn.Linear(64, 2)

    def forward(self, images):
        return self.head(self.conv(images).flatten(1))


@pytest.fixture
def net(project):
    """Return the network with the project's weights, ready to be saved in some other way."""
    made = Net().eval()
    made.load_state_dict(torch.load(project.folder / "model.pt", weights_only=True))
    return made


def verdict(project, checkpoint="weights.pt"):
    ran = project.run(model={"checkpoint": checkpoint, "factory": "nets:build"})
    return ran.status


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_a_torchscript_archive_is_saved_as_weights(project, net):
    torch.jit.trace(net, torch.zeros(1, 1, 8, 8)).save(project.folder / "scripted.pt")

    follow(project, remedy_of(project, "scripted.pt"), MODEL__pt="scripted.pt")

    assert verdict(project) == 0


def test_an_exported_program_with_code_beside_it_is_saved_as_weights(project, net):
    program = torch.export.export(net, (torch.zeros(2, 1, 8, 8),))
    torch.export.save(program, project.folder / "m.pt2", extra_files={"helper.py": "pass"})

    follow(project, remedy_of(project, "m.pt2"), MODEL__pt2="m.pt2")

    assert verdict(project) == 0


def test_a_pickled_module_is_saved_as_weights(project, net):
    torch.save(net, project.folder / "whole.pt")

    remedy = remedy_of(project, "whole.pt")
    (code,) = re.findall(r"torch\.save\(.+\)", remedy)
    program = code.replace('"weights.pt"', "path")
    exec(program, {"torch": torch, "model": net, "path": project.folder / "weights.pt"})

    assert verdict(project) == 0


def test_an_onnx_file_with_its_weights_beside_it_is_saved_whole(project):
    onnx = pytest.importorskip("onnx", reason="writes the graph; an extra of the tests")
    pytest.importorskip("onnxruntime", reason="runs the graph; an extra of the product")
    make, floats = onnx.helper, onnx.TensorProto.FLOAT
    saved = torch.load(project.folder / "model.pt", weights_only=True)
    weights = [
        onnx.numpy_helper.from_array(saved["head.weight"].T.contiguous().numpy(), "w"),
        onnx.numpy_helper.from_array(saved["head.bias"].numpy(), "b"),
    ]
    nodes = [
        make.make_node("Flatten", ["x"], ["f"]),
        make.make_node("Gemm", ["f", "w", "b"], ["y"]),
    ]
    graph = make.make_graph(
        nodes, "g",
        [make.make_tensor_value_info("x", floats, ["N", 1, 8, 8])],
        [make.make_tensor_value_info("y", floats, ["N", 2])],
        weights,
    )  # fmt: skip
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 17)], ir_version=9)
    onnx.save(
        model, project.folder / "m.onnx", save_as_external_data=True, size_threshold=0,
        location="m.data",
    )  # fmt: skip

    follow(project, remedy_of(project, "m.onnx"), MODEL__onnx="m.onnx")

    assert project.run(model={"checkpoint": "whole.onnx"}).status == 0


def test_a_pickled_module_in_an_mlflow_folder_is_saved_as_weights(project, net, monkeypatch):
    pytest.importorskip("mlflow.pytorch", reason="loads what it has saved itself")
    import mlflow.pytorch

    mlflow.pytorch.save_model(net, str(project.folder / "ml"), serialization_format="pickle")

    follow(project, remedy_of(project, "ml"))

    assert verdict(project) == 0


def keras_archive(project):
    with zipfile.ZipFile(project.folder / "m.keras", "w") as archive:
        for name in ("metadata.json", "config.json", "model.weights.h5"):
            archive.writestr(name, "{}")
    return "m.keras"


def learner(project):
    pickled(project, "fastai.learner", "Learner")
    return "m.pt"


def yolo(project):
    pickled(project, "ultralytics.nn.tasks", "ClassificationModel")
    return "m.pt"


def pickled(project, module, name):
    """Save an object of a class as another library has it, which is not installed here."""
    import pickle
    import types

    holder = types.ModuleType(module)
    made = type(name, (), {"__module__": module})
    setattr(holder, name, made)
    parents = [module.rsplit(".", depth)[0] for depth in range(module.count(".") + 1)]
    known = {each: sys.modules.get(each) for each in parents}
    sys.modules.update(dict.fromkeys(parents, holder))
    try:
        torch.save(
            {"model": made(), "weight": torch.ones(2, 2)},
            project.folder / "m.pt",
            pickle_module=pickle,
        )
    finally:
        for each, module_before in known.items():
            if module_before is None:
                del sys.modules[each]
            else:
                sys.modules[each] = module_before


@pytest.mark.parametrize(
    ("made", "what", "remedy"),
    [
        (keras_archive, "it is a Keras model", KERAS),
        (learner, "it is a whole fastai Learner", FASTAI),
        (yolo, "it is a whole model of Ultralytics", ULTRALYTICS),
    ],
)
def test_the_file_of_another_library_is_refused_with_the_command_of_that_library(
    project, made, what, remedy
):
    artefact = made(project)

    said = remedy_of(project, artefact)

    assert " ".join(said.split()) == remedy
    seen = project.command("inspect", artefact)
    assert seen.status == 4
    assert what in seen.out


@pytest.mark.parametrize("remedy", [KERAS, FASTAI])
def test_commands_of_libraries_that_are_not_installed_are_python(remedy):
    _, option, code = command_in(remedy)

    assert option == "-c"
    ast.parse(code)


def test_what_is_no_model_of_another_library_keeps_the_general_remedy(project, net):
    torch.save({"net": net}, project.folder / "m.pt")

    assert "yolo" not in remedy_of(project, "m.pt")
