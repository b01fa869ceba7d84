"""The files of a data set that lies in Parquet files, as the Hugging Face Hub stores it."""

import os
import re
from collections import defaultdict

from gate.errors import DataError
from gate.subject.datasets.places import Place, RemotePath
from gate.subject.datasets.split_names import one_of_split
from gate.wording import list_names, pluralize

_ENDING = ".parquet"
_SHARD = re.compile(r"(.+)-([0-9]{5})-of-([0-9]{5})\.parquet")


def holds_tables(folder: Place) -> bool:
    """Return whether a folder, or the one folder in it, holds Parquet files and no folders."""
    return _folder_of_tables(folder) is not None


def shards_of(place: Place, split: str, shown: str) -> list[Place]:
    """Return the files of a split in their order: one file is itself.

    Raises DataError where a shard is missing, and where a folder holds several splits.
    """
    if not place.is_dir():
        return [place]
    folder = _folder_of_tables(place)
    if folder is None:
        fact = "holds no Parquet files, or other folders beside them"
        raise DataError(shown, fact, "name the file, or the folder of its shards")
    stems: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
    for name in _tables(_listed(folder)):
        found = _SHARD.fullmatch(name)
        stem, number, of = found.groups() if found else (name.removesuffix(_ENDING), "0", "1")
        stems[stem].append((int(number), int(of), name))
    stem = one_of_split(stems, split, shown, noun="file")
    _require_all(stems[stem], shown)
    return [folder / name for *_, name in sorted(stems[stem])]


def said_of_shard(place: Place) -> tuple[str, ...]:
    """Return what is to be said of a file that is one of several shards."""
    found = _SHARD.fullmatch(place.name)
    if found is None or int(found[3]) < 2:
        return ()
    said = f"{place.name} is one of {int(found[3])} shards, and the others are not read: name their"
    return (f"{said} folder to read all",)


def _folder_of_tables(folder: Place) -> Place | None:
    here = _listed(folder)
    below = [name for name, is_folder in here.items() if is_folder]
    if _tables(here):
        return None if below else folder
    if len(below) != 1:
        return None
    inner = _listed(folder / below[0])
    return folder / below[0] if _tables(inner) and not any(inner.values()) else None


def _tables(names: dict[str, bool]) -> list[str]:
    return [name for name, is_folder in names.items() if name.endswith(_ENDING) and not is_folder]


def _listed(folder: Place) -> dict[str, bool]:
    """Return the names of what a folder holds but for what is hidden; whether each is a folder."""
    if isinstance(folder, RemotePath):
        found = {item.name: item.is_dir() for item in folder.listed("")}
    else:
        try:
            with os.scandir(folder) as items:
                found = {item.name: item.is_dir() for item in items}
        except OSError:  # its reader says so
            found = {}
    return {name: found[name] for name in sorted(found) if not name.startswith(".")}


def _require_all(shards: list[tuple[int, int, str]], shown: str) -> None:
    counts = {of for _, of, _ in shards}
    if len(counts) > 1:
        fact = f"its shards say that there are {list_names(sorted(counts))} of them"
        raise DataError(shown, fact, "keep those of one writing")
    missing = sorted(set(range(counts.pop())) - {number for number, *_ in shards})
    if missing:
        raise DataError(
            shown,
            f"{pluralize(len(missing), 'shard')} missing, the first of them number {missing[0]}",
            "bring them all: nothing is judged on a part of the test set",
        )
