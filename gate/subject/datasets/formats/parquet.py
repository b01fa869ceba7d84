"""The format of a Parquet manifest: a binary table that lists image files."""

from pathlib import Path
from typing import TYPE_CHECKING

from gate.subject.datasets.formats.record import Classes, DataFormat
from gate.subject.datasets.places import Place

if TYPE_CHECKING:
    from gate.subject.datasets.files import FileDataset
    from gate.subject.datasets.spec import DataSpec


def _open(spec: "DataSpec", base: Path, classes: Classes) -> "FileDataset":
    from gate.subject.datasets.manifest import open_listed

    return open_listed(spec, base, classes, kind="parquet")


def _matches(_: Place, head: bytes | None) -> bool:
    return head is not None and head.startswith(b"PAR1")


FORMAT = DataFormat(
    name="parquet",
    keys=frozenset({"path", "image", "label", "id", "group", "group_pattern", "slices"}),
    open=_open,
    matches=_matches,
)
