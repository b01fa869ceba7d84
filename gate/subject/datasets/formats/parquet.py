"""The format of Parquet: a binary table that lists image files, or holds the images."""

from pathlib import Path
from typing import TYPE_CHECKING

from gate.errors import DataError
from gate.subject.datasets.formats.record import LISTING_KEYS, Classes, DataFormat
from gate.subject.datasets.lookup import located
from gate.subject.datasets.parquet_shards import holds_tables, shards_of
from gate.subject.datasets.places import Place

if TYPE_CHECKING:
    from gate.subject.datasets.files import FileDataset
    from gate.subject.datasets.parquet_images import ParquetDataset
    from gate.subject.datasets.spec import DataSpec


def _open(spec: "DataSpec", base: Path, classes: Classes) -> "FileDataset | ParquetDataset":
    from gate.subject.datasets.grouping import grouped
    from gate.subject.datasets.manifest import open_listed
    from gate.subject.datasets.parquet_images import features_in, open_images

    place, shown = located(base, spec.path)
    files = shards_of(place, spec.split, shown)
    features = features_in(files[0], shown)
    column = features.image_of(spec)
    if column is not None:
        found = open_images(files, spec, features, column, shown=shown, classes=classes)
        return grouped(found, spec)
    if place.is_dir():
        raise DataError(shown, "its tables hold no images", "name one table that lists files")
    return open_listed(spec, base, classes, kind="parquet")


def _matches(place: Place, head: bytes | None) -> bool:
    return holds_tables(place) if head is None else head.startswith(b"PAR1")


FORMAT = DataFormat(name="parquet", keys=LISTING_KEYS, open=_open, matches=_matches)
