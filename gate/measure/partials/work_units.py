"""The data is cut into units of work, and these into the batches that the model is given.

Both follow from the data alone, never from the machine, the workers or their number. An image
always meets the same neighbours in its batch, so its scores are the same bits everywhere.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from gate.evidence.records import Split
from gate.subject.datasets.records import Dataset

ROWS = 1024  # of a unit: few enough to lose to a killed process, enough to be worth a file
BATCH_BYTES = 16 << 20  # of the input of one batch
MOST, LEAST = 64, 16  # images of a batch: more are no faster, and take more memory
ROWS_A_THREAD = 4  # a matrix product with fewer rows takes another kernel, and gives other bits
# Models that answer at the same time, in a thread each. Threads that share an operation wait for
# each other at its end, and may add in another order. But each model has its activations.
MAX_MODEL_REPLICAS = 32
_FLOAT = 4  # bytes

Images = NDArray[np.float32]  # (n, C, H, W)


@dataclass(frozen=True, slots=True)
class WorkUnit:
    """Rows ``start`` to ``stop`` (excluded) of a split: what is measured, kept and merged whole."""

    split: Split
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    @property
    def rows(self) -> range:
        """The rows of the split."""
        return range(self.start, self.stop)

    @property
    def name(self) -> str:
        """The unit as a file is named after it."""
        return f"{self.split}-{self.start:09d}-{self.stop:09d}"

    @classmethod
    def named(cls, name: str) -> Self:
        """Return the unit of a name; raises ValueError for another text."""
        split, start, stop = name.split("-")
        return cls(Split(split), int(start), int(stop))


def units_of(datasets: Mapping[Split, Dataset]) -> tuple[WorkUnit, ...]:
    """Return the units of all splits, in the order of the splits and of their data.

    No unit reaches from one tar file into the next, so that a share of the units is tar files.
    """
    return tuple(
        WorkUnit(split, span.start, span.stop)
        for split, dataset in datasets.items()
        for rows in dataset.shards
        for span in cut(rows, ROWS)
    )


def share_of(units: Sequence[WorkUnit], *, index: int, of: int) -> tuple[WorkUnit, ...]:
    """Return the units of share ``index`` of ``of``: neighbours, as many as in every other share.

    The shares of all indices are all units, each once; some are empty where shares outnumber units.
    """
    return tuple(units[len(units) * index // of : len(units) * (index + 1) // of])


def batch_of(shape: Sequence[int]) -> int:
    """Return how many images of shape (C, H, W) make a batch: a power of two, 16 to 64."""
    image = _FLOAT
    for length in shape:
        image *= max(length, 1)
    fitting = max(BATCH_BYTES // image, 1)
    return min(MOST, max(LEAST, 1 << (fitting.bit_length() - 1)))


def cut(rows: range, size: int) -> Iterator[range]:
    """Yield ``rows``, ``size`` at a time, the last ones perhaps fewer."""
    for start in range(rows.start, rows.stop, size):
        yield range(start, min(start + size, rows.stop))


def stretch_of(dataset: Dataset, batch: int) -> int:
    """Return how many rows are read at once: whole batches, and more than one only of an array.

    The rows of an array are fingerprinted together, and none of them is unreadable, so that batches
    are the same ones.
    """
    return batch * max(1, min(ROWS, dataset.preferred_stretch) // batch)


def pad(images: Images, batch: int) -> Images:
    """Return a whole batch, its last image repeated; drop the answers to those.

    A product of few rows is computed by another kernel, which rounds otherwise by 1e-7; so is one
    with few rows a thread. A batch that the data or an unreadable image cut short would have other
    bits than the same images elsewhere.
    """
    if len(images) == batch:
        return images
    return np.concatenate([images, np.repeat(images[-1:], batch - len(images), axis=0)])


def count_threads(threads: int, batch: int) -> int:
    """Return how many of ``threads`` may share a batch before it rounds otherwise."""
    return max(1, min(threads, batch // ROWS_A_THREAD))
