"""Name what lies beside the weights of a model folder and is not read: pickles, code, others."""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any

from gate.subject.checkpoints.folders import Folder, config_of, is_folder, listing
from gate.wording import list_names

LONGEST = 8  # names of each kind
_PICKLES = frozenset(
    {".tar", ".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".distcp"}
)
_CODE = frozenset({".py", ".pyc", ".pyd", ".so", ".dll", ".dylib", ".sh", ".ipynb"})
_WEIGHTS = frozenset(
    {".safetensors", ".h5", ".keras", ".msgpack", ".onnx", ".data", ".pb", ".tflite", ".ot"}
    | {".gguf", ".pt2", ".mlmodel", ".npz"}
)


def beside(path: Path, folder: Folder) -> tuple[str, ...]:
    """Return a sentence for each kind of file in a model folder that a loader may open or run.

    Names are escaped, and counted past the first few. None of the files is opened but config.json.
    Raises RefusedError where the folder cannot be listed.
    """
    present = listing(path)
    unread = sorted(present - set(folder.files) - {each.title for each in folder.layouts})
    folders = [name for name in unread if is_folder(path / name)]
    files = [name for name in unread if name not in folders]
    return tuple(_sentences(files, folders, config_of(path, present)))


def _sentences(unread: list[str], folders: list[str], config: Mapping[str, Any]) -> Iterator[str]:
    if pickles := _of_kind(unread, _PICKLES):
        yield f"pickles beside the weights not read: {list_names(pickles, limit=LONGEST)}"
    if code := _of_kind(unread, _CODE):
        yield f"code beside the weights not run: {list_names(code, limit=LONGEST)}"
    if mapped := _auto_map(config):
        yield (
            "config.json names code for loaders that trust it (auto_map), not run: "
            f"{list_names(mapped, limit=LONGEST)}"
        )
    if weights := _of_kind(unread, _WEIGHTS):
        yield f"weights for other loaders not read: {list_names(weights, limit=LONGEST)}"
    if folders:
        yield f"folders beside the weights not looked into: {list_names(folders, limit=LONGEST)}"


def _of_kind(names: list[str], suffixes: frozenset[str]) -> list[str]:
    return [name for name in names if PurePath(name).suffix.lower() in suffixes]


def _auto_map(config: Mapping[str, Any]) -> list[str]:
    mapped = config.get("auto_map")
    if isinstance(mapped, str):
        return [mapped]
    values = mapped.values() if isinstance(mapped, dict) else ()
    flat = [one for each in values for one in (each if isinstance(each, list) else [each])]
    return list(dict.fromkeys(each for each in flat if isinstance(each, str)))
