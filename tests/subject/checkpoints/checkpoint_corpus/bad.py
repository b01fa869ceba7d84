"""Files that are harmless and must not be judged: tricks, corrupt files, misfits, bad numbers."""

import json
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file

from checkpoint_corpus.archives import members_of, write_zip
from checkpoint_corpus.models import state

Maker = Callable[[Path], Path]


def _save(folder: Path, saved: object, **how: object) -> Path:
    path = folder / "model.pt"
    torch.save(saved, path, **how)
    return path


def _with(**changes: object) -> dict[str, object]:
    return {**state(), **{name.replace("__", "."): each for name, each in changes.items()}}


def _changed(folder: Path, change: Callable[[dict[str, bytes]], dict[str, bytes]]) -> Path:
    return write_zip(folder / "changed.pt", change(members_of(_save(folder, state()))))


def _written(content: bytes) -> Maker:
    def make(folder: Path) -> Path:
        (folder / "model.pt").write_bytes(content)
        return folder / "model.pt"

    return make


def _cut(tenths: int, **how: object) -> Maker:
    def make(folder: Path) -> Path:
        path = _save(folder, state(), **how)
        os.truncate(path, path.stat().st_size * tenths // 10)
        return path

    return make


def _flipped(folder: Path, place: float, **how: object) -> Path:
    path = _save(folder, state(), **how)
    data = bytearray(path.read_bytes())
    data[int(len(data) * place)] ^= 0x10
    path.write_bytes(data)
    return path


def _dangling(folder: Path) -> Path:
    (folder / "model.pt").symlink_to(folder / "gone.pt")
    return folder / "model.pt"


def _short_safetensors(folder: Path) -> Path:
    save_file(state(), folder / "model.safetensors")
    os.truncate(folder / "model.safetensors", 1000)
    return folder / "model.safetensors"


def _safetensors(header: object, body: bytes = b"") -> Maker:
    text = json.dumps(header).encode()
    return _written(len(text).to_bytes(8, "little") + text + body)


def _missing_shard(folder: Path) -> Path:
    index = {"weight_map": {"fc.weight": "model-00001-of-00001.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


def _lying_index(folder: Path) -> Path:
    save_file(state(), folder / "a.safetensors")
    table = dict.fromkeys(state(), "a.safetensors") | {"extra.weight": "a.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": table}))
    return folder


def _folder_of(name: str) -> Maker:
    def make(folder: Path) -> Path:
        (folder / name).write_text("x")
        return folder

    return make


def _placed(begin: int, end: int) -> dict[str, object]:
    return {"dtype": "F32", "shape": [(end - begin) // 4], "data_offsets": [begin, end]}


LEGACY = {"_use_new_zipfile_serialization": False}

CORRUPT: dict[str, Maker] = {
    "empty": _written(b""),
    "one byte": _written(b"\x80"[:0] + b"P"),
    "text": _written(b"epoch,loss\n1,0.5\n"),
    "a web page": _written(b"<!DOCTYPE html><html><body>404</body></html>"),
    "an LFS pointer": _written(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
    "JSON": _written(b'{"weights": "elsewhere"}'),
    "a picture": _written(b"\x89PNG\r\n\x1a\n" + bytes(100)),
    "gzip": _written(b"\x1f\x8b\x08" + bytes(100)),
    "zeros": _written(bytes(4096)),
    "noise": _written(bytes(range(128, 256)) * 10),
    "no such file": lambda folder: folder / "gone.pt",
    "a dangling link": _dangling,
    "an empty folder": lambda folder: folder,
    "a folder of something else": _folder_of("notes.txt"),
    "a folder with a damaged index": _folder_of("model.safetensors.index.json"),
    "a missing shard": _missing_shard,
    "an index that lies": _lying_index,
    **{f"zip, {each} tenths": _cut(each) for each in range(1, 10)},
    **{f"legacy, {each} tenths": _cut(each, **LEGACY) for each in range(1, 10)},
    "a flipped byte in a weight": lambda folder: _flipped(folder, 0.5),
    "a missing record": lambda folder: _changed(
        folder, lambda m: {n: c for n, c in m.items() if n != "model/data/2"}
    ),
    "a short record": lambda folder: _changed(
        folder, lambda m: m | {"model/data/2": m["model/data/2"][:-4]}
    ),
    "a long record": lambda folder: _changed(
        folder, lambda m: m | {"model/data/2": m["model/data/2"] + bytes(4)}
    ),
    "big-endian": lambda folder: _changed(folder, lambda m: m | {"model/byteorder": b"big"}),
    "a damaged pickle": lambda folder: _changed(
        folder, lambda m: m | {"model/data.pkl": m["model/data.pkl"][:-9] + b"."}
    ),
    "bytes behind the pickle": lambda folder: _changed(
        folder, lambda m: m | {"model/data.pkl": m["model/data.pkl"] + b"N."}
    ),
    "a zip of something else": lambda folder: write_zip(folder / "a.zip", {"a.txt": b"hello"}),
    "a NumPy archive": lambda folder: write_zip(folder / "a.npz", {"x.npy": b"\x93NUMPY"}),
    "short safetensors": _short_safetensors,
    "safetensors with an overlap": _safetensors(
        {"a": _placed(0, 8), "b": _placed(4, 12)}, bytes(12)
    ),
    "safetensors with a hole": _safetensors({"a": _placed(0, 4), "b": _placed(8, 12)}, bytes(12)),
    "safetensors with bytes behind": _safetensors({"a": _placed(0, 4)}, bytes(12)),
    "safetensors of a strange dtype": _safetensors(
        {"a": _placed(0, 4) | {"dtype": "F3"}}, bytes(4)
    ),
    "safetensors with a wrong size": _safetensors({"a": _placed(0, 4) | {"shape": [9]}}, bytes(4)),
    "safetensors with a negative axis": _safetensors(
        {"a": _placed(0, 4) | {"shape": [-1]}}, bytes(4)
    ),
    "safetensors of numbers": _safetensors({"a": 3}),
}  # fmt: skip


def _quantised(folder: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch deprecates them; the files stay
        weight = torch.quantize_per_tensor(state()["fc.weight"], 0.1, 0, torch.qint8)
        return _save(folder, _with(fc__weight=weight))


def _sparse(folder: Path) -> Path:
    return _save(folder, _with(fc__weight=state()["fc.weight"].to_sparse()))


class Marked(torch.Tensor):
    """A tensor subclass, whose code a loader would run."""


def _subclass(folder: Path) -> Path:
    return _save(folder, _with(fc__weight=state()["fc.weight"].as_subclass(Marked)))


def _two_sizes(folder: Path) -> Path:
    def halve(members: dict[str, bytes]) -> dict[str, bytes]:
        data = members["model/data.pkl"]
        return members | {
            "model/data.pkl": data.replace(b"X\x01\x00\x00\x001", b"X\x01\x00\x00\x000", 1)
        }

    return _changed(folder, halve)


# Files that load and mean something else than they seem to; all are refused as unsafe.
TRICKS: dict[str, Maker] = {
    "a quantised tensor": _quantised,
    "a sparse tensor": _sparse,
    "a tensor subclass": _subclass,
    "a meta tensor": lambda folder: _save(
        folder, _with(fc__weight=torch.empty(10, 128, device="meta"))
    ),
    "a negated view": lambda folder: _save(
        folder, _with(fc__bias=torch._neg_view(state()["fc.bias"]))
    ),
    "one storage in two ways": _two_sizes,
}  # fmt: skip


@dataclass(frozen=True)
class Misfit:
    """A sound file that is not for this model, and words that the message must have."""

    make: Maker
    words: tuple[str, ...]


def _without(*names: str) -> Maker:
    return lambda folder: _save(folder, {n: v for n, v in state().items() if n not in names})


def _renamed(old: str, new: str) -> Maker:
    return lambda folder: _save(folder, {n.replace(old, new): v for n, v in state().items()})


def _integers(folder: Path) -> Path:
    return _save(folder, _with(fc__weight=(state()["fc.weight"] * 100).to(torch.int8)))


MISFITS: dict[str, Misfit] = {
    "five classes": Misfit(
        lambda f: _save(f, state(classes=5)), ("the checkpoint has 5 classes, the model has 10",)
    ),
    "three channels": Misfit(
        lambda f: _save(f, state(channels=3)),
        ("the model expects 1 channel, the checkpoint has 3",),
    ),
    "another image size": Misfit(
        lambda f: _save(f, state(size=28)),
        ("fc.weight takes 392 inputs in the checkpoint and 128 in the model", "image size"),
    ),
    "a missing name": Misfit(_without("fc.bias"), ("1 tensor missing: fc.bias",)),
    "an unexpected name": Misfit(
        lambda f: _save(f, _with(extra__weight=torch.ones(3))),
        ("1 tensor unexpected: extra.weight",),
    ),
    "a name that writes to the terminal": Misfit(
        lambda f: _save(f, state() | {"\x1b[31mred\n": torch.ones(3)}), (r"\x1b[31mred\n",)
    ),
    "many unexpected names": Misfit(
        lambda f: _save(f, state() | {f"x{n}": torch.ones(1) for n in range(50)}),
        ("50 tensors unexpected", "and 30 more"),
    ),
    "another architecture": Misfit(
        lambda f: _save(f, torch.nn.LSTM(3, 4).state_dict()),
        ("none of its 4 names is one of the model's", "weight_ih_l0"),
    ),
    "a prefix on some names": Misfit(
        lambda f: _save(f, {("module." if n > "c" else "") + n: v for n, v in state().items()}),
        ("missing", "unexpected"),
    ),
    "two models": Misfit(
        lambda f: _save(f, {"model": state(), "ema": state(seed=2)}),
        (
            "this file holds 2 models: model, ema",
            "under `model:` of the gate file, for example `key: model`",
        ),
    ),
    "no weights": Misfit(lambda f: _save(f, {"epoch": 3}), ("holds no weights", "epoch")),
    "a list": Misfit(lambda f: _save(f, [1, 2]), ("holds no weights", "list of 2 items")),
    "one tensor": Misfit(lambda f: _save(f, torch.ones(3)), ("holds no weights", "tensor")),
    "a number for a tensor": Misfit(
        lambda f: _save(f, _with(fc__bias=5)), ("something else: fc.bias (int)",)
    ),
    "whole numbers": Misfit(_integers, ("fc.weight is int8, the model has float32",)),
    "complex numbers": Misfit(
        lambda f: _save(f, _with(fc__weight=state()["fc.weight"].to(torch.complex64))),
        ("fc.weight is complex64, the model has float32",),
    ),
}


def _numbers(name: str, number: float, dtype: torch.dtype = torch.float32) -> Maker:
    def make(folder: Path) -> Path:
        weights = state()
        weights[name] = weights[name].to(dtype)
        weights[name].view(-1)[0] = number
        return _save(folder, weights)

    return make


def _filled(number: float, *names: str) -> Maker:
    return lambda folder: _save(
        folder,
        {
            n: torch.full_like(v, number) if n in names or not names else v
            for n, v in state().items()
        },
    )


NUMERICALLY_BAD: dict[str, tuple[Maker, str]] = {
    "NaN in a weight": (_numbers("conv1.weight", float("nan")), "conv1.weight"),
    "infinity in a bias": (_numbers("fc.bias", float("inf")), "fc.bias"),
    "NaN in a buffer": (_numbers("bn1.running_mean", float("nan")), "bn1.running_mean"),
    "NaN in half": (_numbers("fc.weight", float("nan"), torch.float16), "fc.weight"),
    "a negative variance": (_numbers("bn1.running_var", -1.0), "bn1.running_var"),
    "a huge number": (_numbers("conv2.weight", 1e30), "conv2.weight"),
    "a number beyond float32": (_numbers("fc.weight", 1e300, torch.float64), "fc.weight"),
    "all zeros": (_filled(0.0), "fc.weight"),
    "a head of zeros": (_filled(0.0, "fc.weight"), "fc.weight"),
}
