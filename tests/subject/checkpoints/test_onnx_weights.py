"""The numbers of an ONNX file's weights are counted by their type, as the library reads them."""

import numpy as np
import pytest

from gate.subject.checkpoints.onnx_graph import read_graph

onnx = pytest.importorskip("onnx", reason="writes the graphs")


def graph_of(*weights, used=None):
    """Return the bytes of a graph with initialisers; by default a node uses each of them."""
    names = [each.name for each in weights] if used is None else used
    nodes = [onnx.helper.make_node("Sum", ["x", *names], ["y"])]
    made = [onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, ["N"]) for n in "xy"]
    graph = onnx.helper.make_graph(nodes, "g", made[:1], made[1:], list(weights))
    return memoryview(onnx.helper.make_model(graph).SerializeToString())


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("FLOAT", "float32"),
        ("FLOAT16", "float16"),
        ("BFLOAT16", "bfloat16"),
        ("DOUBLE", "float64"),
        ("INT8", "int8"),
        ("UINT8", "int8"),
        ("FLOAT8E4M3FN", "float8"),
        ("INT4", "int4"),
    ],
)
def test_each_type_is_counted_under_its_name(kind, name):
    raw = onnx.TensorProto(
        name="w", dims=[3, 500, 2], data_type=getattr(onnx.TensorProto, kind), raw_data=b""
    )

    assert read_graph(graph_of(raw)).weights == {name: 3000}


def test_shapes_and_what_no_node_uses_are_not_counted():
    numbers = onnx.numpy_helper.from_array
    found = graph_of(
        numbers(np.zeros((2, 3), np.float32), "w"),
        numbers(np.zeros(4, np.int64), "shape"),
        numbers(np.zeros(999, np.int8), "padding"),
        used=["w", "shape"],
    )

    assert read_graph(found).weights == {"float32": 6}


def test_a_single_number_counts_as_one():
    scalar = onnx.numpy_helper.from_array(np.array(1.0, np.float32), "w")

    assert read_graph(graph_of(scalar)).weights == {"float32": 1}


def test_axes_that_are_packed_are_read_alike():
    packed = b"\x0a\x03\x07\xac\x02" + onnx.TensorProto(name="w", data_type=1).SerializeToString()
    assert list(onnx.TensorProto.FromString(packed).dims) == [7, 300]
    node = onnx.helper.make_node("Sum", ["w"], ["y"]).SerializeToString()

    def field(number, data):
        return bytes([number << 3 | 2, len(data)]) + data

    model = field(7, field(1, node) + field(5, packed))

    assert read_graph(memoryview(model)).weights == {"float32": 2100}
