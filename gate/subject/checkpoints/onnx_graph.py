"""The statements of an ONNX file: its shapes, the end of its graph, and its metadata.

It is read here, without onnxruntime, before anything of it is run: names of classes, the size of an
image, whether softmax is inside. A graph that needs code or files from elsewhere is refused.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from gate.subject.checkpoints.protobuf import Reader, Value
from gate.subject.checkpoints.refusals import RefusedError, mismatch, unsafe
from gate.wording import list_names, quote

# What onnxruntime brings itself; operators of any other domain are compiled code of somebody's.
_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft", "com.microsoft.nchwc"})
# Nodes that hand their first input on, whatever its shape.
_PASS_ON = frozenset({"Identity", "Cast", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Dropout"})
_LONGEST = 1 << 20  # bytes of one text of the metadata
_MOST_METADATA = 1000
_MOST_BETWEEN = 100  # nodes from softmax to the output
_DEEPEST = 20  # graphs in branches of graphs

# The fields of ModelProto, GraphProto, NodeProto and TensorProto that are read; onnx.proto3.
_GRAPH, _METADATA, _FUNCTIONS = 7, 14, 25
_NODES, _INITIALIZERS, _INPUTS, _OUTPUTS = 1, 5, 11, 12
_EXTERNAL_DATA, _ATTRIBUTE_GRAPHS = 13, (6, 11)
# The types of numbers that weights have, as TensorProto counts them; 17 to 20 are of eight bits.
_TYPES = {
    1: "float32", 2: "int8", 3: "int8", 10: "float16", 11: "float64", 16: "bfloat16",
    17: "float8", 18: "float8", 19: "float8", 20: "float8", 21: "int4", 22: "int4",
}  # fmt: skip

_AGAIN = "export it again with the operators of ONNX alone"

Axis = int | None  # None: any length


@dataclass(frozen=True, slots=True)
class Node:
    """One operation of the graph."""

    operator: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """What an ONNX file says of itself."""

    inputs: Mapping[str, tuple[Axis, ...]]  # without those that have a value in the file
    outputs: Mapping[str, tuple[Axis, ...]]
    nodes: tuple[Node, ...]
    metadata: Mapping[str, str]
    weights: Mapping[str, int] = field(default_factory=dict)  # by type, how many numbers are used

    @property
    def image(self) -> tuple[Axis, ...]:
        """The axes of the only input, (N, C, H, W) or (N, H, W, C); empty where there are more."""
        axes = next(iter(self.inputs.values()), ())
        return axes if len(self.inputs) == 1 and len(axes) == 4 else ()

    @property
    def channels_last(self) -> bool:
        """Whether an image is (H, W, C): of 1 or 3 channels by the last axis, and not the first."""
        return bool(self.image) and self.image[3] in (1, 3) and self.image[1] not in (1, 3)

    @property
    def channels(self) -> Axis:
        """The channels of an image; None where they are not fixed."""
        if not self.image:
            return None
        return self.image[3 if self.channels_last else 1]

    @property
    def size(self) -> tuple[Axis, Axis]:
        """Height and width of an image; None where they are not fixed."""
        if not self.image:
            return None, None
        return self.image[1:3] if self.channels_last else self.image[2:4]  # type: ignore[return-value]

    @property
    def classes(self) -> Axis:
        """The scores of an image; None where there is not one output with a fixed number."""
        axes = next(iter(self.outputs.values()), ())
        return axes[-1] if len(self.outputs) == 1 and len(axes) == 2 else None

    @property
    def last(self) -> str:
        """The operator that makes the output, behind those that only hand it on; empty: unknown."""
        makers = {name: node for node in self.nodes for name in node.outputs}
        name = next(iter(self.outputs), "")
        for _ in range(_MOST_BETWEEN):
            node = makers.get(name)
            if node is None or node.domain not in ("", "ai.onnx"):
                return ""
            if node.operator not in _PASS_ON or not node.inputs:
                return node.operator
            name = node.inputs[0]
        return ""


def read_graph(data: memoryview) -> Graph:
    """Return what the bytes of an ONNX file say of it.

    Raises RefusedError for bytes that are none, operators that somebody's code would have to
    bring, and weights that lie in another file.
    """
    reader = Reader()
    graph = memoryview(b"")
    metadata: dict[str, str] = {}
    own: set[tuple[str, ...]] = set()
    called: list[Node] = []
    for number, value in reader.fields(data):
        if not isinstance(value, memoryview):
            continue
        if number == _GRAPH:
            graph = value
        elif number == _METADATA and len(metadata) < _MOST_METADATA:
            key, text = _texts(reader, value, 1, 2)
            metadata[key] = text
        elif number == _FUNCTIONS:
            own.add(_texts(reader, value, 10, 1))  # domain and name
            for node in reader.messages(value, 7):
                called.extend(_nodes(reader, node))
    nodes: list[Node] = []
    weights: list[tuple[str, int, int]] = []
    inputs: dict[str, tuple[Axis, ...]] = {}
    outputs: dict[str, tuple[Axis, ...]] = {}
    for number, value in reader.fields(graph):
        if not isinstance(value, memoryview):
            continue
        match number:
            case 1:
                nodes.extend(_nodes(reader, value))
            case 5:
                weights.append(_initializer(reader, value))
            case 11 | 12:
                name, axes = _shaped(reader, value)
                (inputs if number == _INPUTS else outputs)[name] = axes
    _refuse_foreign([*nodes, *called], own)
    values = {name for name, _, _ in weights}
    inputs = {name: axes for name, axes in inputs.items() if name not in values}
    return Graph(inputs, outputs, tuple(nodes), metadata, _count(weights, nodes))


def _nodes(reader: Reader, message: memoryview, depth: int = 0) -> Iterator[Node]:
    """Yield a node, and before it those of the graphs that it holds: the branches of an If."""
    if depth > _DEEPEST:
        raise unsafe("its graph has branches in branches, too deep to be read", _AGAIN)
    inputs, outputs, operator, domain = [], [], "", ""
    for number, value in reader.fields(message):
        if not isinstance(value, memoryview):
            continue
        match number:
            case 1:
                inputs.append(_text(value))
            case 2:
                outputs.append(_text(value))
            case 4:
                operator = _text(value)
            case 5:
                for branch in _graphs(reader, value):
                    yield from _nodes(reader, branch, depth + 1)
            case 7:
                domain = _text(value)
    yield Node(operator, domain, tuple(inputs), tuple(outputs))


def _graphs(reader: Reader, attribute: memoryview) -> Iterator[memoryview]:
    """Yield the nodes of the graphs in an attribute."""
    for number, value in reader.fields(attribute):
        if number in _ATTRIBUTE_GRAPHS and isinstance(value, memoryview):
            yield from reader.messages(value, _NODES)


def _count(weights: list[tuple[str, int, int]], nodes: list[Node]) -> Mapping[str, int]:
    """Return how many numbers of each type the weights have that some node uses."""
    used = {name for node in nodes for name in node.inputs}
    found: Counter[str] = Counter()
    for name, kind, numbers in weights:
        if name in used and kind in _TYPES:  # the others are shapes and places
            found[_TYPES[kind]] += numbers
    return found


def _initializer(reader: Reader, message: memoryview) -> tuple[str, int, int]:
    """Return name and type of a weight, and how many numbers it has.

    Raises RefusedError where its numbers lie elsewhere.
    """
    name, kind, numbers = "", 0, 1
    for number, value in reader.fields(message):
        if number == 1:
            numbers *= math.prod(reader.integers(value))
        elif number == 2 and isinstance(value, int):
            kind = value
        elif number == 8 and isinstance(value, memoryview):
            name = _text(value)
        elif number == _EXTERNAL_DATA and isinstance(value, memoryview):
            raise _external(*_texts(reader, value, 1, 2))
    return name, kind, numbers


def _external(key: str, place: str) -> RefusedError:
    parts = place.replace("\\", "/").split("/")
    remedy = (
        "to have it in one file, run: python -c \"import onnx; onnx.save(onnx.load('MODEL.onnx'), "
        "'whole.onnx')\""
    )
    if key == "location" and (".." in parts or place.startswith("/") or ":" in parts[0]):
        return unsafe(
            f"its weights lie in {quote(place)}, which is outside of its folder",
            "do not load the file elsewhere; ask who made it",
        )
    named = f" {quote(place)}" if key == "location" else ""
    return mismatch(f"its weights lie in another file{named}, which is not read", remedy)


def _shaped(reader: Reader, message: memoryview) -> tuple[str, tuple[Axis, ...]]:
    """Return name and axes of a ValueInfoProto: type, tensor_type, shape, dim, dim_value."""
    name, axes = "", []
    for number, value in reader.fields(message):
        if number == 1 and isinstance(value, memoryview):
            name = _text(value)
        elif number == 2 and isinstance(value, memoryview):
            for tensor in reader.messages(value, 1):
                for shape in reader.messages(tensor, 2):
                    axes = [_length(reader, axis) for axis in reader.messages(shape, 1)]
    return name, tuple(axes)


def _length(reader: Reader, axis: memoryview) -> Axis:
    for number, value in reader.fields(axis):
        if number == 1 and isinstance(value, int) and 0 < value < 1 << 31:
            return value
    return None


def _texts(reader: Reader, message: memoryview, *numbers: int) -> tuple[str, ...]:
    found: dict[int, Value] = dict(reader.fields(message))
    return tuple(
        _text(value) if isinstance(value := found.get(number), memoryview) else ""
        for number in numbers
    )


def _text(value: memoryview) -> str:
    return bytes(value[:_LONGEST]).decode("utf-8", "replace")


def _refuse_foreign(nodes: list[Node], own: set[tuple[str, ...]]) -> None:
    """Refuse operators that neither onnxruntime nor the file itself defines."""
    foreign = sorted(
        {
            f"{node.domain}:{node.operator}"
            for node in nodes
            if node.domain not in _DOMAINS and (node.domain, node.operator) not in own
        }
    )
    if foreign:
        raise unsafe(
            f"its graph needs operators from a library of somebody's: {list_names(foreign)}",
            _AGAIN,
        )
