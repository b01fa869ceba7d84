"""The record of a data format: what the gate asks it, and how it is opened."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from gate.subject.datasets.places import Place
    from gate.subject.datasets.records import Dataset, PredictionTable
    from gate.subject.datasets.spec import DataSpec

Classes = tuple[str, ...] | None
Remark = tuple[str, str]  # what is wrong with a file, and what to do about it

# Of a table that lists images.
LISTING_KEYS = frozenset(
    {"path", "image", "label", "integers", "where", "folder", "extension"}
    | {"id", "group", "group_pattern", "slices"}
)


class Opener(Protocol):
    """Opens what a split of the gate file names."""

    def __call__(
        self, spec: "DataSpec", base: Path, classes: Classes, /
    ) -> "Dataset | PredictionTable":
        """Return the data of a split; ``base`` is the folder of the gate file.

        ``classes`` are the declared ones in the order of the model's outputs, which labels must
        index; where they are None the data names them. Raises DataError.
        """


def _never(*_: object) -> bool:
    return False


def _nothing(*_: object) -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFormat:
    """A data format. What reads it is imported inside ``open``: a gate file is checked without it.

    ``keys`` are those of a split in the gate file that it reads, besides ``format``; any other is
    refused. ``paths`` are those of them that name files or folders, of which one must be given;
    without any, the format needs no path. That the path of a plugin exists is looked up before.

    The rest is asked of shipped formats alone; that of a plugin is taken where it is named.
    ``matches`` says of a file, by its place and its first 512 bytes (None: a folder), whether it is
    of this format; ``is_stated`` says it of a split by its keys. ``mistaken`` returns fact and
    remedy for a file that somebody takes for one of this format, and that no format matches.
    ``open_compared`` opens data for a comparison, which needs no labels; None: as ``open`` does.
    """

    name: str
    keys: frozenset[str]
    open: Opener
    paths: frozenset[str] = frozenset({"path"})
    matches: "Callable[[Place, bytes | None], bool]" = _never
    is_stated: "Callable[[DataSpec, Path], bool]" = _never
    mistaken: "Callable[[Place, bytes], Remark | None]" = _nothing
    open_compared: "Callable[[DataSpec, Path], Dataset] | None" = None
