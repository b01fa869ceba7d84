"""The format of an image folder: one folder a class."""

from pathlib import Path
from typing import TYPE_CHECKING

from gate.subject.datasets.formats.record import Classes, DataFormat, Remark
from gate.subject.datasets.lookup import located
from gate.subject.datasets.places import Place

if TYPE_CHECKING:
    from gate.subject.datasets.files import FileDataset
    from gate.subject.datasets.spec import DataSpec

_IMAGES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"II*\0", b"MM\0*")


def _open(spec: "DataSpec", base: Path, classes: Classes) -> "FileDataset":
    from gate.subject.datasets.folder import open_folder
    from gate.subject.datasets.grouping import grouped

    place, shown = located(base, spec.path)
    return grouped(open_folder(place, shown=shown, classes=classes), spec)


def _open_compared(spec: "DataSpec", base: Path) -> "FileDataset":
    from gate.subject.datasets.folder import open_compared_folder
    from gate.subject.datasets.grouping import grouped

    place, shown = located(base, spec.path)
    return grouped(open_compared_folder(place, shown=shown), spec)


def _matches(_: Place, head: bytes | None) -> bool:
    return head is None


def _mistaken(_: Place, head: bytes) -> Remark | None:
    if not head.startswith(_IMAGES):
        return None
    return "is one image, not a dataset", "name the folder above the class folders"


FORMAT = DataFormat(
    name="folder",
    keys=frozenset({"path", "group_pattern"}),
    open=_open,
    matches=_matches,
    mistaken=_mistaken,
    open_compared=_open_compared,
)
