"""What a data split lists, without opening an image."""

from collections import Counter
from dataclasses import dataclass

from gate.subject.datasets import open_dataset
from gate.subject.datasets.records import PredictionTable
from gate.subject.gatefile import GateFile


@dataclass(frozen=True, slots=True)
class Census:
    """The classes and how many images each has; None where no data was given."""

    classes: tuple[str, ...]
    per_class: dict[str, int] | None = None
    images_per_group: float = 1.0


def census(subject: GateFile) -> Census:
    """Return the classes and counts of the test split; raises DataError where it cannot be opened.

    Images whose label only reading tells, as in a user's own Dataset, are not counted.
    """
    if subject.data.test is None:
        return Census(subject.classes)
    dataset = open_dataset(subject.data.test, base=subject.base, classes=subject.classes or None)
    if isinstance(dataset, PredictionTable):
        labels = dataset.labels.tolist()
        groups = [] if dataset.groups is None else dataset.groups.tolist()
    else:
        labels = [entry.label for entry in dataset.entries]
        groups = [entry.group for entry in dataset.entries] if dataset.group_column else []
    counted = Counter(labels)
    known = len({group for group in groups if group is not None})
    return Census(
        dataset.classes,
        {name: counted[label] for label, name in enumerate(dataset.classes)},
        len(groups) / known if known else 1.0,
    )
