"""Datasets in the formats of the gate file: one file a format, one record that they all give.

A spec says where the data lies, its content says what it is, one reader opens it. The readers are
imported when they are needed, so that a gate file can be checked without numpy and Pillow.
"""

from pathlib import Path
from typing import TYPE_CHECKING, assert_never

from gate.subject.datasets.braces import has_braces
from gate.subject.datasets.recognise import existing, format_of, refuse_stray_keys
from gate.subject.datasets.spec import DataSpec, Format
from gate.subject.datasets.urls import is_url, read_url
from gate.subject.datasets.urls import shown as in_words

if TYPE_CHECKING:
    from gate.subject.datasets.grouping import Named
    from gate.subject.datasets.records import Dataset, PredictionTable


def open_dataset(
    spec: DataSpec, *, base: Path, classes: tuple[str, ...] | None
) -> "Dataset | PredictionTable":
    """Return the dataset, or the table of saved predictions, that a split of the gate file names.

    Paths are relative to ``base``, the folder of the gate file. ``classes`` are the declared ones,
    in the order of the model's outputs; where they are None they are derived from the data. Raises
    DataError, FactoryError or MissingExtraError.
    """
    source = spec.path or spec.factory or spec.predictions or spec.images
    assert source is not None, "the spec was validated"
    for written in (spec.path, spec.images, spec.labels, spec.predictions):
        if written is not None and is_url(written):
            read_url(written)  # before a message shows it
    shown = in_words(source)
    kind = spec.format or _recognised(spec, base, shown)
    refuse_stray_keys(spec, kind, shown)
    match kind:
        case "folder":
            from gate.subject.datasets.folder import open_folder

            return _grouped(open_folder(existing(base, source), shown=shown, classes=classes), spec)
        case "csv" | "parquet":
            from gate.subject.datasets.manifest import columns_of, open_manifest
            from gate.subject.datasets.read_tables import read_table
            from gate.subject.datasets.tables import Wanted

            path = existing(base, source)
            wanted = Wanted(texts=lambda _: columns_of(spec))
            table = read_table(path, shown=shown, kind=kind, wanted=wanted)
            return _grouped(open_manifest(table, spec, file=path, kind=kind, classes=classes), spec)
        case "idx":
            from gate.subject.datasets.idx import labels_beside, open_idx

            images = existing(base, spec.images or source)
            labels = existing(base, spec.labels) if spec.labels else labels_beside(images)
            return open_idx(images, labels, shown=shown, classes=classes)
        case "npz":
            from gate.subject.datasets.npz import open_npz

            return open_npz(existing(base, source), spec, shown=shown, classes=classes)
        case "webdataset":
            from gate.subject.datasets.webdataset import open_webdataset

            return _grouped(open_webdataset(base, spec, shown=shown, classes=classes), spec)
        case "factory":
            from gate.subject.datasets.factory import open_factory

            return open_factory(source, spec.kwargs, base=base, classes=classes)
        case "predictions":
            from gate.subject.datasets.predictions import open_predictions

            return open_predictions(existing(base, source), spec, shown=shown, classes=classes)
        case _:
            assert_never(kind)


def open_compared(spec: DataSpec, *, base: Path) -> "Dataset | PredictionTable":
    """Return the dataset for a comparison, which needs no labels: also a folder of mere images.

    Raises DataError where it is missing or damaged, FactoryError where the user's Dataset fails,
    UsageError for a wrong URL, MissingExtraError where an extra is not installed.
    """
    assert spec.path is not None, "what is compared lies at a path"
    place, shown = existing(base, spec.path), in_words(spec.path)
    if format_of(place, shown) == "folder":
        from gate.subject.datasets.folder import open_flat_folder

        if flat := open_flat_folder(place, shown=shown):
            return _grouped(flat, spec)
    return open_dataset(spec, base=base, classes=None)


def _grouped(dataset: "Named", spec: DataSpec) -> "Named":
    if spec.group_pattern is None:
        return dataset
    from gate.subject.datasets.grouping import grouped_by_name

    return grouped_by_name(dataset, spec.group_pattern)


def _recognised(spec: DataSpec, base: Path, shown: str) -> Format:
    if spec.factory is not None:
        return "factory"
    if spec.predictions is not None:
        return "predictions"
    if spec.path is None:
        return "idx"
    if has_braces(spec.path) and (is_url(spec.path) or not (base / spec.path).exists()):
        return "webdataset"
    return format_of(existing(base, spec.path), shown)
