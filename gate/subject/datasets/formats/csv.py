"""The format of a CSV manifest: a text table that lists image files."""

from pathlib import Path
from typing import TYPE_CHECKING

from gate.subject.datasets.formats.record import LISTING_KEYS, Classes, DataFormat, Remark
from gate.subject.datasets.places import Place

if TYPE_CHECKING:
    from gate.subject.datasets.files import FileDataset
    from gate.subject.datasets.spec import DataSpec


def _open(spec: "DataSpec", base: Path, classes: Classes) -> "FileDataset":
    from gate.subject.datasets.manifest import open_listed

    return open_listed(spec, base, classes, kind="csv")


def _mistaken(_: Place, head: bytes) -> Remark | None:
    if not head.startswith((b"\x89HDF", b"SQLite")):
        return None
    return "is a database file", "export it as an image folder or NPZ, or use a factory"


FORMAT = DataFormat(
    name="csv",
    keys=LISTING_KEYS,
    open=_open,
    mistaken=_mistaken,
)
