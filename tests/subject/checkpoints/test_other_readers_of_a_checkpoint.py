"""No file is judged by weights that torch.load does not give, whichever of its ways is used."""

import io
import pickle
import struct
import tarfile
import warnings
from collections import Counter, OrderedDict, defaultdict
from pathlib import Path

import numpy as np
import pytest
import torch
from checkpoint_corpus.archives import legacy_of, write_zip, zip_of
from checkpoint_corpus.payloads import Code, call, name, pickled, system, value

from gate.errors import CheckpointError, Refusal
from gate.subject.checkpoints import open_checkpoint
from gate.subject.checkpoints.loading import build

JUDGED, OTHER = torch.tensor([1.0, 2.0]), torch.tensor([7.0, 8.0])
STORAGES = {"0": JUDGED.numpy().tobytes(), "1": OTHER.numpy().tobytes()}


def _storage(key: str, view: object = ()) -> Code:
    kind = name("torch", "FloatStorage") + value(key) + value("cpu") + value(2)
    behind = b"" if view == () else value(view)
    return Code(b"(" + value("storage") + kind + behind + b"tQ")


def _tensor(key: str, *, view: object = (), metadata: Code | None = None) -> Code:
    parts = [_storage(key, view), *map(value, (0, (2,), (1,), False, None))]
    return call("torch._utils", "_rebuild_tensor_v2", *parts, *([metadata] if metadata else []))


def _dict(*pairs: tuple[object, Code]) -> Code:
    return Code(b"}(" + b"".join(value(key) + each for key, each in pairs) + b"u")


WEIGHTS, OTHERS = _dict(("w", _tensor("0"))), _dict(("w", _tensor("1")))


def _typed(state: Code) -> Code:
    inner = _tensor("0").removeprefix(name("torch._utils", "_rebuild_tensor_v2"))
    rebuild = name("torch._utils", "_rebuild_tensor_v2")
    kind = name("torch", "Tensor")
    return call("torch._tensor", "_rebuild_from_type_v2", Code(rebuild), Code(kind),
                Code(inner.removesuffix(b"R")), state)  # fmt: skip


def _parameter(state: Code) -> Code:
    empty = call("collections", "OrderedDict")
    return call(
        "torch._utils", "_rebuild_parameter_with_state", _tensor("0"), Code(value(False)), empty,
        state,
    )  # fmt: skip


def _text(spoken: str) -> Code:
    return call("builtins", "str", spoken)


def _text_of_numpy(spoken: str) -> Code:
    return Code(pickle.dumps(np.str_(spoken), 2)[2:-1])


DATA = _dict(("data", _tensor("1")))
BUILT = Code(b"(" + _storage("1") + value(0) + value((2,)) + value((1,)) + b"tb")

# Each holds other weights for a loader of torch, with or without ``weights_only``.
ONES = {
    "a tensor is set anew": _dict(("w", Code(_tensor("0") + BUILT))),
    "the data of a parameter in its state": _dict(("w", _parameter(DATA))),
    "the data of a tensor in its state": _dict(("w", _typed(DATA))),
    "the real part in a state": _dict(("w", _parameter(_dict(("real", Code(value(3.0))))))),
    "the data in the second part of a state": _dict(
        ("w", _parameter(Code(value({}) + DATA + b"\x86")))
    ),
    "a text that is made": Code(
        b"}(" + value("model") + WEIGHTS + _text("model") + OTHERS + b"u"
    ),
    "a text of NumPy": Code(
        b"}(" + value("model") + WEIGHTS + _text_of_numpy("model") + OTHERS + b"u"
    ),
    "a dictionary from a tuple": call(
        "collections", "OrderedDict", Code(b"(" + value("ema") + OTHERS + b"\x86t")
    )[:-0 or None],
    "a dictionary from a dictionary": call("collections", "OrderedDict", _dict(("ema", OTHERS))),
}
