"""Images as they come: read once, fingerprinted, and made ready for the model."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from os import cpu_count
from threading import Event
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from gate.errors import DataError
from gate.evidence.records import Fingerprints, Unreadable
from gate.measure.fingerprints import Fingerprint, fingerprint, fingerprint_batch, gather
from gate.subject.datasets.arrays import ArrayDataset
from gate.subject.datasets.records import Dataset, Entry, UnreadableImage
from gate.subject.inputs import Transform

CHUNK = 128  # images in memory at once, and in a batch
ARRAY_CHUNK = 1024  # rows of an array that lies in memory already

Floats = NDArray[np.float32]
T = TypeVar("T")

_NO_IMAGES = np.empty((0,), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Some images, ready for the model, in the order of the data."""

    entries: list[Entry]
    labels: NDArray[np.int32]
    images: Floats  # (n, C, H, W)
    fingerprints: Fingerprints
    unreadable: list[Unreadable]
    size: int  # images that it stands for, the unreadable included


def chunks(dataset: Dataset, transform: Transform | None) -> Iterator[Chunk]:
    """Yield the images of a dataset in its order, a chunk at a time, the next one made ahead.

    Without a transform they are only fingerprinted, and ``images`` is empty. Raises DataError where
    two images cannot be put into one batch, or an array cannot be used at all.
    """
    stop = Event()
    made = (
        _array_chunks(dataset, transform)
        if isinstance(dataset, ArrayDataset)
        else _file_chunks(dataset, transform, stop)
    )
    return _ahead(made, stop)


def _file_chunks(dataset: Dataset, transform: Transform | None, stop: Event) -> Iterator[Chunk]:
    def read(index: int) -> "_Prepared | Unreadable":
        if stop.is_set():
            raise InterruptedError  # nobody waits for the rest of the chunk
        return _read(dataset, transform, index)

    with ThreadPoolExecutor(cpu_count()) as readers:
        for start in range(0, len(dataset.entries), CHUNK):
            indices = range(start, min(start + CHUNK, len(dataset.entries)))
            yield _gathered(list(readers.map(read, indices)), dataset)


def _array_chunks(dataset: ArrayDataset, transform: Transform | None) -> Iterator[Chunk]:
    """Yield chunks of an array, transformed and fingerprinted whole."""
    for start in range(0, len(dataset.pixels), ARRAY_CHUNK):
        pixels = np.ascontiguousarray(dataset.pixels[start : start + ARRAY_CHUNK])
        try:
            images = _NO_IMAGES if transform is None else transform.batch(pixels)
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


def _read(dataset: Dataset, transform: Transform | None, index: int) -> _Prepared | Unreadable:
    entry = dataset.entries[index]
    try:
        sample = dataset.read(index)
        if sample.image is None:
            assert sample.tensor is not None, "a sample has an image or a tensor"
            image, prints = sample.tensor.numpy(), _opaque(sample.stored)
        else:
            prints = fingerprint(sample.stored, sample.image)
            image = _NO_IMAGES if transform is None else transform(sample.image)
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
        images=np.stack([each.image for each in ready]) if ready else _NO_IMAGES,
        fingerprints=gather([each.fingerprint for each in ready]),
        unreadable=[each for each in read if isinstance(each, Unreadable)],
        size=len(read),
    )


def _shape(image: Floats) -> str:
    channels, height, width = image.shape
    return f"{height} x {width} with {channels} channel{'s' if channels > 1 else ''}"


def _ahead(items: Iterable[T], stop: Event) -> Iterator[T]:
    """Yield ``items``, the next one being made in a thread while the present one is used.

    ``stop`` is set when no more are wanted: after the last, an error, or Ctrl-C.
    """
    made = iter(items)
    end = object()
    with ThreadPoolExecutor(1) as maker:
        following = maker.submit(next, made, end)
        try:
            while (item := following.result()) is not end:
                following = maker.submit(next, made, end)
                yield item  # type: ignore[misc]  # it is not the end marker
        finally:
            stop.set()
