"""Saved predictions become evidence: no model is run; images are opened to find copies alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gate.errors import DataError
from gate.evidence.manifest import digest_of_predictions
from gate.evidence.records import Overlap, Rows, Split, SplitEvidence
from gate.measure.inference.answers import Answers
from gate.measure.progress import Progress
from gate.subject.datasets import open_dataset
from gate.subject.datasets.records import PredictionTable
from gate.subject.datasets.spec import DataSpec
from gate.wording import pluralize, quote

if TYPE_CHECKING:
    from gate.subject.datasets.records import Dataset

_RESTORE = "restore them, or leave out image: and let ids alone be compared"


def measure_table(split: Split, table: PredictionTable) -> SplitEvidence:
    """Return what a table of saved predictions shows."""
    answers = Answers.of(table.scores, table.labels)
    rows = Rows(
        ids=table.ids,
        labels=answers.labels,
        predictions=answers.predictions,
        confidence=answers.confidence,
        margin=answers.margin,
        true_score=answers.true_score,
        true_rank=answers.true_rank,
        scores=answers.scores,
        groups=table.groups,
        slices=table.slices,
    )
    return SplitEvidence(
        split=split,
        path=table.path,
        format=table.format,
        images=len(table),
        manifest_sha256=digest_of_predictions(rows, table.classes),
        rows=rows,
        group_column=table.group_column,
    )


@dataclass(frozen=True, slots=True)
class Compared:
    """The copies that were found among saved predictions, and what a reader must know of it."""

    overlaps: tuple[Overlap, ...]
    notes: tuple[str, ...]


def compare_tables(
    measured: Mapping[Split, SplitEvidence],
    tables: Mapping[Split, PredictionTable],
    specs: Mapping[str, DataSpec],
    base: Path,
    *,
    cache: Path | None,
    progress: Progress,
) -> Compared:
    """Return what splits of saved predictions share: by ids, and by images where they are named.

    Images of a column that the gate file names must be there: else DataError. Where only the
    column's name tells, and one image is not there, ids are compared alone, and a note says so.
    """
    from gate.measure.duplicates.across_splits import overlaps_of
    from gate.measure.duplicates.exact_copies import FingerprintedSplit
    from gate.measure.duplicates.fingerprint_dataset import fingerprint_dataset
    from gate.measure.duplicates.same_ids import overlaps_by_ids
    from gate.measure.fingerprints.known_fingerprints import KnownPrints

    known = None if cache is None else KnownPrints(cache)
    sides, notes = [], []
    for split, table in tables.items():
        spec = specs[split.value]
        if table.image_column is None:
            notes.append(f"saved predictions of {split} name no images: their ids were compared")
            continue
        try:
            listed = _images_of(spec, table, base)
            found = fingerprint_dataset(split, listed, progress, known)
            if found.unreadable:
                first = found.unreadable[0]
                more = pluralize(len(found.unreadable), "image")
                fact = f"{more} of {len(table):,} cannot be read ({first.reason})"
                raise DataError(f"{table.path}: {first.id}", fact, _RESTORE)
        except DataError as error:
            if spec.image is not None:
                raise
            notes.append(
                f"ids alone were compared for {split}: of the column {quote(table.image_column)} "
                f"{error.fact}"
            )
            continue
        names = np.array(table.classes, dtype=object)[table.labels]
        sides.append(FingerprintedSplit(split, table.ids, names, found.side.fingerprints))
    seen = tuple(overlaps_of(sides, cache, progress))
    classes = next(iter(tables.values())).classes
    rows = {split: each.rows for split, each in measured.items()}
    return Compared(overlaps_by_ids(rows, classes, seen), tuple(notes))


def _images_of(spec: DataSpec, table: PredictionTable, base: Path) -> "Dataset":
    """Return the images that a table of predictions lists, in the order of its rows."""
    kept = spec.model_dump(exclude_unset=True, exclude={"predictions", "slices", "group"})
    listing = {**kept, "path": ".", "image": table.image_column, "id": spec.id or "id"}
    as_manifest = DataSpec(**listing).model_copy(update={"path": spec.predictions})
    dataset = open_dataset(as_manifest, base=base, classes=table.classes)
    assert not isinstance(dataset, PredictionTable), "a path is of images"
    return dataset
