"""The lists of a plugin, entries, classes and shards, held to what datasets promise."""

import contextlib
import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from gate.errors import DataError, FactoryError, GateError
from gate.keys import group_keys, name_key, name_keys
from gate.plugins import Plugin
from gate.subject.datasets.entries import EntryColumns
from gate.subject.datasets.factory import MOST_ITEMS
from gate.subject.datasets.formats.record import Classes
from gate.subject.datasets.pictures import shape_of
from gate.subject.datasets.records import Entry
from gate.subject.guard import Guard, in_reach
from gate.wording import list_names, quote


@dataclass(frozen=True, slots=True)
class Door:
    """Where the code of a plugin is entered, and what it gives is looked at."""

    plugin: Plugin
    guard: Guard

    @property
    def remedy(self) -> str:
        """Whom to tell of a fault of the plugin."""
        return f"tell the authors of {self.plugin.package}"

    @contextlib.contextmanager
    def asking(self, doing: str) -> Iterator[None]:
        """Raise DataError where the plugin gives words of ours, FactoryError for all else."""
        with in_reach():
            try:
                yield
            except GateError as error:
                raise self.named(error) from error
            except BaseException as error:
                raise self.guard.refusal(error, doing, self.remedy) from error

    def named(self, error: GateError) -> DataError:
        """Return what the plugin says in words of ours, with its name."""
        where = ": ".join(filter(None, (self.guard.where, error.where)))
        return DataError(where, error.fact, error.remedy, retriable=error.retriable)

    def refusal(self, fact: str, remedy: str = "", *, at: str = "") -> FactoryError:
        """Return what to raise where the plugin gave something else than was asked."""
        where = f"{self.guard.where}, {at}" if at else self.guard.where
        return FactoryError(where, fact, remedy or self.remedy)

    def attribute(self, reader: Any, name: str, default: Any) -> Any:  # noqa: ANN401 - the plugin's
        """Return what the reader says of itself, ``default`` where it says nothing.

        Raises DataError or FactoryError, as :meth:`asking` does.
        """
        with self.asking(f"asking for its {name}"):
            found = getattr(reader, name, None)
        return default if found is None else found


def classes_of(door: Door, reader: Any, declared: Classes) -> tuple[str, ...]:  # noqa: ANN401
    """Return the classes that labels index: the declared ones, else those that the reader names.

    Raises DataError where nobody names them, FactoryError where the reader names one twice, or
    other ones than are declared.
    """
    own = tuple(map(name_key, texts_of(door, reader, "classes")))
    if len(set(own)) < len(own):
        raise door.refusal(
            f"names a class twice: {list_names(own)}", "give every class its own name"
        )
    if declared is None and not own:
        raise DataError(door.guard.where, "does not name its classes", "declare classes")
    if declared is not None and own and own != declared:
        raise door.refusal(
            f"orders the classes {list_names(own)}, the gate file {list_names(declared)}",
            "index labels by the classes that open is given",
        )
    return declared or own


def entries_of(
    door: Door,
    reader: Any,  # noqa: ANN401 - the plugin's
    classes: Sequence[str],
    group_column: str | None,
    columns: Sequence[str],
) -> Sequence[Entry]:
    """Return the entries, their names, groups and slices as people mean them; ids are unique.

    Raises DataError where there are none, FactoryError for what is no Entry, or lists an id twice.
    """
    with door.asking("listing its entries"):
        given = list(islice(reader.entries, MOST_ITEMS + 1))
    if not given:
        raise DataError(door.guard.where, "holds no images", "check the path")
    if len(given) > MOST_ITEMS:
        raise door.refusal(f"lists more than the {MOST_ITEMS:,} images that are read")
    for row, entry in enumerate(given):
        if fault := _fault_of(entry, len(classes), group_column, len(columns)):
            raise door.refusal(fault, "an Entry is (id, label, group, slices)", at=f"entry {row}")
    ids = [name_key(entry.id) for entry in given]
    _refuse_repeated(door, ids)
    groups = None if group_column is None else group_keys([entry.group for entry in given])
    slices = [
        name_keys([entry.slices[column] for entry in given]) for column in range(len(columns))
    ]
    labels = [None if entry.label is None else operator.index(entry.label) for entry in given]
    if None not in labels:
        return EntryColumns(ids, np.array(labels, np.int32), groups, slices)
    return [
        Entry(name, label, group, tuple(values))
        for name, label, group, values in zip(
            ids,
            labels,
            [None] * len(ids) if groups is None else groups,
            zip(*slices, strict=True) if slices else [()] * len(ids),
            strict=True,
        )
    ]


def _fault_of(entry: Any, classes: int, group_column: str | None, columns: int) -> str:  # noqa: ANN401
    """Return what is wrong with an entry, "" where nothing is."""
    if type(entry) is not Entry:
        return f"is {shape_of(entry)}, not an Entry"
    if type(entry.id) is not str or not name_key(entry.id):
        return f"its id is {shape_of(entry.id)}, not a name"
    if entry.label is not None and index_of(entry.label, classes) is None:
        return f"its label {shape_of(entry.label)} is none of the {classes} classes"
    if entry.group is not None and (type(entry.group) is not str or group_column is None):
        return "has a group that is no text, or one that no group_column names"
    values = entry.slices
    if type(values) is not tuple or len(values) != columns:
        return f"its slices are {shape_of(values)}, and there are {columns} slice_columns"
    if any(each is not None and type(each) is not str for each in values):
        return "holds a slice that is no text"
    return ""


def index_of(label: Any, classes: int) -> int | None:  # noqa: ANN401 - the plugin's
    """Return a label as an index of the classes, None where it is none."""
    if not isinstance(label, int | np.integer) or isinstance(label, bool):
        return None
    return int(label) if 0 <= label < classes else None


def _refuse_repeated(door: Door, ids: Sequence[str]) -> None:
    if len(set(ids)) == len(ids):
        return
    first: dict[str, int] = {}
    for row, name in enumerate(ids):
        if name in first:
            fact = f"its id {quote(name)} is also that of entry {first[name]}"
            raise door.refusal(fact, "list every image once", at=f"entry {row}")
        first[name] = row


def shards_of(door: Door, reader: Any, count: int) -> Sequence[range]:  # noqa: ANN401
    """Return the shards, which follow each other over so many rows; all rows where none are.

    Raises FactoryError where they do not, DataError where the reader fails in our words.
    """
    given = door.attribute(reader, "shards", (range(count),))
    with door.asking("listing its shards"):
        shards = tuple(given)
        end = 0
        for rows in shards:
            if type(rows) is not range or rows.step != 1 or rows.start != end or not len(rows):
                break
            end = rows.stop
        fits = end == count and all(type(rows) is range for rows in shards)
    if not fits:
        fact = f"its shards do not follow each other from 0 to {count:,}"
        raise door.refusal(fact, "give ranges of rows, in order and without gaps")
    return shards


def texts_of(door: Door, reader: Any, name: str, *, call: bool = False) -> Sequence[str]:  # noqa: ANN401
    """Return the texts that the reader has under a name, or that its method of the name gives.

    Raises FactoryError where they are no texts, DataError where the reader fails in our words.
    """
    with door.asking(f"asking for its {name}"):
        found = getattr(reader, name, None)
        given = () if found is None else found() if call else found
        is_texts = isinstance(given, list | tuple) and all(type(each) is str for each in given)
    if not is_texts:
        raise door.refusal(f"its {name} are {shape_of(given)}, not a tuple of texts")
    return list(given)
