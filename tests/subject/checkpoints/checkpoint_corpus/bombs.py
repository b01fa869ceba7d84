"""Small files that make a careless reader use up memory or time."""

import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import torch

from checkpoint_corpus.archives import legacy_of, members_of, write_zip, zip_of
from checkpoint_corpus.models import state
from checkpoint_corpus.payloads import call, name, pickled, value

HUGE = 1 << 40

BOMBS: dict[str, Callable[[Path], Path]] = {}


def _bomb(title: str) -> Callable[[Callable[[Path], Path]], Callable[[Path], Path]]:
    def keep(make: Callable[[Path], Path]) -> Callable[[Path], Path]:
        BOMBS[title] = make
        return make

    return keep


def tensor_of(elements: int, shape: tuple[int, ...], stride: tuple[int, ...]) -> bytes:
    """Return opcodes for a float tensor over storage 0, which claims ``elements``."""
    storage = b"(" + value("storage") + name("torch", "FloatStorage")
    storage += value("0") + value("cpu") + value(elements) + b"tQ"
    rest = value(0) + value(shape) + value(stride) + value(False) + value(None)
    return name("torch._utils", "_rebuild_tensor_v2") + b"(" + storage + rest + b"tR"


def _dict_of(tensor: bytes) -> bytes:
    return b"}" + value("fc.weight") + tensor + b"s"


def _zip(folder: Path, code: bytes, storages: dict[str, bytes] | None = None) -> Path:
    return write_zip(folder / "bomb.pt", zip_of(pickled(code, 2), storages))


@_bomb("bytearray of 6 GiB")
def bytes_on_demand(folder: Path) -> Path:
    return _zip(folder, call("builtins", "bytearray", 6 << 30))


@_bomb("UntypedStorage of 6 GiB")
def storage_on_demand(folder: Path) -> Path:
    return _zip(folder, call("torch.storage", "UntypedStorage", 6 << 30))


@_bomb("a view that repeats one number")
def stride_zero(folder: Path) -> Path:
    tensor = tensor_of(1, (200_000, 200_000), (0, 0))
    return _zip(folder, _dict_of(tensor), {"0": bytes(4)})


@_bomb("a zip storage that claims 4 TiB")
def zip_claim(folder: Path) -> Path:
    return _zip(folder, _dict_of(tensor_of(HUGE, (HUGE,), (1,))), {"0": bytes(864)})


@_bomb("a legacy storage that claims 4 TiB")
def legacy_claim(folder: Path) -> Path:
    path = folder / "bomb.pt"
    body = pickled(_dict_of(tensor_of(HUGE, (HUGE,), (1,))), 2)
    path.write_bytes(legacy_of(body.replace(b"tQ", b"NtQ"), {"0": (HUGE, bytes(64))}))
    return path


@_bomb("a deflated pickle")
def deflated(folder: Path) -> Path:
    code = b"]" + b"(" + b"N" * (64 << 20) + b"e"
    return write_zip(folder / "bomb.pt", zip_of(pickled(code)), method=zipfile.ZIP_DEFLATED)


@_bomb("a pickle of sixty million steps")
def steps(folder: Path) -> Path:
    return _zip(folder, b"N0" * (30 << 20) + b"N")


@_bomb("a pickle of 80 MiB")
def large_pickle(folder: Path) -> Path:
    return _zip(folder, b"N0" * (40 << 20) + b"N")


@_bomb("a string of 60 MiB")
def long_string(folder: Path) -> Path:
    return _zip(folder, value("a" * (60 << 20)))


@_bomb("a number of 60 MiB")
def long_number(folder: Path) -> Path:
    size = 60 << 20
    return _zip(folder, b"\x8b" + struct.pack("<i", size) + b"\x7f" * size)


@_bomb("a number in digits")
def digits(folder: Path) -> Path:
    return _zip(folder, b"L" + b"9" * (1 << 20) + b"L\n")


@_bomb("lists that hold ten of each other")
def laughs(folder: Path) -> Path:
    inner: object = ["ha"] * 10
    for _ in range(30):
        inner = [inner] * 10
    return _zip(folder, value({"laughs": inner}))


@_bomb("tuples that hold two of each other, as keys")
def hashed(folder: Path) -> Path:
    code = b")" + b"2\x86" * 60
    return _zip(folder, b"}" + code + b"Ns")


@_bomb("a dictionary that holds itself")
def cycle(folder: Path) -> Path:
    inner: dict[str, object] = {}
    inner["state_dict"] = inner
    return _zip(folder, value(inner))


@_bomb("lists nested 200,000 deep")
def deep(folder: Path) -> Path:
    return _zip(folder, b"(" * 200_000 + b"l" * 200_000)


@_bomb("dictionaries nested 50,000 deep")
def deep_dicts(folder: Path) -> Path:
    return _zip(folder, (b"}" + value("model")) * 50_000 + b"N" + b"s" * 50_000)


@_bomb("300,000 keys")
def keys(folder: Path) -> Path:
    return _zip(folder, value({f"key{number}": number for number in range(300_000)}))


@_bomb("300,000 names for one tensor")
def names(folder: Path) -> Path:
    put = tensor_of(1, (1,), (1,)) + b"r\x00\x00\x10\x00"
    rest = b"".join(value(f"n{each}")[:-2] + b"j\x00\x00\x10\x00s" for each in range(240_000))
    return _zip(folder, b"}" + value("first") + put + b"s" + rest, {"0": bytes(4)})


@_bomb("a shape of 100,000 axes")
def axes(folder: Path) -> Path:
    tensor = tensor_of(1, (1 << 60,) * 100_000, (1,) * 100_000)
    return _zip(folder, _dict_of(tensor), {"0": bytes(4)})


@_bomb("a zip with 300,000 members")
def members(folder: Path) -> Path:
    path = folder / "bomb.pt"
    local = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 0, 0, 33, 0, 0, 0, 1, 0) + b"a"
    entry = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 0, 0, 33, 0, 0, 0, 1, *(0,) * 6)
    count, size = 300_000, 300_000 * 47
    start = len(local)
    end64 = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, start)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, start + size, 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 65535, 65535, size, start, 0)
    path.write_bytes(local + (entry + b"a") * count + end64 + locator + end)
    return path


@_bomb("a zip whose members share their bytes")
def shared(folder: Path) -> Path:
    path = folder / "good.pt"
    torch.save(state(), path)
    data = bytearray(path.read_bytes())
    first = data.index(b"PK\x01\x02")
    second = data.index(b"PK\x01\x02", first + 4)
    data[second + 42 : second + 46] = data[first + 42 : first + 46]
    path.write_bytes(data)
    return path


@_bomb("safetensors: 400,000 empty tensors")
def empty_tensors(folder: Path) -> Path:
    entry = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    return _safetensors(folder, json.dumps({f"t{each}": entry for each in range(400_000)}).encode())


@_bomb("safetensors: 90,000 empty tensors")
def fewer_empty_tensors(folder: Path) -> Path:
    entry = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    return _safetensors(folder, json.dumps({f"t{each}": entry for each in range(90_000)}).encode())


@_bomb("safetensors: a header length of 90 MB")
def header_lie(folder: Path) -> Path:
    path = folder / "bomb.safetensors"
    path.write_bytes((90_000_000).to_bytes(8, "little") + b'{"a"')
    return path


@_bomb("safetensors: a header nested 5,000,000 deep")
def nested_header(folder: Path) -> Path:
    return _safetensors(folder, b'{"a":' + b"[" * 5_000_000)


@_bomb("safetensors: three million axes")
def many_axes(folder: Path) -> Path:
    shape = b",".join([b"99"] * 3_000_000)
    return _safetensors(
        folder, b'{"a":{"dtype":"F32","data_offsets":[0,0],"shape":[' + shape + b"]}}"
    )


def _safetensors(folder: Path, header: bytes) -> Path:
    path = folder / "bomb.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    return path


@_bomb("a FIFO")
def fifo(folder: Path) -> Path:
    os.mkfifo(folder / "bomb.pt")
    return folder / "bomb.pt"


@_bomb("an endless device")
def device(folder: Path) -> Path:
    (folder / "bomb.pt").symlink_to("/dev/zero")
    return folder / "bomb.pt"


@_bomb("a sparse file of 8 GiB")
def sparse(folder: Path) -> Path:
    return _sparse(folder, 8 << 30)


@_bomb("a sparse file of 1 GiB that begins like a checkpoint")
def sparse_zip(folder: Path) -> Path:
    path = _sparse(folder, 1 << 30)
    with path.open("r+b") as file:
        file.write(b"PK\x03\x04")
    return path


def _sparse(folder: Path, size: int) -> Path:
    path = folder / "bomb.pt"
    with path.open("wb") as file:
        file.truncate(size)
    return path


@_bomb("a pickle in a legacy stream without end")
def endless_line(folder: Path) -> Path:
    path = folder / "bomb.pt"
    heads = b"".join(pickle.dumps(each, 2) for each in (0x1950A86A20F9469CFC6C, 1001))
    path.write_bytes(heads + b"\x80\x02c" + b"a" * (100 << 20))
    return path


@_bomb("an index that names 100,000 shards")
def shards(folder: Path) -> Path:
    table = {"weight_map": {f"t{each}": f"{each}.safetensors" for each in range(100_000)}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(table))
    return folder


@_bomb("a .pt2 whose table claims 4 TiB")
def pt2_claim(folder: Path) -> Path:
    from checkpoint_corpus.hostile import exported

    contents = members_of(exported(folder))
    table = next(name for name in contents if name.endswith("weights_config.json"))
    contents[table] = contents[table].replace(b'{"as_int": 8}', b'{"as_int": 137438953472}', 1)
    return write_zip(folder / "bomb.pt2", contents)


def _get(place: int) -> bytes:
    return b"j" + struct.pack("<I", place)


def _kept(code: bytes, place: int) -> bytes:
    """Return opcodes that put a value into the memo and leave nothing on the stack."""
    return code + b"r" + struct.pack("<I", place) + b"0"


def _text(text: str) -> bytes:
    raw = text.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


PAIR = b"K\x01K\x01\x86"
DICTIONARY = _kept(name("collections", "OrderedDict"), 0)


@_bomb("a list of pairs that is made a dictionary again and again")
def pairs(folder: Path) -> Path:
    listed = _kept(b"](" + _get(1) * 300_000 + b"e\x85", 2)
    calls = (_get(0) + _get(2) + b"R0") * 150_000
    return _zip(folder, DICTIONARY + _kept(PAIR, 1) + listed + calls + b"}")


@_bomb("dictionaries of one long list, all of them kept")
def kept_dictionaries(folder: Path) -> Path:
    listed = b"](" + b"".join(_text(f"k{each}") + b"N\x86" for each in range(100_000)) + b"e\x85"
    calls = (_get(0) + _get(2) + b"R") * 150_000
    return _zip(folder, DICTIONARY + _kept(listed, 2) + b"(" + calls + b"t")


@_bomb("300,000 tensors of 64 axes over one storage")
def many_shapes(folder: Path) -> Path:
    tensor = tensor_of(4, (1,) * 64, ((1 << 61),) * 64)
    code = _kept(name("torch._utils", "_rebuild_tensor_v2"), 0)
    code += _kept(tensor[tensor.index(b"(") : -1], 1)
    return _zip(folder, code + b"(" + (_get(0) + _get(1) + b"R") * 300_000 + b"t", {"0": bytes(16)})


@_bomb("a name of a storage class with a list behind it")
def storage_rest(folder: Path) -> Path:
    head = value("storage") + name("torch", "FloatStorage") + value("0") + value("cpu")
    spoken = _kept(b"(" + head + b"K\x04" + b"N" * 300_000 + b"t", 0)
    return _zip(folder, spoken + (_get(0) + b"Q0") * 150_000 + b"}")


@_bomb("a wrapped tensor in a wrapped tensor, 300 deep")
def wrapped(folder: Path) -> Path:
    code = _kept(name("torch._tensor", "_rebuild_from_type_v2"), 0)
    code += _kept(name("torch", "Tensor"), 1) + _kept(b")", 2)
    code += b"".join(_kept(b"(" + _get(0) + _get(1) + _get(2) + b"t", 2) for _ in range(300))
    return _zip(folder, code + (_get(0) + _get(2) + b"R0") * 300_000 + b"}")


@_bomb("a name of two mebibytes, looked up again and again")
def long_names(folder: Path) -> Path:
    code = _kept(_text("a" * (1 << 20)), 0) + _kept(_text("b" * (1 << 20)), 1)
    return _zip(folder, code + (_get(0) + _get(1) + b"\x930") * 300_000 + b"}")


@_bomb("300,000 dictionaries under a name of one mebibyte")
def long_paths(folder: Path) -> Path:
    inner = b"}(" + b"".join(_text(f"k{each}") + b"}" for each in range(300_000)) + b"u"
    return _zip(folder, b"}" + _text("a" * (1 << 20)) + inner + b"s")


@_bomb("one key of a mebibyte in 150,000 dictionaries")
def long_keys(folder: Path) -> Path:
    tables = b"".join(_text(f"k{each}") + b"}" + _get(0) + b"}s" for each in range(150_000))
    return _zip(folder, _kept(_text("é" * (1 << 19)), 0) + b"}(" + tables + b"u")


@_bomb("200,000 names for one dictionary of 200,000 numbers")
def shared_dictionaries(folder: Path) -> Path:
    inner = b"}(" + b"".join(_text(f"k{each}") + b"N" for each in range(200_000)) + b"u"
    outer = b"".join(_text(f"k{each}") + _get(0) for each in range(200_000))
    return _zip(folder, _kept(inner, 0) + b"}(" + outer + b"u")


@_bomb("a name with 149,000 prefixes of a wrapper")
def prefixes(folder: Path) -> Path:
    return _zip(folder, b"}" + _text("module." * 149_000) + tensor_of(4, (2, 2), (2, 1)) + b"s")


@_bomb("five pickles of a million steps in a legacy stream")
def legacy_steps(folder: Path) -> Path:
    path = folder / "bomb.pt"
    heads = [pickle.dumps(each, 2) for each in (0x1950A86A20F9469CFC6C, 1001)]
    path.write_bytes(b"".join(heads) + (b"\x80\x02" + b"N0" * 490_000 + b"}.") * 3)
    return path


@_bomb("two long keys, equal and apart, in a legacy list of storages")
def legacy_keys(folder: Path) -> Path:
    heads = [pickle.dumps(each, 2) for each in (0x1950A86A20F9469CFC6C, 1001, {}, {})]
    keys = b"".join(_kept(_text("a" * (1 << 20)), place) for place in (0, 1))
    listed = b"\x80\x02" + keys + b"](" + (_get(0) + _get(1)) * 400_000 + b"e."
    (folder / "bomb.pt").write_bytes(b"".join(heads) + listed)
    return folder / "bomb.pt"


@_bomb("a deflated pickle of 1.7 GB")
def deflated_pickle(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "bomb.pt", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("archive/data.pkl", "w") as member:
            for _ in range(1700):
                member.write(b"N" * (1 << 20))
        archive.writestr("archive/version", b"3\n")
    return folder / "bomb.pt"


@_bomb("a zip whose directory has fourteen million empty fields")
def fields(folder: Path) -> Path:
    local = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 0, 0, 33, 0, 0, 0, 1, 0) + b"a"
    head = (b"PK\x01\x02", 20, 20, 0, 0, 0, 33, 0, 0, 0, 1, 64_000, *(0,) * 5)
    directory = (struct.pack("<4s6H3L5H2L", *head) + b"a" + bytes(64_000)) * 900
    numbers = (0, 0, 900, 900, len(directory), len(local), 0)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", *numbers)
    (folder / "bomb.pt").write_bytes(local + directory + end)
    return folder / "bomb.pt"


@_bomb("forty shards of 90,000 empty tensors")
def empty_shards(folder: Path) -> Path:
    entry = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    header = json.dumps({f"t{each}": entry for each in range(90_000)}).encode()
    for number in range(40):
        _safetensors(folder, header).rename(folder / f"{number}.safetensors")
    table = {"weight_map": {f"t{each}": f"{each}.safetensors" for each in range(40)}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(table))
    return folder
