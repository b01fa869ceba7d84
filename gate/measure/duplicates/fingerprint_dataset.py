"""A dataset is fingerprinted for comparison, without a model."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from gate.errors import DataError
from gate.evidence.records import Split, Strings, Unreadable
from gate.measure.data_pass.read_images import Chunk, chunk_of
from gate.measure.duplicates.exact_copies import FingerprintedSplit
from gate.measure.fingerprints.fingerprint import concatenate
from gate.measure.fingerprints.known_fingerprints import KnownPrints
from gate.measure.fingerprints.thumbnail_store import ThumbnailStore
from gate.measure.parallel.cpu_budget import usable_cores
from gate.measure.parallel.ordered_map import in_order
from gate.measure.partials.work_units import MOST, cut
from gate.measure.progress import Progress
from gate.subject.datasets.records import Dataset


@dataclass(frozen=True, slots=True)
class ComparisonInput:
    """One side, and the images that could not be read and are not compared."""

    side: FingerprintedSplit
    unreadable: tuple[Unreadable, ...]


def fingerprint_dataset(
    split: Split, dataset: Dataset, progress: Progress, known: KnownPrints | None = None
) -> ComparisonInput:
    """Return the fingerprints of all images of a dataset, after one pass over them.

    Files whose fingerprints are ``known`` are read, and not decoded. Raises DataError where none of
    the images can be read.
    """
    read: list[Chunk] = []
    pile = ThumbnailStore(len(dataset.entries))
    with progress.stage(split.value, len(dataset.entries)) as advance:
        spans = cut(range(len(dataset.entries)), MOST)
        one = partial(chunk_of, dataset, None, known=known)
        for chunk in in_order(one, spans, threads=usable_cores()):
            pile.add(chunk.fingerprints.thumbnails, len(chunk.entries))
            read.append(chunk.without_thumbnails())
            advance(chunk.size)
    unreadable = tuple(image for chunk in read for image in chunk.unreadable)
    ids = [entry.id for chunk in read for entry in chunk.entries]
    if not ids:
        raise DataError(
            f"{dataset.path}: {unreadable[0].id}",
            f"none of its {len(unreadable)} images can be read: {unreadable[0].reason}",
            "mend the data",
        )
    return ComparisonInput(
        FingerprintedSplit(
            split,
            np.array(ids, dtype=object),
            _names(read, dataset.classes),
            replace(
                concatenate([chunk.fingerprints for chunk in read]), thumbnails=pile.thumbnails()
            ),
        ),
        unreadable,
    )


def _names(read: Sequence[Chunk], classes: tuple[str, ...]) -> Strings:
    labels = np.concatenate([chunk.labels for chunk in read])
    return np.array([classes[label] for label in labels], dtype=object)
