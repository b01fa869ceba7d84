"""The dataset of a plugin, held to what every dataset promises.

Its reader is trusted to mean well, not to behave: what it raises or gives wrongly is said in words,
with the name of its package, as for a user's own Dataset.
"""

import contextlib
import json
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gate.errors import FactoryError, GateError
from gate.healing import may_heal
from gate.keys import name_key
from gate.plugins import Plugin
from gate.subject.datasets.formats.record import Classes, DataFormat
from gate.subject.datasets.lookup import existing, source_of
from gate.subject.datasets.pictures import picture_of, shape_of
from gate.subject.datasets.plugin_listing import (
    Door,
    classes_of,
    entries_of,
    index_of,
    shards_of,
    texts_of,
)
from gate.subject.datasets.records import BaseDataset, Entry, Sample, UnreadableImage
from gate.subject.folder import in_this_folder
from gate.subject.guard import Guard, describe_error, in_reach, require_theirs, to_standard_error
from gate.wording import plain, quote

if TYPE_CHECKING:
    from gate.subject.datasets.spec import DataSpec


def open_guarded(
    form: DataFormat, plugin: Plugin, spec: "DataSpec", base: Path, classes: Classes
) -> "PluginDataset":
    """Return what the format of a plugin opens, its entries, classes and shards checked.

    Raises DataError or FactoryError, which name the plugin.
    """
    shown = source_of(spec)
    if spec.path is not None and "path" in form.paths:
        existing(base, spec.path)
    door = Door(plugin, Guard(f"{plugin.where}, {shown}", base))
    # What it sets is not for our own numbers and paths.
    with np.errstate(), in_this_folder(), to_standard_error():
        with door.asking("opening it"):
            reader = form.open(spec, base, classes)
        found = classes_of(door, reader, classes)
        columns = tuple(map(name_key, texts_of(door, reader, "slice_columns")))
        assumed = tuple(texts_of(door, reader, "assumed"))
        group_column = door.attribute(reader, "group_column", spec.group)
        entries = entries_of(door, reader, found, group_column, columns)
        shards = shards_of(door, reader, len(entries))
        stretch = door.attribute(reader, "preferred_stretch", 1)
        shared = door.attribute(reader, "is_thread_safe", False)
    if group_column is not None and type(group_column) is not str:
        raise door.refusal(f"its group_column is {shape_of(group_column)}", "return its name")
    if not isinstance(stretch, int) or stretch < 1:
        raise door.refusal(
            f"its preferred_stretch is {shape_of(stretch)}", "return a number of rows"
        )
    labels = [entry.label for entry in entries]
    return PluginDataset(
        door=door,
        reader=reader,
        path=shown,
        format=form.name,
        classes=found,
        entries=entries,
        rows=shards,
        stretch=stretch,
        are_labels_known=None not in labels,
        options=dict(spec.options),
        lock=contextlib.nullcontext() if shared is True else threading.Lock(),
        slice_columns=columns,
        group_column=group_column,
        assumed=(_read_by(plugin, spec, shown), *assumed),
    )


def _read_by(plugin: Plugin, spec: "DataSpec", shown: str) -> str:
    """Return the sentence that the report has of a plugin and of what it was told."""
    told = f", told {plain(json.dumps(spec.options, default=str))}" if spec.options else ""
    return f"{shown} was read by {plugin.where}{told}"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PluginDataset(BaseDataset):
    """The dataset of a plugin; one thread at a time is in it, but where it says it is safe."""

    door: Door
    reader: Any
    path: str
    format: str
    classes: tuple[str, ...]
    entries: Sequence[Entry]
    rows: Sequence[range]
    stretch: int
    are_labels_known: bool
    options: Mapping[str, Any]
    lock: contextlib.AbstractContextManager[Any]  # entered around every call
    slice_columns: tuple[str, ...] = ()
    group_column: str | None = None
    assumed: tuple[str, ...] = ()

    @property
    def shards(self) -> Sequence[range]:
        """The rows of each file that holds many."""
        return self.rows

    @property
    def preferred_stretch(self) -> int:
        """How many rows the plugin reads best at once."""
        return self.stretch

    @property
    def plan_facts(self) -> Mapping[str, Any]:
        """The package that reads, its version, and what it is told."""
        plugin = self.door.plugin
        return {"package": plugin.package, "version": plugin.version, "options": self.options}

    def read(self, index: int) -> Sample:
        """Return the image at ``index``; raises UnreadableImage, FactoryError or DataError."""
        given = self._of_image("read", index)
        try:
            return self._checked(given, index)
        except GateError:
            raise
        except BaseException as error:  # of an object that is not what it seems
            raise self.door.guard.refusal(
                error, "what its reader gave", self.door.remedy
            ) from error

    def read_many(self, rows: range) -> NDArray[np.uint8] | None:
        """Return neighbouring rows as one array, None where they are read one by one.

        uint8 (n, H, W) or (n, H, W, 3). Raises FactoryError where the plugin fails or gives another
        array, DataError where it says so in our words.
        """
        if not self.are_labels_known:
            return None
        given = self._asked("read_many", rows)
        if given is None and self.stretch == 1:
            return None
        if not _are_pixels(given, len(rows)):
            fact = f"its read_many gave {shape_of(given)} for {len(rows)} rows"
            raise self.door.refusal(fact, "return uint8 of shape (n, H, W) or (n, H, W, 3)")
        return np.ascontiguousarray(given)

    def prefetch(self, rows: range) -> None:
        """Let the plugin ask for rows that are read soon; raises FactoryError where it raises."""
        with self.door.asking("its prefetch"):
            if (method := getattr(self.reader, "prefetch", None)) is not None:
                method(rows)

    def stored(self, index: int) -> bytes | None:
        """Return the bytes that digests cover, None where only reading makes them.

        Raises UnreadableImage, FactoryError or DataError, as :meth:`read` does.
        """
        given = self._of_image("stored", index)
        if given is None or (type(given) is bytes and self.are_labels_known):
            return given
        if type(given) is bytes:
            return None  # without a label, the image has to be read all the same
        raise self._refusal(index, f"its stored gave {shape_of(given)}, not bytes")

    def hidden(self) -> tuple[str, ...]:
        """Return the names of images that the plugin passes over.

        Raises FactoryError where the plugin fails, DataError where it says so in our words.
        """
        return tuple(texts_of(self.door, self.reader, "hidden", call=True))

    def sources(self) -> Sequence[Path] | None:
        """Return the files that decide what is read; None where only reading tells."""
        given = self._asked("sources")
        if given is None:
            return None
        with self.door.asking("asking for its sources"):
            return [Path(os.fspath(each)) for each in given]

    def _asked(self, name: str, *arguments: object) -> Any:  # noqa: ANN401 - what the plugin gives
        """Return what a method of the reader gives; None where it has no such method."""
        with self.door.asking(f"its {name}"), self.lock:
            method = getattr(self.reader, name, None)
            return None if method is None else method(*arguments)

    def _of_image(self, name: str, index: int) -> Any:  # noqa: ANN401 - what the plugin gives
        """Return what a method gives of one image; the next one may be readable."""
        door = self.door
        try:
            with self.lock, in_reach():
                method: Callable[[int], Any] | None = getattr(self.reader, name, None)
                return None if method is None else method(index)
        except UnreadableImage:
            raise
        except GateError as error:
            raise door.named(error) from error
        except Exception as error:
            require_theirs(error)
            if issubclass(type(error), OSError) and may_heal(error):  # a store, a disk: no image
                remedy = "run again when it is there"
                raise door.guard.refusal(error, f"its {name}", remedy) from error
            words = f"{door.plugin.where} raised {describe_error(error, door.guard.base)}"
            raise UnreadableImage(words) from error
        except BaseException as error:  # it ends the process, or means to: no image is to blame
            raise door.guard.refusal(error, f"its {name}", door.remedy) from error

    def _checked(self, given: Any, index: int) -> Sample:  # noqa: ANN401 - what the plugin gave
        entry = self.entries[index]
        if type(given) is not Sample or type(given.stored) is not bytes:
            fact = f"its read gave {shape_of(given)}, not a Sample with bytes"
            raise self._refusal(index, fact, "return a Sample, such as sample_of(image, label)")
        label = index_of(given.label, len(self.classes))
        if label is None or label != (label if entry.label is None else entry.label):
            expected = f"0 to {len(self.classes) - 1}" if entry.label is None else entry.label
            fact = f"its read gave the label {shape_of(given.label)}, not {expected}"
            raise self._refusal(index, fact, "labels index the classes, in entries as in samples")
        one = given.tensor if given.image is None else given.image
        if given.image is not None and given.tensor is not None:
            raise self._refusal(index, "its read gave an image and a tensor", "give one of them")
        where = f"{self.door.guard.where}, {quote(entry.id)}"
        _, image, tensor = picture_of(one, where)
        return Sample(given.stored, image, tensor, label)

    def _refusal(self, index: int, fact: str, remedy: str = "") -> FactoryError:
        return self.door.refusal(fact, remedy, at=quote(self.entries[index].id))


def _are_pixels(given: object, count: int) -> bool:
    """Return whether an object is so many images, grey or RGB, in one array."""
    if type(given) is not np.ndarray or given.dtype != np.uint8 or 0 in given.shape:
        return False
    return len(given) == count and (given.ndim == 3 or (given.ndim == 4 and given.shape[3] == 3))
