"""Entries kept as columns: a million images without a million objects."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from gate.evidence.records import UNLABELLED
from gate.subject.datasets.records import Entry

_AT_ONCE = 4096

Column = Sequence[str | None] | NDArray[np.object_]


@dataclass(frozen=True, slots=True, eq=False)
class EntryColumns(Sequence[Entry]):
    """A sequence that makes an entry when it is asked for.

    ``ids`` are texts or row numbers; all columns are as long as they are.
    """

    ids: Sequence[Any]
    labels: NDArray[np.int32]
    groups: Column | None = None
    slices: Sequence[Column] = ()

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> list[Entry]: ...
    def __getitem__(self, index: int | slice) -> Entry | list[Entry]:
        if not isinstance(index, slice):
            place = range(len(self))[index]
            return self[place : place + 1][0]
        names = map(str, self.ids[index])
        labels = self.labels[index].tolist()
        groups = repeat(None) if self.groups is None else self.groups[index]
        columns = [column[index] for column in self.slices]
        slices = zip(*columns, strict=True) if columns else repeat(())
        return list(map(Entry, names, labels, groups, slices))

    def __iter__(self) -> Iterator[Entry]:
        """Yield all entries, made some at a time."""
        for start in range(0, len(self), _AT_ONCE):
            yield from self[start : start + _AT_ONCE]


@dataclass(frozen=True, slots=True, eq=False)
class UnlabelledEntries(Sequence[Entry]):
    """The same entries without what they say of labels."""

    entries: Sequence[Entry]

    def __len__(self) -> int:
        return len(self.entries)

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> list[Entry]: ...
    def __getitem__(self, index: int | slice) -> Entry | list[Entry]:
        if isinstance(index, slice):
            return [each._replace(label=UNLABELLED) for each in self.entries[index]]
        return self.entries[index]._replace(label=UNLABELLED)
