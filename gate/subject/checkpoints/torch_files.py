"""Read the two containers of torch.save, the zip archive and the older stream, without torch."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gate.subject.checkpoints.budgets import Budget
from gate.subject.checkpoints.pickles import (
    MAX_PICKLE,
    MAX_STORAGE_KEY,
    StorageRef,
    TensorRef,
    Walked,
    walk,
)
from gate.subject.checkpoints.refusals import corrupt, unsafe
from gate.subject.checkpoints.tensors import ITEM_BYTES, TensorSpec, check_bytes
from gate.wording import list_names, plain

_PARTS = frozenset(
    {"data.pkl", "version", "byteorder", ".format_version", ".storage_alignment"}
    | {".data/serialization_id"}
)
_STORAGE = re.compile(r"data/[A-Za-z0-9_.-]{1,200}")
_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001


@dataclass(frozen=True, slots=True, eq=False)
class TorchFile:
    """What torch.save wrote: the described value, and the bytes of every storage it names."""

    value: object
    storages: Mapping[str, memoryview]

    def spec(self, name: str, ref: TensorRef) -> TensorSpec:
        """Return a tensor of this file with the bytes of its storage."""
        item = ITEM_BYTES[ref.storage.dtype]
        start = ref.storage.start * item
        data = self.storages[ref.storage.key][start : start + ref.storage.elements * item]
        return TensorSpec(name, ref.dtype, ref.shape, ref.stride, ref.offset, data)


def read_zip(members: Mapping[str, memoryview], budget: Budget) -> TorchFile:
    """Return what a zip archive of torch.save holds, from its members, within a budget.

    Raises RefusedError for a member that torch.save does not write, for a pickle that :func:`walk`
    refuses, and for storages that are absent or of another size than claimed.
    """
    parts = _inside_one_folder(members)
    pickle = parts.get("data.pkl")
    if pickle is None:
        raise corrupt(
            f"it is a zip archive without data.pkl, not a checkpoint (it holds {list_names(members)})",
            "give the file that torch.save wrote",
        )
    strangers = [name for name in parts if name not in _PARTS and not _STORAGE.fullmatch(name)]
    if strangers:
        raise unsafe(
            f"it has members that torch.save does not write: {list_names(strangers)}",
            "save the file again with torch.save",
        )
    if bytes(parts.get("byteorder", b"little")).strip() != b"little":
        raise corrupt(
            "it says that its numbers are big-endian, which is not read",
            "save it again on a little-endian machine",
        )
    walked = _walk_whole(pickle, budget)
    return TorchFile(walked.value, _storages_of(walked.storages, parts))


def read_legacy(data: memoryview, budget: Budget) -> TorchFile:
    """Return what the stream of torch.save before 1.6 holds; its pickles share the budget.

    Raises RefusedError for a stream that is truncated, has bytes behind its end, or whose storages
    are of another size than claimed.
    """
    head = bytes(data[:MAX_PICKLE])
    magic = walk(head, budget)
    protocol = walk(head, budget, magic.end)
    if magic.value != _MAGIC or protocol.value != _PROTOCOL:
        raise corrupt("its header is not the one that torch.save writes")
    system = walk(head, budget, protocol.end)
    body = walk(head, budget, system.end)
    order = walk(head, budget, body.end)
    claims = _claims(body.storages)
    keys = _storage_keys(order.value)
    if len(keys) != len(claims) or set(keys) != claims.keys():
        raise corrupt("its list of storages does not fit its tensors")
    storages: dict[str, memoryview] = {}
    position = order.end
    for key in keys:
        position, storages[key] = _legacy_storage(data, position, claims[key])
    if position != data.nbytes:
        raise corrupt(f"it has {data.nbytes - position:,} bytes behind its end")
    return TorchFile(body.value, storages)


def _storage_keys(value: object) -> list[str]:
    """Return the keys of storages that a legacy stream lists; long ones cost at each look."""
    if not isinstance(value, list):
        raise corrupt("its list of storages is damaged")
    for key in value:
        if not isinstance(key, str) or len(key) > MAX_STORAGE_KEY:
            raise corrupt("its list of storages is damaged")
    return value


def _inside_one_folder(members: Mapping[str, memoryview]) -> Mapping[str, memoryview]:
    """Return the members by their names inside the one folder that torch.save puts them in."""
    folders = {name.partition("/")[0] for name in members}
    if len(folders) != 1 or any("/" not in name for name in members):
        if any(name.endswith(".npy") for name in members):
            raise corrupt("it is a NumPy archive (.npz), not a checkpoint", "give a checkpoint")
        if any(name.endswith("data.pkl") for name in members):
            raise unsafe(
                f"its members lie in several folders: {list_names(sorted(folders))}",
                "save the file again with torch.save",
            )
        raise corrupt(
            f"it is a zip archive that torch.save did not write (it holds {list_names(members)})",
            "give the file that torch.save wrote",
        )
    return {name.partition("/")[2]: content for name, content in members.items()}


def _walk_whole(pickle: memoryview, budget: Budget) -> Walked:
    if pickle.nbytes > MAX_PICKLE:
        raise unsafe(
            f"its pickle has {pickle.nbytes:,} bytes, more than the {MAX_PICKLE:,} that are read",
            "save only the model's state_dict",
        )
    walked = walk(bytes(pickle), budget)
    if walked.end != pickle.nbytes:
        raise corrupt("the pickle inside it goes on behind its end")
    return walked


def _claims(storages: Sequence[StorageRef]) -> dict[str, StorageRef]:
    """Return every storage once; two tensors that share one must agree about it."""
    claims: dict[str, StorageRef] = {}
    for ref in storages:
        first = claims.setdefault(ref.key, ref)
        if (first.dtype, first.root_elements) != (ref.dtype, ref.root_elements):
            raise unsafe(
                f"storage {plain(ref.key)} is described in two ways",
                "save the file again with torch.save",
            )
    return claims


def _storages_of(
    refs: Sequence[StorageRef], parts: Mapping[str, memoryview]
) -> dict[str, memoryview]:
    storages: dict[str, memoryview] = {}
    for key, ref in _claims(refs).items():
        content = parts.get(f"data/{key}")
        if content is None:
            raise corrupt(f"storage {plain(key)} is missing in the archive")
        check_bytes(key, ref.root_elements * ITEM_BYTES[ref.dtype], content.nbytes)
        storages[key] = content
    return storages


def _legacy_storage(data: memoryview, position: int, ref: StorageRef) -> tuple[int, memoryview]:
    """Return where the next storage begins, and the bytes of this one."""
    begin = position + 8
    if begin > data.nbytes:
        raise corrupt("it ends in the middle; the copy was not finished")
    size = int.from_bytes(data[position:begin], "little") * ITEM_BYTES[ref.dtype]
    check_bytes(ref.key, ref.root_elements * ITEM_BYTES[ref.dtype], size)
    end = begin + size
    if end > data.nbytes:
        raise corrupt("it ends in the middle; the copy was not finished")
    return end, data[begin:end]
