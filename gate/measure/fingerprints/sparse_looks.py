"""Small pictures of the images that have one: most photos have none, and need no room for it."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gate.evidence.records import Thumbnails
from gate.measure.fingerprints.looks import LOOK

Pictures = NDArray[np.uint8]  # (n, 16, 16)
Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class SparseLooks:
    """The pictures of ``length`` images, black where an image has none."""

    length: int
    rows: Indices  # (m,) of those that have one, ascending
    pictures: Pictures  # (m, 16, 16)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, rows: slice | Indices) -> Pictures:
        """Return the pictures of some images, (k, 16, 16)."""
        wanted = np.arange(self.length)[rows]
        places = np.searchsorted(self.rows, wanted)
        found = np.zeros((len(wanted), LOOK, LOOK), np.uint8)
        has = self.have(wanted)
        found[has] = self.pictures[places[has]]
        return found

    def have(self, rows: Indices) -> NDArray[np.bool_]:
        """Return which of some images, (k,), have a picture."""
        return np.isin(rows, self.rows)


@dataclass(slots=True)
class LookStore:
    """Pictures that are put behind each other; black ones are let go."""

    filled: int = 0
    _rows: list[Indices] = field(default_factory=list)
    _pictures: list[Pictures] = field(default_factory=list)
    _any: bool = False

    def add(self, looks: Thumbnails | None, count: int) -> None:
        """Put the pictures of the next ``count`` images behind those that are there."""
        if looks is not None:
            self._any = True
            dense = looks[:]
            has = np.flatnonzero(dense.any(axis=(1, 2)))
            self._rows.append(has + self.filled)
            self._pictures.append(dense[has])
        self.filled += count

    def looks(self) -> SparseLooks | None:
        """Return what was put there; None where no image was looked at so."""
        if not self._any:
            return None
        return SparseLooks(self.filled, np.concatenate(self._rows), np.concatenate(self._pictures))
