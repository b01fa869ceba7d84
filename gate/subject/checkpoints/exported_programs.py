"""Read the weights of an exported program (.pt2), after :mod:`.program_members` vetted the rest.

Its weights lie as raw bytes under a JSON table; only these are read, for the user's own factory.
Loading such a file with torch runs code in many ways, so one that carries any of it is refused.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from gate.subject.checkpoints.budgets import Budget
from gate.subject.checkpoints.program_graphs import RESAVE
from gate.subject.checkpoints.program_members import check_members, table_of
from gate.subject.checkpoints.refusals import corrupt, mismatch, unsafe
from gate.subject.checkpoints.tensors import (
    ITEM_BYTES,
    TensorSpec,
    Weights,
    check_count,
    check_view,
)
from gate.wording import list_names, plain

# Where torch looks for it, and nowhere else: another table could speak of other weights.
_TABLE = re.compile(r"([^/]+/data/weights)/(.+)_weights_config\.json")
_PROGRAMS = frozenset({".so", ".dll", ".dylib", ".py", ".pyc", ".pyd", ".sh", ".exe"})
_STRIDED = 7

# The numbers of torch's serialised scalar types.
_DTYPES: Mapping[int, str] = {
    1: "uint8",
    2: "int8",
    3: "int16",
    4: "int32",
    5: "int64",
    6: "float16",
    7: "float32",
    8: "float64",
    10: "complex64",
    11: "complex128",
    12: "bool",
    13: "bfloat16",
}


def read_exported_program(
    members: Mapping[str, memoryview], key: str | None, budget: Budget
) -> Weights:
    """Return the weights of a .pt2 archive; ``key`` names the model where it holds several.

    What reading costs is taken from ``budget``. Raises RefusedError for an archive with compiled or
    Python code, with anything that another loader would unpickle or evaluate, or whose table and
    bytes do not agree.
    """
    programs = [name for name in members if PurePosixPath(name).suffix.lower() in _PROGRAMS]
    if programs:
        raise unsafe(f"it carries programs: {list_names(programs)}", RESAVE)
    notes = check_members(members, budget)
    tables = {found[2]: found for name in members if (found := _TABLE.fullmatch(name))}
    if not tables:
        raise corrupt("it is an exported program without a table of weights", RESAVE)
    if key is None and len(tables) > 1:
        raise mismatch(
            f"this file holds {len(tables)} models: {list_names(tables)}", "set `key` to one"
        )
    model = key if key is not None else next(iter(tables))
    if model not in tables:
        raise mismatch(
            f"the file holds no model `{plain(model)}`; it holds {list_names(tables)}",
            "correct `key`",
        )
    found = tables[model]
    table = table_of(found[0], members[found[0]], budget)
    check_count(len(table))
    tensors = tuple(_spec(name, entry, members, found[1]) for name, entry in table.items())
    _check_shared(tensors)
    return Weights(tensors, {}, model if len(tables) > 1 else "", notes)


def _spec(name: str, entry: object, members: Mapping[str, memoryview], folder: str) -> TensorSpec:
    if not isinstance(entry, dict):
        raise corrupt(f"its table does not describe {plain(name)} as torch does")
    try:
        meta = entry["tensor_meta"]
        content = members.get(f"{folder}/{entry['path_name']}")
        dtype = _DTYPES[meta["dtype"]]
        shape = tuple(_natural(each["as_int"]) for each in meta["sizes"])
        stride = tuple(_natural(each["as_int"]) for each in meta["strides"])
        offset = _natural(meta["storage_offset"]["as_int"])
        layout = meta["layout"]
    except (KeyError, TypeError, ValueError):
        raise corrupt(f"its table does not describe {plain(name)} as torch does") from None
    if layout != _STRIDED:
        raise unsafe(f"{plain(name)} is not a plain dense tensor", RESAVE)
    if content is None:
        raise corrupt(f"the bytes of {plain(name)} are missing in the archive")
    check_view(name, shape, stride, offset, content.nbytes // ITEM_BYTES[dtype])
    return TensorSpec(name, dtype, shape, stride, offset, content)


def _check_shared(tensors: Sequence[TensorSpec]) -> None:
    """Refuse tensors that share bytes and differ in dtype: torch reads all by the first one's."""
    dtypes: dict[int, str] = {}
    for spec in tensors:
        if dtypes.setdefault(id(spec.data), spec.dtype) != spec.dtype:
            raise unsafe(
                f"{plain(spec.name)} is stored with another tensor as {dtypes[id(spec.data)]} and "
                f"called {spec.dtype}, so readers can disagree about it",
                RESAVE,
            )


def _natural(value: object) -> int:
    if type(value) is not int or not 0 <= value < 1 << 62:
        raise ValueError
    return value
