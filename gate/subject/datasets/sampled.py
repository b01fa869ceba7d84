"""A sample of a split: some of its images, in its order, as a dataset of its own."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gate.subject.datasets.records import BaseDataset, Dataset, Entry, Sample

ROWS = 64  # of a unit of work: each image is asked often, so that a few are enough


class SampledDataset(BaseDataset):
    """The images of ``dataset`` at ``places``, ascending; their labels are known."""

    __slots__ = ("_dataset", "_entries", "_places")

    def __init__(self, dataset: Dataset, places: Sequence[int], labels: Sequence[int]) -> None:
        self._dataset, self._places = dataset, tuple(places)
        self._entries = tuple(
            dataset.entries[place]._replace(label=label)
            for place, label in zip(places, labels, strict=True)
        )

    @property
    def path(self) -> str:
        """Where the data lies."""
        return self._dataset.path

    @property
    def format(self) -> str:
        """The format of the whole."""
        return self._dataset.format

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names that labels index."""
        return self._dataset.classes

    @property
    def entries(self) -> Sequence[Entry]:
        """The images of the sample."""
        return self._entries

    @property
    def slice_columns(self) -> tuple[str, ...]:
        """The names of the entries' slices."""
        return self._dataset.slice_columns

    @property
    def group_column(self) -> str | None:  # type: ignore[override]  # read from the whole
        """The name of the entries' group."""
        return self._dataset.group_column

    @property
    def shards(self) -> Sequence[range]:
        """Short stretches, so that workers share them."""
        count = len(self._places)
        return tuple(range(start, min(start + ROWS, count)) for start in range(0, count, ROWS))

    @property
    def plan_facts(self) -> Mapping[str, Any]:
        """What decides the pixels of an entry of the whole."""
        return self._dataset.plan_facts

    def read(self, index: int) -> Sample:
        """Return the image at a place of the sample; raises UnreadableImage."""
        return self._dataset.read(self._places[index])

    def stored(self, index: int) -> bytes | None:
        """Return its stored bytes; raises UnreadableImage."""
        return self._dataset.stored(self._places[index])

    def sources(self) -> Sequence[Path] | None:
        """Return the local files of the whole."""
        return self._dataset.sources()
