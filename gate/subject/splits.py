"""The splits of a gate file, opened; and the classes, where only the data tells them."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from gate.evidence.records import Split
from gate.subject.datasets import open_dataset
from gate.subject.gatefile import GateFile
from gate.subject.importing import name_packages

if TYPE_CHECKING:
    from gate.subject.datasets.records import Dataset, PredictionTable


def open_splits(
    gatefile: GateFile,
) -> "tuple[Mapping[Split, Dataset | PredictionTable], tuple[str, ...]]":
    """Return the splits and the classes: those of the gate file, else those that train has.

    Raises DataError, also for a split of one class, FactoryError or MissingExtraError.
    """
    name_packages((each.module for each in gatefile.factories()), gatefile.base)
    classes = gatefile.classes or None
    opened: dict[Split, Dataset | PredictionTable] = {}
    for name, spec in gatefile.data.given().items():
        dataset = open_dataset(spec, base=gatefile.base, classes=classes)
        require_two_classes(dataset)
        opened[Split(name)] = dataset
        # Without a gate file that says so, the first split tells the classes of the others.
        classes = classes or dataset.classes
    assert classes is not None, "a gate file has at least one split"
    return opened, classes


def require_two_classes(dataset: "Dataset | PredictionTable") -> None:
    """Raise DataError where all images are of one class, as far as it is known before reading."""
    from gate.subject.datasets.classes import require_two
    from gate.subject.datasets.entries import EntryColumns
    from gate.subject.datasets.records import PredictionTable

    labels: Iterable[int | None]
    if isinstance(dataset, PredictionTable):
        labels = dataset.labels.tolist()
    elif isinstance(dataset.entries, EntryColumns):  # without an object for each of a million
        labels = dataset.entries.labels.tolist()
    else:
        labels = (entry.label for entry in dataset.entries)
    present = (dataset.classes[label] for label in set(labels) if label is not None)
    require_two(present, dataset.path)
