"""Parts: what one cell of the data shows, and how the parts of a split become one evidence.

A part holds its rows and nothing that is computed over all of them, so parts can be measured
anywhere, in any order, and are joined in the order of the data.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gate.errors import DataError
from gate.evidence.records import Fingerprints, Rows, SplitEvidence, Unreadable
from gate.measure.fingerprints import concatenate
from gate.measure.grid import Cell
from gate.measure.manifest import manifest_digest
from gate.subject.datasets.records import Dataset
from gate.subject.wording import counted

Outputs = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What was measured on one cell."""

    cell: Cell
    rows: Rows  # of the images that could be read, in the order of the data
    fingerprints: Fingerprints  # of the same rows
    unreadable: tuple[Unreadable, ...]
    lowest: Outputs  # (classes,) of all outputs before softmax; +inf where there are none
    highest: Outputs  # (classes,); -inf where there are none
    treated: Mapping[str, int]  # images by what was done to them; see Transform.treatment

    @property
    def images(self) -> int:
        """The images that it stands for, the unreadable included."""
        return len(self.rows) + len(self.unreadable)


def treatments(parts: Sequence[Part]) -> tuple[str, ...]:
    """Return what was done to the images of one split, a sentence each, in alphabetical order."""
    treated = sum((Counter(part.treated) for part in parts), Counter())
    return tuple(
        f"{counted(images, 'image')} of {parts[0].cell.split} "
        f"{'was' if images == 1 else 'were'} {done}"
        for done, images in sorted(treated.items())
    )


def joined(dataset: Dataset, parts: Sequence[Part]) -> SplitEvidence:
    """Return what the parts of one split, in the order of the data, show together.

    Raises DataError where no image can be used, or all are of one class.
    """
    split = parts[0].cell.split
    rows = Rows.joined([part.rows for part in parts])
    unreadable = tuple(image for part in parts for image in part.unreadable)
    if not len(rows):
        raise DataError(
            f"{dataset.path}: {unreadable[0].id}",
            f"none of the {len(unreadable)} images of {split} can be used: {unreadable[0].reason}",
            "mend the data or the input declaration",
        )
    seen = np.unique(rows.labels)
    if len(seen) < 2:
        raise DataError(
            dataset.path,
            f"all {len(rows)} images of {split} are of the class {dataset.classes[seen[0]]}",
            "a classifier is judged on two classes or more; check the labels",
        )
    fingerprints = concatenate([part.fingerprints for part in parts])
    return SplitEvidence(
        split=split,
        path=dataset.path,
        format=dataset.format,
        images=len(rows) + len(unreadable),
        manifest_sha256=manifest_digest(rows, fingerprints, unreadable, dataset.classes),
        rows=rows,
        unreadable=unreadable,
        fingerprints=fingerprints,
        group_column=dataset.group_column,
    )
