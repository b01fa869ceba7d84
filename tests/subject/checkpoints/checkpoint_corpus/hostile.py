"""Files that run code when they are loaded without care; the code touches one canary.

``Hostile.fires`` names the careless load that sets a file off, so that the generator can be
checked against itself; ``None`` stands for files that no loader here runs, and that must still be
refused.
"""

import io
import json
import pickle
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from checkpoint_corpus.archives import (
    MAGIC,
    SYSTEM,
    legacy_of,
    members_of,
    write_zip,
    zip_of,
)
from checkpoint_corpus.models import small_cnn, state
from checkpoint_corpus.payloads import PAYLOADS, pickled, system

Maker = Callable[[Path, Path], Path]  # folder, canary -> the file or folder to load


@dataclass(frozen=True)
class Hostile:
    """One family: how it is made, and which careless load would run it."""

    make: Maker
    fires: str | None  # torch, pickle, export, dcp or jit


HOSTILE: dict[str, Hostile] = {}


def _family(title: str, fires: str | None = "torch") -> Callable[[Maker], Maker]:
    def keep(make: Maker) -> Maker:
        HOSTILE[title] = Hostile(make, fires)
        return make

    return keep


def _plain_zip(payload: Callable[[Path], bytes]) -> Maker:
    return lambda folder, canary: write_zip(folder / "model.pt", zip_of(pickled(payload(canary))))


def _plain_legacy(payload: Callable[[Path], bytes]) -> Maker:
    def make(folder: Path, canary: Path) -> Path:
        path = folder / "model.pt"
        path.write_bytes(legacy_of(pickled(payload(canary))))
        return path

    return make


for _title, _payload in PAYLOADS.items():
    HOSTILE[f"zip: {_title}"] = Hostile(_plain_zip(_payload), "torch")
for _title in ("os.system", "builtins.eval", "opcode INST", "a name inside another module"):
    HOSTILE[f"legacy: {_title}"] = Hostile(_plain_legacy(PAYLOADS[_title]), "torch")


def _good_zip(folder: Path) -> Path:
    path = folder / "good.pt"
    torch.save(state(), path)
    return path


@_family("zip: protocol 0")
def protocol_0(folder: Path, canary: Path) -> Path:
    code = b"cos\nsystem\n(V" + f"touch '{canary}'".encode() + b"\ntR."
    return write_zip(folder / "model.pt", zip_of(code))


@_family("a bare pickle")
def bare_pickle(folder: Path, canary: Path) -> Path:
    path = folder / "model.pt"
    path.write_bytes(pickled(system(canary)))
    return path


@_family("a bare pickle of protocol 0")
def bare_text_pickle(folder: Path, canary: Path) -> Path:
    path = folder / "model.pt"
    path.write_bytes(b"cos\nsystem\n(V" + f"touch '{canary}'".encode() + b"\ntR.")
    return path


@_family("before good weights in the same pickle")
def before_weights(folder: Path, canary: Path) -> Path:
    members = members_of(_good_zip(folder))
    good = members["good/data.pkl"]
    members["good/data.pkl"] = good[:2] + system(canary) + b"0" + good[2:]
    return write_zip(folder / "model.pt", members)


@_family("as the state of good weights")
def as_state(folder: Path, canary: Path) -> Path:
    members = members_of(_good_zip(folder))
    members["good/data.pkl"] = members["good/data.pkl"][:-1] + system(canary) + b"b."
    return write_zip(folder / "model.pt", members)


@_family("as a value beside the weights")
def beside_weights(folder: Path, canary: Path) -> Path:
    class Beside:
        def __reduce__(self) -> tuple[object, ...]:
            import os

            return os.system, (f"touch '{canary}'",)

    path = folder / "model.pt"
    torch.save({"state_dict": state(), "note": Beside()}, path)
    return path


@_family("as a storage's location")
def as_location(folder: Path, canary: Path) -> Path:
    members = members_of(_good_zip(folder))
    cpu = b"X\x03\x00\x00\x00cpu"
    assert cpu in members["good/data.pkl"]
    members["good/data.pkl"] = members["good/data.pkl"].replace(cpu, system(canary), 1)
    return write_zip(folder / "model.pt", members)


@_family("in the legacy magic number")
def in_magic(folder: Path, canary: Path) -> Path:
    path = folder / "model.pt"
    good = legacy_of(pickle.dumps({}, 2))
    head = pickle.dumps(MAGIC, 2)
    path.write_bytes(head[:-1] + b"0" + system(canary) + b"." + good[len(head) :])
    return path


@_family("in the legacy system information")
def in_system(folder: Path, canary: Path) -> Path:
    path = folder / "model.pt"
    heads = [pickle.dumps(MAGIC, 2), pickle.dumps(1001, 2), pickled(system(canary))]
    path.write_bytes(b"".join([*heads, pickle.dumps({}, 2), pickle.dumps([], 2)]))
    return path


@_family("in the legacy list of storages")
def in_storages(folder: Path, canary: Path) -> Path:
    path = folder / "model.pt"
    heads = [pickle.dumps(each, 2) for each in (MAGIC, 1001, SYSTEM, {})]
    path.write_bytes(b"".join([*heads, pickled(system(canary))]))
    return path


@_family("the tar of torch 0.1")
def tar(folder: Path, canary: Path) -> Path:
    path = folder / "model.pt"
    with tarfile.open(path, "w") as archive:
        for name in ("storages", "tensors", "pickle"):
            content = pickled(system(canary))
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def _hostile_zip(folder: Path, canary: Path) -> Path:
    return write_zip(folder / "model.pt", zip_of(pickled(system(canary))))


@_family("zip with zeroed checksums")
def no_checksum(folder: Path, canary: Path) -> Path:
    path = _hostile_zip(folder, canary)
    data = bytearray(path.read_bytes())
    for signature, place in ((b"PK\x03\x04", 14), (b"PK\x01\x02", 16)):
        at = data.find(signature)
        while at >= 0:
            data[at + place : at + place + 4] = bytes(4)
            at = data.find(signature, at + 4)
    path.write_bytes(data)
    return path


@_family("zip with an encrypted flag", fires=None)
def encrypted(folder: Path, canary: Path) -> Path:
    path = _hostile_zip(folder, canary)
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.find(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    return path


@_family("zip, compressed")
def compressed(folder: Path, canary: Path) -> Path:
    members = zip_of(pickled(system(canary)))
    return write_zip(folder / "model.pt", members, method=zipfile.ZIP_DEFLATED)


@_family("zip with two data.pkl", fires=None)
def doubled(folder: Path, canary: Path) -> Path:
    path = _good_zip(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile warns about the double name
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("good/data.pkl", pickled(system(canary)))
    return path


@_family("zip with a second pickle", fires=None)
def second_pickle(folder: Path, canary: Path) -> Path:
    members = members_of(_good_zip(folder))
    members["good/evil.pkl"] = pickled(system(canary))
    return write_zip(folder / "model.pt", members)


@_family("zip with a compiled library", fires=None)
def library(folder: Path, canary: Path) -> Path:
    members = members_of(_good_zip(folder)) | {"good/hook.so": b"\x7fELF" + bytes(64)}
    return write_zip(folder / "model.pt", members)


@_family("zip with two folders", fires=None)
def two_folders(folder: Path, canary: Path) -> Path:
    members = members_of(_good_zip(folder)) | {"evil/data.pkl": pickled(system(canary))}
    return write_zip(folder / "model.pt", members)


@_family("zip with a name that climbs", fires=None)
def climbing(folder: Path, canary: Path) -> Path:
    members = members_of(_good_zip(folder)) | {"good/../../evil.pkl": pickled(system(canary))}
    return write_zip(folder / "model.pt", members)


@_family("zip whose headers disagree about a name", fires=None)
def two_names(folder: Path, canary: Path) -> Path:
    path = write_zip(
        folder / "model.pt",
        members_of(_good_zip(folder)) | {"good/evil.pkl": pickled(system(canary))},
    )
    data = path.read_bytes()
    at = data.rindex(b"good/evil.pkl")  # in the central directory only
    path.write_bytes(data[:at] + b"good/data/909" + data[at + 13 :])
    return path


@_family("named .safetensors")
def misnamed(folder: Path, canary: Path) -> Path:
    return _hostile_zip(folder, canary).rename(folder / "model.safetensors")


@_family("a pickled module")
def pickled_module(folder: Path, canary: Path) -> Path:
    model = small_cnn()
    model.register_buffer("hook", torch.zeros(1))
    path = folder / "model.pt"
    torch.save(_Module(model, canary), path)
    return path


class _Module:
    """A class of the user's that acts when it is unpickled, as pickled modules may."""

    def __init__(self, model: torch.nn.Module, canary: Path) -> None:
        self.model = model
        self.canary = canary

    def __setstate__(self, given: dict[str, object]) -> None:
        Path(str(given["canary"])).touch()


@_family("TorchScript that writes a file", fires="jit")
def torchscript(folder: Path, canary: Path) -> Path:
    path = folder / "model.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated, which is no reason to trust it
        torch.jit.script(_Writes(str(canary))).save(str(path))
    return path


class _Writes(torch.nn.Module):
    """A network that makes a file when it is run."""

    def __init__(self, target: str) -> None:
        super().__init__()
        self.target = target

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.from_file(self.target, shared=True, size=4) + images.sum()


@_family("a distributed checkpoint", fires="dcp")
def distributed(folder: Path, canary: Path) -> Path:
    path = folder / "dcp"
    path.mkdir()
    (path / ".metadata").write_bytes(pickled(system(canary)))
    (path / "__0_0.distcp").write_bytes(bytes(16))
    return path


def exported(folder: Path) -> Path:
    """Write a small exported program, whose parts the hostile ones replace."""
    path = folder / "exported.pt2"
    program = torch.export.export(small_cnn(seed=1), (torch.zeros(1, 1, 16, 16),))
    torch.export.save(program, path)
    return path


def _tampered(folder: Path, part: str, content: Callable[[bytes], bytes]) -> Path:
    members = members_of(exported(folder))
    name = next(name for name in members if name.endswith(part))
    return write_zip(folder / "model.pt2", members | {name: content(members[name])})


def _torch_bytes(code: bytes) -> bytes:
    buffer = io.BytesIO()
    write_zip(buffer, zip_of(pickled(code)))
    return buffer.getvalue()


@_family(".pt2 through its sample inputs", fires="export")
def pt2_inputs(folder: Path, canary: Path) -> Path:
    return _tampered(folder, "sample_inputs/model.pt", lambda _: _torch_bytes(system(canary)))


@_family(".pt2 through a pickled weight", fires="export")
def pt2_weight(folder: Path, canary: Path) -> Path:
    path = _tampered(folder, "weights/weight_0", lambda _: _torch_bytes(system(canary)))
    members = members_of(path)
    table = next(name for name in members if name.endswith("weights_config.json"))
    tampered = members[table].replace(b'"use_pickle": false', b'"use_pickle": true', 1)
    return write_zip(path, members | {table: tampered})


@_family(".pt2 through an opaque constant", fires="export")
def pt2_opaque(folder: Path, canary: Path) -> Path:
    table = {"path_name": "opaque_obj_0", "is_param": False, "use_pickle": True}
    text = json.dumps({"config": {"secret": table | {"tensor_meta": None}}}).encode()
    path = _tampered(folder, "constants_config.json", lambda _: text)
    members = members_of(path)
    place = next(name for name in members if name.endswith("constants_config.json"))
    opaque = place.rpartition("/")[0] + "/opaque_obj_0"
    return write_zip(path, members | {opaque: pickled(system(canary))})


def _touching(canary: Path) -> str:
    return f"__import__('os').system(\"touch '{canary}'\")"


def _quoteless(canary: Path) -> str:
    """Return the same code without any quote, which whoever looks for quotes lets pass."""
    code = "+".join(f"chr({ord(each)})" for each in _touching(canary))
    return f"eval({code})"


def _with_size(folder: Path, expression: str) -> Path:
    def evil(graph: bytes) -> bytes:
        text = json.dumps(expression).encode()
        assert b'{"as_int": 16}' in graph
        size = b'{"as_expr": {"expr_str": ' + text + b', "hint": {"as_int": 16}}}'
        return graph.replace(b'{"as_int": 16}', size, 1)

    return _tampered(folder, "models/model.json", evil)


@_family(".pt2 through an expression", fires="export")
def pt2_expression(folder: Path, canary: Path) -> Path:
    return _with_size(folder, _touching(canary))


@_family(".pt2 through an expression without quotes", fires="export")
def pt2_expression_without_quotes(folder: Path, canary: Path) -> Path:
    return _with_size(folder, _quoteless(canary))


@_family(".pt2 through an expression inside a known function", fires="export")
def pt2_expression_in_a_function(folder: Path, canary: Path) -> Path:
    return _with_size(folder, f"Max(Integer(1), {json.dumps(_touching(canary))})")


def _with_graph(folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    def evil(graph: bytes) -> bytes:
        document = json.loads(graph)
        change(document)
        return json.dumps(document).encode()

    return _tampered(folder, "models/model.json", evil)


@_family(".pt2 through a guard", fires="export")
def pt2_guard(folder: Path, canary: Path) -> Path:
    return _with_graph(folder, lambda graph: graph["guards_code"].append(_quoteless(canary)))


@_family(".pt2 through the name of an input", fires="export")
def pt2_input_name(folder: Path, canary: Path) -> Path:
    name = f"x={_quoteless(canary)}"
    return _tampered(
        folder,
        "models/model.json",
        lambda graph: graph.replace(b'"name": "images"', json.dumps({"name": name})[1:-1].encode())
        .replace(b'"images": {', json.dumps(name).encode() + b": {"),
    )  # fmt: skip


@_family(".pt2 through the name of an argument", fires=None)
def pt2_argument_name(folder: Path, canary: Path) -> Path:
    def change(graph: dict[str, Any]) -> None:
        signature = graph["graph_module"]["module_call_graph"][0]["signature"]
        signature["forward_arg_names"] = [f"x={_quoteless(canary)}"]

    return _with_graph(folder, change)


@_family(".pt2 through the tree of its inputs", fires="export")
def pt2_tree(folder: Path, canary: Path) -> Path:
    (folder / "treegadget.py").write_text(f"open({str(canary)!r}, 'w').close()")

    def change(graph: dict[str, Any]) -> None:
        enum = json.dumps({"__enum__": True, "fqn": "treegadget:Nothing", "name": "x"})
        signature = graph["graph_module"]["module_call_graph"][0]["signature"]
        version, tree = json.loads(signature["in_spec"])
        signature["in_spec"] = json.dumps([version, tree | {"context": enum}])

    return _with_graph(folder, change)


@_family(".pt2 through an object that its table calls raw numbers", fires="export")
def pt2_object_called_raw(folder: Path, canary: Path) -> Path:
    path = exported(folder)
    members = members_of(path)
    table = next(name for name in members if name.endswith("weights_config.json"))
    meta = next(iter(json.loads(members[table])["config"].values()))
    entry = meta | {"path_name": "opaque_obj_0"}
    place = next(name for name in members if name.endswith("constants_config.json"))
    code = pickled(system(canary))
    changed = {
        place: json.dumps({"config": {"secret": entry}}).encode(),
        place.rpartition("/")[0] + "/opaque_obj_0": code + bytes(-len(code) % 4),
    }
    return write_zip(folder / "model.pt2", members | changed)


@_family(".pt2 through weights as older releases wrote them", fires="export")
def pt2_older_weights(folder: Path, canary: Path) -> Path:
    members = members_of(exported(folder))
    top = next(iter(members)).partition("/")[0]
    older = {f"{top}/data/weights/model.pt": _torch_bytes(system(canary))}
    return write_zip(folder / "model.pt2", members | older)


def _old_program(canary: Path) -> dict[str, bytes]:
    """Return the members of a program in the format of torch 2.7, which fires before it fails."""
    graph = json.dumps(
        {
            "graph_module": {
                "graph": {
                    "inputs": [], "outputs": [], "nodes": [], "tensor_values": {},
                    "sym_int_values": {}, "sym_bool_values": {},
                },
                "signature": {"input_specs": [], "output_specs": []},
                "module_call_graph": [],
            },
            "opset_version": {"aten": 10},
            "range_constraints": {},
            "schema_version": {"major": 8, "minor": 0},
        }
    ).encode()  # fmt: skip
    hostile = _torch_bytes(system(canary))
    return {
        "version": b"8.0",
        "serialized_exported_program.json": graph,
        "serialized_state_dict.pt": hostile,
        "serialized_constants.pt": hostile,
        "serialized_example_inputs.pt": hostile,
    }


@_family(".pt2 in the format of torch 2.7", fires="export")
def pt2_old(folder: Path, canary: Path) -> Path:
    return write_zip(folder / "model.pt2", _old_program(canary))


@_family(".pt2 with a second program of torch 2.7 beside it", fires=None)
def pt2_two_programs(folder: Path, canary: Path) -> Path:
    members = members_of(exported(folder))
    return write_zip(folder / "model.pt2", members | _old_program(canary))


@_family(".pt2 with a compiled library", fires=None)
def pt2_library(folder: Path, canary: Path) -> Path:
    members = members_of(exported(folder))
    top = next(iter(members)).partition("/")[0]
    library = {f"{top}/data/aotinductor/model/model.so": b"\x7fELF" + bytes(64)}
    return write_zip(folder / "model.pt2", members | library)


@_family("a model folder with a hostile .bin")
def bin_folder(folder: Path, canary: Path) -> Path:
    _hostile_zip(folder, canary).rename(folder / "pytorch_model.bin")
    (folder / "config.json").write_text('{"auto_map": {"AutoModel": "evil.Model"}}')
    return folder


@_family("a model folder whose index points outside", fires=None)
def climbing_index(folder: Path, canary: Path) -> Path:
    (folder / "model.safetensors.index.json").write_text(
        json.dumps({"weight_map": {"fc.weight": "../../etc/passwd"}})
    )
    return folder
