"""Hugging Face's imagefolder: a table beside the images says what they show.

``metadata.jsonl`` or ``metadata.csv`` lies in the folder, or in a folder of it for each split; its
column ``file_name`` is relative to it.
"""

import os
from pathlib import Path

from gate.errors import DataError
from gate.keys import name_key
from gate.subject.datasets.files import FileDataset
from gate.subject.datasets.folder import open_compared_folder
from gate.subject.datasets.grouping import grouped
from gate.subject.datasets.manifest import columns_of, open_manifest, require_one_split
from gate.subject.datasets.places import Place, RemotePath
from gate.subject.datasets.read_tables import read_table
from gate.subject.datasets.spec import DataSpec
from gate.subject.datasets.split_names import one_of_split, split_of
from gate.subject.datasets.stored import head_of
from gate.subject.datasets.tables import Wanted
from gate.wording import quote

_KINDS = {"metadata.jsonl": "jsonl", "metadata.csv": "csv"}
_HEAD = 1 << 16  # bytes, in which the first line ends


def is_labelled_by_metadata(folder: Place) -> bool:
    """Return whether a folder, or folders of it named as splits, hold labels in a table.

    Class folders count for more than a table that names no label. Raises DataError for two tables.
    """
    tables = _tables(folder)
    if not tables:
        return False
    head = _first_line(tables[min(tables)])
    return "file_name" in head and ("label" in head or not _folders(folder))


def open_metadata(
    folder: Place, spec: DataSpec, *, shown: str, classes: tuple[str, ...] | None
) -> FileDataset:
    """Return the images that the table of a folder lists, those of its split where it has several.

    Raises DataError, also where class folders say otherwise than the table, and UsageError where
    nobody says what its labels mean.
    """
    file, where = _table_of(folder, spec.split, shown)
    wanted = Wanted(texts=lambda _: columns_of(spec))
    table = read_table(file, shown=where, kind=_KINDS[file.name], wanted=wanted)
    table = table.only(spec.chosen)
    require_one_split(table, spec)
    opened = open_manifest(
        table,
        spec.model_copy(update={"image": "file_name"}),
        file=file,
        kind="metadata",
        classes=classes,
    )
    _refuse_other_folders(opened)
    return grouped(opened, spec)


def open_compared_metadata(folder: Place, spec: DataSpec, *, shown: str) -> FileDataset:
    """Return the images for a comparison, which needs no labels; raises DataError or UsageError."""
    file, _ = _table_of(folder, spec.split, shown)
    if (spec.label or "label") in _first_line(file):
        return open_metadata(folder, spec, shown=shown, classes=None)
    return open_compared_folder(file.parent, shown=shown)


def _table_of(folder: Place, split: str, shown: str) -> tuple[Place, str]:
    tables = _tables(folder)
    if not tables:
        raise DataError(
            shown,
            "holds no metadata.jsonl and no metadata.csv",
            'write one line {"file_name": ..., "label": ...} an image',
        )
    below = "" if set(tables) == {""} else one_of_split(tables, split, shown, noun="folder")
    file = tables[below]
    return file, "/".join(filter(None, (shown.rstrip("/"), below, file.name)))


def _tables(folder: Place) -> dict[str, Place]:
    """Return the table of the folder under "", else those of its folders by their names."""
    if own := _table_in(folder):
        return {"": own}
    below = _folders(folder)
    if len(below) > 1:
        below = [name for name in below if split_of(name) == name.lower()]
    found = {name: _table_in(folder / name) for name in below}
    return {name: table for name, table in found.items() if table is not None}


def _table_in(folder: Place) -> Place | None:
    """Return the one table of a folder; raises DataError for two."""
    found = [folder / name for name in _KINDS if (folder / name).is_file()]
    if len(found) > 1:
        raise DataError(str(folder), "holds metadata.jsonl and metadata.csv", "keep one of the two")
    return found[0] if found else None


def _folders(folder: Place) -> list[str]:
    if isinstance(folder, RemotePath):
        names = [item.name for item in folder.listed("") if item.is_dir()]
    else:
        try:
            with os.scandir(folder) as items:
                names = [item.name for item in items if item.is_dir()]
        except OSError:  # its reader says so
            names = []
    return sorted(name for name in names if not name.startswith("."))


def _first_line(file: Place) -> str:
    try:
        line = head_of(file, _HEAD).partition(b"\n")[0]
    except OSError:  # its reader says so
        return ""
    return line.decode("utf-8", "replace")


def _refuse_other_folders(dataset: FileDataset) -> None:
    """Raise DataError where an image lies in the folder of a class that its label is not."""
    names = set(dataset.classes)
    for entry, file in zip(dataset.entries, dataset.files, strict=True):
        parent = name_key(Path(file).parent.name)
        label = None if entry.label is None else dataset.classes[entry.label]
        if parent in names and parent != label:
            raise DataError(
                f"{dataset.path}: {entry.id}",
                f"lies in the folder {quote(parent)}, and its label is {quote(label)}",
                "let folder and table say the same, or move the images into one folder",
            )
