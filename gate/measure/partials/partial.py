"""A partial result says what one unit of work shows; those of a split join to its evidence.

A part holds its rows and nothing that is computed over all of them, so parts can be measured
anywhere, in any order, and are joined in the order of the data.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gate.errors import DataError
from gate.evidence.columns import FINGERPRINTS, ROWS
from gate.evidence.manifest import digest_of_images
from gate.evidence.records import (
    Fingerprints,
    MeasurementFacts,
    Observations,
    Rows,
    Split,
    SplitEvidence,
    Unreadable,
)
from gate.measure.fingerprints.sparse_looks import LookStore
from gate.measure.fingerprints.thumbnail_store import ThumbnailStore
from gate.measure.partials.requests import MeasurementRequest, OpenMeasurement, columns_of
from gate.measure.partials.work_units import WorkUnit
from gate.subject.datasets.records import Dataset
from gate.wording import pluralize

Outputs = NDArray[np.float32]
_Named = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class PartialResult:
    """What was measured on one unit."""

    unit: WorkUnit
    rows: Rows  # of the images that could be read, in the order of the data
    fingerprints: Fingerprints  # of the same rows
    unreadable: tuple[Unreadable, ...]
    lowest: Outputs  # (classes,) of all outputs before softmax; +inf where there are none
    highest: Outputs  # (classes,); -inf where there are none
    preprocessing_notes: Mapping[
        str, int
    ]  # images by what was done to them; see Transform.treatment
    measured_at: datetime  # UTC
    # (images,) of a model with a single output that nobody has declared: all images decide of it.
    single: Outputs | None = None
    cached: bool = False  # whether a former run has computed its answers
    # The package, with its version, of the engine that gave it; empty for an engine of our own.
    engines: Mapping[str, str] = field(default_factory=dict)

    @property
    def images(self) -> int:
        """The images that it stands for, the unreadable included."""
        return len(self.rows) + len(self.unreadable)


def preprocessing_notes_of(split: Split, preprocessing_notes: Mapping[str, int]) -> tuple[str, ...]:
    """Return what was done to the images of a split, a sentence each, in alphabetical order."""
    return tuple(
        f"{pluralize(images, 'image')} of {split} {'was' if images == 1 else 'were'} {done}"
        for done, images in sorted(preprocessing_notes.items())
    )


def join(
    dataset: Dataset,
    split: Split,
    parts: Iterable[PartialResult],
    measurements: Sequence[MeasurementRequest] = (),
) -> SplitEvidence:
    """Return what the parts of one split, in the order of the data, show together.

    Each is let go when it has been taken in, so that no column is in memory twice. ``measurements``
    are those that observed the split. Raises DataError where no image can be used, or all are of
    one class, and MeasurementError where a measurement does not join what it observed.
    """
    most = len(dataset.entries)
    columns = _Columns(most, ThumbnailStore(most))
    unreadable: list[Unreadable] = []
    for part in parts:
        columns.take(part)
        unreadable += part.unreadable
    if not columns.filled:
        fact, _, advice = unreadable[0].reason.partition("; ")
        raise DataError(
            f"{dataset.path}: {unreadable[0].id}",
            f"none of the {len(unreadable)} images of {split} can be used: {fact}",
            advice or "mend the data or the input declaration",
        )
    rows, fingerprints = columns.rows(), columns.fingerprints()
    opened = [each.open() for each in measurements]
    rows = replace(rows, observations=_join_observations(opened, columns))
    seen = np.unique(rows.labels)
    if split.is_labelled and len(seen) < 2:
        raise DataError(
            dataset.path,
            f"all {len(rows)} images of {split} are of the class {dataset.classes[seen[0]]}",
            "a classifier is judged on two classes or more; check the labels",
        )
    return SplitEvidence(
        split=split,
        path=dataset.path,
        format=dataset.format,
        images=len(rows) + len(unreadable),
        manifest_sha256=digest_of_images(rows, fingerprints.file, unreadable, dataset.classes),
        rows=rows,
        unreadable=tuple(unreadable),
        fingerprints=fingerprints,
        group_column=dataset.group_column,
        hidden=dataset.hidden(),
        measurements={
            each.request.key: MeasurementFacts(
                each.request.facts, each.summarise(rows.observed(each.request.key), rows)
            )
            for each in opened
        },
    )


def _join_observations(
    measurements: Sequence[OpenMeasurement], columns: "_Columns"
) -> Observations:
    """Return what the units observed as columns of the split, in the order of their names."""
    return {
        (each.request.key, name): values
        for each in measurements
        for name, values in each.join(
            [columns_of(unit, each.request.key) for unit in columns.observations], columns.filled
        ).items()
    }


@dataclass(slots=True)
class _Columns:
    """The columns of a split, as long as it may be, and filled from the front."""

    length: int
    pile: ThumbnailStore
    looks: LookStore = field(default_factory=LookStore)
    filled: int = 0
    of_rows: _Named = field(default_factory=dict)
    of_slices: _Named = field(default_factory=dict)
    of_fingerprints: _Named = field(default_factory=dict)
    observations: list[Observations] = field(default_factory=list)  # of each unit with rows

    def take(self, part: PartialResult) -> None:
        """Put the rows of the next part behind those that are there."""
        if not len(part.rows):
            return
        for each in ROWS:
            self._place(self.of_rows, each.field, getattr(part.rows, each.field))
        for name, values in part.rows.slices.items():
            self._place(self.of_slices, name, values)
        self.observations.append(part.rows.observations)
        for each in FINGERPRINTS:
            if each.field not in ("looks", "thumbnails"):
                column = getattr(part.fingerprints, each.field)
                self._place(self.of_fingerprints, each.field, column)
        self.pile.add(part.fingerprints.thumbnails, len(part.rows))
        self.looks.add(part.fingerprints.looks, len(part.rows))
        self.filled += len(part.rows)

    def rows(self) -> Rows:
        """Return the rows that were taken."""
        columns: dict[str, Any] = self._cut(self.of_rows)
        return Rows(**columns, slices=self._cut(self.of_slices))

    def fingerprints(self) -> Fingerprints:
        """Return their fingerprints."""
        columns = self._cut(self.of_fingerprints)
        return Fingerprints(**columns, looks=self.looks.looks(), thumbnails=self.pile.thumbnails())

    def _place(self, columns: _Named, name: str, values: NDArray[Any] | None) -> None:
        if values is None:
            return
        if name not in columns:
            columns[name] = np.zeros((self.length, *values.shape[1:]), values.dtype)
        columns[name][self.filled : self.filled + len(values)] = values

    def _cut(self, columns: _Named) -> _Named:
        return {name: column[: self.filled] for name, column in columns.items()}
