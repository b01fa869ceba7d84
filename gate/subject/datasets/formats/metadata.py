"""The format of an image folder whose labels lie in metadata.jsonl or metadata.csv."""

from pathlib import Path
from typing import TYPE_CHECKING

from gate.subject.datasets.formats.record import LISTING_KEYS, Classes, DataFormat
from gate.subject.datasets.lookup import located
from gate.subject.datasets.places import Place

if TYPE_CHECKING:
    from gate.subject.datasets.files import FileDataset
    from gate.subject.datasets.spec import DataSpec


def _open(spec: "DataSpec", base: Path, classes: Classes) -> "FileDataset":
    from gate.subject.datasets.metadata import open_metadata

    place, shown = located(base, spec.path)
    return open_metadata(place, spec, shown=shown, classes=classes)


def _open_compared(spec: "DataSpec", base: Path) -> "FileDataset":
    from gate.subject.datasets.metadata import open_compared_metadata

    place, shown = located(base, spec.path)
    return open_compared_metadata(place, spec, shown=shown)


def _matches(place: Place, head: bytes | None) -> bool:
    from gate.subject.datasets.metadata import is_labelled_by_metadata

    return head is None and is_labelled_by_metadata(place)


FORMAT = DataFormat(
    name="metadata",
    keys=LISTING_KEYS - {"image", "folder", "extension"},
    open=_open,
    matches=_matches,
    open_compared=_open_compared,
)
