"""An image folder: one folder a class, read to any depth."""

import contextlib
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from gate.errors import DataError
from gate.keys import name_key
from gate.subject.datasets.classes import by_name, require_some
from gate.subject.datasets.files import FileDataset
from gate.subject.datasets.places import Place, RemotePath
from gate.subject.datasets.records import Entry
from gate.wording import list_names, plain, pluralize, quote

UNKNOWN = "?"  # the class of an image that lies in no class folder

_IMAGES = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm")
_NOT_DATA = frozenset({"thumbs.db", "desktop.ini", "__macosx"})  # left behind by file managers
_SPLITS = frozenset({"train", "training", "test", "val", "valid", "validation"})


class _Item(Protocol):
    """What a folder holds: an entry of this machine's disk, or of a remote listing."""

    @property
    def name(self) -> str: ...

    @property
    def path(self) -> str: ...

    def is_dir(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class _Tree:
    """How a folder is looked into, and what is the true path of one that a link leads to."""

    root: str
    scan: Callable[[str], Sequence[_Item]]
    true_path: Callable[[str], str]
    shown: str


@dataclass(slots=True)
class _Listing:
    """What lies under the folder, while it is being walked."""

    classes: dict[str, list[tuple[str, str]]] = field(default_factory=dict)  # (id, file)
    outside: list[tuple[str, str]] = field(default_factory=list)
    hidden: Counter[str] = field(default_factory=Counter)
    skipped: list[tuple[str, str]] = field(default_factory=list)  # the files among them, and below


def open_folder(path: Place, *, shown: str, classes: tuple[str, ...] | None) -> FileDataset:
    """Return the images of a folder, sorted by id: the path below the folder, with slashes.

    Every file in a class folder is listed, image or not; hidden files are skipped, counted in
    ``assumed``, and those that are images named by ``hidden``. A declared class without a folder
    has no images. Raises DataError.
    """
    tree = _tree(path, shown)
    return _by_class(tree, tree.scan(tree.root), path, classes)


def _by_class(
    tree: _Tree, items: Sequence[_Item], path: Place, classes: tuple[str, ...] | None
) -> FileDataset:
    """Return the images of the class folders among the items of a folder."""
    listing, shown = _walk(tree, items), tree.shown
    if not listing.classes:
        raise _no_class_folders(listing, shown)
    if classes is None and {name.lower() for name in listing.classes} <= _SPLITS:
        raise DataError(
            shown,
            f"its folders are splits, not classes: {list_names(sorted(listing.classes))}",
            "name the folder of one split, such as " + quote(f"{shown}/{min(listing.classes)}"),
        )
    labelling = by_name(dict.fromkeys(listing.classes, shown), classes, noun="class folder")
    require_some((name for name, files in listing.classes.items() if files), shown)
    rows = [
        (Entry(each, labelling.index[name]), file)
        for name, files in listing.classes.items()
        for each, file in files
    ]
    stray_images = [each for each in listing.outside if _is_image(each[0])]
    rows += [(Entry(each, None), file) for each, file in stray_images]
    rows.sort(key=lambda row: row[0].id)
    _refuse_repeated([entry.id for entry, _ in rows], shown)
    return FileDataset(
        shown,
        "folder",
        labelling.classes,
        [entry for entry, _ in rows],
        # Files of this machine were found below ``path``, and say so themselves.
        path if isinstance(path, RemotePath) else Path(),
        [file for _, file in rows],
        assumed=_left_out(listing),
        skipped=sorted(listing.skipped),
        has_sorted_classes=labelling.is_sorted,
    )


@dataclass(frozen=True, slots=True, eq=False)
class FlatFolder(FileDataset):
    """Images in a folder without class folders; what they show nobody says."""

    is_labelled = False


def open_compared_folder(path: Place, *, shown: str) -> FileDataset:
    """Return the images of a folder for a comparison, which needs no labels.

    Where it holds images and no folders, they are all of the class ``?``, sorted by id; else as
    :func:`open_folder`. Raises DataError.
    """
    tree = _tree(path, shown)
    every = tree.scan(tree.root)
    items = [item for item in every if not _is_hidden(item.name)]
    images = sorted(
        (name_key(_text(item.name)), item.path) for item in items if _is_image(item.name)
    )
    if not images or any(_is_folder(item, shown) for item in items):
        return _by_class(tree, every, path, None)
    _refuse_repeated([name for name, _ in images], shown)
    others = sorted(item.name for item in items if not _is_image(item.name))
    said = f"{pluralize(len(others), 'file')} not read: {list_names(others)}"
    return FlatFolder(
        shown,
        "folder",
        (UNKNOWN,),
        [Entry(name, 0) for name, _ in images],
        path if isinstance(path, RemotePath) else Path(),
        [file for _, file in images],
        assumed=(said,) if others else (),
    )


def _tree(path: Place, shown: str) -> _Tree:
    if isinstance(path, RemotePath):
        return _Tree("", path.listed, str, shown)  # a store knows no links
    return _Tree(str(path), lambda folder: _scan(folder, shown), os.path.realpath, shown)


def _walk(tree: _Tree, items: Sequence[_Item]) -> _Listing:
    listing = _Listing()
    for item in sorted(items, key=lambda each: each.name):  # as torchvision's ImageFolder does
        if _is_hidden(item.name):
            _skip(tree, item, _text(item.name), listing)
        elif _is_folder(item, tree.shown):
            name = name_key(_text(item.name))
            if name in listing.classes or not name:
                raise DataError(
                    tree.shown,
                    f"two of its class folders are called {quote(name)}, but for what nobody sees"
                    if name
                    else f"the name of the class folder {quote(ascii(item.name))} shows nothing",
                    "rename or join them",
                )
            listing.classes[name] = list(_files(tree, item.path, name, listing))
        else:
            listing.outside.append((name_key(_text(item.name)), item.path))
    return listing


def _is_folder(item: _Item, shown: str) -> bool:
    """Return whether an item is a folder, or a link to one; raises DataError where none can tell.

    What is behind a link of the system may be another user's.
    """
    try:
        return item.is_dir()
    except OSError as error:
        where = f"{shown}: {name_key(_text(item.name))}"
        fact = f"cannot be looked at: {plain(error.strerror)}"
        raise DataError(where, fact, "let it be read, or take it out of the folder") from error


def _is_known_folder(item: _Item) -> bool:
    """Return whether an item is a folder, as far as anybody can tell."""
    with contextlib.suppress(OSError):
        return item.is_dir()
    return False


def _refuse_repeated(ids: Sequence[str], shown: str) -> None:
    """Raise DataError where two of the sorted ids are equal: what nobody sees is no difference."""
    for before, after in pairwise(ids):
        if before == after:
            raise DataError(
                shown,
                f"two of its files are called {quote(after)}, but for what nobody sees",
                "rename or remove one of them",
            )


def _files(tree: _Tree, folder: str, prefix: str, listing: _Listing) -> Iterator[tuple[str, str]]:
    """Yield (id, file) of everything under the folder that is no folder, links followed."""
    pending: list[tuple[str, str, tuple[str, ...]]] = [(folder, prefix, (tree.true_path(folder),))]
    while pending:
        current, below, above = pending.pop()
        for item in tree.scan(current):
            name = f"{below}/{_text(item.name)}"
            if _is_hidden(item.name):
                _skip(tree, item, name, listing)
            elif not _is_folder(item, tree.shown):
                yield name_key(name), item.path
            elif (real := tree.true_path(item.path)) in above:
                raise DataError(
                    tree.shown, f"{quote(name)} is a link to a folder above it", "remove the link"
                )
            else:
                pending.append((item.path, name, (*above, real)))


def _skip(tree: _Tree, item: _Item, name: str, listing: _Listing) -> None:
    """Count what is hidden, and list the files that it is or holds.

    A hidden folder that cannot be listed, as a system's own, is one of the things not read.
    """
    listing.hidden[item.name] += 1
    pending = [(item, name)]
    seen: set[str] = set()  # true paths of folders: links may lead round
    while pending:
        current, shown = pending.pop()
        if not _is_known_folder(current):
            listing.skipped.append((shown, current.path))
        elif (real := tree.true_path(current.path)) not in seen:
            seen.add(real)
            with contextlib.suppress(DataError):
                pending += [
                    (each, f"{shown}/{_text(each.name)}") for each in tree.scan(current.path)
                ]


def _scan(folder: str, shown: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as items:
            return list(items)
    except OSError as error:
        raise DataError(
            shown,
            f"the folder {quote(folder)} cannot be listed: {plain(error.strerror)}",
            "check its permissions",
        ) from error


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in _NOT_DATA


def _is_image(name: str) -> bool:
    return name.lower().endswith(_IMAGES)


def _text(name: str) -> str:
    """Return a file name as text that can be written anywhere: bytes that are no UTF-8 escaped."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _left_out(listing: _Listing) -> tuple[str, ...]:
    said = []
    if listing.hidden:
        kinds = [f"{name} ({times})" for name, times in sorted(listing.hidden.items())]
        said.append(
            f"{pluralize(listing.hidden.total(), 'hidden file')} not read: {list_names(kinds)}"
        )
    others = sorted(name for name, _ in listing.outside if not _is_image(name))
    if others:
        said.append(
            f"{pluralize(len(others), 'file')} beside the class folders not read: "
            f"{list_names(others)}"
        )
    return tuple(said)


def _no_class_folders(listing: _Listing, shown: str) -> DataError:
    names = sorted(name for name, _ in listing.outside)
    if not names:
        return DataError(shown, "the folder is empty", "it holds one folder of images a class")
    if any("-ubyte" in name for name in names):
        remedy = "it seems to hold IDX files: give them as images and labels"
    else:
        remedy = "put the images into one folder a class, or list them in a CSV manifest"
    return DataError(
        shown,
        f"holds no class folders, only {pluralize(len(names), 'file')}: {list_names(names)}",
        remedy,
    )
