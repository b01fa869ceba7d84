"""The format of WebDataset: samples in tar archives."""

from pathlib import Path
from typing import TYPE_CHECKING

from gate.subject.datasets.braces import has_braces
from gate.subject.datasets.formats.record import Classes, DataFormat
from gate.subject.datasets.places import Place
from gate.subject.datasets.tars import is_tar
from gate.subject.datasets.urls import is_url, shown

if TYPE_CHECKING:
    from gate.subject.datasets.spec import DataSpec
    from gate.subject.datasets.webdataset import TarDataset

_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")


def _open(spec: "DataSpec", base: Path, classes: Classes) -> "TarDataset":
    from gate.subject.datasets.grouping import grouped
    from gate.subject.datasets.webdataset import open_webdataset

    assert spec.path is not None, "a format is opened where its path is given"
    found = open_webdataset(base, spec, shown=shown(spec.path), classes=classes)
    return grouped(found, spec)


def _matches(place: Place, head: bytes | None) -> bool:
    """Return whether it is a tar; a packed or damaged one, by its name, is told by its reader."""
    return head is not None and (is_tar(head) or place.name.lower().endswith(_ENDINGS))


def _is_stated(spec: "DataSpec", base: Path) -> bool:
    """Return whether the path stands for several: braces that are no part of a file's name."""
    if spec.path is None or not has_braces(spec.path):
        return False
    return is_url(spec.path) or not (base / spec.path).exists()


FORMAT = DataFormat(
    name="webdataset",
    keys=frozenset({"path", "image", "label", "integers", "group", "group_pattern", "slices"}),
    open=_open,
    matches=_matches,
    is_stated=_is_stated,
)
