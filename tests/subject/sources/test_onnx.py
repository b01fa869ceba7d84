"""An ONNX file states its classes and its softmax; how images are prepared is asked for."""

import numpy as np
import pytest

from gate.errors import CheckpointError
from gate.subject.sources.onnx import SOURCE
from gate.subject.sources.source import Artefact

onnx = pytest.importorskip("onnx", reason="builds the graphs; an extra of the tests")

NAMES = "{0: 'cat', 1: \"it's\", 2: '10'}"


def build(
    path, *, shape=("N", 3, 8, 8), classes=3, last=(), metadata=None, domain="", functions=()
):
    """Write a graph whose scores are linear in the mean of each channel."""
    make, floats = onnx.helper, onnx.TensorProto.FLOAT
    last_axes = shape[3] in (1, 3) and shape[1] not in (1, 3)
    channels = shape[3] if last_axes else shape[1]
    axes = [1, 2] if last_axes else [2, 3]
    weight = np.random.default_rng(0).normal(size=(channels, classes)).astype("f4")
    nodes = [
        make.make_node("ReduceMean", ["x"], ["m"], axes=axes, keepdims=0),
        make.make_node("MatMul", ["m", "w"], ["s0"]),
    ]
    for index, operator in enumerate(last):
        of = domain if operator == "Own" else ""
        nodes.append(make.make_node(operator, [f"s{index}"], [f"s{index + 1}"], domain=of))
    name = f"s{len(last)}"
    graph = make.make_graph(
        nodes,
        "g",
        [make.make_tensor_value_info("x", floats, shape)],
        [make.make_tensor_value_info(name, floats, [shape[0], classes])],
        [onnx.numpy_helper.from_array(weight, "w")],
    )
    opsets = [make.make_opsetid("", 13)] + ([make.make_opsetid(domain, 1)] if domain else [])
    model = make.make_model(graph, opset_imports=opsets, ir_version=8, functions=list(functions))
    onnx.helper.set_model_props(model, metadata or {})
    path.write_bytes(model.SerializeToString())
    return weight


@pytest.fixture
def states(tmp_path):
    def stated(**how):
        build(tmp_path / "m.onnx", **how)
        return SOURCE.states(Artefact("m.onnx", tmp_path))

    return stated


@pytest.mark.parametrize("names", [NAMES, '{"0": "cat", "1": "it\'s", "2": "10"}'])
def test_classes_come_from_the_metadata(states, names):
    found = states(metadata={"names": names})

    assert found.classes.value == ("cat", "it's", "10")
    assert found.classes.source == "metadata: names"
    assert [ask.key for ask in found.asks] == ["input"]


def test_the_input_is_asked_for_with_the_size_of_the_graph_and_no_mean(states):
    (ask,) = states(metadata={"names": NAMES}).asks

    assert ask.proposal == "input: {size: [8, 8], channels: RGB, resize: stretch}"
    assert "mean and std may be inside" in ask.fact


def test_an_export_of_ultralytics_is_proposed_its_own_preprocessing(states):
    import yaml

    from gate.subject.inputs import InputSpec

    said = {"author": "Ultralytics", "names": NAMES, "task": "classify", "imgsz": "[8, 8]"}
    (ask,) = states(metadata=said).asks

    spec = InputSpec.model_validate(yaml.safe_load(ask.proposal)["input"])
    assert (spec.orientation, spec.resize, spec.crop) == ("exif", "shorter-side", "center")


@pytest.mark.parametrize(
    ("metadata", "fact"),
    [
        ({"names": NAMES, "task": "detect"}, "its task is 'detect'"),
    ],
)
def test_metadata_that_contradicts_the_graph_is_refused(states, metadata, fact):
    with pytest.raises(CheckpointError, match=fact) as raised:
        states(metadata=metadata)

    assert raised.value.identity.sha256


def test_a_size_in_the_metadata_that_is_not_the_graphs_is_a_finding(states):
    found = states(metadata={"names": NAMES, "imgsz": "[64, 64]"})

    assert [str(each) for each in found.checks] == [
        "the size of images is [64, 64] in metadata: imgsz and [8, 8] in the graph"
    ]
    assert states(metadata={"names": NAMES, "imgsz": "[8, 8]"}).checks == ()


def test_another_number_of_names_than_scores_is_a_finding_and_the_names_are_asked_for(states):
    found = states(metadata={"names": "{0: 'a', 1: 'b'}"})

    assert found.classes is None
    asked = {ask.key: ask.fact for ask in found.asks}
    assert asked["classes"] == "its metadata names 2 classes, and its output has 3 scores"
    assert [str(each) for each in found.checks] == [
        "the number of classes is 2 in metadata: names and 3 in the graph"
    ]


def test_metadata_that_is_code_is_not_run_and_classes_are_asked_for(states, tmp_path):
    code = f"{{0: open({str(tmp_path / 'CANARY')!r}, 'w'), 1: 'b', 2: 'c'}}"

    found = states(metadata={"names": code})

    assert found.classes is None
    assert [ask.key for ask in found.asks] == ["input", "classes"]
    assert not (tmp_path / "CANARY").exists()


@pytest.mark.parametrize(
    ("last", "output"),
    [
        ((), None),
        (("Softmax",), "probability"),
        (("Softmax", "Identity", "Flatten"), "probability"),
        (("Identity",), None),
        (("LogSoftmax",), None),
        (("Softmax", "Relu"), None),
    ],
)
def test_softmax_at_the_end_of_the_graph_is_stated(states, last, output):
    found = states(last=last)

    assert (found.output and found.output.value) == output


def test_a_sigmoid_over_several_scores_is_refused_and_over_one_is_a_probability(states):
    with pytest.raises(CheckpointError, match="each class is decided alone"):
        states(last=("Sigmoid",))

    assert states(last=("Sigmoid",), classes=1).output.value == "probability"


def test_operators_of_somebodys_library_are_refused(states):
    with pytest.raises(CheckpointError, match=r"acme.ops:Own") as raised:
        states(last=("Own",), domain="acme.ops")

    assert raised.value.refusal == "refused-unsafe"


def test_operators_that_the_file_defines_itself_are_no_library(states):
    make = onnx.helper
    own = make.make_function(
        "acme.ops",
        "Own",
        ["a"],
        ["b"],
        [make.make_node("Relu", ["a"], ["b"])],
        [make.make_opsetid("", 13)],
    )

    assert states(last=("Own",), domain="acme.ops", functions=[own]).classes is None


def test_a_library_called_by_a_function_of_the_file_is_refused(states):
    make = onnx.helper
    own = make.make_function(
        "acme.ops",
        "Own",
        ["a"],
        ["b"],
        [make.make_node("Evil", ["a"], ["b"], domain="evil.ops")],
        [make.make_opsetid("", 13), make.make_opsetid("evil.ops", 1)],
    )

    with pytest.raises(CheckpointError, match=r"evil.ops:Evil"):
        states(last=("Own",), domain="acme.ops", functions=[own])


@pytest.mark.parametrize(
    ("place", "fact", "kind"),
    [
        ("../outside.bin", "outside of its folder", "refused-unsafe"),
        ("/etc/passwd", "outside of its folder", "refused-unsafe"),
        ("weights.bin", "lie in another file 'weights.bin'", "mismatch"),
    ],
)
def test_weights_in_another_file_are_refused(tmp_path, place, fact, kind):
    build(tmp_path / "m.onnx")
    model = onnx.load(tmp_path / "m.onnx")
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=place)
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())

    with pytest.raises(CheckpointError, match=fact) as raised:
        SOURCE.states(Artefact("m.onnx", tmp_path))
    assert raised.value.refusal == kind


@pytest.mark.parametrize("tenth", range(1, 10))
def test_a_file_that_was_cut_is_refused_in_words(tmp_path, tenth):
    build(tmp_path / "m.onnx", metadata={"names": NAMES})
    data = (tmp_path / "m.onnx").read_bytes()
    (tmp_path / "m.onnx").write_bytes(data[: len(data) * tenth // 10])

    with pytest.raises(CheckpointError, match="is not the protobuf of an ONNX model"):
        SOURCE.states(Artefact("m.onnx", tmp_path))


IMAGES = np.random.default_rng(1).random((7, 3, 8, 8)).astype("f4")


@pytest.mark.parametrize("shape", [("N", 3, 8, 8), (1, 3, 8, 8), (3, 3, 8, 8), ("N", 8, 8, 3)])
def test_any_batch_and_any_order_of_axes_is_fed_as_the_graph_takes_it(tmp_path, shape):
    pytest.importorskip("onnxruntime", reason="runs the graphs; an extra of the product")
    weight = build(tmp_path / "m.onnx", shape=shape)

    with SOURCE.open(Artefact("m.onnx", tmp_path), threads=1) as opened:
        answer = opened.model(IMAGES)

    np.testing.assert_allclose(answer, IMAGES.mean((2, 3)) @ weight, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "remedy"),
    [
        (("N", 3, 16, 16), r"images of 16 x 16 .* gets 8 x 8; .*size: \[16, 16\]"),
        (("N", 1, 8, 8), r"images of 1 channel, and gets 3; .*channels: L"),
    ],
)
def test_images_that_the_graph_does_not_take_are_said_with_what_it_takes(tmp_path, shape, remedy):
    pytest.importorskip("onnxruntime", reason="runs the graphs; an extra of the product")
    build(tmp_path / "m.onnx", shape=shape)

    with (
        SOURCE.open(Artefact("m.onnx", tmp_path), threads=1) as opened,
        pytest.raises(CheckpointError, match=remedy),
    ):
        opened.model(IMAGES)


def test_a_batch_of_a_thousand_million_images_is_refused_before_any_memory_is_taken(tmp_path):
    pytest.importorskip("onnxruntime", reason="runs the graphs; an extra of the product")
    build(tmp_path / "m.onnx", shape=(10**9, 3, 8, 8))

    with (
        pytest.raises(CheckpointError, match="takes 1,000,000,000 images at once"),
        SOURCE.open(Artefact("m.onnx", tmp_path), threads=1),
    ):
        pass
