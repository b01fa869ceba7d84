"""A census counts the entries of a data split, without opening an image."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gate.evidence.records import Evidence, Split
from gate.metrics.planning_groups import Grouping
from gate.metrics.row_sets import clean_rows
from gate.subject.datasets import open_dataset
from gate.subject.datasets.records import PredictionTable
from gate.subject.gatefile import GateFile
from gate.subject.splits import require_two_classes


@dataclass(frozen=True, slots=True)
class Census:
    """The classes and how many images each has; None where no data was given.

    ``groups`` says how the images come in groups; None without any.
    """

    classes: tuple[str, ...]
    per_class: dict[str, int] | None = None
    groups: Grouping | None = None


def census(subject: GateFile) -> Census:
    """Return the classes and counts of the test split; raises DataError where it cannot be opened.

    Images whose label only reading tells, as in a user's own Dataset, are not counted.
    """
    test = subject.data.given().get("test")
    if test is None:
        return Census(subject.classes)
    dataset = open_dataset(test, base=subject.base, classes=subject.classes or None)
    require_two_classes(dataset)
    if isinstance(dataset, PredictionTable):
        groups = [] if dataset.groups is None else dataset.groups.tolist()
        return _count(dataset.classes, dataset.labels.tolist(), groups)
    groups = [entry.group for entry in dataset.entries] if dataset.group_column else []
    return _count(dataset.classes, [entry.label for entry in dataset.entries], groups)


def census_of(evidence: Evidence) -> Census:
    """Return the classes and counts of the clean test images that a run measured."""
    rows = clean_rows(evidence, Split.TEST)
    if rows is None:
        return Census(evidence.classes)
    groups = [] if rows.groups is None else rows.groups.tolist()
    return _count(evidence.classes, rows.labels.tolist(), groups)


def _count(
    classes: tuple[str, ...], labels: Sequence[int | None], groups: Sequence[str | None]
) -> Census:
    counted = Counter(labels)
    return Census(
        classes,
        {name: counted[label] for label, name in enumerate(classes)},
        _grouping(classes, labels, groups) if any(group is not None for group in groups) else None,
    )


def _grouping(
    classes: tuple[str, ...], labels: Sequence[int | None], groups: Sequence[str | None]
) -> Grouping:
    """Return how images come in groups; an image without a group is one of its own."""
    named = [(0, index) if group is None else (1, group) for index, group in enumerate(groups)]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(named))}
    return Grouping(
        classes,
        np.array([-1 if label is None else label for label in labels], dtype=np.int64),
        np.array([numbers[name] for name in named], dtype=np.int64),
    )
