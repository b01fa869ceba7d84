"""Images are read once, fingerprinted, and made ready for the model."""

from collections import Counter
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gate.errors import DataError
from gate.evidence.agreement import name_of_label
from gate.evidence.records import Fingerprints, Unreadable
from gate.measure.fingerprints.fingerprint import (
    Fingerprint,
    fingerprint,
    fingerprint_batch,
    gather,
)
from gate.measure.fingerprints.known_fingerprints import KnownPrints
from gate.subject.datasets.records import Dataset, Entry, UnreadableImage
from gate.subject.inputs import Transform

Floats = NDArray[np.float32]

_NO_IMAGES = np.empty((0,), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Original:
    """An image before it was made ready; kept only for measurements."""

    image: Image.Image | None  # None: the data gave a tensor
    size: int  # of what is stored, in bytes


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Some images, ready for the model, in the order of the data."""

    entries: list[Entry]
    labels: NDArray[np.int32]
    images: Floats  # (n, C, H, W)
    fingerprints: Fingerprints
    unreadable: list[Unreadable]
    size: int  # images that it stands for, the unreadable included
    preprocessing_notes: Counter[str]  # images by what was done to them; see Transform.treatment
    indices: NDArray[np.int64]  # (n,) the places of the entries in their split
    originals: tuple[Original, ...] = ()  # of the entries; only where measurements look at them

    def without_images(self) -> Self:
        """Return what is kept of it when the model has seen the images."""
        return replace(self, images=_NO_IMAGES, originals=())

    def without_thumbnails(self) -> Self:
        """Return what is kept of it when the thumbnails are somewhere else."""
        return replace(self, fingerprints=replace(self.fingerprints, thumbnails=None))


def chunk_of(
    dataset: Dataset,
    transform: Transform | None,
    span: range,
    known: KnownPrints | None = None,
    *,
    keep_originals: bool = False,
) -> Chunk:
    """Return the images of some neighbouring rows.

    Without a transform they are only fingerprinted, and ``images`` is empty. Fingerprints of files
    that are ``known`` are taken from there, and new ones are added. ``keep_originals``: with the
    decoded images, for measurements. Raises DataError where two
    images cannot be put into one batch, or an array cannot be used at all.
    """
    pixels = dataset.read_many(span)
    if pixels is not None:
        return _rows(dataset, pixels, transform, span, keep_originals=keep_originals)
    read = [_read(dataset, transform, index, known, keep_originals) for index in span]
    if known is not None:
        known.add(each.fingerprint for each in read if isinstance(each, _New))
    return _gather(read, dataset)


def _rows(
    dataset: Dataset,
    pixels: NDArray[np.uint8],
    transform: Transform | None,
    span: range,
    *,
    keep_originals: bool,
) -> Chunk:
    """Return rows of an array, transformed and fingerprinted whole."""
    entries = list(dataset.entries[span.start : span.stop])
    try:
        images = _NO_IMAGES if transform is None else transform.batch(pixels)
    except UnreadableImage as problem:  # the rows of an array are all alike
        raise DataError(dataset.path, f"its images cannot be used: {problem.reason}") from None
    return Chunk(
        entries=entries,
        labels=np.array([entry.label for entry in entries], np.int32),
        images=images,
        fingerprints=fingerprint_batch([row.tobytes() for row in pixels], pixels),
        unreadable=[],
        size=len(pixels),
        preprocessing_notes=Counter(dict.fromkeys(_treatment(transform, pixels[:1]), len(pixels))),
        indices=np.arange(span.start, span.stop),
        originals=tuple(Original(Image.fromarray(row), row.nbytes) for row in pixels)
        if keep_originals
        else (),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    """One image, read and ready."""

    index: int  # among the entries of its split
    entry: Entry
    label: int
    image: Floats
    fingerprint: Fingerprint
    treatment: tuple[str, ...] = ()
    original: Original | None = None


class _New(_Prepared):
    """One whose fingerprint was not known before."""


def _read(
    dataset: Dataset,
    transform: Transform | None,
    index: int,
    known: KnownPrints | None,
    keep_original: bool,
) -> _Prepared | Unreadable:
    entry = dataset.entries[index]
    prepared = _Prepared
    treatment: tuple[str, ...] = ()
    try:
        if (
            known is not None
            and transform is None
            and (prints := _find_known(dataset, index, known))
        ):
            assert entry.label is not None, "where bytes are known, labels are"
            return _Prepared(index, entry, entry.label, _NO_IMAGES, prints)
        sample = dataset.read(index)
        if sample.image is None:
            assert sample.tensor is not None, "a sample has an image or a tensor"
            image, prints = sample.tensor.numpy(), _opaque(sample.stored)
        else:
            found = None if known is None else known.of(sha256(sample.stored).digest())
            prepared = _Prepared if found else _New
            prints = found or fingerprint(sample.stored, sample.image)
            image = _NO_IMAGES if transform is None else transform(sample.image)
            treatment = () if transform is None else transform.treatment(sample.image)
    except UnreadableImage as problem:
        name = name_of_label(entry.label, dataset.classes)
        return Unreadable(entry.id, name, problem.reason)
    original = Original(sample.image, len(sample.stored)) if keep_original else None
    return prepared(index, entry, sample.label, image, prints, treatment, original)


def _treatment(transform: Transform | None, pixels: NDArray[np.uint8]) -> tuple[str, ...]:
    """Return what is done to the images of an array, which are all alike."""
    if transform is None or not len(pixels):
        return ()
    return transform.treatment(Image.fromarray(pixels[0]))


def _find_known(dataset: Dataset, index: int, known: KnownPrints) -> Fingerprint | None:
    """Return the fingerprint of a file that need not even be decoded; raises UnreadableImage."""
    stored = dataset.stored(index)
    return None if stored is None else known.of(sha256(stored).digest())


def _opaque(stored: bytes) -> Fingerprint:
    """Return the fingerprint of a tensor that a user's Dataset gave: only its bytes are known."""
    digest = sha256(stored).digest()
    return Fingerprint(
        file=digest,
        pixels=digest,
        oriented=digest,
        near=bytes(32),
        featureless=True,
        upright=bytes(32),
        bare=bytes(32),
        look=None,
        thumbnail=None,
    )


def _gather(read: list[_Prepared | Unreadable], dataset: Dataset) -> Chunk:
    ready = [each for each in read if isinstance(each, _Prepared)]
    for each in ready[1:]:
        if each.image.shape != ready[0].image.shape:
            raise DataError(
                f"{dataset.path}: {each.entry.id}",
                f"is {_shape(each.image)} where {ready[0].entry.id} is {_shape(ready[0].image)}, "
                "and a batch needs one size",
                "bring images to one size and one kind: declare input.size with input.resize, and "
                "input.channels (--size HxW, --resize shorter-side, --crop center, --channels RGB)",
            )
    return Chunk(
        entries=[each.entry for each in ready],
        labels=np.array([each.label for each in ready], dtype=np.int32),
        images=np.stack([each.image for each in ready]) if ready else _NO_IMAGES,
        fingerprints=gather([each.fingerprint for each in ready]),
        unreadable=[each for each in read if isinstance(each, Unreadable)],
        size=len(read),
        preprocessing_notes=Counter(done for each in ready for done in each.treatment),
        indices=np.array([each.index for each in ready], np.int64),
        originals=tuple(each.original for each in ready if each.original is not None),
    )


def _shape(image: Floats) -> str:
    channels, height, width = image.shape
    return f"{height} x {width} with {channels} channel{'s' if channels > 1 else ''}"
