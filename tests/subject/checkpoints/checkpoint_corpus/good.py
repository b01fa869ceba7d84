"""Checkpoints that must load, in every form in which people keep them."""

import argparse
import json
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from checkpoint_corpus.archives import legacy_of, write_zip, zip_of
from checkpoint_corpus.hostile import exported
from checkpoint_corpus.models import small_cnn, state
from checkpoint_corpus.payloads import Code, name, pickled, value


@dataclass(frozen=True)
class Good:
    """One family: how it is made, the key it needs, and whether torch reads it with care."""

    make: Callable[[Path], Path]
    key: str | None = None
    stock: bool = True  # torch.load(weights_only=True) reads it
    exact: bool = True  # the weights are those of state(), bit for bit


GOOD: dict[str, Good] = {}


def _family(
    title: str, *, key: str | None = None, stock: bool = True, exact: bool = True
) -> Callable[[Callable[[Path], Path]], Callable[[Path], Path]]:
    def keep(make: Callable[[Path], Path]) -> Callable[[Path], Path]:
        GOOD[title] = Good(make, key, stock, exact)
        return make

    return keep


def _save(folder: Path, value: object, **how: object) -> Path:
    path = folder / "good.pt"
    torch.save(value, path, **how)
    return path


def _prefixed(prefix: str) -> dict[str, torch.Tensor]:
    return {prefix + name: value for name, value in state().items()}


def _as(dtype: torch.dtype) -> dict[str, torch.Tensor]:
    return {n: v.to(dtype) if v.is_floating_point() else v for n, v in state().items()}


GOOD |= {
    "zip": Good(lambda folder: _save(folder, state())),
    "zip with metadata": Good(lambda folder: _save(folder, small_cnn(seed=1).state_dict())),
    "legacy": Good(lambda f: _save(f, state(), _use_new_zipfile_serialization=False)),
    "pickle protocol 3": Good(lambda f: _save(f, state(), pickle_protocol=3), stock=False),
    "pickle protocol 4": Good(lambda f: _save(f, state(), pickle_protocol=4), stock=False),
    "pickle protocol 5": Good(lambda f: _save(f, state(), pickle_protocol=5), stock=False),
    "legacy, protocol 4": Good(
        lambda f: _save(f, state(), pickle_protocol=4, _use_new_zipfile_serialization=False),
        stock=False,
    ),
    "state_dict": Good(lambda f: _save(f, {"state_dict": state(), "epoch": 3})),
    "model_state_dict": Good(lambda f: _save(f, {"model_state_dict": state(), "loss": 0.1})),
    "net": Good(lambda f: _save(f, {"net": state(), "acc": torch.tensor(0.9)})),
    "two dictionaries deep": Good(lambda f: _save(f, {"run": {"model": state()}})),
    "an average, by its key": Good(
        lambda f: _save(f, {"model": state(seed=2), "ema": state()}), key="ema"
    ),
    "an average inside a dictionary, by its key": Good(
        lambda f: _save(f, {"model": state(seed=2), "ema": {"decay": 0.9, "module": state()}}),
        key="ema",
    ),
    "prefix module.": Good(lambda f: _save(f, _prefixed("module."))),
    "prefix _orig_mod.": Good(lambda f: _save(f, _prefixed("_orig_mod."))),
    "prefix module._orig_mod.": Good(lambda f: _save(f, _prefixed("module._orig_mod."))),
    "a prefix of a class of the user's": Good(lambda f: _save(f, _prefixed("encoder."))),
    "prefix model.": Good(lambda f: _save(f, _prefixed("model."))),
    "half": Good(lambda f: _save(f, _as(torch.float16)), exact=False),
    "bfloat16": Good(lambda f: _save(f, _as(torch.bfloat16)), exact=False),
    "float64": Good(lambda f: _save(f, _as(torch.float64))),
    "numpy scalars beside": Good(
        lambda f: _save(f, {"state_dict": state(), "best": np.float64(0.9), "lr": np.float32(1)}),
        stock=False,
    ),
    "Namespace and Path beside": Good(
        lambda f: _save(f, {"model": state(), "args": argparse.Namespace(lr=1, out=Path("x"))}),
        stock=False,
    ),
    "numpy array beside": Good(
        lambda f: _save(f, {"model": state(), "curve": np.arange(5.0)}), stock=False
    ),
    "a Parameter dict": Good(
        lambda f: _save(f, {n: _parameter(v) for n, v in state().items()})
    ),
    "an empty tensor beside": Good(lambda f: _save(f, {"model": state(), "x": torch.zeros(0, 3)})),
}  # fmt: skip


def _parameter(value: torch.Tensor) -> torch.Tensor:
    return torch.nn.Parameter(value, requires_grad=value.is_floating_point())


@_family("optimiser, scheduler and random state beside")
def training(folder: Path) -> Path:
    model = small_cnn(seed=1)
    optimiser = torch.optim.AdamW(model.parameters())
    scheduler = torch.optim.lr_scheduler.StepLR(optimiser, 3)
    model.train()(torch.rand(4, 1, 16, 16)).sum().backward()
    optimiser.step()
    model.load_state_dict(state())
    return _save(
        folder,
        {
            "epoch": 7,
            "model": model.state_dict(),
            "optimizer": optimiser.state_dict(),
            "scheduler": scheduler.state_dict(),
            "rng_state": {"torch": torch.get_rng_state(), "cuda": []},
        },
    )


@_family("Lightning")
def lightning(folder: Path) -> Path:
    return _save(
        folder,
        {
            "epoch": 1,
            "global_step": 100,
            "pytorch-lightning_version": "2.5.0",
            "state_dict": _prefixed("model."),
            "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"total": {"ready": 1}}}},
            "callbacks": {"ModelCheckpoint{'monitor': None}": {"best_model_score": torch.ones(())}},
            "optimizer_states": [{"state": {0: {"exp_avg": torch.zeros(3)}}, "param_groups": []}],
            "lr_schedulers": [],
            "hparams_name": "kwargs",
            "hyper_parameters": {"lr": 0.1},
        },
    )


@_family("transposed and sliced tensors")
def views(folder: Path) -> Path:
    weights = state()
    weights["fc.weight"] = weights["fc.weight"].t().contiguous().t()
    base = torch.cat([torch.zeros(3), weights["fc.bias"], torch.ones(2)])
    weights["fc.bias"] = base[3:13]
    weights["conv2.weight"] = weights["conv2.weight"].contiguous(memory_format=torch.channels_last)
    return _save(folder, weights)


@_family("tensors that share a storage")
def shared(folder: Path) -> Path:
    weights = state()
    flat = torch.cat([value.flatten() for value in weights.values() if value.is_floating_point()])
    start, packed = 0, OrderedDict()
    for key, tensor in state().items():
        packed[key] = tensor
        if tensor.is_floating_point():
            packed[key] = flat[start : start + tensor.numel()].view(tensor.shape)
            packed[key].copy_(tensor)
            start += tensor.numel()
    return _save(folder, packed)


@_family("legacy, tensors that share a storage")
def legacy_shared(folder: Path) -> Path:
    values = torch.load(shared(folder), weights_only=True)
    return _save(folder, values, _use_new_zipfile_serialization=False)


@_family("tensors with attributes")
def attributes(folder: Path) -> Path:
    weights = state()
    weights["fc.weight"].isnan = "shadowed"
    weights["fc.weight"].note = 3
    return _save(folder, weights)


@_family("without batch counters")
def no_counters(folder: Path) -> Path:
    weights = state()
    del weights["bn1.num_batches_tracked"]
    return _save(folder, weights)


@_family("safetensors", stock=False)
def safetensors(folder: Path) -> Path:
    save_file(state(), folder / "model.bin", metadata={"format": "pt", "note": "\x1b[31m"})
    return folder / "model.bin"


@_family("safetensors, half", stock=False, exact=False)
def safetensors_half(folder: Path) -> Path:
    save_file(_as(torch.bfloat16), folder / "model.safetensors")
    return folder / "model.safetensors"


@_family("a model folder", stock=False)
def model_folder(folder: Path) -> Path:
    save_file(state(), folder / "model.safetensors")
    (folder / "config.json").write_text('{"auto_map": {"AutoModel": "modeling.Evil"}}')
    (folder / "modeling.py").write_text("raise SystemExit('imported')")
    return folder


@_family("a model folder with a .bin", stock=False)
def bin_folder(folder: Path) -> Path:
    torch.save(state(), folder / "pytorch_model.bin")
    return folder


def shard(
    folder: Path, suffix: str, write: Callable[[dict[str, torch.Tensor], Path], object]
) -> Path:
    """Write the weights in two files and an index."""
    weights = list(state().items())
    index = {}
    for number, part in enumerate((weights[:5], weights[5:]), start=1):
        file = f"model-{number:05d}-of-00002.{suffix}"
        write(dict(part), folder / file)
        index |= {key: file for key, _ in part}
    stem = "model.safetensors" if suffix == "safetensors" else "pytorch_model.bin"
    text = json.dumps({"metadata": {"total_size": 1}, "weight_map": index})
    (folder / f"{stem}.index.json").write_text(text)
    return folder


@_family("sharded safetensors", stock=False)
def sharded(folder: Path) -> Path:
    return shard(folder, "safetensors", save_file)


@_family("sharded .bin files", stock=False)
def sharded_bin(folder: Path) -> Path:
    return shard(folder, "bin", torch.save)


@_family("an exported program, for its weights", stock=False)
def exported_program(folder: Path) -> Path:
    return exported(folder)


def _by_hand(location: str, module: str = "torch") -> tuple[list[Code], dict[str, torch.Tensor]]:
    """Return opcodes for every name and tensor in turn, and the storages they speak of."""
    code, storages = [], {}
    for number, (key, tensor) in enumerate(state().items()):
        kind = name(module, "FloatStorage" if tensor.is_floating_point() else "LongStorage")
        place = [value(each) for each in (str(number), location, tensor.numel())]
        view = [value(each) for each in (0, tuple(tensor.shape), tensor.stride(), False, None)]
        spoken = b"(" + value("storage") + kind + b"".join(place) + b"t"
        code += [
            value(key),
            Code(
                name("torch._utils", "_rebuild_tensor_v2")
                + b"("
                + spoken
                + b"Q"
                + b"".join(view)
                + b"tR"
            ),
        ]
        storages[str(number)] = tensor
    return code, storages


@_family("CUDA tags", stock=False)
def cuda(folder: Path) -> Path:
    code, storages = _by_hand("cuda:3")
    data = {key: tensor.numpy().tobytes() for key, tensor in storages.items()}
    pickle_ = pickled(b"}(" + b"".join(code) + b"u", 2)
    return write_zip(folder / "model.pt", zip_of(pickle_, data))


@_family("legacy, CUDA storages", stock=False)
def legacy_cuda(folder: Path) -> Path:
    code, storages = _by_hand("cuda:0", "torch.cuda")
    data = {key: (tensor.numel(), tensor.numpy().tobytes()) for key, tensor in storages.items()}
    body = pickled(b"}(" + b"".join(code).replace(b"tQ", b"NtQ") + b"u", 2)
    path = folder / "model.pt"
    path.write_bytes(legacy_of(body, data))
    return path


@_family("an ordered dict of Python 2", stock=False)
def python_2(folder: Path) -> Path:
    code, storages = _by_hand("cpu")
    pairs = [b"](" + key + tensor + b"e" for key, tensor in zip(code[::2], code[1::2], strict=True)]
    made = name("collections", "OrderedDict") + b"](" + b"".join(pairs) + b"e\x85R"
    data = {key: tensor.numpy().tobytes() for key, tensor in storages.items()}
    return write_zip(folder / "model.pt", zip_of(pickled(made, 2), data))
