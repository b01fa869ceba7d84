"""A manifest: a table that lists image files with their labels, groups and slices."""

import os
import posixpath
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gate.errors import DataError
from gate.keys import name_key
from gate.masking import mask, mask_name
from gate.subject.datasets.classes import by_name_or_position, require_some
from gate.subject.datasets.entries import EntryColumns
from gate.subject.datasets.files import FileDataset, below
from gate.subject.datasets.grouping import grouped
from gate.subject.datasets.lookup import located
from gate.subject.datasets.places import Place, RemotePath
from gate.subject.datasets.read_tables import read_table
from gate.subject.datasets.spec import DataSpec
from gate.subject.datasets.tables import Table, Wanted
from gate.subject.datasets.urls import is_url, names_this_machine, read_url, shown
from gate.wording import pluralize, quote


def open_listed(
    spec: DataSpec, base: Path, classes: tuple[str, ...] | None, *, kind: str
) -> FileDataset:
    """Return the images that the table at the path of a split lists; ``kind`` is its format.

    Raises DataError, or MissingExtraError as :func:`read_table` does.
    """
    file, where = located(base, spec.path)
    wanted = Wanted(texts=lambda _: columns_of(spec))
    table = read_table(file, shown=where, kind=kind, wanted=wanted)
    return grouped(open_manifest(table, spec, file=file, kind=kind, classes=classes), spec)


def columns_of(spec: DataSpec) -> tuple[str, ...]:
    """Return the columns of a manifest that are read."""
    named = (spec.image or "image", spec.label or "label", spec.id, spec.group, *spec.slices)
    return tuple(name for name in named if name)


def open_manifest(
    table: Table, spec: DataSpec, *, file: Place, kind: str, classes: tuple[str, ...] | None
) -> FileDataset:
    """Return the images that a table lists, in its order; paths are relative to its folder.

    ``file`` is where the table was read from. Ids are the keys of the paths, or of the declared
    column of ids. A file that is missing is unreadable when it is read; that all are missing is a
    DataError, as is a row without label.
    """
    names = table.full_column(spec.image or "image", "image")
    labels = table.labels(spec.label or "label", classes)
    ids = _ids(table.full_names(spec.id, "id")) if spec.id else [_name(each) for each in names]
    groups = table.groups(spec.group, "group") if spec.group else None
    slices = [table.names(name, "slices") for name in spec.slices]
    refuse_repeated(ids, table)
    require_some(labels, table.where)
    labelling = by_name_or_position(first_places(labels, table), classes)
    folder = file.parent
    _require_one_file(names, folder, table)
    positions = np.array([labelling.index[label] for label in labels], dtype=np.int32)
    return FileDataset(
        table.where,
        kind,
        labelling.classes,
        EntryColumns(ids, positions, groups, slices),
        folder,
        names,
        slice_columns=tuple(map(name_key, spec.slices)),
        group_column=spec.group,
        assumed=(*labelling.assumed, *_said_of_paths(names, spec)),
        manifest=file,
    )


def _name(written: str) -> str:
    if is_url(written):
        return name_key(mask_name(written))
    return name_key(posixpath.normpath(written))


def _ids(names: list[str]) -> list[str]:
    """Return names of a column of ids; those that are URLs without what their queries say."""
    return [mask_name(each) if is_url(each) else each for each in names]


def refuse_repeated(ids: Sequence[str], table: Table) -> None:
    """Raise DataError where an id occurs twice."""
    if len(set(ids)) == len(ids):
        return
    first: dict[str, int] = {}
    for row, each in enumerate(ids):
        if each in first:
            raise DataError(
                table.place(row),
                f"the id {quote(each)} stands already in {table.row_word} "
                f"{table.lines[first[each]]}",
                "list every image once, or name a column of unique ids with id",
            )
        first[each] = row


def first_places(labels: Sequence[str], table: Table) -> dict[str, str]:
    """Return each label that occurs with the place where it occurs first."""
    first: dict[str, int] = {}
    for row, label in enumerate(labels):
        first.setdefault(label, row)
    return {label: table.place(row) for label, row in first.items()}


def _require_one_file(names: Sequence[str], folder: Place, table: Table) -> None:
    """Tell a wrong folder at once; single missing files are counted when they are read."""
    if isinstance(folder, RemotePath):
        _refuse_other_stores(names, folder, table)
    # Stops at the first that is there; a million paths are not looked up before the first read.
    if any(_is_there(below(folder, name)) for name in names):
        return
    backslashes = any("\\" in name for name in names) and os.sep != "\\"
    raise DataError(
        table.place(0),
        f"none of its {pluralize(len(names), 'image')} exists; the first is looked for at "
        f"{quote(below(folder, names[0]), 200)}",
        "write paths with forward slashes"
        if backslashes
        else "paths are relative to the folder of the manifest",
    )


def _is_there(place: Place) -> bool:
    return place.is_file() if isinstance(place, RemotePath) else os.path.lexists(place)


def _refuse_other_stores(names: Sequence[str], folder: RemotePath, table: Table) -> None:
    """Hold a manifest from elsewhere to the store that it lies in: it is of a stranger, perhaps.

    Its paths may lead anywhere there, also above its folder: whoever may read it may read those.
    """
    store = folder.store
    for row, name in enumerate(names):
        if names_this_machine(name):
            raise DataError(
                table.place(row),
                f"the image path {quote(mask(name))} is one of this machine, the manifest is "
                "remote",
                "write paths relative to the manifest, or URLs of its store",
            )
        leads = is_url(name) or ".." in name or "%" in name  # %2e is a dot
        if leads and _store_of(name, folder, table.place(row)) != store:
            raise DataError(
                table.place(row),
                f"the image {quote(shown(name), 200)} is of another store than the manifest, "
                f"{quote(folder, 200)}",
                "list images of one store, written as the URL of the manifest is; or download the "
                "manifest, and give its path",
            )


def _store_of(name: str, folder: RemotePath, where: str) -> tuple[str, ...]:
    """Return the store that an image of a remote manifest lies in; DataError names its row."""
    try:
        return read_url(name).store if is_url(name) else (folder / name).store
    except DataError as error:
        raise DataError(f"{where}: {error.where}", error.fact, error.remedy) from None


def _said_of_paths(names: Sequence[str], spec: DataSpec) -> tuple[str, ...]:
    absolute = 0 if spec.id else sum(os.path.isabs(name) for name in names)  # noqa: PTH117 - 5x a Path
    if not absolute:
        return ()
    said = (
        f"{pluralize(absolute, 'absolute image path')} in the manifest: without a "
        "column of ids, the "
        "digest of the data holds for this machine only"
    )
    return (said,)
