"""Read a safetensors file: a JSON header of names, and raw numbers behind it.

Read here and not with the library: the header is JSON, the rest is slices, and 400,000 empty
tensors cost the library more than twenty seconds before it looks at any of them.
"""

import json
from collections.abc import Collection, Mapping, Sequence

from gate.subject.checkpoints.refusals import corrupt, unsafe
from gate.subject.checkpoints.tensors import (
    ITEM_BYTES,
    TensorSpec,
    Weights,
    check_axes,
    check_bytes,
    check_count,
    row_major,
)
from gate.wording import plain

MAX_HEADER = 10 << 20

_DTYPES: Mapping[str, str] = {
    "BOOL": "bool",
    "U8": "uint8",
    "I8": "int8",
    "I16": "int16",
    "I32": "int32",
    "I64": "int64",
    "U16": "uint16",
    "U32": "uint32",
    "U64": "uint64",
    "F16": "float16",
    "BF16": "bfloat16",
    "F32": "float32",
    "F64": "float64",
    "C64": "complex64",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
}


def read_safetensors(data: memoryview) -> Weights:
    """Return the tensors of a safetensors file, in the order of their bytes.

    Raises RefusedError for a header that is too large or no JSON, and for tensors that overlap,
    leave holes, or end before or behind the file.
    """
    start = 8 + int.from_bytes(data[:8], "little")
    if start > data.nbytes:
        raise corrupt("it ends inside its header; the copy was not finished")
    if start > MAX_HEADER:
        raise unsafe(
            f"its header has {start:,} bytes, more than the {MAX_HEADER:,} that are read",
            "save only the model's state_dict",
        )
    header = _header(bytes(data[8:start]))
    metadata = header.pop("__metadata__", None)
    check_count(len(header))
    body = data[start:]
    placed = sorted(
        (_placed(name, entry) for name, entry in header.items()), key=lambda each: each[2:]
    )
    tensors = []
    position = 0
    for name, (dtype, shape), begin, end in placed:
        if begin != position or end > body.nbytes:
            raise corrupt(f"{plain(name)} does not lie where the tensor before it ends")
        spec = TensorSpec(name, dtype, shape, row_major(shape), 0, body[begin:end])
        check_bytes(name, spec.bytes, end - begin)
        tensors.append(spec)
        position = end
    if position != body.nbytes:
        raise corrupt(f"it has {body.nbytes - position:,} bytes behind its tensors")
    return Weights(tuple(tensors), {}, twins=_twins(metadata, header))


def _twins(metadata: object, present: Collection[str]) -> dict[str, str]:
    """Return the names that save_model left out, and of which tensor in the file each is one."""
    pairs = metadata.items() if isinstance(metadata, dict) else ()
    return {
        name: kept
        for name, kept in pairs
        if isinstance(kept, str) and kept in present and name not in present
    }


def _header(text: bytes) -> dict[str, object]:
    try:
        header = json.loads(text.decode("utf-8"), object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError):
        raise corrupt("its header is not the JSON of safetensors") from None
    if not isinstance(header, dict):
        raise corrupt("its header is not the JSON of safetensors")
    return header


def _without_doubles(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise unsafe(
            "its header names a tensor twice, so readers can disagree about it",
            "save the file again with safetensors.torch.save_file",
        )
    return table


def _placed(name: str, entry: object) -> tuple[str, tuple[str, tuple[int, ...]], int, int]:
    """Return name, (dtype, shape), begin and end of one entry of the header."""
    if not isinstance(entry, dict):
        raise corrupt(f"the header says nothing useful about {plain(name)}")
    dtype = _DTYPES.get(str(entry.get("dtype")), "")
    shape, place = _naturals(entry.get("shape")), _naturals(entry.get("data_offsets"))
    if dtype not in ITEM_BYTES or shape is None or place is None or len(place) != 2:
        raise corrupt(f"the header describes {plain(name)} in a way that is not read here")
    check_axes(name, shape)
    if place[0] > place[1]:
        raise corrupt(f"{plain(name)} ends before it begins")
    return name, (dtype, shape), place[0], place[1]


def _naturals(value: object) -> tuple[int, ...] | None:
    if not isinstance(value, list):
        return None
    if not all(type(each) is int and 0 <= each < 1 << 62 for each in value):
        return None
    return tuple(value)
