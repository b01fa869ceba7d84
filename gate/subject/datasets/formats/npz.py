"""The format of NPZ files: NumPy arrays of images and labels."""

from pathlib import Path
from typing import TYPE_CHECKING

from gate.subject.datasets.formats.record import Classes, DataFormat, Remark
from gate.subject.datasets.lookup import located
from gate.subject.datasets.places import Place

if TYPE_CHECKING:
    from gate.subject.datasets.arrays import ArrayDataset
    from gate.subject.datasets.spec import DataSpec


def _open(spec: "DataSpec", base: Path, classes: Classes) -> "ArrayDataset":
    from gate.subject.datasets.npz import open_npz

    place, shown = located(base, spec.path)
    return open_npz(place, spec, shown=shown, classes=classes)


def _matches(_: Place, head: bytes | None) -> bool:
    return head is not None and head.startswith(b"PK\x03\x04")


def _mistaken(place: Place, head: bytes) -> Remark | None:
    if head.startswith(b"\x93NUMPY"):
        return "is one NumPy array", "save images and labels in one file with numpy.savez"
    if place.suffix.lower() == ".npz":
        return "is named as NPZ, and is no zip archive", "save it again with numpy.savez"
    return None


FORMAT = DataFormat(
    name="npz",
    keys=frozenset({"path", "images", "labels", "integers", "group", "slices"}),
    open=_open,
    matches=_matches,
    mistaken=_mistaken,
)
