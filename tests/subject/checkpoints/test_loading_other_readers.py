"""No file is judged by weights that torch.load does not give, whichever of its ways is used."""

import io
import pickle
import struct
import tarfile
import zipfile
from argparse import Namespace
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from checkpoint_corpus.archives import MAGIC, legacy_of, members_of, write_zip, zip_of
from checkpoint_corpus.payloads import Code, call, name, pickled, system, value

from gate.errors import CheckpointError, Refusal
from gate.subject.checkpoints import open_checkpoint
from gate.subject.checkpoints.loading import build

STORAGES = {"0": struct.pack("<2f", 1, 2), "1": struct.pack("<2f", 7, 8)}
REBUILD = name("torch._utils", "_rebuild_tensor_v2")


def _storage(key: str, *view: object) -> Code:
    kind = name("torch", "FloatStorage") + value(key) + value("cpu") + value(2)
    return Code(b"(" + value("storage") + kind + b"".join(map(value, view)) + b"tQ")


def _tensor(key: str, *metadata: Code, view: tuple[object, ...] = (), length: int = 2) -> Code:
    parts = [_storage(key, *view), *map(value, (0, (length,), (1,), False, None))]
    return call("torch._utils", "_rebuild_tensor_v2", *parts, *metadata)


def _filled(*pairs: tuple[object, Code]) -> Code:
    """Return opcodes that add entries to the dictionary on the stack."""
    return Code(b"(" + b"".join(value(key) + each for key, each in pairs) + b"u")


def _dict(*pairs: tuple[object, Code]) -> Code:
    return Code(b"}" + _filled(*pairs))


WEIGHTS, OTHERS = _dict(("w", _tensor("0"))), _dict(("w", _tensor("1")))
DATA = _dict(("data", _tensor("1")))
DICT = name("builtins", "dict")


def _typed(state: Code) -> Code:
    inner = Code(_tensor("0").removeprefix(REBUILD).removesuffix(b"R"))
    kind = name("torch", "Tensor")
    return call("torch._tensor", "_rebuild_from_type_v2", REBUILD, kind, inner, state)


def _parameter(state: Code) -> Code:
    parts = _tensor("0"), value(False), call("collections", "OrderedDict"), state
    return call("torch._utils", "_rebuild_parameter_with_state", *parts)


def _written(folder: Path, code: bytes, storages: Mapping[str, bytes] = STORAGES) -> Path:
    return write_zip(folder / "x.pt", zip_of(pickled(code, 2), storages))


def _refused(path: Path) -> CheckpointError:
    with pytest.raises(CheckpointError) as raised:
        open_checkpoint(path)
    return raised.value


def _without(first: Code, second: Code) -> Code:
    """Return opcodes of a dictionary with two models under what Python takes for one name."""
    return Code(b"}(" + value("model") + WEIGHTS + first + second + b"u")


SET_ANEW = Code(b"(" + _storage("1") + value(0) + value((2,)) + value((1,)) + b"tb")
NEGATED = call("copyreg", "_reconstructor", DICT, DICT, value({"neg": True}))
SIGN = Code(b"}" + call("_codecs", "encode", "art", "rot13") + value(True) + b"s")
NUMPY_TEXT = Code(pickle.dumps(np.str_("model"), 2)[2:-1])
SLOTS = Code(value(None) + DATA + b"\x86")

# What torch.load gives is said by the test below; each was judged by the numbers 1 and 2.
OTHER_WEIGHTS = {
    "a tensor set anew": _dict(("w", Code(_tensor("0") + SET_ANEW))),
    "data in the state of a parameter": _dict(("w", _parameter(DATA))),
    "data in the state of a tensor": _dict(("w", _typed(DATA))),
    "data in slots": _dict(("w", _parameter(SLOTS))),
    "a real part": _dict(("w", _parameter(_dict(("real", value(7.0)))))),
    "a name that is made": _without(call("builtins", "str", "model"), OTHERS),
    "a name that is decoded": _without(call("_codecs", "encode", "zbqry", "rot13"), OTHERS),
    "a name of NumPy": _without(NUMPY_TEXT, OTHERS),
    "a sign whose name is decoded": _dict(("w", _tensor("0", SIGN))),
    "a sign in a dictionary of another make": _dict(("w", _tensor("0", NEGATED))),
}


def _numbers(loaded: object) -> list[float]:
    while isinstance(loaded, dict):
        loaded = next(iter(loaded.values()))
    assert isinstance(loaded, torch.Tensor)
    return loaded.tolist()


@pytest.mark.parametrize("title", OTHER_WEIGHTS)
def test_what_torch_would_change_after_a_tensor_was_made_is_refused(
    title: str, tmp_path: Path
) -> None:
    path = _written(tmp_path, OTHER_WEIGHTS[title])

    oracle = torch.load(path, weights_only=False)

    assert _numbers(oracle) != [1, 2], "the generator does not do what it says"
    assert _refused(path).refusal is Refusal.UNSAFE


@pytest.mark.parametrize(
    "code",
    [
        call("collections", "OrderedDict", Code(b"(" + value("ema") + OTHERS + b"\x86t")),
        call("collections", "OrderedDict", _dict(("ema", OTHERS))),
        call("collections", "Counter", _dict(("ema", OTHERS))),
        call("builtins", "dict", _dict(("ema", OTHERS))),
        call("collections", "defaultdict", value(None), _dict(("ema", OTHERS))),
        call("copyreg", "_reconstructor", DICT, DICT, _dict(("ema", OTHERS))),
    ],
)
def test_a_second_model_is_found_however_its_dictionary_is_made(code: Code, tmp_path: Path) -> None:
    path = _written(tmp_path, code + _filled(("model", WEIGHTS)))

    assert list(torch.load(path, weights_only=False)) == ["ema", "model"]
    assert "holds 2 models" in _refused(path).fact


def test_a_dictionary_that_is_made_and_not_filled_is_refused(tmp_path: Path) -> None:
    pairs = Code(b"](" + b"(" + value("w") + _tensor("0") + b"le")
    path = _written(tmp_path, name("collections", "OrderedDict") + b"(" + pairs + b"t\x81")

    assert not torch.load(path, weights_only=False)
    assert _refused(path).refusal is Refusal.CORRUPT


@pytest.mark.parametrize("order", ["aA", "Aa"])
def test_storages_whose_names_differ_in_capitals_are_refused(order: str, tmp_path: Path) -> None:
    numbers = {"a": STORAGES["0"], "A": STORAGES["1"]}
    code = _dict(("v", _tensor("a")), ("w", _tensor("A")))
    path = _written(tmp_path, code, {key: numbers[key] for key in order})

    oracle = torch.load(path, weights_only=True)

    assert torch.equal(oracle["v"], oracle["w"])
    assert "so readers can disagree" in _refused(path).fact


def test_a_member_with_a_second_name_is_refused(tmp_path: Path) -> None:
    path, second = tmp_path / "x.pt", b"serialized_exported_program.json"
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in zip_of(pickled(WEIGHTS, 2), STORAGES).items():
            entry = zipfile.ZipInfo(member)
            if member.endswith("/1"):
                field = b"\x01" + struct.pack("<L", zipfile.crc32(member.encode())) + second
                entry.extra = struct.pack("<2H", 0x7075, len(field)) + field
            archive.writestr(entry, content)

    assert "a second name" in _refused(path).fact


def test_a_member_whose_name_is_said_again_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in zip_of(pickled(WEIGHTS, 2), STORAGES).items():
            entry = zipfile.ZipInfo(member)
            again = b"\x01" + struct.pack("<L", zipfile.crc32(member.encode())) + member.encode()
            entry.extra = struct.pack("<2H", 0x7075, len(again)) + again
            archive.writestr(entry, content)

    assert [spec.name for spec in open_checkpoint(path).tensors] == ["w"]


def _legacy(folder: Path, code: bytes) -> Path:
    storages = {key: (2, content) for key, content in STORAGES.items()}
    (folder / "x.pt").write_bytes(legacy_of(pickled(code, 2), storages))
    return folder / "x.pt"


@pytest.mark.parametrize(
    "views",
    [
        [("view", 0, 1), ("view", 1, 1)],  # torch takes the second for the first
        [("1", 0, 1), ("view", 0, 1)],  # the name of a storage
        [("view", 1, 1), ("0", 1, 1)],
    ],
)
def test_views_of_one_name_and_two_places_are_refused(
    views: list[tuple[str, int, int]], tmp_path: Path
) -> None:
    kept = [_tensor("0", view=(view,), length=1) for view in views]
    rest = _tensor("1", view=(None,))
    path = _legacy(tmp_path, _dict(("v", kept[0]), ("w", kept[1]), ("rest", rest)))

    assert "described in two ways" in _refused(path).fact


def test_two_tensors_may_share_a_view(tmp_path: Path) -> None:
    kept = _tensor("0", view=(("view", 1, 1),), length=1)
    path = _legacy(tmp_path, _dict(("v", kept), ("w", kept), ("r", _tensor("1", view=(None,)))))

    oracle = torch.load(path, weights_only=True)

    for spec in open_checkpoint(path).tensors:
        assert torch.equal(build(spec), oracle[spec.name])


def _tar_and_stream(folder: Path, canary: Path) -> Path:
    """Write a legacy stream that is, from its first byte, a tar archive of torch 0.1 too."""
    buffer = io.BytesIO()
    parts = {"storages": pickle.dumps(0, 2), "pickle": pickled(system(canary), 2)}
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for member, content in {"first": b"", "tensors": pickle.dumps(0, 2), **parts}.items():
            entry = tarfile.TarInfo(member)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    tar = bytearray(buffer.getvalue())
    start = b"".join(pickle.dumps(each, 2) for each in (MAGIC, 1001)) + b"\x80\x02}" + value("x")
    start += b"B" + struct.pack("<L", len(tar) - len(start) - 5)
    tar[:100] = start.ljust(100, b"\x00")
    tar[148:156] = b"%06o\x00 " % tarfile.calc_chksums(bytes(tar[:512]))[0]
    body = pickled(_dict(("w", _tensor("0", view=(None,)))), 2) + pickle.dumps(["0"], 2)
    (folder / "x.pt").write_bytes(bytes(tar) + b"s." + body + struct.pack("<q", 2) + STORAGES["0"])
    return folder / "x.pt"


def test_a_stream_that_is_a_tar_archive_too_is_refused(tmp_path: Path) -> None:
    path = _tar_and_stream(tmp_path, tmp_path / "canary")
    with pytest.raises(RuntimeError, match="tar"):
        torch.load(path, weights_only=True)

    refused = _refused(path)

    assert refused.refusal is Refusal.UNSAFE
    assert "tar archive" in refused.fact
    assert not (tmp_path / "canary").exists()


def _packed_before_others(path: Path) -> torch.Tensor:
    """Write a file whose first numbers are packed, and return what a mapping loader reads there."""
    torch.save({"w": torch.ones(1000), "rest": torch.full((2000,), 5.0)}, path)
    packed = {name for name in members_of(path) if name.endswith("data/0")}
    members = members_of(path)
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in members.items():
            method = zipfile.ZIP_DEFLATED if member in packed else zipfile.ZIP_STORED
            archive.writestr(member, content, method)
    return torch.load(path, mmap=True, weights_only=True)["w"]


def test_a_packed_file_says_that_it_must_not_be_mapped(tmp_path: Path) -> None:
    mapped = _packed_before_others(tmp_path / "x.pt")

    checkpoint = open_checkpoint(tmp_path / "x.pt")

    assert not torch.equal(build(checkpoint.tensors[0]), mapped)
    assert "mmap=True" in checkpoint.notes[0]


def test_a_packed_file_in_a_folder_which_loaders_map_is_refused(tmp_path: Path) -> None:
    _packed_before_others(tmp_path / "pytorch_model.bin")

    assert "mmap=True" in _refused(tmp_path).fact


def test_a_number_that_python_reads_as_octal_is_refused(tmp_path: Path) -> None:
    code = _dict(("w", _tensor("0"))).replace(value(2) + b"tQ", value(16) + b"tQ", 1)
    code = code.replace(b"tQ" + value(0), b"tQ" + b"I010\n", 1)
    path = _written(tmp_path, code, {"0": struct.pack("<16f", *range(16))})

    assert torch.load(path, weights_only=False)["w"].tolist() == [8, 9]
    assert _refused(path).refusal is Refusal.CORRUPT


def test_a_frame_that_hides_a_second_stream_is_refused(tmp_path: Path) -> None:
    canary, count = tmp_path / "canary", 50_000
    heads = b"".join(pickle.dumps(each, 2) for each in (MAGIC, 1001))
    good = _dict(("w", _tensor("0", view=(None,)))).replace(value(2) + b"N", value(count) + b"N", 1)
    judged = pickled(good, 2) + pickle.dumps(["0"], 2) + struct.pack("<q2f", count, 1, 2)
    judged += bytes(3 * count)  # Python reads small frames in another way
    loaded = pickled(system(canary), 2) + pickle.dumps([], 2)
    frame = b"\x80\x04\x95" + struct.pack("<Q", 2 + len(judged)) + b"N." + judged
    (tmp_path / "x.pt").write_bytes(heads + frame + loaded.ljust(count - 8, b"\x00"))

    assert "frame" in _refused(tmp_path / "x.pt").fact
    torch.load(tmp_path / "x.pt", weights_only=False)
    assert canary.exists(), "the generator does not do what it says"


def test_a_frame_that_ends_inside_a_step_is_refused(tmp_path: Path) -> None:
    text = value("w")
    code = b"\x95" + struct.pack("<Q", len(text)) + b"}" + text + _tensor("0") + b"s"

    assert "frame" in _refused(_written(tmp_path, code)).fact


# An older stream of protocol 1 is not known by its first bytes.
@pytest.mark.parametrize(
    ("zipped", "protocol"),
    [(True, 1), *((each, p) for each in (True, False) for p in (2, 3, 4, 5))],
)
def test_what_trainers_keep_beside_the_weights_is_no_obstacle(
    zipped: bool, protocol: int, tmp_path: Path
) -> None:
    parameter = torch.nn.Parameter(torch.ones(2))
    parameter.tag, parameter.mask = "frozen", torch.zeros(2)  # type: ignore[attr-defined]
    optimiser = {"state": {each: {"step": torch.tensor(1.0)} for each in range(2000)}}
    saved = {
        "model": OrderedDict(w=parameter),
        "optimizer": optimiser,
        "seen": Counter("aab"),
        "by class": defaultdict(list, {"a": [1]}),
        "by number": {np.int64(1): {"f1": np.float64(0.5)}},
        "best": np.str_("epoch 3"),
        "args": Namespace(lr=0.1, sizes=torch.Size([1])),
    }
    path = tmp_path / "x.pt"
    torch.save(saved, path, pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)

    checkpoint = open_checkpoint(path)

    assert (checkpoint.key, [spec.name for spec in checkpoint.tensors]) == ("model", ["w"])
