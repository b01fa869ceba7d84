"""The splits of a gate file, opened; and the classes, where only the data tells them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gate.evidence.records import Split
from gate.subject.datasets import open_dataset
from gate.subject.gatefile import GateFile

if TYPE_CHECKING:
    from gate.subject.datasets.records import Dataset, PredictionTable


def open_splits(
    gatefile: GateFile,
) -> "tuple[Mapping[Split, Dataset | PredictionTable], tuple[str, ...]]":
    """Return the splits and the classes: those of the gate file, else those that train has.

    Raises DataError, FactoryError or MissingExtraError.
    """
    classes = gatefile.classes or None
    opened: dict[Split, Dataset | PredictionTable] = {}
    for name, spec in gatefile.data.given().items():
        dataset = open_dataset(spec, base=gatefile.base, classes=classes)
        opened[Split(name)] = dataset
        # Without a gate file that says so, the first split tells the classes of the others.
        classes = classes or dataset.classes
    assert classes is not None, "a gate file has at least one split"
    return opened, classes
