"""A manifest: a table that lists image files with their labels, groups and slices."""

import os
import posixpath
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gate.errors import DataError, UsageError
from gate.keys import name_key
from gate.masking import mask, mask_name
from gate.subject.datasets.classes import by_name_or_position, count_from_zero, require_some
from gate.subject.datasets.entries import EntryColumns
from gate.subject.datasets.files import FileDataset, below
from gate.subject.datasets.grouping import grouped
from gate.subject.datasets.lookup import located
from gate.subject.datasets.places import Place, RemotePath
from gate.subject.datasets.read_tables import read_table
from gate.subject.datasets.spec import DataSpec
from gate.subject.datasets.split_names import SPLIT_NAMES, split_of
from gate.subject.datasets.tables import Table, Wanted
from gate.subject.datasets.urls import is_url, names_this_machine, read_url, shown
from gate.wording import list_names, pluralize, quote

_IMAGES = ("image", "file_name")  # columns of paths; the second is Hugging Face's
_SPLIT = "split"


def open_listed(
    spec: DataSpec, base: Path, classes: tuple[str, ...] | None, *, kind: str
) -> FileDataset:
    """Return the images that the table at the path of a split lists; ``kind`` is its format.

    Raises DataError, UsageError where the gate file must say which rows or what labels are meant,
    or MissingExtraError as :func:`read_table` does.
    """
    file, where = located(base, spec.path)
    wanted = Wanted(texts=lambda _: columns_of(spec))
    table = read_table(file, shown=where, kind=kind, wanted=wanted).only(spec.chosen)
    require_one_split(table, spec)
    return grouped(open_manifest(table, spec, file=file, kind=kind, classes=classes), spec)


def columns_of(spec: DataSpec) -> tuple[str, ...]:
    """Return the columns of a manifest that are read."""
    images = (spec.image,) if spec.image else _IMAGES
    named = (spec.label or "label", spec.id, spec.group, *spec.slices, *spec.where, _SPLIT)
    return tuple(name for name in (*images, *named) if name)


def require_one_split(table: Table, spec: DataSpec) -> None:
    """Raise UsageError for rows of several splits, unless the gate file says how they are used."""
    used = {name_key(each) for each in (*spec.where, *spec.slices, spec.group or "")}
    if _SPLIT not in table.columns or _SPLIT in used:
        return
    names = dict.fromkeys(each for each in table.names(_SPLIT, "where") if each is not None)
    if len(names) > 1 and all(split_of(name) for name in names):
        chosen = next((each for each in names if each in SPLIT_NAMES.get(spec.split, ())), None)
        raise UsageError(
            table.where,
            f"lists images of several splits ({list_names(names)} in the column 'split')",
            f"say which are meant: add where: {{split: {chosen or next(iter(names))}}} to the "
            "split, under data: of the gate file",
        )


def open_manifest(
    table: Table, spec: DataSpec, *, file: Place, kind: str, classes: tuple[str, ...] | None
) -> FileDataset:
    """Return the images that a table lists, in its order; paths are relative to its folder.

    ``file`` is where the table was read from. Ids are the keys of the paths, or of the declared
    column of ids. A file that is missing is unreadable when it is read; that all are missing is a
    DataError, as is a row without label. Raises UsageError where nobody says what integers mean.
    """
    _refuse_predictions(table, spec)
    written = table.full_column(_image_column(table, spec), "image")
    labels = table.labels(spec.label or "label", classes)
    ids = _ids(table.full_names(spec.id, "id")) if spec.id else [_name(each) for each in written]
    groups = table.groups(spec.group, "group") if spec.group else None
    slices = [table.names(name, "slices") for name in spec.slices]
    refuse_repeated(ids, table)
    require_some(labels, table.where)
    labelling = by_name_or_position(first_places(labels, table), classes, spec.integers)
    folder = file.parent
    names = _files(written, spec, folder)
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
        assumed=(*table.assumed, *labelling.assumed, *_said_of_paths(names, spec)),
        manifest=file,
        has_sorted_classes=labelling.is_sorted and not count_from_zero(labelling.classes),
    )


def _refuse_predictions(table: Table, spec: DataSpec) -> None:
    """Raise DataError for a table without images that has a column for each class."""
    if spec.image or any(name in table.columns for name in _IMAGES):
        return
    labels = set(table.columns.get(name_key(spec.label or "label"), ())) - {None}
    if labels and labels <= set(table.unread):
        raise DataError(
            table.where,
            "seems to hold saved predictions, a score a class, and names no images",
            "give it to `validate-model run` by --predictions (--train-predictions, "
            "--val-predictions), or as predictions: in place of path: in a gate file",
        )


def _image_column(table: Table, spec: DataSpec) -> str:
    """Return the column of paths: the one that is named, ``image``, else that of Hugging Face."""
    return spec.image or next((each for each in _IMAGES if each in table.columns), _IMAGES[0])


def _files(written: Sequence[str], spec: DataSpec, folder: Place) -> list[str]:
    """Return the files of names in a manifest, below its folder, with what the names lack."""
    extension = spec.extension or ""
    if extension and not extension.startswith("."):
        extension = f".{extension}"
    names = [_without_blanks(each, folder) + extension for each in written]
    if spec.folder is None:
        return names
    return [each if is_url(each) else posixpath.join(spec.folder, each) for each in names]


def _without_blanks(name: str, folder: Place) -> str:
    """Return a name without blanks behind it, unless they are the file's: hands align columns."""
    if not name.endswith(" ") or is_url(name):
        return name
    return name if _is_there(folder / name) else name.rstrip(" ")


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
