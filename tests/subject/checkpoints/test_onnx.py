import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from checkpoint_corpus.models import SmallCnn, small_cnn

from gate.errors import CheckpointError, MissingExtraError, Refusal
from gate.subject.checkpoints import inspect, load_into, open_checkpoint
from gate.subject.checkpoints.onnx import open_onnx

onnx = pytest.importorskip("onnx", reason="writes the models; an extra of the tests")
pytest.importorskip("onnxruntime", reason="runs the models; an optional extra of the product")

IMAGES = torch.rand(5, 1, 16, 16, generator=torch.Generator().manual_seed(3))


def _exported(model: SmallCnn, change: Callable[[Any], None] = lambda _: None) -> bytes:
    """Return the network as an ONNX graph, written node by node."""
    make, floats = onnx.helper, onnx.TensorProto.FLOAT
    weights = [
        onnx.numpy_helper.from_array(value.numpy(), name)
        for name, value in model.state_dict().items()
        if value.is_floating_point()
    ]
    normalised = [f"bn1.{part}" for part in ("weight", "bias", "running_mean", "running_var")]
    nodes = [
        make.make_node("Conv", ["x", "conv1.weight", "conv1.bias"], ["a"], pads=[1] * 4),
        make.make_node("BatchNormalization", ["a", *normalised], ["b"], epsilon=1e-5),
        make.make_node("Relu", ["b"], ["c"]),
        make.make_node("Conv", ["c", "conv2.weight", "conv2.bias"], ["d"], pads=[1] * 4),
        make.make_node("MaxPool", ["d"], ["e"], kernel_shape=[4, 4], strides=[4, 4]),
        make.make_node("Flatten", ["e"], ["f"]),
        make.make_node("Gemm", ["f", "fc.weight", "fc.bias"], ["y"], transB=1),
    ]
    images = make.make_tensor_value_info("x", floats, ["N", 1, "H", "W"])
    logits = make.make_tensor_value_info("y", floats, ["N", "classes"])
    graph = make.make_graph(nodes, "cnn", [images], [logits], weights)
    change(graph)
    opset = [make.make_opsetid("", 17)]
    return make.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "model.bin"
    path.write_bytes(_exported(small_cnn(seed=1)))
    return path


def test_the_logits_are_those_of_torch(path: Path) -> None:
    with open_onnx(path) as model:
        logits = model(IMAGES.numpy())

    with torch.no_grad():
        expected = small_cnn(seed=1)(IMAGES).numpy()
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)


def test_the_report_can_say_what_was_run_and_which_sandbox_held(path: Path) -> None:
    with open_onnx(path) as model:
        sandbox, identity = model.sandbox, model.identity

    assert identity.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert identity.format == "onnx"
    assert list(sandbox.held) == ["rlimits", "no_new_privileges", "network", "landlock"]


def test_images_of_another_size_are_a_mismatch_and_the_model_goes_on(path: Path) -> None:
    with open_onnx(path) as model:
        with pytest.raises(CheckpointError, match=r"does not take images of shape") as raised:
            model(np.zeros((2, 1, 28, 28), np.float32))

        assert model(IMAGES.numpy()).shape == (5, 10)
    assert raised.value.refusal is Refusal.MISMATCH


def _two_outputs(graph: Any) -> None:
    graph.output.append(onnx.helper.make_tensor_value_info("f", onnx.TensorProto.FLOAT, None))


def _flat_input(graph: Any) -> None:
    shape = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["N", 256])
    graph.input[0].CopyFrom(shape)


def _unknown_operator(graph: Any) -> None:
    graph.node[2].op_type = "Explode"


def _outside_data(graph: Any) -> None:
    weight = graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = onnx.TensorProto.EXTERNAL
    entry = weight.external_data.add()
    entry.key, entry.value = "location", "../../../../etc/passwd"


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        (_two_outputs, Refusal.MISMATCH),
        (_flat_input, Refusal.CORRUPT),
        (_unknown_operator, Refusal.CORRUPT),
        (_outside_data, Refusal.CORRUPT),
    ],
)
def test_a_graph_that_is_no_classifier_is_refused(
    change: Callable[[Any], None], refusal: Refusal, path: Path
) -> None:
    path.write_bytes(_exported(small_cnn(), change))

    with pytest.raises(CheckpointError) as raised:
        open_onnx(path)

    assert raised.value.refusal is refusal
    assert str(raised.value).isprintable()


@pytest.mark.parametrize("tenths", range(1, 10))
def test_a_cut_graph_is_corrupt(tenths: int, path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * tenths // 10])

    with pytest.raises(CheckpointError) as raised:
        open_onnx(path)

    assert raised.value.refusal is Refusal.CORRUPT


def test_a_worker_that_dies_is_a_refusal(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workers = []

    class Recorded(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            workers.append(self)

    monkeypatch.setattr(subprocess, "Popen", Recorded)
    with open_onnx(path) as model:
        workers[0].kill()

        with pytest.raises(CheckpointError, match="its worker stopped") as raised:
            model(IMAGES.numpy())
    assert raised.value.refusal is Refusal.CORRUPT


def test_a_checkpoint_is_not_run_as_a_graph(tmp_path: Path) -> None:
    torch.save(small_cnn().state_dict(), tmp_path / "x.pt")

    with pytest.raises(CheckpointError, match="is not an ONNX model"):
        open_onnx(tmp_path / "x.pt")


def test_a_graph_is_not_loaded_as_a_checkpoint(path: Path) -> None:
    with pytest.raises(CheckpointError, match="brings its own graph") as raised:
        load_into(open_checkpoint(path), small_cnn())

    assert raised.value.identity.format == "onnx"
    assert inspect(path).identity.format == "onnx"


def test_another_graph_than_the_pinned_one_is_refused(path: Path) -> None:
    with pytest.raises(CheckpointError, match="is pinned"):
        open_onnx(path, sha256="0" * 64)


def test_without_onnxruntime_the_extra_is_named(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    with pytest.raises(MissingExtraError, match=r"'\.\[onnx\]'"):
        open_onnx(path)
