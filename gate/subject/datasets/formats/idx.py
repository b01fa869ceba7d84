"""The format of IDX files, as MNIST has them: images in one, labels in the other."""

from pathlib import Path
from typing import TYPE_CHECKING

from gate.errors import DataError
from gate.subject.datasets.formats.record import Classes, DataFormat, Remark
from gate.subject.datasets.lookup import existing, located
from gate.subject.datasets.places import Place

if TYPE_CHECKING:
    from gate.subject.datasets.arrays import ArrayDataset
    from gate.subject.datasets.spec import DataSpec


def _open(spec: "DataSpec", base: Path, classes: Classes) -> "ArrayDataset":
    from gate.subject.datasets.idx import labels_beside, open_idx

    images, shown = located(base, spec.images or spec.path)
    if spec.path and spec.images:
        raise DataError(shown, "path and images are both given", "give the file of images once")
    labels = existing(base, spec.labels) if spec.labels else labels_beside(images)
    return open_idx(images, labels, shown=shown, classes=classes, integers=spec.integers)


def _matches(_: Place, head: bytes | None) -> bool:
    return head is not None and head.startswith((b"\x1f\x8b", b"\0\0\x08"))


def _is_stated(spec: "DataSpec", _: Path) -> bool:
    return spec.images is not None and not (spec.path or spec.factory or spec.predictions)


def _mistaken(place: Place, head: bytes) -> Remark | None:
    if not place.name.lower().endswith(("ubyte", ".idx")):
        return None
    fact = f"is named as IDX, and begins with {head[:4].hex(' ') or 'nothing'}"
    return fact, "IDX files of unsigned bytes begin with 00 00 08; download or write it again"


FORMAT = DataFormat(
    name="idx",
    keys=frozenset({"path", "images", "labels", "integers"}),
    paths=frozenset({"path", "images", "labels"}),
    open=_open,
    matches=_matches,
    is_stated=_is_stated,
    mistaken=_mistaken,
)
