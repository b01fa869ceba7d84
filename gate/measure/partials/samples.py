"""The samples of a split that measurements ask again, as they travel to workers."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from gate.evidence.records import SplitEvidence
from gate.subject.datasets.records import Dataset, UnreadableImage
from gate.subject.datasets.sampled import SampledDataset
from gate.subject.inputs.transform import Pixels
from gate.views.sampling import choose_sample

if TYPE_CHECKING:
    from PIL.Image import Image

_MIDDLE = 128  # of the levels


@dataclass(frozen=True, slots=True)
class Sample:
    """Some of the images that a split is asked again."""

    members: tuple[int, ...]  # places among all that are asked again, ascending
    mean_colour: tuple[int, ...] | None = None  # a level a channel; None: nobody asks for it


@dataclass(frozen=True, slots=True)
class SplitSamples:
    """The images of a split that are asked again; every tuple has length m, in their order."""

    places: tuple[int, ...]  # among the entries of the split, ascending
    labels: tuple[int, ...]
    pixels: tuple[bytes, ...]  # SHA-256 of mode, shape and pixels
    samples: Mapping[int, Sample]  # by how many images were wanted

    def of(self, dataset: Dataset) -> SampledDataset:
        """Return the images as a dataset of their own."""
        return SampledDataset(dataset, self.places, self.labels)

    def with_mean_colours(
        self, dataset: Dataset, wanted: Collection[int], decode: "Callable[[Image], Pixels]"
    ) -> Self:
        """Return the same, with the mean colour of the samples of which it is ``wanted``.

        Grey images count as grey of RGB where others have colour. Images that can no longer be
        read, and tensors, are left out; without any other the colour is the middle grey.
        """
        means = [_mean_of(dataset, place, decode) for place in self.places]
        samples = {
            images: replace(each, mean_colour=_mean_over([means[at] for at in each.members]))
            if images in wanted
            else each
            for images, each in self.samples.items()
        }
        return replace(self, samples=samples)

    def describe(self) -> dict[str, Any]:
        """Return what a plan says of them: JSON."""
        digest = sha256()
        for place, pixels in zip(self.places, self.pixels, strict=True):
            digest.update(f"{place} {pixels.hex()}\n".encode())
        return {
            "sha256": digest.hexdigest(),
            "samples": {
                str(images): [sha256(repr(each.members).encode()).hexdigest(), each.mean_colour]
                for images, each in self.samples.items()
            },
        }


def _mean_of(
    dataset: Dataset, place: int, decode: "Callable[[Image], Pixels]"
) -> NDArray[np.int64] | None:
    """Return the sum of each channel and the number of pixels; None where there is no image."""
    try:
        image = dataset.read(place).image
        if image is None:
            return None
        pixels = decode(image)
    except UnreadableImage:
        return None
    total = np.atleast_1d(pixels.sum(axis=(0, 1), dtype=np.int64))
    return np.append(total, pixels.shape[0] * pixels.shape[1])


def _mean_over(sums: Sequence[NDArray[np.int64] | None]) -> tuple[int, ...]:
    known = [each for each in sums if each is not None]
    if not known:
        return (_MIDDLE,)
    channels = max(len(each) - 1 for each in known)
    total = np.zeros(channels + 1, np.int64)
    for each in known:
        total += each if len(each) == channels + 1 else np.append(np.repeat(each[0], 3), each[1])
    *levels, pixels = total.tolist()
    return tuple((2 * level + pixels) // (2 * pixels) for level in levels)


@dataclass(frozen=True, slots=True)
class KnownImages:
    """The images of a split that can be read, in the order of the data; every one has length n."""

    names: Sequence[str]
    labels: Sequence[int]
    pixels: Sequence[bytes]  # SHA-256 of mode, shape and pixels

    @classmethod
    def of(cls, evidence: SplitEvidence) -> Self:
        """Return those of a split that was measured."""
        assert evidence.fingerprints is not None, "what was measured has fingerprints"
        rows = evidence.all_rows
        pixels = [each.tobytes() for each in evidence.fingerprints.pixels]
        return cls(rows.ids.tolist(), rows.labels.tolist(), pixels)


def choose_samples(
    known: KnownImages, dataset: Dataset, wanted: Collection[int], asked_first: frozenset[int]
) -> SplitSamples:
    """Return the samples of a split of at most so many images each.

    Of the classes ``asked_first`` all images are taken, where half of the sample is enough.
    """
    names, labels, pixels = known.names, known.labels, known.pixels
    chosen = {
        images: choose_sample(pixels, labels, names, images, asked_first)
        for images in sorted(wanted)
    }
    together = np.unique(np.concatenate(list(chosen.values())))
    place_of = {entry.id: place for place, entry in enumerate(dataset.entries)}
    return SplitSamples(
        places=tuple(place_of[names[row]] for row in together),
        labels=tuple(labels[row] for row in together),
        pixels=tuple(pixels[row] for row in together),
        samples={
            images: Sample(tuple(np.searchsorted(together, rows_of).tolist()))
            for images, rows_of in chosen.items()
        },
    )
