"""Folders of weights: Hugging Face's layouts, in one file or in shards.

A folder may hold its weights several times, and loaders differ in which ones they take. So every
layout that transformers, timm or huggingface_hub loads unasked is found here; :mod:`.layouts`
compares them, and the digest of the folder is over all of them. It is over the configurations too:
they say how images are prepared and what the outputs are called, and so decide as weights do.
"""

import json
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gate.subject.checkpoints.refusals import RefusedError, corrupt, mismatch, unsafe
from gate.subject.checkpoints.sealing import Sealed, seal
from gate.wording import list_names, plain, quote

MAX_CONFIG = 8 << 20  # the names of ImageNet-21k, twice, fill a fourth
MAX_INDEX = 16 << 20
MAX_SHARDS = 1000
# How much larger than the layout before it another one may be: names of files, headers, pickles.
MORE = 64 << 20
_CONFIG = "config.json"
# What decides an answer beside the weights.
CONFIGS = (_CONFIG, "preprocessor_config.json", "processor_config.json")
_INDEX = ".index.json"
# In the order in which transformers looks for them. A variant (model.fp16.safetensors) is taken
# only by who asks for it, so it is no layout.
_LAYOUTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
_RESAVE = "save model and image processor again: save_pretrained(FOLDER)"
_ADAPTER = "adapter_config.json"


@dataclass(frozen=True, slots=True)
class Layout:
    """One way in which a folder holds the weights; of its files only an index has been read."""

    title: str  # the name of its file, or of its index
    names: tuple[str, ...]  # of the files with the weights, sorted
    placed: Mapping[str, str] | None = None  # tensor -> file; None: one file holds them all
    index: Sealed | None = None


@dataclass(frozen=True, slots=True)
class Folder:
    """The layouts of a folder, the files of all of them by name, and its configurations."""

    layouts: tuple[Layout, ...]  # at least one; the first is what transformers loads
    files: Mapping[str, Sealed]
    configs: Mapping[str, Sealed]  # of CONFIGS, those that are there

    @property
    def manifest(self) -> bytes:
        """Return the lines that ``sha256sum`` prints for the files read, sorted by name."""
        return manifest({name: each.sha256 for name, each in self._every().items()})

    @property
    def size(self) -> int:
        """Return the bytes of all files that were read."""
        return sum(each.size for each in self._every().values())

    def _every(self) -> Mapping[str, Sealed]:
        indexes = {each.title: each.index for each in self.layouts if each.index}
        return {**self.files, **indexes, **self.configs}


def is_folder(path: Path) -> bool:
    """Return whether the path leads to a folder; an unreadable path is none."""
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def manifest(digests: Mapping[str, str]) -> bytes:
    """Return the lines that ``sha256sum`` prints for files of these digests, sorted by name."""
    return "".join(f"{digests[name]}  {name}\n" for name in sorted(digests)).encode()


def deciding_files(path: Path) -> Mapping[str, str | None]:
    """Return the names of the files of a model folder that decide an answer: those of its digest.

    With the SHA-256 of indexes and configurations, in hexadecimal: the names came from those bytes.
    None for the weights, which are not read. Raises RefusedError as :func:`read_folder` does.
    """
    layouts, configs = _read_layouts(path)
    weights: dict[str, str | None] = {name: None for each in layouts for name in each.names}
    indexes = {each.title: each.index.sha256 for each in layouts if each.index}
    return {**weights, **indexes, **{name: each.sha256 for name, each in configs.items()}}


def _read_layouts(path: Path) -> tuple[tuple[Layout, ...], Mapping[str, Sealed]]:
    """Return every layout of the weights in a model folder, unread, and its configurations.

    Raises RefusedError for a distributed checkpoint, an adapter, an index that points outside, and
    folders without weights.
    """
    present = listing(path)
    if _ADAPTER in present:
        raise mismatch(
            f"{_ADAPTER} in the folder makes transformers load another model, and an adapter on it",
            "save the merged model: model.merge_and_unload().save_pretrained(FOLDER); or delete "
            f"{_ADAPTER} if no adapter is deployed",
        )
    configs = read_configs(path)
    configured = _configured(configs, present)
    titles = [name for name in dict.fromkeys((*configured, *_LAYOUTS)) if name in present]
    if not titles:
        raise _unknown(present)
    with naming_all(titles):
        return tuple(_layout(path, title) for title in titles), configs


def read_folder(path: Path, *, most: int) -> Folder:
    """Return the sealed weight files of a model folder; at most ``most`` bytes for one layout.

    Raises RefusedError for a distributed checkpoint, an adapter, an index that points outside,
    folders without weights, and files that cannot be read.
    """
    layouts, configs = _read_layouts(path)
    files: dict[str, Sealed] = {}
    with naming_all([each.title for each in layouts]):
        for layout in layouts:
            left = most
            for name in layout.names:
                files[name] = files.get(name) or _sealed(path, name, left)
                left -= files[name].size
            # No layout with the same tensors is much larger.
            most = min(most, most - left + MORE)
    return Folder(layouts, files, configs)


def read_configs(path: Path) -> Mapping[str, Sealed]:
    """Return the configurations of a model folder, those of ``CONFIGS`` that are there and filled.

    Raises RefusedError for one that cannot be read, or has more than ``MAX_CONFIG`` bytes.
    """
    present = [name for name in CONFIGS if _is_filled(path / name)]
    return {name: _sealed(path, name, MAX_CONFIG, remedy=_RESAVE) for name in present}


def config_of(configs: Mapping[str, Sealed]) -> Mapping[str, Any]:
    """Return what config.json of a folder says; empty where there is none, or it is no JSON.

    Raises RefusedError for one that nests too deeply to be read here: another loader could read in
    it which weights to take.
    """
    if _CONFIG not in configs:
        return {}
    try:
        config = json.loads(bytes(configs[_CONFIG].data))
    except RecursionError:
        raise corrupt(f"{_CONFIG} nests too deeply to be read", "write it anew") from None
    except ValueError:
        return {}
    return config if isinstance(config, dict) else {}


@contextmanager
def naming_all(titles: Sequence[str]) -> Iterator[None]:
    """Let a RefusedError of one of several layouts name them all, as loaders choose differently."""
    try:
        yield
    except RefusedError as refused:
        if len(titles) == 1:
            raise
        raise RefusedError(
            refused.refusal,
            f"the folder holds the weights {len(titles)} times, as "
            f"{list_names(titles)}, and loaders "
            f"differ in which they take: {refused.fact}",
            "delete what is not deployed, and let the folder hold the weights once",
        ) from refused


def listing(path: Path) -> frozenset[str]:
    """Return the names in a folder; RefusedError where it cannot be listed."""
    try:
        return frozenset(each.name for each in path.iterdir())
    except OSError as error:
        raise corrupt(
            f"the folder cannot be listed ({error.strerror})", "check its rights"
        ) from error


def _is_filled(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


def _configured(configs: Mapping[str, Sealed], present: frozenset[str]) -> tuple[str, ...]:
    """Return the file of weights that config.json names, which transformers prefers to all."""
    named = config_of(configs).get("transformers_weights")
    if not isinstance(named, str):
        return ()
    if not _is_plain(named) or not named.endswith((".safetensors", f".safetensors{_INDEX}")):
        raise unsafe(
            f"{_CONFIG} names the weights {quote(named)}, which is no safetensors file of the "
            "folder",
            "do not load the folder elsewhere; ask who made it",
        )
    if named not in present:
        raise corrupt(f"{_CONFIG} names the weights {plain(named)}, which the folder lacks")
    return (named,)


def _layout(path: Path, title: str) -> Layout:
    if not title.endswith(_INDEX):
        return Layout(title, (title,))
    index = _sealed(path, title, MAX_INDEX)
    placed = _placed(title, bytes(index.data))
    return Layout(title, tuple(sorted(set(placed.values()))), placed, index)


def _is_plain(name: str) -> bool:
    """Whether a name is that of a file in the folder itself."""
    is_printable = name.isprintable() and "/" not in name and "\\" not in name
    return is_printable and name not in ("", ".", "..")


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
        f"(it holds {list_names(sorted(present))})",
        "give the path of the checkpoint file itself",
    )


def _sealed(path: Path, name: str, most: int, *, remedy: str | None = None) -> Sealed:
    try:
        return seal(path / name, most=most)
    except RefusedError as refused:
        raise RefusedError(
            refused.refusal, f"{plain(name)}: {refused.fact}", remedy or refused.remedy
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
        if not _is_plain(shard):
            raise unsafe(
                f"{name} points to {quote(shard)}, which is not a file of the folder",
                "do not load the folder elsewhere; ask who made it",
            )
    return placed
