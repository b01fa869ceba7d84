"""What a data split lists, without opening an image."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gate.evidence.records import Evidence, Split
from gate.metrics.planning_groups import GroupSizes
from gate.metrics.row_sets import clean_rows
from gate.subject.datasets import open_dataset
from gate.subject.datasets.records import PredictionTable
from gate.subject.gatefile import GateFile
from gate.subject.splits import require_two_classes


@dataclass(frozen=True, slots=True)
class Census:
    """The classes and how many images each has; None where no data was given.

    ``group_sizes`` is that of each class, and of all images under None; empty without groups.
    """

    classes: tuple[str, ...]
    per_class: dict[str, int] | None = None
    group_sizes: Mapping[str | None, GroupSizes] = field(default_factory=dict)


def census(subject: GateFile) -> Census:
    """Return the classes and counts of the test split; raises DataError where it cannot be opened.

    Images whose label only reading tells, as in a user's own Dataset, are not counted.
    """
    if subject.data.test is None:
        return Census(subject.classes)
    dataset = open_dataset(subject.data.test, base=subject.base, classes=subject.classes or None)
    require_two_classes(dataset)
    if isinstance(dataset, PredictionTable):
        groups = [] if dataset.groups is None else dataset.groups.tolist()
        return _counted(dataset.classes, dataset.labels.tolist(), groups)
    groups = [entry.group for entry in dataset.entries] if dataset.group_column else []
    return _counted(dataset.classes, [entry.label for entry in dataset.entries], groups)


def census_of(evidence: Evidence) -> Census:
    """Return the classes and counts of the clean test images that a run measured."""
    rows = clean_rows(evidence, Split.TEST)
    if rows is None:
        return Census(evidence.classes)
    groups = [] if rows.groups is None else rows.groups.tolist()
    return _counted(evidence.classes, rows.labels.tolist(), groups)


def _counted(
    classes: tuple[str, ...], labels: Sequence[int | None], groups: Sequence[str | None]
) -> Census:
    counted = Counter(labels)
    return Census(
        classes,
        {name: counted[label] for label, name in enumerate(classes)},
        _sizes(classes, labels, groups) if any(group is not None for group in groups) else {},
    )


def _sizes(
    classes: tuple[str, ...], labels: Sequence[int | None], groups: Sequence[str | None]
) -> dict[str | None, GroupSizes]:
    """Return the sizes of groups, of all images and of each class that has some.

    An image without a group is one of its own.
    """
    named = [(0, index) if group is None else (1, group) for index, group in enumerate(groups)]
    of_all = Counter(named)
    sizes: dict[str | None, GroupSizes] = {None: GroupSizes.of(of_all.values())}
    per_class: dict[int | None, Counter[tuple[int, int | str]]] = {}
    for label, group in zip(labels, named, strict=True):
        per_class.setdefault(label, Counter())[group] += 1
    for label, name in enumerate(classes):
        if label in per_class:
            sizes[name] = GroupSizes.of(per_class[label].values())
    return sizes
