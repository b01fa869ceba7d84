"""Which files of a folder hold the weights: Hugging Face's layout, in one file or in shards."""

import json
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gate.subject.checkpoints.refusals import RefusedError, corrupt, listed, shown, unsafe
from gate.subject.checkpoints.sealing import Sealed, seal

MAX_INDEX = 16 << 20
MAX_SHARDS = 1000
_SINGLE = ("model.safetensors", "pytorch_model.bin")
_INDEXES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")


@dataclass(frozen=True, slots=True)
class Layout:
    """Which files of a folder hold the weights; of them only an index has been read."""

    names: tuple[str, ...]  # sorted
    placed: Mapping[str, str] | None  # tensor -> file; None: one file holds them all
    index: tuple[str, Sealed] | None = None


@dataclass(frozen=True, slots=True)
class Folder:
    """The weight files of a folder by name, and which file each tensor is said to lie in."""

    files: Mapping[str, Sealed]
    placed: Mapping[str, str] | None  # tensor -> file; None: one file holds them all
    index: tuple[str, Sealed] | None = None

    @property
    def manifest(self) -> bytes:
        """Return the lines that ``sha256sum`` prints for the files read, sorted by name."""
        every = dict(self.files) | (dict([self.index]) if self.index else {})
        return manifest({name: each.sha256 for name, each in every.items()})

    @property
    def size(self) -> int:
        """Return the bytes of all files that were read."""
        return sum(each.size for each in self.files.values()) + (
            self.index[1].size if self.index else 0
        )


def is_folder(path: Path) -> bool:
    """Return whether the path leads to a folder; an unreadable path is none."""
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def manifest(digests: Mapping[str, str]) -> bytes:
    """Return the lines that ``sha256sum`` prints for files of these digests, sorted by name."""
    return "".join(f"{digests[name]}  {name}\n" for name in sorted(digests)).encode()


def read_layout(path: Path) -> Layout:
    """Return which files of a model folder hold its weights, without reading them.

    Code beside the weights, and ``auto_map`` in config.json, are never looked at. Raises
    RefusedError for a distributed checkpoint, an index that points outside, and other folders.
    """
    present = _listing(path)
    for name in _INDEXES[:1] + _SINGLE[:1] + _INDEXES[1:] + _SINGLE[1:]:
        if name in present:
            break
    else:
        raise _unknown(present)
    if name in _SINGLE:
        return Layout((name,), None)
    index = _sealed(path, name, MAX_INDEX)
    placed = _placed(name, bytes(index.data))
    return Layout(tuple(sorted(set(placed.values()))), placed, (name, index))


def read_folder(path: Path, *, most: int) -> Folder:
    """Return the sealed weight files of a model folder; at most ``most`` bytes in all.

    Raises RefusedError as :func:`read_layout` does, and for files that cannot be read.
    """
    layout = read_layout(path)
    files: dict[str, Sealed] = {}
    for name in layout.names:
        files[name] = _sealed(path, name, most)
        most -= files[name].size
    return Folder(files, layout.placed, layout.index)


def _listing(path: Path) -> frozenset[str]:
    try:
        return frozenset(each.name for each in path.iterdir())
    except OSError as error:
        raise corrupt(
            f"the folder cannot be listed ({error.strerror})", "check its rights"
        ) from None


def _unknown(present: frozenset[str]) -> RefusedError:
    if ".metadata" in present or any(name.endswith(".distcp") for name in present):
        return unsafe(
            "it is a distributed checkpoint, whose .metadata is a pickle that runs code",
            "where it was made and is trusted, run: python -m "
            "torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER weights.pt",
        )
    if not present:
        return corrupt("the folder is empty", "give a checkpoint, or a folder with its weights")
    return corrupt(
        "the folder holds no model.safetensors or pytorch_model.bin "
        f"(it holds {listed(sorted(present))})",
        "give the path of the checkpoint file itself",
    )


def _sealed(path: Path, name: str, most: int) -> Sealed:
    try:
        return seal(path / name, most=most)
    except RefusedError as refused:
        raise RefusedError(
            refused.refusal, f"{shown(name)}: {refused.fact}", refused.remedy
        ) from None


def _placed(name: str, text: bytes) -> Mapping[str, str]:
    """Return which file of the folder holds each tensor, as the index says it."""
    try:
        index = json.loads(text)
        placed = {**index["weight_map"]}  # a list of pairs could have names that are no text
    except (ValueError, KeyError, TypeError, RecursionError):
        raise corrupt(f"{name} is not an index of weights") from None
    shards = (
        set(placed.values()) if all(isinstance(each, str) for each in placed.values()) else set()
    )
    if not 1 <= len(shards) <= MAX_SHARDS:
        raise corrupt(f"{name} names {len(shards):,} files")
    for shard in shards:
        plain = shard.isprintable() and "/" not in shard and "\\" not in shard
        if not plain or shard in ("", ".", ".."):
            raise unsafe(
                f"{name} points to '{shown(shard)}', which is not a file of the folder",
                "do not load the folder elsewhere; ask who made it",
            )
    return placed
