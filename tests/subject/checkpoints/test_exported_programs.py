"""Exported programs that torch really writes are read; what another loader would run is refused.

The hostile ones, and that each fires in torch, are in test_pickles_hostile.py.
"""

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from checkpoint_corpus.archives import members_of, write_zip
from checkpoint_corpus.hostile import exported
from checkpoint_corpus.models import SmallCnn, small_cnn, state
from torch.export import Dim

from gate.errors import CheckpointError, Refusal
from gate.subject.checkpoints import load_into, open_checkpoint
from gate.subject.checkpoints.expressions import is_guard, is_size
from gate.subject.checkpoints.program_graphs import MAX_GRAPH

AUTO = Dim.AUTO


class Pooled(SmallCnn):
    """Takes images of any size: the head stands on an average over the picture."""

    def __init__(self) -> None:
        super().__init__(size=4)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        hidden = torch.relu(self.bn1(self.conv1(images)))
        return self.fc(torch.nn.functional.adaptive_avg_pool2d(self.conv2(hidden), 1).flatten(1))


class Cropped(Pooled):
    """Cuts the middle square out, pads to a multiple of 8 and shrinks: sizes in many functions."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        height, width = images.shape[2:]
        side = min(height, width) // 2
        middle = images[:, :, height // 2 - side : height // 2 + side]
        padded = torch.nn.functional.pad(middle, (0, (8 - width % 8) % 8))
        small = torch.nn.functional.interpolate(
            padded, size=(max(1, int(height * 0.75)), max(1, width // 3))
        )
        return super().forward(small) * (images.shape[0] ** 0.5 / 3)


class Branched(Pooled):
    """Takes one of two ways by the size of the batch."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        seen = torch.cond(images.shape[0] > 3, lambda x: x.sin(), lambda x: x.cos(), [images])
        return super().forward(seen)


class Counted(Pooled):
    """Has a size that the data decides."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        count = (images > 0).sum().item()
        torch._check(count >= 0)
        return super().forward(images) + torch.zeros(count).sum() + images.nonzero().shape[0]


class Named(Pooled):
    """Gives a dictionary, takes keyword arguments, and has a constant."""

    def forward(self, images: torch.Tensor, *, scale: torch.Tensor, mode: str) -> Any:
        assert mode == "eval"
        logits = super().forward(images * scale + torch.tensor([0.5]))
        return {"the answer": (logits, images), "rest": [logits, None]}


@dataclass
class Program:
    """How a program is exported: its network, inputs and which of their sizes are free."""

    model: Callable[[], torch.nn.Module]
    shapes: Any
    kwargs: Mapping[str, object]


HALF = Dim("half", min=2, max=64)
PROGRAMS = {
    "fixed sizes": Program(Pooled, None, {}),
    "any batch": Program(Pooled, {"images": {0: Dim("batch", min=1, max=64)}}, {}),
    "any batch and size": Program(Pooled, {"images": {0: AUTO, 2: AUTO, 3: AUTO}}, {}),
    "derived sizes": Program(Pooled, {"images": {2: 2 * HALF, 3: 2 * HALF}}, {}),
    "cropped": Program(Cropped, {"images": {0: AUTO, 2: AUTO, 3: AUTO}}, {}),
    "branched": Program(Branched, {"images": {0: AUTO}}, {}),
    "counted": Program(Counted, {"images": {0: AUTO}}, {}),
    "named": Program(
        Named,
        {"images": {0: AUTO}, "scale": {0: AUTO}, "mode": None},
        {"scale": torch.ones(2, 1, 1, 1), "mode": "eval"},
    ),
}


@pytest.mark.parametrize(
    "title",
    [
        "any batch",
        "cropped",
        *(
            pytest.param(title, marks=pytest.mark.slow)
            for title in PROGRAMS
            if title not in ("any batch", "cropped")
        ),
    ],
)
def test_a_program_that_torch_writes_is_read(title: str, tmp_path: Path) -> None:
    program = PROGRAMS[title]
    model = program.model().eval()
    traced = torch.export.export(
        model, (torch.rand(2, 1, 16, 18 if title == "cropped" else 16),), dict(program.kwargs),
        dynamic_shapes=program.shapes,
    )  # fmt: skip
    torch.export.save(traced, tmp_path / "x.pt2")
    fresh = program.model().eval()

    report = load_into(open_checkpoint(tmp_path / "x.pt2"), fresh)

    assert report.notes == ()
    for name, value in model.state_dict().items():
        assert torch.equal(fresh.state_dict()[name], value)


@pytest.mark.slow  # tens of seconds of tracing
def test_large_programs_stay_far_below_what_is_read(tmp_path: Path) -> None:
    layers = [torch.nn.Sequential(torch.nn.Conv2d(4, 4, 3), torch.nn.ReLU()) for _ in range(200)]
    deep = torch.nn.Sequential(*layers).eval()
    program = torch.export.export(deep, (torch.rand(1, 4, 500, 500),))
    torch.export.save(program, tmp_path / "x.pt2")

    open_checkpoint(tmp_path / "x.pt2")

    members = members_of(tmp_path / "x.pt2")
    (graph,) = (content for name, content in members.items() if "/models/" in name)
    assert len(graph) * 10 < MAX_GRAPH


@pytest.mark.parametrize(
    "text",
    [
        "Symbol('s77', positive=True, integer=True)",
        "Add(FloorDiv(Add(Symbol('s0', integer=True), Integer(-1)), Integer(2)), Integer(1))",
        "Max(Integer(1), TruncToInt(Mul(Float('1.5', precision=53), ToFloat(Symbol('s0')))))",
        "Mod(Add(Integer(32), Mul(Integer(-1), Mod(Symbol('s0'), Integer(32)))), Integer(32))",
        "FloatPow(ToFloat(Symbol('s77')), Float('0.5', precision=53))",
        "StrictGreaterThan(Symbol('s77', positive=True, integer=True), Integer(4))",
        "Piecewise(ExprCondPair(Integer(1), Equality(Symbol('u0'), Integer(1))), (0, true))",
        "CeilToInt(IntTrueDiv(Symbol('s0'), Integer(3)))",
        "OpaqueUnaryFn_sqrt(ToFloat(Symbol('s0')))",
        "s0",
        "2*s0 + 3*s1//2 - (s0**2 % 7)",
        "Max(1, (s0//2)) * FloorDiv(s1, 2)",
        "s0 >= 2",
        "-1/2",
    ],
)
def test_sizes_as_torch_and_sympy_print_them_are_known(text: str) -> None:
    assert is_size(text)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "os.system('true')",
        "s0.__class__",
        "(s0).subs(1, 2)",
        "[s0]",
        "s0[0]",
        "lambda: s0",
        "(lambda: s0)()",
        "Max('__import__(1)', 1)",
        "Symbol('s0')('x')",
        "Symbol('s 0; import os')",
        "sympify('1')",
        "eval(chr(49))",
        "exec(s0)",
        "f'{s0}'",
        "Integer('__import__(\\'os\\')')",
        "Max(*s0)",
        "Max(**s0)",
        "Symbol('s0', integer=eval('1'))",
        "s0 if s0 else eval",
        "(s0 := 1)",
        "\uff45val(1)",
        "s0\n+ exit()",
        "s0 # \\",
        "'text'",
        "None",
        "__builtins__",
        "{s0: 1}",
        "s0; s1",
        "",
        "9" * 70_000,
    ],
)
def test_what_is_no_arithmetic_is_no_size(text: str) -> None:
    assert not is_size(text)


@pytest.mark.parametrize(
    "text",
    [
        "(1 + (((-1) + L['x'].size()[3]) // 2)) != 1",
        "(-1)*(min(L['x'].size()[3], 7) // 2) >= 0 and L['x'].size()[2] <= L['y'].stride()[0]",
        "math.trunc(0.75*torch.sym_float(L['flat_args'][0].size()[2])) == 6",
        "torch._sym_sqrt(L['x']['the key'][1].size()[0]) < math.inf",
        "not (L['x'].size()[0] == 3) or L['n'] > 2",
        "(1 if L['x'].size()[0] > 1 else 2) == 2",
    ],
)
def test_guards_as_torch_prints_them_are_known(text: str) -> None:
    assert is_guard(text)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "L['x'].tofile('y')",
        "L['x'].size(eval('1'))[0] == 1",
        "L['x'].__class__.__mro__",
        "L['\"); exit(\"'].size()[0] == 1",
        "L[eval('x')]",
        "math.floor.__self__",
        "torch.load(L['x'])",
        "torch.hub",
        "open",
        "print(1)",
        "[x for x in L]",
        "L['x'].size()[0] == 1\nexit()",
        "min(exit(), 1)",
    ],
)
def test_what_compares_no_sizes_is_no_guard(text: str) -> None:
    assert not is_guard(text)


def _with_sample(folder: Path, sample: object, **how: object) -> Path:
    buffer = io.BytesIO()
    torch.save(sample, buffer, **how)
    return _with(folder, {"data/sample_inputs/model.pt": buffer.getvalue()})


def _with(folder: Path, parts: Mapping[str, bytes]) -> Path:
    members = members_of(exported(folder))
    top = next(iter(members)).partition("/")[0]
    return write_zip(
        folder / "x.pt2", members | {f"{top}/{name}": data for name, data in parts.items()}
    )


def _refusal(path: Path) -> CheckpointError:
    with pytest.raises(CheckpointError) as raised:
        open_checkpoint(path)
    return raised.value


@pytest.mark.parametrize(
    "sample",
    [
        ((torch.zeros(1, 1, 16, 16),), {}),
        (([torch.zeros(2), None, 3, 2.5, True, "eval"],), {"scale": torch.ones(1).half()}),
        ((torch.float16, torch.device("cpu"), torch.Size([2])), {"a": {"b": (1, 2)}}),
    ],
)
def test_samples_of_tensors_and_plain_values_are_honest(sample: object, tmp_path: Path) -> None:
    assert len(open_checkpoint(_with_sample(tmp_path, sample)).tensors) == len(state())


def test_no_sample_at_all_is_honest(tmp_path: Path) -> None:
    path = _with(tmp_path, {"data/sample_inputs/model.pt": b""})

    assert open_checkpoint(path).notes == ()


@pytest.mark.parametrize(
    ("sample", "named"),
    [
        ((small_cnn(),), "SmallCnn"),
        ((Path("x"),), "pathlib"),
        (({"it's": torch.zeros(1)},), "it's"),
        (({1: torch.zeros(1)},), "keys that are no texts"),
    ],
)
def test_samples_that_are_more_than_that_are_refused_by_name(
    sample: object, named: str, tmp_path: Path
) -> None:
    error = _refusal(_with_sample(tmp_path, sample))

    assert error.refusal is Refusal.UNSAFE
    assert "data/sample_inputs/model.pt" in error.fact
    assert named in error.fact


def test_a_sample_that_torch_would_retry_without_care_is_refused(tmp_path: Path) -> None:
    error = _refusal(_with(tmp_path, {"data/sample_inputs/model.pt": b"no checkpoint at all"}))

    assert error.refusal is Refusal.UNSAFE
    assert "data/sample_inputs/model.pt" in error.fact


@pytest.mark.parametrize(
    "member",
    [
        "data/constants/opaque_obj_0",
        "data/constants/custom_obj_0",
        "data/constants/model.pt",
        "data/weights/model.pt",
        "data/aotinductor/model/wrapper.cpp",
        "data/aotinductor/model/cubin",
    ],
)
def test_a_member_that_torch_would_unpickle_or_compile_is_refused_by_name(
    member: str, tmp_path: Path
) -> None:
    error = _refusal(_with(tmp_path, {member: b"anything"}))

    assert error.refusal is Refusal.UNSAFE
    assert member in error.fact


def test_extra_files_are_named_and_not_read(tmp_path: Path) -> None:
    path = _with(tmp_path, {"extra/labels.txt": b"cat", "extra/\u00e9.json": b"{}"})

    assert open_checkpoint(path).notes == (
        "other members of the archive not read: extra/labels.txt, extra/\u00e9.json",
    )


def test_a_table_where_torch_does_not_look_is_not_read(tmp_path: Path) -> None:
    members = members_of(exported(tmp_path))
    place = next(name for name in members if name.endswith("model_weights_config.json"))
    raw = {
        f"extra/{name.rpartition('/')[2]}": bytes(len(data))
        for name, data in members.items()
        if "data/weights/" in name and name != place
    }
    path = _with(tmp_path, {"extra/model_weights_config.json": members[place], **raw})
    model = small_cnn()

    load_into(open_checkpoint(path), model)

    assert torch.equal(model.fc.weight, state()["fc.weight"])


@pytest.mark.parametrize("spoken", [True, 1, "yes", None])
def test_a_weight_that_is_not_plainly_raw_is_refused(spoken: object, tmp_path: Path) -> None:
    def change(table: Any) -> None:
        next(iter(table["config"].values()))["use_pickle"] = spoken

    path = _changed(tmp_path, "_weights_config.json", change)

    assert "unpickle what runs code" in _refusal(path).fact


def test_two_dtypes_over_the_same_bytes_are_refused(tmp_path: Path) -> None:
    def change(table: dict[str, Any]) -> None:
        first, second = list(table["config"].values())[:2]
        second["path_name"] = first["path_name"]
        second["tensor_meta"] |= {"dtype": 6}

    error = _refusal(_changed(tmp_path, "weights_config.json", change))

    assert error.refusal is Refusal.UNSAFE
    assert "readers can disagree" in error.fact


def _changed(folder: Path, part: str, change: Callable[[Any], object]) -> Path:
    members = members_of(exported(folder))
    name = next(name for name in members if name.endswith(part))
    document = json.loads(members[name])
    change(document)
    return write_zip(folder / "x.pt2", members | {name: json.dumps(document).encode()})


def _graph(document: Any) -> dict[str, Any]:
    return document["graph_module"]["graph"]


def _first_node(document: Any) -> dict[str, Any]:
    return _graph(document)["nodes"][0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: _first_node(d).update(name="x=eval(y)"), "has the name or text"),
        (lambda d: _first_node(d).update(target="torch.ops.aten.from_file.default"), "from_file"),
        (lambda d: _graph(d)["tensor_values"].update({"a()": {}}), "'a()'"),
        (lambda d: _graph(d)["tensor_values"].update({"metadata": {"device": {"type": "a()"}}}),
            "'a()'"),
        (lambda d: _graph(d)["sym_int_values"].update({"metadata": {"as_expr": {
            "expr_str": "exit()"}}}), "has the size 'exit()'"),
        (lambda d: _graph(d)["tensor_values"].update({"nodes": {"as_expr": {
            "expr_str": "exit()"}}}), "has the size 'exit()'"),
        (lambda d: d["graph_module"]["signature"]["input_specs"][0]["parameter"].update(
            parameter_name='conv")(exit("'), "has the name or text"),
        (lambda d: d["graph_module"]["signature"]["input_specs"].append(
            {"constant_input": {"name": "x", "value": {"as_string": "' or exit() or '"}}}),
            "has the name or text"),
        (lambda d: _first_node(d)["metadata"].update(nn_module_stack='a,b"c,d'), "name or text"),
        (lambda d: d["graph_module"]["module_call_graph"][0]["signature"].update(
            in_spec='[1, {"type": "collections.defaultdict", "context": "{\\"default_factory_module'
            '\\": \\"antigravity\\", \\"default_factory_name\\": \\"x\\"}", "children_spec": []}]'),
            "imports 'antigravity.x'"),
    ],
)  # fmt: skip
def test_a_text_that_becomes_code_is_refused(
    change: Callable[[Any], object], words: str, tmp_path: Path
) -> None:
    error = _refusal(_changed(tmp_path, "models/model.json", change))

    assert error.refusal is Refusal.UNSAFE
    assert "models/model.json" in error.fact
    assert words in error.fact


@pytest.mark.parametrize(
    "change",
    [
        lambda d: _first_node(d)["metadata"].update(stack_trace='File "x.py", line 1\n  f("a")'),
        lambda d: _first_node(d)["metadata"].update(nn_module_stack="L['self'],,Net;a,b,c"),
        lambda d: _first_node(d)["inputs"].append(
            {"name": "m", "arg": {"as_string": "failed for 'u0 >= 0' (\"x\")"}, "kind": 1}
        ),
        lambda d: d["graph_module"]["metadata"].update(custom='{"note": "it\'s (fine)"}'),
        lambda d: d["graph_module"]["module_call_graph"][0]["signature"].update(
            out_spec='[1, {"type": "builtins.dict", "context": "[\\"the logits\\", 3]",'
            ' "children_spec": []}]'
        ),
    ],
)
def test_a_text_that_stays_a_text_is_honest(
    change: Callable[[Any], object], tmp_path: Path
) -> None:
    path = _changed(tmp_path, "models/model.json", change)

    assert len(open_checkpoint(path).tensors) == len(state())


@pytest.mark.parametrize("text", [b"{", b"[" * 200_000, b"\xff\xfe{\x00}\x00", b"7"])
def test_a_graph_that_is_no_json_of_torch_is_corrupt(text: bytes, tmp_path: Path) -> None:
    error = _refusal(_with(tmp_path, {"models/model.json": text}))

    assert error.refusal is Refusal.CORRUPT
    assert "models/model.json" in error.fact


def test_a_graph_larger_than_any_is_not_parsed(tmp_path: Path) -> None:
    error = _refusal(_with(tmp_path, {"models/model.json": b" " * (MAX_GRAPH + 1)}))

    assert error.refusal is Refusal.UNSAFE
