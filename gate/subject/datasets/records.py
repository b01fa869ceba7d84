"""The records of every data format: entries known at once, samples read one by one.

A format that cannot be read at all raises :class:`~gate.errors.DataError` when it is opened. One
image that cannot be read raises :class:`UnreadableImage` when it is read: it is not fatal, and the
caller counts and names it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from gate.errors import DataError

if TYPE_CHECKING:  # a table of predictions is read without Pillow
    from PIL import Image


class UnreadableImage(DataError):  # noqa: N818 - named for what is counted, it rarely stops a run
    """One image cannot be read or prepared; ``where`` is empty, for the caller knows the id."""

    kind = "unreadable-image"

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__("", reason, remedy)

    @property
    def reason(self) -> str:
        """The fact and the remedy in one line."""
        return str(self)


class Entry(NamedTuple):
    """What is known of one image before it is opened.

    ``label`` indexes the dataset's classes; it is None where only reading tells it, or where the
    image has no class and will be unreadable. ``slices`` follows the dataset's ``slice_columns``.
    """

    id: str
    label: int | None
    group: str | None = None
    slices: tuple[str | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """What reading one image gives: ``image`` or ``tensor``, never both.

    ``stored`` is what digests cover: the bytes of the file, or the raw record of an array.
    ``image`` has its pixels loaded, in the mode of the file and as the file stores them: an EXIF
    orientation is not applied, as in torchvision's own loader. ``tensor`` is a finite float32
    torch tensor (C, H, W), where a user's Dataset gave one already. ``label`` equals the label of
    the entry where that is known.
    """

    stored: bytes
    image: "Image.Image | None"
    tensor: Any | None
    label: int


class Dataset(Protocol):
    """The images of one split, in an order that no file system decides."""

    @property
    def path(self) -> str:
        """Where the data lies, as the gate file says it."""

    @property
    def format(self) -> str:
        """The name of the format, one of those of the gate file."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names that labels index."""

    @property
    def entries(self) -> Sequence[Entry]:
        """All images that the data lists, the unreadable included; ids are unique."""

    @property
    def slice_columns(self) -> tuple[str, ...]:
        """The names of the entries' slices."""

    @property
    def group_column(self) -> str | None:
        """The name of the entries' group, or None where groups are not declared."""

    @property
    def assumed(self) -> tuple[str, ...]:
        """What was not declared and how it was read, a sentence each."""

    @property
    def is_labelled(self) -> bool:
        """Whether anybody says what the images show; else all are of one class."""

    @property
    def has_sorted_classes(self) -> bool:
        """Whether the order of its classes is that of their names, for nobody says another."""

    @property
    def shards(self) -> Sequence[range]:
        """The rows of each file that holds many, in order and without gaps.

        No unit of work reaches from one into the next.
        """

    @property
    def preferred_stretch(self) -> int:
        """How many rows are best read at once; 1 where images are read one by one.

        Above 1 every row is readable, and :meth:`read_many` gives them.
        """

    @property
    def plan_facts(self) -> Mapping[str, Any]:
        """What else decides the pixels of an entry, as JSON; part of the plan's digest."""

    def read(self, index: int) -> Sample:
        """Return the image at ``index``; safe to call from many threads at once.

        Raises :class:`UnreadableImage` where this one image cannot be read.
        """

    def read_many(self, rows: range) -> NDArray[np.uint8] | None:
        """Return neighbouring rows as one array, uint8 (n, H, W) grey or (n, H, W, 3) RGB.

        None where they are read one by one. The bytes of a row are what :meth:`read` gives as
        ``stored``.
        """

    def prefetch(self, rows: range) -> None:
        """Let rows that are read soon come nearer, without waiting; what fails, reading says.

        It is called while other threads read.
        """

    def stored(self, index: int) -> bytes | None:
        """Return the bytes that digests cover, not decoded; None where only reading makes them.

        Raises :class:`UnreadableImage` where there are none.
        """

    def hidden(self) -> tuple[str, ...]:
        """Return the names of what is skipped because it is hidden, and is an image all the same.

        Looks into each when it is called. Empty for formats in which nothing can be hidden.
        """

    def sources(self) -> Sequence[Path] | None:
        """Return the local files whose bytes decide what is read, in an order that repeats.

        An image that a manifest lists and that is missing is among them. None where only reading
        tells: for a user's own Dataset, and for what lies on another machine.
        """


class BaseDataset:
    """What a dataset does that reads images one by one: all of :class:`Dataset` but its images.

    A reader adds ``entries`` and ``read``, and ``classes`` where it names them itself. The one of a
    plugin needs no ``path`` and no ``format``; where it says ``is_thread_safe = True``, more than
    one thread may be in it at a time.
    """

    __slots__ = ()

    group_column: str | None = None
    assumed: tuple[str, ...] = ()
    is_labelled: bool = True
    has_sorted_classes: bool = False

    if TYPE_CHECKING:

        @property
        def entries(self) -> Sequence[Entry]:
            """What the reader lists."""

    @property
    def slice_columns(self) -> tuple[str, ...]:
        """None: no image belongs to a slice."""
        return ()

    @property
    def shards(self) -> Sequence[range]:
        """All rows in one."""
        return (range(len(self.entries)),)

    @property
    def preferred_stretch(self) -> int:
        """1: images are read one by one."""
        return 1

    @property
    def plan_facts(self) -> Mapping[str, Any]:
        """Nothing beside the entries and what reading gives."""
        return {}

    def read_many(self, rows: range) -> NDArray[np.uint8] | None:  # noqa: ARG002 - of Dataset
        """Return None: images are read one by one."""
        return None

    def prefetch(self, rows: range) -> None:
        """Do nothing: what is needed is read when it is."""

    def stored(self, index: int) -> bytes | None:  # noqa: ARG002 - of Dataset
        """Return None: only reading makes the bytes."""
        return None

    def hidden(self) -> tuple[str, ...]:
        """Return nothing: every image is listed."""
        return ()

    def sources(self) -> Sequence[Path] | None:
        """Return None: only reading tells what decides the images."""
        return None


@dataclass(frozen=True, slots=True, eq=False)
class PredictionTable:
    """Saved predictions in place of a model: one row an image, in the order of the file.

    ``scores`` are probabilities, finite, in [0, 1], and each row sums to 1 within
    :data:`~gate.subject.datasets.predictions.TOLERANCE`.
    """

    path: str
    classes: tuple[str, ...]
    ids: NDArray[np.object_]  # (n,) str, unique
    labels: NDArray[np.int32]  # (n,) indexes the classes
    scores: NDArray[np.float64]  # (n, classes)
    groups: NDArray[np.object_] | None  # (n,) str or None
    slices: Mapping[str, NDArray[np.object_]]  # column -> (n,) str or None
    group_column: str | None
    image_column: str | None = None  # of paths of the images; None: the table names none
    assumed: tuple[str, ...] = ()
    format: str = "predictions"

    def __len__(self) -> int:
        return len(self.ids)
