"""Groups that only the names of the images tell."""

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar, cast

from gate.errors import DataError
from gate.keys import group_keys
from gate.subject.datasets.spec import DataSpec
from gate.wording import pluralize, quote

if TYPE_CHECKING:
    from gate.subject.datasets.records import Dataset

COLUMN = "group_pattern"

Named = TypeVar("Named", bound="Dataset")  # a dataclass


def grouped(dataset: Named, spec: DataSpec) -> Named:
    """Return the dataset with the groups that the split's ``group_pattern`` finds, if it has one.

    Raises DataError as :func:`grouped_by_name` does.
    """
    if spec.group_pattern is None:
        return dataset
    return grouped_by_name(dataset, spec.group_pattern)


def grouped_by_name(dataset: Named, pattern: str) -> Named:
    """Return the dataset with the group that ``pattern`` finds in the name of each image.

    Names that it does not fit have no group, and are counted in ``assumed``. Raises DataError where
    it fits none: the pattern is then wrong, and no leak between groups would be seen.
    """
    expression = re.compile(pattern)
    found = [expression.search(entry.id) for entry in dataset.entries]
    groups = group_keys([match[1] if match else None for match in found])
    entries = [
        entry._replace(group=group) for entry, group in zip(dataset.entries, groups, strict=True)
    ]
    without = sum(entry.group is None for entry in entries)
    if without == len(entries):
        raise DataError(
            dataset.path,
            f"group_pattern {quote(pattern)} fits no name, such as {quote(entries[0].id)}",
            "mend the pattern; it is searched in the path below the dataset",
        )
    note = f"{pluralize(without, 'image name')} did not fit group_pattern and have no group"
    copy: Named = replace(
        cast("Any", dataset),
        entries=entries,
        group_column=COLUMN,
        assumed=(*dataset.assumed, note) if without else dataset.assumed,
    )
    return copy
