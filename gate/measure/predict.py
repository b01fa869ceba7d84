"""One pass over a split: read, fingerprint, predict; every image is opened once."""

import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from os import cpu_count
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from gate.errors import DataError
from gate.evidence.records import Fingerprints, Rows, Split, SplitEvidence, Unreadable
from gate.measure.answers import Answers, looks_like_probabilities, probabilities
from gate.measure.fingerprints import (
    Fingerprint,
    concatenate,
    fingerprint,
    fingerprint_batch,
    gather,
)
from gate.measure.probes import OutputProbe
from gate.measure.progress import Advance
from gate.measure.runner import Runner
from gate.subject.datasets.arrays import ArrayDataset
from gate.subject.datasets.records import Dataset, Entry, UnreadableImage
from gate.subject.inputs import Transform

CHUNK = 128  # images in memory at once, and in a batch
ARRAY_CHUNK = 1024  # rows of an array that lies in memory already
SCORE_BYTES = 256 << 20  # above this the scores of all classes are not kept

Floats = NDArray[np.float32]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Some images, ready for the model, in the order of the data."""

    entries: list[Entry]
    labels: NDArray[np.int32]
    images: Floats  # (n, C, H, W)
    fingerprints: Fingerprints
    unreadable: list[Unreadable]
    size: int  # images that it stands for, the unreadable included


@dataclass(slots=True)
class Interpreter:
    """Reads a model's outputs as probabilities, and decides once whether they are logits."""

    are_logits: bool | None = None

    def scores(self, outputs: Floats) -> NDArray[np.float64]:
        """Return outputs (n, classes) as probabilities."""
        if self.are_logits is None:
            self.are_logits = not looks_like_probabilities(outputs)
        return probabilities(outputs, are_logits=self.are_logits)


def measure_split(
    split: Split,
    dataset: Dataset,
    transform: Transform,
    runner: Runner,
    probe: OutputProbe,
    interpreter: Interpreter,
    advance: Advance,
) -> SplitEvidence:
    """Return what one split shows of the model, after one pass over its images.

    Raises DataError where no image can be read or two images cannot be put into one batch, and
    CheckpointError where the model cannot answer.
    """
    entries: list[Entry] = []
    answers: list[Answers] = []
    prints: list[Fingerprints] = []
    unreadable: list[Unreadable] = []
    keep_scores = len(dataset.entries) * len(runner.classes) * 4 <= SCORE_BYTES
    for chunk in ahead(_chunks(dataset, transform)):
        unreadable += chunk.unreadable
        if chunk.entries:
            outputs = runner.outputs(chunk.images)
            probe.see(outputs, (entry.id for entry in chunk.entries))
            if not probe.probed_alone:
                probe.run_alone(runner, chunk.images, outputs)
            entries += chunk.entries
            answers.append(Answers.of(interpreter.scores(outputs), chunk.labels))
            prints.append(chunk.fingerprints)
        advance(chunk.size)
    if not entries:
        first = unreadable[0]
        raise DataError(
            f"{dataset.path}: {first.id}",
            f"none of the {len(unreadable)} images of {split} can be used: {first.reason}",
            "mend the data or the input declaration",
        )
    seen = np.unique(np.concatenate([each.labels for each in answers]))
    if len(seen) < 2:
        raise DataError(
            dataset.path,
            f"all {len(entries)} images of {split} are of the class {runner.classes[seen[0]]}",
            "a classifier is judged on two classes or more; check the labels",
        )
    fingerprints = concatenate(prints)
    return SplitEvidence(
        split=split,
        path=dataset.path,
        format=dataset.format,
        images=len(dataset.entries),
        manifest_sha256=manifest_digest(entries, answers, fingerprints, unreadable, runner.classes),
        rows=_rows(entries, answers, dataset, keep_scores=keep_scores),
        unreadable=tuple(unreadable),
        fingerprints=fingerprints,
        group_column=dataset.group_column,
    )


def manifest_digest(
    entries: list[Entry],
    answers: list[Answers],
    fingerprints: Fingerprints,
    unreadable: list[Unreadable],
    classes: tuple[str, ...],
) -> str:
    """Return the SHA-256 over path, bytes, label and group of every image, in the order of ids."""
    labels = np.concatenate([each.labels for each in answers])
    lines = [
        json.dumps([entry.id, digest.tobytes().hex(), classes[label], entry.group])
        for entry, digest, label in zip(entries, fingerprints.file, labels, strict=True)
    ]
    lines += [json.dumps([image.id, None, image.label, image.reason]) for image in unreadable]
    return sha256("\n".join(sorted(lines)).encode()).hexdigest()


def ahead(items: Iterable[T]) -> Iterator[T]:
    """Yield ``items``, the next one being made in a thread while the present one is used."""
    made = iter(items)
    end = object()
    with ThreadPoolExecutor(1) as maker:
        following = maker.submit(next, made, end)
        while (item := following.result()) is not end:
            following = maker.submit(next, made, end)
            yield item  # type: ignore[misc]  # it is not the end marker


def _chunks(dataset: Dataset, transform: Transform) -> Iterator[Chunk]:
    if isinstance(dataset, ArrayDataset):
        yield from _array_chunks(dataset, transform)
        return
    with ThreadPoolExecutor(cpu_count()) as readers:
        for start in range(0, len(dataset.entries), CHUNK):
            indices = range(start, min(start + CHUNK, len(dataset.entries)))
            read = readers.map(lambda index: _read(dataset, transform, index), indices)
            yield _gathered(list(read), dataset)


def _array_chunks(dataset: ArrayDataset, transform: Transform) -> Iterator[Chunk]:
    """Yield chunks of an array, transformed and fingerprinted whole."""
    for start in range(0, len(dataset.pixels), ARRAY_CHUNK):
        pixels = np.ascontiguousarray(dataset.pixels[start : start + ARRAY_CHUNK])
        try:
            images = transform.batch(pixels)
        except UnreadableImage as problem:  # the rows of an array are all alike
            raise DataError(dataset.path, f"its images cannot be used: {problem.reason}") from None
        yield Chunk(
            entries=dataset.entries[start : start + ARRAY_CHUNK],
            labels=dataset.labels[start : start + ARRAY_CHUNK],
            images=images,
            fingerprints=fingerprint_batch([row.tobytes() for row in pixels], pixels),
            unreadable=[],
            size=len(pixels),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    """One image, read and ready."""

    entry: Entry
    label: int
    image: Floats
    fingerprint: Fingerprint


def _read(dataset: Dataset, transform: Transform, index: int) -> _Prepared | Unreadable:
    entry = dataset.entries[index]
    try:
        sample = dataset.read(index)
        if sample.image is None:
            assert sample.tensor is not None, "a sample has an image or a tensor"
            image, prints = sample.tensor.numpy(), _opaque(sample.stored)
        else:
            image, prints = transform(sample.image), fingerprint(sample.stored, sample.image)
    except UnreadableImage as problem:
        name = "?" if entry.label is None else dataset.classes[entry.label]
        return Unreadable(entry.id, name, problem.reason)
    return _Prepared(entry, sample.label, image, prints)


def _opaque(stored: bytes) -> Fingerprint:
    """Return the fingerprint of a tensor that a user's Dataset gave: only its bytes are known."""
    digest = sha256(stored).digest()
    return Fingerprint(
        file=digest,
        pixels=digest,
        oriented=digest,
        near=bytes(32),
        featureless=True,
        thumbnail=None,
    )


def _gathered(read: list[_Prepared | Unreadable], dataset: Dataset) -> Chunk:
    ready = [each for each in read if isinstance(each, _Prepared)]
    for each in ready[1:]:
        if each.image.shape != ready[0].image.shape:
            raise DataError(
                f"{dataset.path}: {each.entry.id}",
                f"is {_shape(each.image)} where {ready[0].entry.id} is {_shape(ready[0].image)}, "
                "and a batch needs one size",
                "declare input.size with input.resize, and input.channels",
            )
    return Chunk(
        entries=[each.entry for each in ready],
        labels=np.array([each.label for each in ready], dtype=np.int32),
        images=np.stack([each.image for each in ready]) if ready else np.empty((0,), np.float32),
        fingerprints=gather([each.fingerprint for each in ready]),
        unreadable=[each for each in read if isinstance(each, Unreadable)],
        size=len(read),
    )


def _shape(image: Floats) -> str:
    channels, height, width = image.shape
    return f"{height} x {width} with {channels} channel{'s' if channels > 1 else ''}"


def _rows(
    entries: list[Entry], answers: list[Answers], dataset: Dataset, *, keep_scores: bool
) -> Rows:
    return Rows(
        ids=np.array([entry.id for entry in entries], dtype=object),
        labels=np.concatenate([each.labels for each in answers]),
        predictions=np.concatenate([each.predictions for each in answers]),
        confidence=np.concatenate([each.confidence for each in answers]),
        margin=np.concatenate([each.margin for each in answers]),
        true_score=np.concatenate([each.true_score for each in answers]),
        true_rank=np.concatenate([each.true_rank for each in answers]),
        scores=np.concatenate([each.scores for each in answers]) if keep_scores else None,
        groups=np.array([entry.group for entry in entries], dtype=object)
        if dataset.group_column is not None
        else None,
        slices={
            column: np.array([entry.slices[index] for entry in entries], dtype=object)
            for index, column in enumerate(dataset.slice_columns)
        },
    )
